"""The newest issued plan of a kind, with the overrides that people put after it was made."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import polars as pl

from foresell.decide.overrides import Override, apply_overrides
from foresell.decide.plan import COMMON, Plan
from foresell.pipeline.plans.issue import FOLDER, PlanWords
from foresell.pipeline.plans.override_log import OverrideLog
from foresell.pipeline.results import Results
from foresell.store.tables import read_table

_OVERRIDDEN = r"(^| [+−] |− )override [0-9.]+$"


@dataclass(frozen=True)
class IssuedLines:
    """A plan as it was issued, brought up to the overrides of now.

    - `words`: what it says; empty of a plan by an earlier foresell. `made`: when it was issued, in UTC.
    - `lines`: its lines. Where the overrides are others than when it was made, the quantity, cost and reason are those
      with the overrides of now, and numbers of the kind are null, which only a new plan can tell.
    - `amended`: whether the overrides of now change a line, boolean [line].
    - `before`: the quantities without any override, float64 [line].
    """

    words: PlanWords
    made: datetime
    lines: pl.DataFrame
    amended: pl.Series
    before: pl.Series


def issued_plan(results: Results, kind: str, log: OverrideLog) -> IssuedLines | None:
    """The newest plan of a kind; None where none was made. Raises UnreadableFile for a file that is no plan."""
    path = results.root / FOLDER / f"{kind}.parquet"
    if not path.exists():
        return None
    issued = read_table(path)
    if not set(COMMON) <= set(issued.columns):  # an earlier foresell wrote it
        return None
    lines, amended, before = _amended(issued, kind, log.overrides())
    words = PlanWords.of(path)
    return IssuedLines(words, words.time(path), lines, amended, before)


def _amended(issued: pl.DataFrame, kind: str, overrides: list[Override]) -> tuple[pl.DataFrame, pl.Series, pl.Series]:
    """The lines with the overrides of now, which of them that changes, and the quantities without any override."""
    put = pl.col("override").fill_null(0)
    was_undecided = (put == pl.col("quantity")) & pl.col("unconstrained").is_null() & (put != 0)
    before = issued.select(quantity=pl.when(was_undecided).then(None).otherwise(pl.col("quantity") - put))["quantity"]
    overridden = put != 0
    bare = issued.with_columns(
        reason=pl.when(overridden).then(pl.col("reason").str.replace(_OVERRIDDEN, "")).otherwise(pl.col("reason")),
        override=pl.lit(None, pl.Float64),
    )
    plan = Plan(kind=kind, lines=bare, headline=()).with_quantities(before.to_numpy())
    now = apply_overrides(plan, overrides).lines
    near = (pl.col("quantity") - now["quantity"]).abs() <= 1e-6
    amended = issued.select(amended=~(near | pl.col("quantity").eq_missing(now["quantity"])).fill_null(False))[
        "amended"
    ]
    if not amended.any():
        return issued, amended, before
    changed = ("quantity", "cost", "action", "override", "reason")
    after_keys = issued.columns[issued.columns.index("date") :]
    own = [name for name in after_keys if name not in COMMON and issued.schema[name].is_float()]
    lines = issued.with_columns(
        *(pl.when(amended).then(now[name]).otherwise(pl.col(name)).alias(name) for name in changed),
        *(pl.when(~amended).then(pl.col(name)).alias(name) for name in own),
    )
    return lines, amended, before
