"""Which columns name a series, which describe it, and the levels by which a planner would add series up."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import polars as pl

from foresell.data.column_conversion import FILE
from foresell.onboarding.column_names import name_score
from foresell.onboarding.columns import ColumnProfile, ValueKind, share
from foresell.onboarding.table_sample import ROW

DAY = "__day"  # the date of a sampled row
STRAY = 0.01  # up to this share of repeated rows, they are faults in the data; above it, transactions
FEW = 0.05  # up to this share, repeated rows are faults where they are copies, and in doubt where they are not
CONSTANT = 0.995  # the share of series in which an attribute must have one value
MOST_CUSTOMERS = 200  # with more customers (a shop's, not a manufacturer's) sales are not forecast for each
MOST_ATTRIBUTE_LEVELS = 4

_PLACES = "region state city zone area district country cluster bundesland stadt ciudad ville estado provincia"
_CUSTOMER = {"customer", "kunde", "cliente", "client", "account"}


@dataclass
class SeriesKeys:
    """The keys of the series and the layout that follows from them, with the reasons in words; `doubts` are of keys."""

    keys: tuple[str, ...]
    layout: str
    why_keys: str
    why_layout: str
    doubts: list[str] = field(default_factory=list)
    doubt_of_layout: str | None = None
    receipt: str | None = None  # the column that numbers receipts or orders


def key_score(name: str) -> int:
    """How plainly a name says that the column names a series; 0 where it says group or row just as plainly.

    >>> key_score("store_id"), key_score("store_type"), key_score("colour")
    (4, 0, 0)
    """
    best = max(name_score(name, role) for role in ("store", "item", "series"))
    other = max(name_score(name, "group"), name_score(name, "row") if name_score(name, "series") < 4 else 0)
    return best if (best >= 3 and best > other) or (best == 4 and other < 4) else 0


def is_place(name: str) -> bool:
    """Whether a key or group is about where, rather than what, is sold."""
    return name_score(name, "store") >= 3 or any(f"_{place}_" in f"_{name.lower()}_" for place in _PLACES.split())


def infer_keys(sample: pl.DataFrame, candidates: list[ColumnProfile], timed: bool) -> SeriesKeys | None:
    """The keys and the layout, from a sample whose `DAY` column holds the dates; None where nothing names a series.

    Columns whose names say that they name a series come first, less those that follow from another column. If some
    rows still share their series and date, the smallest set of other columns that tells these rows apart is added.
    Where no set does, or where rows have a receipt number or a time of day (`timed`), the rows are transactions.
    """
    rows = [c for c in candidates if _numbers_rows(c, sample.height)]
    left = [c for c in candidates if c not in rows]
    named = _independent(sample, [c for c in left if key_score(c.name)])
    others = [c for c in left if c.name not in named and c.distinct > 1 and not key_score(c.name)]
    receipts = [c.name for c in rows if name_score(c.name, "row") >= 3 and c.distinct < sample.height]
    if timed or receipts:
        return _transactions(sample, named, others, receipts, timed)
    share_repeated = repeated(sample, named) if named else 1.0
    if named and has_one_row_each(sample, named):
        return _long_layout(named, share_repeated, "their names say so and with the date they are unique")
    keys = _smallest_key_set(sample, named, others)
    if keys:
        more = [name for name in keys if name not in named]
        series = _long_layout(tuple(keys), repeated(sample, keys), "the smallest set that is unique with the date")
        series.doubts.append(
            f"{', '.join(more)} was taken for a key by its values, not by its name. Say otherwise with --keys."
        )
        return series
    return _transactions(sample, named, others, [], timed=False)


def doubts_of_blanks(sample: pl.DataFrame, keys: tuple[str, ...]) -> list[str]:
    """What is in doubt where more rows of a key are blank than may be bad rows, which blanks of keys make them.

    >>> doubts_of_blanks(pl.DataFrame({"item": ["A", "A"], "customer": ["C1", None]}), ("item", "customer"))[0][:54]
    '50% of customer is blank, and these rows are bad rows.'
    """
    doubts = []
    for name in keys:
        blank = share(sample[name].cast(pl.String).str.strip_chars().fill_null("") == "")
        if blank > STRAY:
            rest = ",".join(key for key in keys if key != name)
            without = f", or say --keys {rest} to add up over {name}" if rest else ""
            doubts.append(
                f"{blank:.0%} of {name} is blank, and these rows are bad rows. If a blank means something, such as "
                f"sales without a {name}, write a name for it in the file{without}."
            )
    return doubts


def _numbers_rows(column: ColumnProfile, height: int) -> bool:
    """Whether the column is a receipt, an order or a running number, which tells rows apart and not series."""
    row_name = name_score(column.name, "row")
    series_name = max(name_score(column.name, role) for role in ("store", "item", "series"))
    if row_name >= 3 and row_name > series_name and column.name.lower() != "id":
        return True
    return column.distinct > height / 2 and height > 20 and series_name < 3


def _independent(sample: pl.DataFrame, named: list[ColumnProfile]) -> tuple[str, ...]:
    """The named keys less those that the others determine: of a code and its description the code stays."""
    kept = [c.name for c in named]
    for column in sorted(named, key=_dispensable, reverse=True):
        rest = [name for name in kept if name != column.name]
        if rest and column.name in kept and (column.distinct == 1 or _determined(sample, rest, column.name)):
            kept = rest
    return tuple(kept)


def _dispensable(column: ColumnProfile) -> tuple[bool, int, int, int]:
    """A sort key; the greatest is dropped first: descriptions, then names that say key less plainly, then others."""
    return (is_wordy(column.name), -key_score(column.name), -column.distinct, len(column.name))


def is_wordy(name: str) -> bool:
    """Whether a column describes in words what another one codes.

    >>> is_wordy("item_name"), is_wordy("item_nbr")
    (True, False)
    """
    return any(word in name.lower() for word in ("name", "desc", "bezeichnung", "titel", "title", "nombre", "text"))


def _determined(sample: pl.DataFrame, by: list[str], name: str) -> bool:
    """Whether `name` has one value for nearly each value of `by`, and values of `by` repeat often enough to tell."""
    groups = sample.group_by(by).agg(pl.col(name).drop_nulls().n_unique().alias("kinds"), pl.len().alias("rows"))
    return (share(groups["kinds"] <= 1) >= CONSTANT) and sample.height >= 2 * groups.height


def repeated(sample: pl.DataFrame, keys: tuple[str, ...] | list[str]) -> float:
    """The share of rows that repeat the series and day of another row of their file."""
    return 1.0 - sample.select(_names_of_cells(sample, keys)).n_unique() / max(sample.height, 1)


def _names_of_cells(sample: pl.DataFrame, keys: tuple[str, ...] | list[str]) -> list[str]:
    return [*keys, DAY, *([FILE] if FILE in sample.columns else [])]


def has_one_row_each(sample: pl.DataFrame, keys: tuple[str, ...]) -> bool:
    """Whether a series and day have one row, but for a few faults, or for a few more that are copies of others."""
    share_repeated = repeated(sample, keys)
    rows = sample.drop(ROW, strict=False)
    return share_repeated <= STRAY or (
        share_repeated <= FEW and rows.n_unique() == rows.select(_names_of_cells(sample, keys)).n_unique()
    )


def _smallest_key_set(sample: pl.DataFrame, named: tuple[str, ...], others: list[ColumnProfile]) -> list[str] | None:
    """The named columns and the fewest others that make a series and day unique; the coarsest of equally few."""
    texts_first = sorted(others, key=lambda c: (c.kind != ValueKind.TEXT, c.distinct))[:10]
    for count in (1, 2, 3):
        for more in combinations(texts_first, count):
            keys = [*named, *(c.name for c in more)]
            if repeated(sample, keys) <= STRAY:
                return keys
    return None


def _long_layout(keys: tuple[str, ...], share_repeated: float, why: str) -> SeriesKeys:
    series = SeriesKeys(keys, "long", why, "one row for each series and date")
    if share_repeated > 0:
        series.doubt_of_layout = (
            f"{share_repeated:.2%} of the rows looked at repeat the date and {', '.join(keys)} of another row. They "
            "are taken for faults, which `foresell check` lists. If they should be added up, say --layout transactions."
        )
    return series


def _transactions(
    sample: pl.DataFrame, named: tuple[str, ...], others: list[ColumnProfile], receipts: list[str], timed: bool
) -> SeriesKeys | None:
    doubts = []
    keys = list(named)
    for name in named:
        n_values = sample[name].n_unique()
        if len(keys) > 1 and n_values > MOST_CUSTOMERS and any(word in name.lower() for word in _CUSTOMER):
            keys.remove(name)
            doubts.append(
                f"{name} has {n_values:,} values, too many to forecast each, so their sales are added up. "
                "Say otherwise with --keys."
            )
    why = "their names say so; the rows of one series and date are added up"
    if not keys:
        texts = [c for c in others if c.kind == ValueKind.TEXT]
        keys = [c.name for c in texts if not _determined_by_any(sample, c, texts)]
        why = "no name says what a series is; these columns of text repeat, and no other determines them"
        doubts.append(f"The keys {', '.join(keys)} are a guess. Say which columns name a series with --keys.")
    if not keys:
        return None
    reason = (
        f"{receipts[0]} tells rows apart"
        if receipts
        else "the dates carry a time of day"
        if timed
        else f"{repeated(sample, keys):.0%} of the rows share their series and date with another"
    )
    return SeriesKeys(
        tuple(keys),
        "transactions",
        why,
        f"{reason}: lines are added up to series and date",
        doubts,
        None if receipts or timed else _doubt_of_few_lines(repeated(sample, keys), keys),
        receipt=next(iter(receipts), None),
    )


def _doubt_of_few_lines(share_repeated: float, keys: list[str]) -> str | None:
    """What is in doubt where so few rows repeat a series and date that they may be faults."""
    if share_repeated > FEW:
        return None
    return (
        f"Only {share_repeated:.2%} of the rows looked at repeat the date and {', '.join(keys)} of another row, and "
        "they are added up. If they are faults, say --layout long."
    )


def _determined_by_any(sample: pl.DataFrame, column: ColumnProfile, texts: list[ColumnProfile]) -> bool:
    finer = [c for c in texts if c.name != column.name and c.distinct >= column.distinct]
    return any(
        _determined(sample, [c.name], column.name) for c in finer if (c.distinct, c.name) > (column.distinct, "")
    )


def constant_columns(sample: pl.DataFrame, keys: tuple[str, ...], names: list[str]) -> list[str]:
    """The columns that have one value in nearly every series, and not the same value in all."""
    if not names:
        return []
    counts = sample.group_by(keys).agg(pl.col(names).drop_nulls().n_unique())
    fixed = [name for name in names if share(counts[name] <= 1) >= CONSTANT]
    return [name for name in fixed if sample[name].n_unique() > 1]


def owner(series: pl.DataFrame, keys: tuple[str, ...], name: str) -> str | None:
    """The key that alone determines an attribute, such as the store or the item; None where no single key does."""
    for key in sorted(keys, key=lambda key: series[key].n_unique()):
        pairs = series.select(key, name).drop_nulls().unique()
        if pairs[key].n_unique() == pairs.height:
            return key
    return None


def levels(series: pl.DataFrame, keys: tuple[str, ...], attributes: list[str]) -> list[list[str]]:
    """The levels to add up to: those of places, then those of items; of each, groups come before the key itself.

    `series` has one row for each series with its keys and attributes. A level has at least two groups and fewer than
    there are series.

    >>> frame = pl.DataFrame({"item": list("aabbcc"), "store": list("xyxyxy"), "kind": list("kkkkmm")})
    >>> levels(frame, ("item", "store"), ["kind"])
    [['store'], ['kind'], ['store', 'kind'], ['item']]
    """
    groups = [name for name in attributes if _groups_well(series, keys, name)]
    groups = sorted(groups, key=lambda name: (name_score(name, "group") < 3, series[name].n_unique()))
    groups = sorted(groups[:MOST_ATTRIBUTE_LEVELS], key=lambda name: series[name].n_unique())
    owners = {name: owner(series, keys, name) for name in groups}
    place = next((key for key in keys if is_place(key)), None)
    place = place or (min(keys, key=lambda key: series[key].n_unique()) if len(keys) > 1 else None)
    proposed: list[list[str]] = []
    of_place = [name for name in groups if owners[name] == place and place]
    of_items = [name for name in groups if name not in of_place]
    proposed += [[name] for name in of_place]
    proposed += [[place]] if place else []
    proposed += [[name] for name in of_items]
    proposed += [[place, name] for name in of_items[:1] if place]
    proposed += [[key] for key in keys if key != place]
    return [level for level in proposed if _adds_up(series, level)]


def _groups_well(series: pl.DataFrame, keys: tuple[str, ...], name: str) -> bool:
    """Whether to add up by an attribute: text, or a number named as a group, with two or more series in a group."""
    count = series[name].n_unique()
    texts = series[name].dtype == pl.String and series[name].cast(pl.Float64, strict=False).count() == 0
    says_group = name_score(name, "group")
    if not (says_group == 4 or (texts and (says_group >= 3 or not is_wordy(name)))):
        return False
    return 2 <= count <= max(2, series.height / 2) and name not in keys


def _adds_up(series: pl.DataFrame, level: list[str]) -> bool:
    return 2 <= series.select(level).n_unique() < series.height
