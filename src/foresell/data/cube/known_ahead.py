"""Rows that are known ahead of the sales, and the launches among them."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from foresell.core.finding import Finding
from foresell.core.words import many_do
from foresell.data.cube.cells import SERIES, as_text, key_texts, row_numbers
from foresell.data.finding_codes import finding
from foresell.data.sales_rows import (
    COVARIATE,
    DATE,
    HAS_QUANTITY,
    SOLD_BEFORE_STOCKOUT,
    UNITS,
    KnownKeys,
    distinct_keys_like,
)


def launches_to_come(ahead: pl.DataFrame, series: pl.DataFrame, known_keys: Sequence[KnownKeys]) -> pl.DataFrame:
    """The series of `ahead` that have no sales, and each of whose keys a side table lists or other sales have."""
    launches = ahead.cast(series.schema, strict=False).join(series, on=series.columns, how="anti", nulls_equal=True)
    for table in known_keys:
        launches = launches.join(distinct_keys_like(table.frame, launches), on=list(table.keys), how="semi")
    listed = {key for table in known_keys for key in table.keys}
    for key in (name for name in series.columns if name not in listed):
        launches = launches.filter(pl.col(key).is_in(series[key].implode()))
    return launches


def launch_findings(launches: pl.DataFrame, where: str) -> list[Finding]:
    """The finding that series are launches to come."""
    if launches.is_empty():
        return []
    message = f"{launches.height:,} series have no sales yet and are taken for launches to come"
    return [finding("launches-ahead", where, launches.height, message, key_texts(launches.sort(launches.columns)))]


def with_future(
    frame: pl.DataFrame, future: pl.DataFrame, series: pl.DataFrame, keys: Sequence[str], where: str
) -> tuple[pl.DataFrame, list[Finding]]:
    """The rows known ahead, then the rows of the sales. Where both have a series and day, the sales row is kept."""
    rows = row_numbers(future, series, keys)
    findings = []
    if (unknown := int((rows < 0).sum())) > 0:
        names = as_text(future.filter(pl.Series(rows < 0)).select(keys).unique()).sort(keys)
        message = f"{many_do(unknown, 'row', 'be')} for {names.height:,} series that have no sales"
        findings.append(finding("unknown-series", where, unknown, message, key_texts(names)))
    ahead = future.with_columns(
        pl.Series(SERIES, rows),
        pl.lit(False).alias(HAS_QUANTITY),
        *(
            pl.lit(None, frame.schema[name]).alias(name)
            for name in (UNITS, SOLD_BEFORE_STOCKOUT)
            if name in frame.columns
        ),
    )
    ahead = ahead.filter(pl.col(SERIES) >= 0, pl.col(DATE) >= frame[DATE].min())
    ahead = ahead.join(frame.select(SERIES, DATE), on=[SERIES, DATE], how="anti")
    known = [name for name in ahead.columns if name.startswith(COVARIATE)]
    distinct = ahead.sort(SERIES, DATE, *known).unique([SERIES, DATE], keep="first", maintain_order=True)
    if extra := ahead.height - distinct.height:
        findings.append(
            finding("repeated-entries", where, extra, f"{many_do(extra, 'row', 'repeat')} a series and day")
        )
    ahead = distinct
    mixed = [name for name in frame.columns if name in ahead.columns and frame.schema[name] != ahead.schema[name]]
    text = [pl.col(name).cast(pl.String) for name in mixed]
    return pl.concat([ahead.with_columns(text).select(frame.columns), frame.with_columns(text)]), findings
