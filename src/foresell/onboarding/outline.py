"""Columns that give a value once for all rows below it, as merged cells and outlines do.

A blank may also be a value that is not known, so columns are filled down unasked only where the dates show it: they
begin anew wherever a value stands, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.data.total_names import TOTAL_ROW
from foresell.onboarding.column_names import name_score
from foresell.onboarding.columns import ColumnProfile, ValueKind, profile_columns, share
from foresell.onboarding.overrides import BY_HAND, Overrides
from foresell.onboarding.proposal import Draft
from foresell.onboarding.series_keys import is_place, key_score
from foresell.onboarding.table_sample import ROW, TableSample, TextFormat, sample_table

BLANK_SHARE = 0.3  # a column with fewer blanks is no outline
AGREEING = 0.98  # the share of rows that must bear the pattern out
LEFTMOST = 20  # columns that are looked at; what is written once above blanks stands at the left


@dataclass(frozen=True)
class Outline:
    """The columns to fill down, outer ones first, with the evidence; or what is in doubt about blanks."""

    columns: tuple[str, ...] = ()
    why: str = ""
    doubt: str | None = None


def filled_down(draft: Draft, table: TableSample, overrides: Overrides) -> TableSample:
    """The sample with blanks filled down where the user or the rows say so; `draft` gets the setting or a doubt."""
    if overrides.fill_down:
        outline = Outline(tuple(overrides.fill_down), BY_HAND)
    else:
        # A series that goes on in the next file does not begin anew there.
        first = sample_table([table.files[0]]) if len(table.files) > 1 else table
        left = first.frame.drop(ROW).select(first.columns[:LEFTMOST])
        require_no_sections(first.name, left, overrides.date_format)
        has_blanks = any(_is_blank(left[name]).any() for name in left.columns)
        outline = infer_outline(left, overrides.date_format) if has_blanks else Outline()
    draft.add_doubt(outline.doubt, "fill_down")
    if not outline.columns or any(name not in table.columns for name in outline.columns):
        return table
    draft.set("data.fill_down", list(outline.columns), outline.why)
    text = table.text_format or TextFormat()
    filled = sample_table(
        list(table.files),
        separator=text.separator,
        encoding=text.encoding,
        decimal=text.decimal,
        fill_down=outline.columns,
    )
    return replace(filled, can_scan=False)


def require_no_sections(table: str, frame: pl.DataFrame, date_format: str | None = None) -> None:
    """Raises UsageError where rows without a date, each with another text, stand wherever the dates begin anew.

    Such a row names the series of the rows below it, which have no column for it. Messages call the table `table`.
    """
    dates = [c for c in profile_columns(frame, date_format=date_format).values() if c.kind == ValueKind.DATE]
    date = max(dates, key=lambda c: name_score(c.name, "date"), default=None)
    if date is None or not date.values.null_count() or frame[date.name].dtype != pl.String:
        return
    filled = pl.select(pl.sum_horizontal(~_is_blank(frame[name]) for name in frame.columns)).to_series()
    headings = date.values.is_null() & (~_is_blank(frame[date.name]) | (filled == 1))
    texts = frame.select(pl.coalesce(pl.when(~_is_blank(frame[n])).then(frame[n]) for n in (date.name, *frame.columns)))
    names = texts.to_series().filter(headings).cast(pl.String)
    if len(names) < 2 or names.n_unique() < len(names) or names.str.contains(TOTAL_ROW).any():
        return
    block = headings.cast(pl.UInt32).cum_sum()
    dated = date.values.is_not_null()
    falls = (date.values.filter(dated).diff().dt.total_days() < 0).fill_null(False)
    begins = (block.filter(dated).diff() > 0).fill_null(False)
    if begins.sum() and int((falls & begins).sum()) >= AGREEING * max(int(falls.sum()), int(begins.sum())):
        raise UsageError(
            f"{table} has {len(names)} rows with a text in place of a date ({first_five(names)}), and below each "
            "of them the dates begin anew, so they seem to name the series of the rows below. Put this name in a "
            "column of its own, such as 'item', in each row."
        )


def infer_outline(frame: pl.DataFrame, date_format: str | None = None) -> Outline:
    """What the rows of a table say about its blanks."""
    frame = _dated_rows(frame, date_format)
    blanks = {name: _is_blank(frame[name]) for name in frame.columns}
    begun = [
        name
        for name, blank in blanks.items()
        if frame.height > 2 and not blank[0] and BLANK_SHARE <= share(blank) < 1 and _may_be_outer(name)
    ]
    if not begun:
        return Outline()
    profiles = profile_columns(frame, date_format=date_format)
    begun = [
        name
        for name in begun
        if profiles[name].kind in (ValueKind.TEXT, ValueKind.DATE) or key_score(name) or _is_part_of_date(name)
    ]
    begun.sort(key=lambda name: int((~blanks[name]).sum()))
    named = [name for name in begun if key_score(name) or is_place(name) or name_score(name, "date") >= 3]
    for columns in filter(None, (begun, named)):
        if why := _evidence(frame, profiles, columns, blanks):
            return Outline(tuple(columns), why)
    if not named:
        return Outline()
    return Outline(
        doubt=f"{share(blanks[named[0]]):.0%} of {named[0]} is blank, and nothing shows what a blank means. If it "
        f"repeats the value above, as in merged cells, say --fill-down {','.join(named)}; else these rows are bad rows."
    )


def _is_blank(values: pl.Series) -> pl.Series:
    """Whether each value is missing or, as a text, empty."""
    return (values.str.strip_chars() == "").fill_null(True) if values.dtype == pl.String else values.is_null()


def _dated_rows(frame: pl.DataFrame, date_format: str | None) -> pl.DataFrame:
    """The rows without blank ones, and without those of totals, which have no date where nearly all others have one."""
    frame = frame.filter(~pl.all_horizontal(_is_blank(frame[name]) for name in frame.columns))
    dates = [c for c in profile_columns(frame, date_format=date_format).values() if c.kind == ValueKind.DATE]
    if not dates:
        return frame
    date = max(dates, key=lambda c: name_score(c.name, "date"))
    dated = date.values.is_not_null()
    return frame.filter(dated) if share(dated) > 1 - BLANK_SHARE else frame


def _may_be_outer(name: str) -> bool:
    """Whether a column may name a series, a group or a date; a measure is never filled down."""
    measures = ("quantity", "revenue", "price", "promotion", "after", "ahead", "event")
    return bool(key_score(name)) or all(name_score(name, role) < 3 for role in measures)


def _is_part_of_date(name: str) -> bool:
    return name_score(name, "date") >= 3 or name_score(name, "calendar") >= 3


def _evidence(
    frame: pl.DataFrame, profiles: dict[str, ColumnProfile], begun: list[str], blanks: dict[str, pl.Series]
) -> str | None:
    """Why the columns `begun` are to be filled down; None where the rows do not show it."""
    dates = [c for c in profiles.values() if c.kind == ValueKind.DATE]
    starts = pl.select(pl.any_horizontal(*(~blanks[name] for name in begun))).to_series()
    if not dates:
        return _rows_differ_within(frame, begun, starts)
    date = max(dates, key=lambda c: name_score(c.name, "date"))
    if date.name in begun:
        return _rows_differ_within(frame, begun, starts)
    steps = date.values.diff()
    falls, rises = (steps.dt.total_days() < 0).fill_null(False), (steps.dt.total_days() > 0).fill_null(False)
    restarts = falls if rises.sum() >= falls.sum() else rises
    inner = starts & (pl.int_range(frame.height, eager=True) > 0)
    count = int(inner.sum())
    agreeing = int((inner & restarts).sum())
    if agreeing < AGREEING * count or agreeing < AGREEING * int(restarts.sum()):
        return None
    return f"{date.name} begins anew at each of their {count + 1:,} values, and nowhere else"


def _rows_differ_within(frame: pl.DataFrame, begun: list[str], starts: pl.Series) -> str | None:
    """Why dates, or keys of a table without a column of dates, are to be filled down: below each no key comes twice."""
    others = [name for name in frame.columns if name not in begun]
    keys = [name for name in others if key_score(name)]
    # Below each year, no month comes twice.
    keys = keys or [name for name in others if _is_part_of_date(name) and all(map(_is_part_of_date, begun))]
    if not keys or int(starts.sum()) < 2:
        return None
    block = starts.cast(pl.UInt32).cum_sum().alias("__block")
    distinct = frame.select(keys).with_columns(block).n_unique()
    if distinct < AGREEING * frame.height:
        return None
    return f"below each of their {int(starts.sum()):,} values, no {' x '.join(keys)} comes twice"
