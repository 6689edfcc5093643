"""Covariates as numbers: texts become yes and no, or the number of their place in sorted order."""

from __future__ import annotations

import numpy as np
import polars as pl

from foresell.core.finding import Finding
from foresell.data.finding_codes import finding
from foresell.data.number_formats import to_number
from foresell.data.sales_rows import COVARIATE, parse_yes_no
from foresell.data.values import NULL_WORDS, YES_NO


def encode_covariates(frame: pl.DataFrame, decimal: str) -> tuple[pl.DataFrame, set[str], list[Finding]]:
    """Covariates as numbers: numbers as they are, yes and no as 1 and 0, other texts as their rank in sorted order.

    Also returns the names of the columns of such texts, and a finding for each.
    """
    findings, columns, coded = [], [], set()
    for name in (column for column in frame.columns if column.startswith(COVARIATE)):
        values, texts = encode_covariate(frame[name], decimal)
        columns.append(values.alias(name))
        if texts:
            plain = name.removeprefix(COVARIATE)
            coded.add(name)
            shown = [f"{code} = {text!r}" for code, text in enumerate(texts)]
            message = f"the texts of the covariate became the numbers 0 to {len(texts) - 1}"
            findings.append(finding("coded-text", f"column {plain}", len(texts), message, shown))
    return frame.with_columns(columns), coded, findings


def encode_covariate(values: pl.Series, decimal: str = ".") -> tuple[pl.Series, list[str]]:
    """A covariate as Float32, and its texts in the order of their numbers where the texts were encoded.

    >>> encode_covariate(pl.Series(["b", "a", None, "b"]))[0].to_list()
    [1.0, 0.0, None, 1.0]
    >>> encode_covariate(pl.Series(["no", "yes"]))[0].to_list(), encode_covariate(pl.Series(["5 %", "10 %"]))[1]
    ([0.0, 1.0], [])
    """
    if values.dtype.is_numeric() or values.dtype == pl.Boolean:
        return values.cast(pl.Float32).fill_nan(None), []
    texts = values.cast(pl.String).cast(pl.Categorical)
    distinct = texts.drop_nulls().unique().cast(pl.String)
    distinct = distinct.filter(~distinct.str.strip_chars().is_in(("", *NULL_WORDS))).sort()
    numbers = to_number(distinct.str.strip_chars(), decimal).cast(pl.Float32)
    encoded: list[str] = []
    if numbers.null_count() or numbers.is_infinite().any():
        if distinct.str.strip_chars().str.to_lowercase().is_in(list(YES_NO)).all():
            numbers = parse_yes_no(distinct).cast(pl.Float32)
        else:
            numbers, encoded = pl.Series(np.arange(len(distinct), dtype=np.float32)), distinct.to_list()
    table = pl.DataFrame({"text": distinct.cast(pl.Categorical), "number": numbers})
    return texts.to_frame("text").join(table, on="text", how="left", maintain_order="left")["number"], encoded
