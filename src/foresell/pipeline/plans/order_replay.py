"""The past of a project played again by its own terms: what each policy of orders would have cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from msgspec.structs import replace

from foresell.core.errors import StoreError, UsageError
from foresell.core.finding import Finding
from foresell.core.panel import Panel
from foresell.core.settings import OrderTables
from foresell.core.words import many, number
from foresell.decide.contest import Contest, saving_of
from foresell.decide.cost_curve import CURVE, cost_curve
from foresell.decide.replay import Ledger, Window, costs_of, fill_rate_of, replays
from foresell.decide.stock import NormalSafetyStock
from foresell.decide.stock.contract import Policy
from foresell.evaluate.segments import segments
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.plans.kept_past import KeptPast
from foresell.pipeline.plans.order_contest import competing, judging_of
from foresell.pipeline.plans.return_on_orders import LEDGER
from foresell.pipeline.plans.supply import Supply
from foresell.store.tables import write_csv, write_table

USUAL = "normal"
"""The policy that all others are compared with: normal safety stock at the critical fractile."""


@dataclass(frozen=True)
class OrderReplay:
    """What each policy would have cost.

    - `policies`: one row for each, the cheapest first: its ``policy`` and ``rule``; of the judging windows the cost by
      bucket and in all, ``fill_rate``, and the ``saving`` against `USUAL` in money and as ``saved_share``, with their
      ``standard_error``.
    - `segments`: the same saving of the best policy by segment of the series.
    - `curve`: what the best policy costs, and its fill rate, by fractile, see `decide.cost_curve`.
    - `ledger`: one row for each window, policy, series and scored period, see `decide.replay.Ledger.to_frame`.
    - `contest`: how the policies were chosen, and which one won. `judging`: the windows that judge.
    - `headline`: what comes of it, in plain sentences.
    """

    policies: pl.DataFrame
    segments: pl.DataFrame
    curve: pl.DataFrame
    ledger: pl.DataFrame
    contest: Contest
    judging: tuple[str, ...]
    headline: tuple[str, ...]
    findings: tuple[Finding, ...]

    def to_dict(self) -> dict[str, Any]:
        """All but the ledger as plain data."""
        return {
            "headline": self.headline,
            "winner": self.contest.winner.name,
            "judging_windows": self.judging,
            "policies": self.policies.to_dicts(),
            "segments": self.segments.to_dicts(),
            "curve": self.curve.to_dicts(),
            "findings": [finding.to_dict() for finding in self.findings],
        }


def replay_orders(project: ForecastProject, tables: OrderTables | None = None) -> OrderReplay:
    """Plays the windows of the backtest again, by the terms of `tables`, those of the settings where not given.

    The stock of the past is not known; each window begins with what the lead time was expected to need, and counts
    from the day on which its first order arrives. Steps that are out of date are done first. Raises UsageError where
    fewer than two windows can be played, and whatever reading the terms raises.
    """
    project.run("combine")
    results = project.results
    tables = replace(tables or project.settings.orders, stock=None, open_orders=None, lots=None)
    supply = Supply.read(results, tables)
    past = KeptPast(results, supply.terms)
    windows = list(past.windows.values())
    if len(windows) < 2:
        raise UsageError(
            f"{many(len(windows), 'window')} of the backtest can be played again with these terms; expected 2 or more. "
            "The first one has none before it that teaches its ranges, and lead and review time together must be "
            "shorter than the forecast. Set backtest.windows to 3 or more, or the horizon higher."
        )
    result = past.contest(competing(supply.terms, has_stock=True), None, tables.least_fill)
    assert result is not None
    judging = judging_of(windows)
    chosen = {USUAL: NormalSafetyStock()} | _by_name(result)
    by_window = [replays(list(chosen.values()), window) for window in windows]
    ledgers = {name: list(of) for name, of in zip(chosen, zip(*by_window, strict=True), strict=True)}
    rows = past.rows
    judged = {name: of[-len(judging) :] for name, of in ledgers.items()}
    policies = _policies(chosen, judged)
    best = policies["policy"][0]
    return OrderReplay(
        policies,
        _segments(results.panel, judging, rows, judged[best], judged[USUAL]),
        cost_curve(chosen[best], CURVE, [window.label for window in judging], past.play),
        pl.concat(_ledger_rows(results.panel, rows, windows, name, of) for name, of in ledgers.items()),
        result,
        tuple(window.label for window in judging),
        _headline(policies, result, judging, len(rows)),
        supply.findings,
    )


def _by_name(result: Contest) -> dict[str, Policy]:
    """The best member of each family, by the name of the family; tuned normal safety stock has a name of its own."""
    best = {standing.family: standing.policy for standing in result.standings}
    tuned = best.pop(USUAL, None)
    return best if tuned is None or tuned == NormalSafetyStock() else {"normal_tuned": tuned, **best}


def _policies(chosen: Mapping[str, Policy], ledgers: Mapping[str, Sequence[Ledger]]) -> pl.DataFrame:
    """The table of the policies, see `OrderReplay`."""
    rows = []
    usual = _costs(ledgers[USUAL])
    whole = sum(float(cost.sum()) for cost in usual)
    for name, of in ledgers.items():
        sums = [ledger.sums() for ledger in of]
        saved, error = saving_of(_costs(of), usual)
        row: dict[str, Any] = {"policy": name, "rule": chosen[name].name, **costs_of(sums)}
        row["cost"] = sum(float(cost.sum()) for cost in _costs(of))
        row["fill_rate"] = fill_rate_of(sums)
        row |= {"saving": saved, "standard_error": error, "saved_share": saved / whole if whole else 0.0}
        rows.append(row)
    return pl.DataFrame(rows).sort("cost", maintain_order=True)


def _costs(ledgers: Sequence[Ledger]) -> list[np.ndarray]:
    """The cost of each series, window by window: [series] each."""
    return [ledger.cost().sum(axis=1) for ledger in ledgers]


def _segments(
    panel: Panel, judging: Sequence[Window], rows: np.ndarray, best: Sequence[Ledger], usual: Sequence[Ledger]
) -> pl.DataFrame:
    """The saving by segment, as they were known before the judging windows."""
    frame = segments(panel.until(np.datetime64(judging[0].label)))[rows]
    table = []
    mine, theirs = _costs(best), _costs(usual)
    for by in frame.columns:
        for segment in frame[by].unique().sort():
            part = (frame[by] == segment).to_numpy()
            saved, error = saving_of([cost[part] for cost in mine], [cost[part] for cost in theirs])
            whole = sum(float(cost[part].sum()) for cost in theirs)
            table.append(
                {"by": by, "segment": segment, "series": int(part.sum()), "usual_cost": whole, "saving": saved,
                 "standard_error": error, "saved_share": saved / whole if whole else 0.0}
            )  # fmt: skip
    return pl.DataFrame(table)


def _ledger_rows(
    panel: Panel, rows: np.ndarray, windows: Sequence[Window], name: str, ledgers: Sequence[Ledger]
) -> pl.DataFrame:
    """The ledger of one policy, with its scored periods only."""
    keys = panel.series.select(panel.keys)[rows]
    parts = []
    for window, ledger in zip(windows, ledgers, strict=True):
        first = panel.day_of(np.datetime64(window.label)) + 1
        frame = ledger.to_frame(keys, pl.Series(panel.dates[first : first + window.n_periods]).to_list())
        frame = frame.with_columns(window=pl.lit(window.label), policy=pl.lit(name))
        parts.append(frame if window.scored is None else frame.filter(pl.Series(window.scored.ravel())))
    return pl.concat(parts)


def _headline(policies: pl.DataFrame, result: Contest, judging: Sequence[Window], n_series: int) -> tuple[str, ...]:
    usual = policies.filter(policy=USUAL).row(0, named=True)
    best = policies.row(0, named=True)
    what = (
        f"{many(n_series, 'series', 'series')}, {many(len(judging), 'window')} of the backtest that judge (after "
        f"{', '.join(window.label for window in judging)}): normal safety stock would have cost {number(usual['cost'])}"
    )
    if best["policy"] == USUAL:
        return f"{what}, and nothing less.", result.sentence()
    return (
        f"{what}, {best['rule']} {number(best['cost'])}, which is {best['saved_share']:.1%} less (standard error "
        f"{best['standard_error'] / usual['cost'] if usual['cost'] else 0:.1%}).",
        result.sentence(),
    )


def write_replay(result: OrderReplay, results: Path) -> list[Path]:
    """Writes ``replay/ledger.parquet``, ``policies.csv``, ``segments.csv`` and ``curve.csv`` in the folder of results.

    Raises StoreError where they cannot be written.
    """
    ledger = results / LEDGER
    write_table(result.ledger, ledger)
    written = [ledger]
    for name in ("policies", "segments", "curve"):
        path = ledger.with_name(f"{name}.csv")
        table: pl.DataFrame = getattr(result, name)
        try:
            write_csv(table, path)
        except OSError as error:
            reason = error.strerror or error
            raise StoreError(f"{path} could not be written: {reason}. Give it room and rights.") from error
        written.append(path)
    return written
