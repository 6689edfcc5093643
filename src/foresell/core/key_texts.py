"""Keys of series as texts: no other series is made by blanks, by ``100.0`` for 100, or by the form of a letter.

A letter with an accent has two forms in Unicode, one sign or two. A spreadsheet keeps the zeros of ``00123`` by a
formula, ``="00123"``, or by an apostrophe before it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

BLANK = r"[\s\u00a0\u200b\u2060\ufeff]+"
AS_TEXT = r"""^(?:="([^"]*)"|'(\d[\d.:/-]*))$"""  # how spreadsheets mark digits that are text
TEXTS = (pl.String, pl.Categorical, pl.Enum)


def tidy(texts: pl.Series) -> pl.Series:
    """The texts without blanks around them, with one blank in place of several, and with letters as one sign each.

    >>> tidy(pl.Series([" A100 ", "Store\u00a0 7", '="007"', "Mu\u0308sli", None])).to_list()
    ['A100', 'Store 7', '007', 'Müsli', None]
    """
    plain = texts.str.replace_all(BLANK, " ").str.strip_chars().str.replace(AS_TEXT, "$1$2")
    return plain.str.normalize("NFC")


def tidy_keys(frame: pl.DataFrame, keys: Sequence[str]) -> tuple[pl.DataFrame, int]:
    """The frame with tidy text keys, null where only blanks were; and the number of rows that had others."""
    changed = pl.repeat(False, frame.height, eager=True)
    for name in keys:
        if frame.schema[name] not in TEXTS:
            continue
        texts = frame[name].unique().cast(pl.String).drop_nulls()
        same = tidy(texts)
        if (other := texts != same).any():
            mapping = dict(
                zip(texts.filter(other), same.filter(other).set(same.filter(other) == "", None), strict=True)
            )
            changed = changed | frame[name].cast(pl.String).is_in(list(mapping)).fill_null(False)
            frame = frame.with_columns(_replaced(frame[name], mapping))
    return frame, int(changed.sum())


def unite_whole_numbers(frame: pl.DataFrame, keys: Sequence[str]) -> tuple[pl.DataFrame, list[str]]:
    """The frame with ``100`` in place of ``100.0`` in keys that have both; and the texts that were replaced.

    >>> unite_whole_numbers(pl.DataFrame({"item": ["100.0", "100", "7.0"]}), ["item"])[0]["item"].to_list()
    ['100', '100', '7.0']
    """
    replaced = []
    for name in keys:
        if frame.schema[name] not in TEXTS:
            continue
        texts = frame[name].unique().cast(pl.String).drop_nulls()
        known = set(texts)
        whole = texts.filter(texts.str.contains(r"^\d+\.0+$"))
        mapping = {text: short for text in whole if (short := text.split(".")[0]) in known}
        if mapping:
            replaced += list(mapping)
            frame = frame.with_columns(_replaced(frame[name], mapping))
    return frame, replaced


def leading_zeros(texts: pl.Series) -> dict[str, str]:
    """The numbers among distinct texts that also stand there with more zeros before them, and the longest such form.

    >>> leading_zeros(pl.Series(["00123", "0123", "123", "7", "x"]))
    {'0123': '00123', '123': '00123'}
    """
    numbers = texts.cast(pl.String).drop_nulls()
    numbers = numbers.filter(numbers.str.contains(r"^\d+$")).unique().sort()
    forms = pl.DataFrame({"text": numbers, "number": numbers.str.replace(r"^0+(\d)", "$1")})
    longest = forms.sort(pl.col("text").str.len_chars()).group_by("number").agg(pl.col("text").last().alias("longest"))
    other = forms.join(longest, on="number", maintain_order="left").filter(pl.col("text") != pl.col("longest"))
    return dict(other.select("text", "longest").iter_rows())


def unite_leading_zeros(frame: pl.DataFrame, keys: Sequence[str]) -> tuple[pl.DataFrame, list[str]]:
    """The frame with ``00123`` in place of ``123`` in keys that have both; and the texts that were replaced."""
    replaced: list[str] = []
    for name in keys:
        if frame.schema[name] in TEXTS and (mapping := leading_zeros(frame[name].unique())):
            replaced += list(mapping)
            frame = frame.with_columns(_replaced(frame[name], mapping))
    return frame, replaced


def _replaced(column: pl.Series, mapping: Mapping[str, str | None]) -> pl.Series:
    """The column with other texts; one of fixed categories becomes plain text, because they may lack the others."""
    dtype = pl.String if column.dtype == pl.Enum else column.dtype
    return column.cast(pl.String).replace(mapping).cast(dtype)
