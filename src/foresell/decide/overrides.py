"""Overrides: what people change in a plan, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.decide.codes import finding
from foresell.decide.plan import Plan, with_reason

REASON_CODES: dict[str, str] = {
    "promotion": "a promotion or a price that the forecast does not know",
    "event": "a holiday, a fair, roadworks, the weather",
    "supply": "a shortage, a delay or an offer of the vendor",
    "assortment": "a product that comes, goes or is replaced",
    "space": "the shelf or the store room",
    "data": "the sales, the stock or the terms are wrong",
    "judgement": "the quantity looks wrong, without a reason of the others",
}
"""The reason codes of an override with their meaning, by which overrides are scored."""

How = Literal["add", "replace", "percent"]


@dataclass(frozen=True)
class Override:
    """A change of the quantities of a plan by a person.

    - `id` names it. `who` made it at `made`, an ISO time with its zone, for a reason of `REASON_CODES`, which `why`
      puts in words.
    - `plan` is the kind of the plan, and `where` has values of its key columns: it holds for all lines that have them.
    - `how` is `add` (`value` units more, or fewer), `replace` (`value` units), or `percent` (`value` per cent more).
    - It holds for lines of the days from `first` to `until`, both included, in every plan that is made.
    - `replaces`: the sum of the quantities of the lines in the plan that it was made for; None where none was decided.
    """

    id: str
    plan: str
    where: dict[str, str]
    how: How
    value: float
    first: date
    until: date
    reason: str
    why: str
    who: str
    made: str
    replaces: float | None = None

    def __str__(self) -> str:
        where = ", ".join(f"{name} {value}" for name, value in self.where.items())
        return f"{self.change()} for {where or 'every line'}"

    def change(self) -> str:
        """The change in a word: ``+12``, ``= 40`` or ``+15 %``."""
        texts = {"add": f"{self.value:+,g}", "replace": f"= {self.value:,g}", "percent": f"{self.value:+g} %"}
        return texts[self.how].replace("-", "−")

    def applied(self, quantity: np.ndarray) -> np.ndarray:
        """The quantities as changed, NaN where they are not known: float64 [line].

        >>> override = Override("1", "orders", {}, "percent", 50, date.min, date.max, "event", "", "Ann", "")
        >>> override.applied(np.array([10.0, np.nan])).tolist()
        [15.0, nan]
        """
        if self.how == "replace":
            return np.full(len(quantity), float(self.value))
        return quantity + self.value if self.how == "add" else quantity * (1 + self.value / 100)


def lines_of(where: dict[str, str], lines: pl.DataFrame) -> np.ndarray:
    """Which lines have the values: bool [line]. A column that is not there fits none."""
    if not where.keys() <= set(lines.columns):
        return np.zeros(lines.height, bool)
    fits = lines.select(pl.all_horizontal(pl.lit(True), *(_text(name) == value for name, value in where.items())))
    column = fits.to_series().fill_null(False).to_numpy()
    return np.broadcast_to(column, lines.height)


def _text(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String)


def apply_overrides(plan: Plan, overrides: Sequence[Override]) -> Plan:
    """The plan with the `overrides` of its kind that hold on the days of its lines, in the order they were made.

    The column ``override`` has what they change, and the reason names it. Quantities stay at 0 or above. A finding
    names overrides that fit no line, and lines that are not decided, which only `replace` can change.
    """
    overrides = [override for override in overrides if override.plan == plan.kind]
    lines = plan.lines
    before = lines["quantity"].to_numpy().astype(np.float64)
    quantity, touched = before.copy(), np.zeros(len(before), bool)
    unmatched, undecided = [], []
    units = (lines["unit"] == "units").to_numpy()
    for override in overrides:
        days = lines["date"].cast(pl.Date).is_between(override.first, override.until).fill_null(True).to_numpy()
        if not days.any():
            continue
        rows = days & lines_of(override.where, lines)
        if not rows.any():
            unmatched.append(override)
        quantity[rows] = _whole(override, quantity[rows], units[rows])
        undecided += [override] if np.isnan(quantity[rows]).any() else []
        touched |= rows
    touched &= ~np.isnan(quantity)
    negative = touched & (quantity < 0)
    quantity[negative] = 0
    findings = _findings(plan.kind, unmatched, undecided, int(negative.sum()))
    if not touched.any():
        return plan.with_lines(lines, findings)
    changed = plan.with_quantities(np.where(touched, quantity, before))
    amount = np.where(touched, quantity - np.nan_to_num(before), np.nan)
    amounts = pl.Series("override", amount).fill_nan(None)
    return changed.with_lines(
        changed.lines.with_columns(amounts, reason=with_reason(pl.col("reason"), "override", pl.lit(amounts))),
        findings,
    )


def _whole(override: Override, quantity: np.ndarray, is_units: np.ndarray) -> np.ndarray:
    """The quantities as changed; per cent of whole units are whole units, because half a unit cannot be had."""
    changed = override.applied(quantity)
    if override.how != "percent":
        return changed
    return np.where(is_units & (quantity == np.round(quantity)), np.floor(changed + 0.5), changed)


def _findings(kind: str, unmatched: list[Override], undecided: list[Override], negative: int) -> list[Finding]:
    findings = []
    if unmatched:
        message = "Overrides fit no line of this plan"
        findings.append(finding("override-unmatched", kind, len(unmatched), message, map(_named, unmatched)))
    if undecided:
        message = "Overrides add to lines that are not decided, and change nothing there"
        findings.append(finding("override-undecided", kind, len(undecided), message, map(_named, undecided)))
    if negative:
        findings.append(finding("override-below-zero", kind, negative, "Overrides take off more than there is"))
    return findings


def _named(override: Override) -> str:
    return f"{override.id}: {override}"
