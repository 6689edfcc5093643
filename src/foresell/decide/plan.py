"""A plan: one table of any kind of decision, with the same columns first, and what there is to say about it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.core.words import many, number

COMMON: dict[str, tuple[pl.DataType, str]] = {
    "date": (pl.Date(), "the day on which to act, of hours with its time"),
    "action": (pl.String(), "what to do, a verb such as `order`; `none` where nothing has to be done"),
    "quantity": (pl.Float64(), "how much of it, after what binds it and after overrides; empty where undecided"),
    "unit": (pl.String(), "the unit of the quantities, such as units or hours"),
    "unconstrained": (pl.Float64(), "the quantity without packs, minima, budgets, capacities and overrides"),
    "money": (pl.Float64(), "the money at risk: by how much acting lowers the expected cost, against not acting"),
    "cost": (pl.Float64(), "what the action costs: the purchase, the wages, the margin given away"),
    "reason": (pl.String(), "how the quantity comes about; the numbers add up to it"),
    "binds": (pl.String(), "what keeps it from being the unconstrained quantity, such as pack; empty if nothing"),
    "shadow_price": (pl.Float64(), "what one unit more of that which binds is worth; empty where it cannot be told"),
    "assumed": (pl.String(), "the inputs that were assumed because they were not given, joined by commas"),
    "override": (pl.Float64(), "by how much people changed the quantity; empty without an override"),
    "change": (pl.Float64(), "the quantity less that of the plan before; empty where that has no such line"),
}  # fmt: skip
"""The columns that the lines of every plan have after the keys: type and meaning, in their order."""

TEXTS = ("action", "unit", "reason", "binds", "assumed")
"""Common columns of text. They are empty, and not null, where there is nothing to say."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The plan of one kind. A kind with more to say derives a dataclass from it.

    - `kind`: such as ``orders``; `pipeline.plans.KINDS` has all of them.
    - `lines`: the keys of the user, the columns of `COMMON`, and those of the kind, the largest money at risk first;
      `common_form` makes it.
    - `headline`: what comes of it, in plain sentences.
    - `findings`: what stands in the way, or needs a look.
    - `shown`: the columns that a short table has after the keys.
    """

    kind: str
    lines: pl.DataFrame
    headline: tuple[str, ...]
    findings: tuple[Finding, ...] = ()
    shown: tuple[str, ...] = ("action", "quantity", "unit", "money", "reason")

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that say what a line is about; with ``date`` and ``action`` they are unique."""
        return tuple(self.lines.columns[: self.lines.columns.index("date")])

    @property
    def is_decided(self) -> bool:
        """Whether anything could be decided. A plan without one decision must not pass for a success."""
        return self.lines["quantity"].count() > 0

    def worth_showing(self) -> pl.DataFrame:
        """The lines with something to do; all of them where no quantity is known."""
        to_do = self.lines.filter(pl.col("quantity") != 0)
        return to_do if self.lines["quantity"].count() else self.lines

    def with_lines(self, lines: pl.DataFrame, findings: Iterable[Finding] = ()) -> Self:
        """The plan with other lines, and further findings."""
        return replace(self, lines=lines, findings=(*self.findings, *findings))

    def with_quantities(self, quantity: np.ndarray) -> Self:
        """The plan with other quantities, NaN where there is none: float64 [line].

        Where a quantity changes, the cost changes in proportion; it is not known where there was no quantity before.
        The money at risk stays. A kind that can tell more overrides this.
        """
        new, old = pl.lit(pl.Series(quantity).fill_nan(None)), pl.col("quantity")
        is_same = new.eq_missing(old)
        cost = pl.when(is_same | (old != 0)).then(
            pl.when(is_same).then(pl.col("cost")).otherwise(pl.col("cost") / old * new)
        )
        idle = pl.col("action").is_in(["none", "undecided", ""])
        acted = pl.when(idle).then(pl.lit("as overridden")).otherwise(pl.col("action"))
        action = (
            pl.when(is_same).then(pl.col("action")).otherwise(pl.when(new == 0).then(pl.lit("none")).otherwise(acted))
        )
        return self.with_lines(self.lines.with_columns(quantity=new, cost=cost, action=action))

    def sorted(self) -> Self:
        """The plan with the largest money at risk first; lines of equal money stay in their order."""
        return self.with_lines(self.lines.sort("money", descending=True, nulls_last=True, maintain_order=True))

    def summarised(self) -> Self:
        """The plan whose headline is that of its lines as they are now, with a sentence about overrides.

        A kind whose headline has figures of the lines overrides this.
        """
        changed = self.lines.filter(pl.col("override") != 0).height
        if not changed:
            return self
        sentence = f"People changed {many(changed, 'line')}, by {number(float(self.lines['override'].sum()))} in all."
        return replace(self, headline=(*self.headline, sentence))

    def tables(self) -> dict[str, pl.DataFrame]:
        """Further tables of the kind by name, which are written beside the lines."""
        return {}

    def details(self) -> dict[str, Any]:
        """What the kind has to say beyond the table, as plain data for JSON."""
        return {}


def common_form(keys: pl.DataFrame, columns: pl.DataFrame, *, then_by: Iterable[str] = ()) -> pl.DataFrame:
    """The lines of a plan: `keys`, and row by row beside them the `columns`, any of `COMMON` and those of the kind.

    Common columns that are missing are added: text as empty, ``unit`` as units, numbers and the date as null. The lines
    are sorted by money at risk, the largest first; of equal ones those with the largest `then_by`. A key that is named
    like a column of the plan is called ``NAME_key``.

    >>> columns = pl.DataFrame({"money": [1.0, 9.0], "quantity": [2, 3]})
    >>> lines = common_form(pl.DataFrame({"site": ["A", "B"]}), columns)
    >>> lines.columns[:5], lines["site"].to_list(), lines["unit"].to_list()
    (['site', 'date', 'action', 'quantity', 'unit'], ['B', 'A'], ['units', 'units'])
    """
    common = []
    for name, (kind, _) in COMMON.items():
        usual = pl.lit("units" if name == "unit" else "") if name in TEXTS else pl.lit(None)
        given = pl.col(name) if name in columns.columns else usual
        given = given.fill_null(usual) if name in TEXTS else given
        # The lines of hours have a time of day.
        timed = isinstance(columns.schema.get(name), pl.Datetime)
        common.append((given if timed else given.cast(kind)).alias(name))
    others = [name for name in columns.columns if name not in COMMON]
    # Literals alone would make one row, also of a plan without lines.
    table = columns.with_columns(common).select(*COMMON, *others)
    taken = {name: f"{name}_key" for name in keys.columns if name in table.columns}
    lines = pl.concat([keys.rename(taken), table], how="horizontal")
    return lines.sort(["money", *then_by], descending=True, nulls_last=True, maintain_order=True)


def sum_of(parts: Sequence[tuple[str, pl.Expr]]) -> pl.Expr:
    """A reason: the words and amounts of `parts` as one sum; what is 0 or unknown is left out.

    >>> frame = pl.DataFrame({"demand": [12.0, 3.0], "stock": [5.0, 0.0]})
    >>> parts = [("demand", pl.col("demand")), ("on hand", -pl.col("stock"))]
    >>> frame.select(reason=sum_of(parts))["reason"].to_list()
    ['demand 12 − on hand 5', 'demand 3']
    """
    texts = []
    for words, amount in parts:
        value = amount.round(1)
        size = value.abs()
        whole = size == size.round(0)
        text = pl.when(whole).then(size.cast(pl.Int64).cast(pl.String)).otherwise(size.cast(pl.String))
        sign = pl.when(value < 0).then(pl.lit("− ")).otherwise(pl.lit("+ "))
        texts.append(pl.when(value != 0).then(pl.concat_str(sign, pl.lit(f"{words} "), text)))
    return pl.concat_str(texts, separator=" ", ignore_nulls=True).str.strip_prefix("+ ")


_SUMMAND = re.compile(r"(?P<sign>[+−] )?(?P<words>.*\S) (?P<amount>\d+(?:\.\d+)?)")


def parts_of(reason: str) -> tuple[tuple[str, float], ...]:
    """The words and amounts of a reason that is a sum, as `sum_of` writes it; none of another one.

    >>> parts_of("demand 12.5 − on hand 5 + override 2")
    (('demand', 12.5), ('on hand', -5.0), ('override', 2.0))
    >>> parts_of("sells too slowly")
    ()
    """
    parts = []
    for summand in re.split(r" (?=[+−] )", reason):
        match = _SUMMAND.fullmatch(summand)
        if match is None:
            return ()
        amount = float(match["amount"])
        parts.append((match["words"], -amount if match["sign"] == "− " else amount))
    return tuple(parts)


def with_reason(reason: pl.Expr, words: str, amount: pl.Expr) -> pl.Expr:
    """The reason with one more summand.

    >>> frame = pl.DataFrame({"reason": ["demand 3", "", "demand 3"], "override": [2.0, 2.0, None]})
    >>> frame.select(reason=with_reason(pl.col("reason"), "override", pl.col("override")))["reason"].to_list()
    ['demand 3 + override 2', 'override 2', 'demand 3']
    """
    more = sum_of([(words, amount)])
    sign = pl.when(more.str.starts_with("− ")).then(pl.lit(" ")).otherwise(pl.lit(" + "))
    begun = pl.when(reason == "").then(more).otherwise(pl.concat_str(reason, sign, more))
    return pl.when(amount.fill_null(0) == 0).then(reason).otherwise(begun)
