"""The costs of a ledger by kind, span by span, under the rule of today and under a better one.

A span is a window of the replay, where the ledger names windows, else four weeks of its dates. What an order costs to
place counts as labour; `replay` knows no other labour, and no policy expedites yet.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.words import many
from foresell.decide.roi import ReplayedCosts, YearlyCosts

COLUMNS = ("date", "policy", "holding", "lost_sales", "waste", "expedite", "fixed")
"""The columns of a ledger that a return needs, beside the keys of its series."""

UNITS = ("ordered", "stock", "sold", "lost_units", "wasted_units")
"""The columns of a ledger that are no keys and no money."""

SPAN_DAYS = 28
"""How long a span is where the ledger names no windows."""

USUAL = "normal"
"""How the name of the policy begins that stands for the rule of today where none is named: textbooks' safety stock."""


@dataclass(frozen=True)
class ComparedPolicies:
    """Two policies of a ledger: `before` stands for the rule of today, `after` for the better one.

    - `spans`: their costs, span by span, the earliest first; `days`: of all spans together.
    - `n_series`: how many series the ledger has.
    - `chosen_on`: how many earlier spans chose `after`, which are not among `spans`; 0 where it was named.
    - `saved_earlier`: what `after` saved in those spans, in money: 0 or less where no policy was better than `before`.
    """

    before: str
    after: str
    spans: tuple[ReplayedCosts, ...]
    days: float
    n_series: int
    chosen_on: int
    saved_earlier: float = 0.0


def compared_policies(
    ledger: pl.DataFrame, period_days: float, before: str | None = None, after: str | None = None
) -> ComparedPolicies:
    """The costs of two policies of a ledger, whose periods have `period_days` days.

    `ledger` has the columns of `replay.Ledger.to_frame`, with ``policy``, and ``window`` where it has several. `before`
    is normal safety stock where it is not given. Of several policies `after` is the one that cost least in the earlier
    half of the spans, and the costs are those of the later half, because the best of several on the same past looks
    better than it is.

    Raises UsageError where a column is missing, a cost is missing or below 0, a policy is not in the ledger, the
    policies do not have the same series and dates, or there are too few spans to choose.
    """
    _require_sound(ledger)
    names = ledger["policy"].unique().sort().to_list()
    before = _policy(before or _usual(names), names, "--before")
    others = [name for name in names if name != before]
    if not others:
        raise UsageError(
            f"The ledger has the policy {before} alone, so there is nothing to compare it with. Replay another one too."
        )
    if after is not None and _policy(after, names, "--after") == before:
        raise UsageError(f"Both policies are {before}. Name two of {', '.join(names)} with --before and --after.")
    keys = [name for name in ledger.columns if name not in (*COLUMNS, *UNITS, "window")]
    _require_same_cells(ledger, [before, *([after] if after else others)], keys)
    costs, days = _costs_by_span(_with_spans(ledger, period_days), period_days)
    n_spans = len(days)
    earlier = 0
    if after is None and len(others) > 1:
        earlier = n_spans // 2
        if not earlier:
            raise UsageError(
                f"The ledger has {len(others)} policies beside {before} and a single span of {days[0]:,.0f} days, "
                f"which cannot both choose one and judge it. Name one with --after: {', '.join(others)}."
            )
        after = min(others, key=lambda name: sum(span.total for span in costs[name][:earlier]))
    after = after or others[0]
    saved_earlier = sum(costs[before][span].total - costs[after][span].total for span in range(earlier))
    spans = tuple(
        ReplayedCosts(costs[before][span], costs[after][span], days[span]) for span in range(earlier, n_spans)
    )
    n_series = ledger.select(keys).n_unique() if keys else 1
    return ComparedPolicies(before, after, spans, sum(days[earlier:]), n_series, earlier, saved_earlier)


def _usual(names: Sequence[str]) -> str:
    """The policy that stands for the rule of today."""
    usual = [USUAL] if USUAL in names else [name for name in names if name.startswith(USUAL)]
    if len(usual) != 1:
        what = f"several policies of safety stock ({', '.join(usual)})" if usual else f"the policies {', '.join(names)}"
        raise UsageError(f"The ledger has {what}. Name the one that stands for the rule of today with --before.")
    return usual[0]


def _require_sound(ledger: pl.DataFrame) -> None:
    """Raises UsageError where columns are missing, there is no row, or a cost is no cost."""
    missing = [name for name in COLUMNS if name not in ledger.columns]
    if missing or ledger.is_empty():
        what = f"has no column {', '.join(missing)}" if missing else "has no rows"
        raise UsageError(f"The ledger {what}. Give one that `foresell replay` wrote.")
    money = [pl.col(name).cast(pl.Float64) for name in COLUMNS[2:]]
    sound = pl.all_horizontal((cost.is_finite() & (cost >= 0)).fill_null(False) for cost in money)
    wrong = ledger.filter(~sound)
    if wrong.height:
        raise UsageError(
            f"{many(wrong.height, 'row')} of the ledger have a cost that is missing or below 0: on "
            f"{first_five(wrong['date'].unique().sort())}. Replay again."
        )


def _policy(name: str, names: Sequence[str], option: str) -> str:
    if name not in names:
        raise UsageError(f"The ledger has no policy '{name}'; it has {', '.join(names)}. Name one with {option}.")
    return name


def _require_same_cells(ledger: pl.DataFrame, policies: Sequence[str], keys: Sequence[str]) -> None:
    """Raises UsageError where policies differ in their series, dates or windows, so that their costs do not compare."""
    by = [*keys, "date", *(["window"] if "window" in ledger.columns else [])]
    rows = ledger.filter(pl.col("policy").is_in(list(policies)))
    counts = rows.group_by(by).agg(pl.len().alias("rows"), pl.col("policy").n_unique().alias("policies"))
    wrong = counts.filter((pl.col("policies") < len(policies)) | (pl.col("rows") != pl.col("policies"))).sort(by)
    if wrong.height:
        examples = first_five(" ".join(map(str, row)) for row in wrong.select(by).iter_rows())
        raise UsageError(
            f"{many(wrong.height, 'cell')} of the ledger (series and date) do not have one row of each of the policies "
            f"{', '.join(policies)}: {examples}. Replay all policies on the same series and windows."
        )


def _with_spans(ledger: pl.DataFrame, period_days: float) -> pl.DataFrame:
    """The ledger with the number of the span of each row, ``span``, in order of time."""
    if "window" in ledger.columns:
        order = ledger.group_by("window").agg(pl.col("date").min()).sort("date", "window")["window"]
        spans = pl.DataFrame({"window": order}).with_row_index("span")
        return ledger.join(spans, on="window", how="left", maintain_order="left")
    dates = ledger["date"].unique().sort()
    periods = max(round(SPAN_DAYS / period_days), 1)
    # A rest that is no whole span joins the one before, because a range takes spans to be alike.
    last = max(len(dates) // periods, 1) - 1
    number = pl.Series("span", [min(place // periods, last) for place in range(len(dates))], pl.UInt32)
    return ledger.join(pl.DataFrame({"date": dates, "span": number}), on="date", how="left", maintain_order="left")


def _costs_by_span(ledger: pl.DataFrame, period_days: float) -> tuple[dict[str, list[YearlyCosts]], list[float]]:
    """The costs of each policy by span, and the days of each span."""
    money = [pl.col(name).cast(pl.Float64).sum() for name in COLUMNS[2:]]
    sums = ledger.group_by("policy", "span").agg(money).sort("policy", "span")
    costs: dict[str, list[YearlyCosts]] = {}
    for row in sums.iter_rows(named=True):
        of = YearlyCosts(row["holding"], row["lost_sales"], row["waste"], row["expedite"], labour=row["fixed"])
        costs.setdefault(row["policy"], []).append(of)
    periods = ledger.group_by("span").agg(pl.col("date").n_unique()).sort("span")["date"]
    return costs, [count * period_days for count in periods.to_list()]
