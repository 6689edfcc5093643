"""Text that a spreadsheet would run: a cell of a CSV file that begins like a formula."""

from __future__ import annotations

import re

import polars as pl
import polars.selectors as cs

_FORMULA = r"^[=+\-@\t\r]"
_NUMBER = r"^[+-]?[0-9.,]+(?:[eE][+-]?[0-9]+)?$"


def escape_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """The table with an apostrophe before each text that a spreadsheet would take for a formula; numbers stay.

    >>> escape_formulas(pl.DataFrame({"text": ["=1+1", "-5.2", "-A1", "nuts"]}))["text"].to_list()
    ["'=1+1", '-5.2', "'-A1", 'nuts']
    """
    frame = frame.with_columns((cs.categorical() | cs.enum()).cast(pl.String))
    text = pl.col(pl.String)
    is_formula = text.str.contains(_FORMULA) & ~text.str.contains(_NUMBER)
    return frame.with_columns(pl.when(is_formula).then("'" + text).otherwise(text).name.keep())


def escape_formula(text: str) -> str:
    """One cell, as `escape_formulas` has it.

    >>> escape_formula("@SUM(A1)"), escape_formula("-1e-3"), escape_formula("")
    ("'@SUM(A1)", '-1e-3', '')
    """
    return f"'{text}" if re.match(_FORMULA, text) and not re.match(_NUMBER, text) else text
