"""Tables of stock, lots, open orders, terms and vendors beside the sales: which they are, and what their columns are
called there."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from foresell.core.dates.formats import to_date
from foresell.core.errors import first_five
from foresell.core.settings.data import ONE_SERIES
from foresell.core.words import listed
from foresell.data.number_formats import decimal_mark
from foresell.data.supply.column_roles import NAMES, role_columns
from foresell.data.supply.table_form import plausible_share
from foresell.data.supply.terms_table import TERMS, VENDOR
from foresell.data.supply.vendor_tables import BREAK_KIND, BREAK_TERMS, VENDOR_TERMS
from foresell.onboarding.candidate_table import CandidateTable
from foresell.onboarding.column_names import name_score, plain
from foresell.onboarding.columns import ValueKind, number_texts
from foresell.onboarding.proposal import Draft
from foresell.onboarding.table_sample import ROW

FOLDER = "supply"
"""Tables of supply may stand in a folder of this name beside the sales."""

TABLES = ("stock", "open_orders", "receipts", "lots", "terms", "vendors", "price_breaks")
"""The settings below ``orders`` that name a table."""

STOCK_WORDS = "stock stocks inventory bestand bestande lager lagerbestand onhand soh existencias"
TERM_WORDS = "terms supply konditionen stammdaten lieferanten vendors suppliers vendor supplier purchasing"
"""Words in the name of a file that say what it holds."""

KNOWN_VALUES, KNOWN_NAMED = 0.8, 0.4
"""The least share of a column's values that a key of the sales has too: of any column, and of one that is called so."""


@dataclass(frozen=True)
class SupplyProposal:
    """A table of supply: its `setting` below ``orders``, its columns by what foresell calls them, and doubts."""

    setting: str
    side: CandidateTable
    columns: dict[str, str]
    doubts: tuple[str, ...] = ()

    def named_columns(self) -> dict[str, str]:
        """The columns that the settings have to name."""
        strange = {name: column for name, column in self.columns.items() if name != column}
        if self.setting in ("terms", "vendors", "price_breaks") and (
            strange or len(self.columns) < len(self.side.columns)
        ):
            return self.columns
        return strange


def propose_supply(
    draft: Draft,
    sides: Sequence[CandidateTable],
    apart: Sequence[CandidateTable],
    series: pl.DataFrame,
    dates: Callable[[], np.ndarray],
) -> list[CandidateTable]:
    """Proposes tables of supply, and returns those of `sides` that are none.

    `apart` are tables that hold nothing else, `series` [series] has keys and attributes, `dates` gives all dates of the
    sales.
    """
    if draft.data["keys"] == [ONE_SERIES]:
        return list(sides)
    proposals: dict[str, SupplyProposal] = {}
    for proposal in (proposal for side in (*sides, *apart) for proposal in _proposals(draft, side, series)):
        if proposal.setting in proposals:
            taken = proposals[proposal.setting].side.file.name
            draft.add_doubt(
                f"{proposal.side.file.name} may be the table of {proposal.setting.replace('_', ' ')} as well as "
                f"{taken}, which was taken. If that is wrong, change orders.{proposal.setting}."
            )
            continue
        proposals[proposal.setting] = proposal
    of_vendors = {proposals[name].side.file.path for name in ("vendors", "price_breaks") if name in proposals}
    others = [name for side in sides if side.file.path not in of_vendors for name in side.columns]
    _drop_what_lacks_terms(draft, proposals, [*series.columns, *others])
    for doubt in (doubt for proposal in proposals.values() for doubt in proposal.doubts):
        draft.add_doubt(doubt)
    if proposals:
        _set(draft, proposals, dates)
    used = {proposal.side.file.path for proposal in proposals.values() if not _describes(proposal)}
    return [side for side in sides if side.file.path not in used]


def _describes(proposal: SupplyProposal) -> bool:
    """Whether a table of terms has texts too, so that it may be a table of items or stores."""
    supply = [column for role, column in proposal.columns.items() if role != VENDOR]
    others = [c for c in proposal.side.columns.values() if c.name not in supply]
    return proposal.setting == "terms" and any(c.kind == ValueKind.TEXT for c in others)


def _set(draft: Draft, proposals: dict[str, SupplyProposal], dates: Callable[[], np.ndarray]) -> None:
    """Sets the section ``orders``."""
    if "stock" not in proposals and "lots" in proposals:
        proposals["stock"] = _stock_of(draft, proposals["lots"])
    names = [name for name in TABLES if name in proposals]
    tree: dict[str, Any] = {name: proposals[name].side.file.path for name in names}
    if columns := {name: named for name in names if (named := proposals[name].named_columns())}:
        tree["columns"] = columns
    of_dates = [(name, role) for name, role in (("open_orders", "due"), ("lots", "expires")) if name in proposals]
    if written := [text for name, role in of_dates if (text := _date_format(draft, proposals[name], role, dates))]:
        tree["date_format"] = written[0]
    reasons = []
    for name in names:
        held = [column for role, column in proposals[name].columns.items() if role in NAMES]
        reasons.append(f"{proposals[name].side.file.name} has {listed(held)}")
    draft.set("orders", tree, "; ".join(reasons))
    if "stock" not in proposals:
        draft.add_doubt(
            "There is no table of the stock on hand beside the sales, so `foresell plan` says targets, and no orders. "
            "Name it as orders.stock."
        )


def _stock_of(draft: Draft, lots: SupplyProposal) -> SupplyProposal:
    """The stock on hand where only its lots are known: their sum."""
    columns = {"on_hand" if role == "units" else role: name for role, name in lots.columns.items() if role != "expires"}
    draft.add_doubt(
        f"There is no table of the stock on hand, so it is taken to be that of the lots in {lots.side.file.name}. That "
        "of goods without a lot is not known then. Name a table of all stock as orders.stock."
    )
    return SupplyProposal("stock", lots.side, columns)


def _drop_what_lacks_terms(draft: Draft, proposals: dict[str, SupplyProposal], columns: Sequence[str]) -> None:
    """Leaves out, with a doubt, tables that mean nothing without other terms: lots without a shelf life, and vendors
    where neither the terms nor the other `columns` beside the sales say whose goods are whose."""
    terms = proposals["terms"].columns if "terms" in proposals else {}
    if "lots" in proposals and "shelf_days" not in terms:
        name = proposals.pop("lots").side.file.name
        draft.add_doubt(
            f"{name} has lots with their dates, but nothing says for how many days new goods can be sold, so it was "
            "not used. Give the terms a column shelf_days, blank for goods that keep, and name the table as "
            "orders.lots."
        )
    if VENDOR in terms or role_columns(columns, [VENDOR]).of:
        return
    for setting in ("vendors", "price_breaks"):
        if setting in proposals:
            name = proposals.pop(setting).side.file.name
            draft.add_doubt(
                f"{name} has terms of vendors, but nothing says which goods come from which vendor, so it was not "
                f"used. Give the terms a column vendor, and name the table as orders.{setting}."
            )


def _date_format(draft: Draft, proposal: SupplyProposal, role: str, dates: Callable[[], np.ndarray]) -> str | None:
    """The format of dates where the order of day and month is open and only one lies after the sales."""
    column = proposal.side.columns[proposal.columns[role]]
    if len(column.formats) < 2:
        return None
    texts = proposal.side.sample.frame[column.name].cast(pl.String).drop_nulls().unique(maintain_order=True)
    last = dates()[-1].astype("datetime64[D]")
    plausible = [text for text in column.formats if plausible_share(to_date(texts, text).drop_nulls(), last) == 1]
    if len(plausible) == 1:
        return plausible[0]
    readings = " or ".join(str(to_date(texts.head(1), text).item()) for text in column.formats[:2])
    draft.add_doubt(
        f"Is {texts[0]} in {column.name} of {proposal.side.file.name} {readings}? Unless you say so with "
        "orders.date_format, it is read in the order of day and month of the sales."
    )
    return None


# -- what a table is ------------------------------------------------------------------------------------------------


def _proposals(draft: Draft, side: CandidateTable, series: pl.DataFrame) -> list[SupplyProposal]:
    """What a table is of supply; nothing where it is nothing of it. Terms may hold what vendors ask too."""
    for kind in (_receipts, _open_orders, _lots, _stock, _price_breaks):
        if proposal := kind(draft, side, series):
            return [proposal]
    terms = _terms(draft, side, series)
    taken = set(terms.columns.values()) - {terms.columns.get(VENDOR)} if terms else set()
    asked = _vendors(draft, side, series, taken)
    return [proposal for proposal in (terms, asked) if proposal]


def _lots(draft: Draft, side: CandidateTable, series: pl.DataFrame) -> SupplyProposal | None:
    columns, doubts = _roles(side, ["expires", "units"], "lots")
    if "units" not in columns:
        stock, doubts = _roles(side, ["expires", "on_hand"], "lots")
        columns |= {"units": stock["on_hand"]} if "on_hand" in stock else {}
    if set(columns) != {"expires", "units"}:
        return None
    return _with_keys(draft, side, series, "lots", columns, doubts)


def _vendors(draft: Draft, side: CandidateTable, series: pl.DataFrame, taken: set[str]) -> SupplyProposal | None:
    """What vendors ask; `taken` are columns that are terms of single series."""
    proposal = _of_vendors(side, series, "vendors", VENDOR_TERMS, taken)
    if proposal is None:
        return None
    keys = [column for role, column in proposal.columns.items() if role not in (VENDOR, *VENDOR_TERMS)]
    if keys and side.one_row_for(keys):
        return None  # it is about items and the like, each with its vendor
    if not side.one_row_for([*keys, proposal.columns[VENDOR]]):
        draft.add_doubt(
            f"{side.file.name} has what vendors ask, but several rows for a "
            f"{' x '.join([proposal.columns[VENDOR], *keys])}, so it was not used. Keep one row for each, and name it "
            "as orders.vendors."
        )
        return None
    return proposal


def _price_breaks(draft: Draft, side: CandidateTable, series: pl.DataFrame) -> SupplyProposal | None:
    proposal = _of_vendors(side, series, "price_breaks", (*BREAK_TERMS, BREAK_KIND), set())
    has_breaks = proposal and "discount" in proposal.columns and {"from_money", "from_units"} & set(proposal.columns)
    return proposal if has_breaks else None


def _of_vendors(
    side: CandidateTable, series: pl.DataFrame, setting: str, terms: Sequence[str], taken: set[str]
) -> SupplyProposal | None:
    """A table whose rows are about vendors, and may be about stores or the like beside them."""
    columns, doubts = _roles(side, [VENDOR, *terms], setting, taken)
    if side.dates() or VENDOR not in columns or not set(columns) & set(terms) - {BREAK_KIND}:
        return None
    others = [name for name in series.columns if name not in (VENDOR, *terms)]
    keys = {name: column for name in others if (column := _key_column(side, name, series[name], columns))}
    return SupplyProposal(setting, side, {**keys, **columns}, tuple(doubts))


def _receipts(draft: Draft, side: CandidateTable, series: pl.DataFrame) -> SupplyProposal | None:
    columns, doubts = _roles(side, ["ordered", "received", VENDOR], "receipts")
    if not {"ordered", "received"} <= set(columns):
        return None
    if VENDOR in columns:
        return SupplyProposal("receipts", side, columns, tuple(doubts))
    keys = {name: column for name in series.columns if (column := _key_column(side, name, series[name], columns))}
    return SupplyProposal("receipts", side, {**keys, **columns}, tuple(doubts)) if keys else None


def _open_orders(draft: Draft, side: CandidateTable, series: pl.DataFrame) -> SupplyProposal | None:
    columns, doubts = _roles(side, ["due", "units"], "open_orders")
    if set(columns) != {"due", "units"} or side.columns[columns["due"]].kind != ValueKind.DATE:
        return None
    return _with_keys(draft, side, series, "open_orders", columns, doubts)


def _stock(draft: Draft, side: CandidateTable, series: pl.DataFrame) -> SupplyProposal | None:
    columns, doubts = _roles(side, ["on_hand"], "stock")
    called = _is_called(side, STOCK_WORDS)
    if "on_hand" not in columns or not (called or plain(columns["on_hand"]) in NAMES["on_hand"][0].split()):
        return None
    moments = [name for name in side.dates() if side.columns[name].distinct > 1]
    if moments and not called:
        return None
    proposal = _with_keys(draft, side, series, "stock", columns, doubts)
    if proposal and moments:
        draft.add_doubt(
            f"{side.file.name} has stock of several dates ({first_five(moments)}), so it was not used. Keep the "
            "rows of the newest date in a table, and name it as orders.stock."
        )
        return None
    return proposal


def _terms(draft: Draft, side: CandidateTable, series: pl.DataFrame) -> SupplyProposal | None:
    roles = [term for term in (*TERMS, VENDOR) if term not in series.columns]
    columns, doubts = _roles(side, roles, "terms", VENDOR_TERMS)
    supply = [name for name in columns if name not in ("price", "lost_margin", VENDOR)]
    called = _is_called(side, TERM_WORDS)
    if side.dates() or not supply or len(set(columns) - {VENDOR}) < (1 if called else 2):
        return None
    keys = {name: column for name in series.columns if (column := _key_column(side, name, series[name], columns))}
    if not keys and (VENDOR in columns or side.sample.frame.height != 1):
        return None
    if keys and not side.one_row_for(list(keys.values())):
        draft.add_doubt(
            f"{side.file.name} has {listed(list(columns.values()))}, but several rows for a {' x '.join(keys)}, so it "
            "was not used. Keep one row for each, and name it as orders.terms."
        )
        return None
    return SupplyProposal("terms", side, {**keys, **columns}, tuple(doubts))


def _is_called(side: CandidateTable, words: str) -> bool:
    return bool(set(side.stem.split("_")) & set(words.split()))


def _roles(
    side: CandidateTable, roles: Sequence[str], setting: str, taken: Collection[str] = ()
) -> tuple[dict[str, str], list[str]]:
    """The columns of `roles` that hold what such columns hold, without those `taken`; of several the most usual one,
    with a doubt."""
    named = role_columns([name for name in side.columns if name not in (*side.shared, *taken)], roles)
    columns, doubts = dict(named.of), []
    for role, several in named.doubtful.items():
        words = " ".join(NAMES[role]).split()
        best = min(several, key=lambda name: words.index(plain(name)) if plain(name) in words else len(words))
        columns[role] = best
        doubts.append(
            f"Several columns of {side.file.name} may be {role.replace('_', ' ')}: {first_five(several)}. {best} was "
            f"taken. If that is wrong, change orders.columns.{setting}.{role}."
        )
    fitting = {role: column for role, column in columns.items() if _holds(side, column, role)}
    texts = [t for t in number_texts(side.sample.frame.drop(ROW, strict=False)) if t.name in fitting.values()]
    for name in decimal_mark(texts)[2] if texts else ():
        doubts.append(
            f"Numbers in {name} of {side.file.name} may have thousands or decimals. Say which mark is that of "
            "decimals with orders.decimal."
        )
    return fitting, doubts


def _holds(side: CandidateTable, column: str, role: str) -> bool:
    """Whether the values of a column are those of its role: dates, or numbers with either decimal mark."""
    profile = side.columns[column]
    if role in ("due", "expires", "ordered", "received"):
        return profile.kind == ValueKind.DATE
    if profile.numeric or role in (VENDOR, BREAK_KIND):
        return True
    return any(texts.name == column for texts in number_texts(side.sample.frame.select(column)))


def _with_keys(
    draft: Draft, side: CandidateTable, series: pl.DataFrame, setting: str, columns: dict[str, str], doubts: list[str]
) -> SupplyProposal | None:
    """The proposal with the columns of all keys; None with a doubt where some are missing."""
    names = draft.data["keys"]
    keys = {name: column for name in names if (column := _key_column(side, name, series[name], columns))}
    if missing := [name for name in names if name not in keys]:
        if len(missing) < len(names):
            draft.add_doubt(
                f"{side.file.name} seems to be the table of {setting.replace('_', ' ')}, but no column of it has "
                f"{listed(missing)} as in the sales, so it was not used. Add it, and name the table as "
                f"orders.{setting}."
            )
        return None
    return SupplyProposal(setting, side, {**keys, **columns}, tuple(doubts))


def _key_column(side: CandidateTable, key: str, sold: pl.Series, taken: dict[str, str]) -> str | None:
    """The column of a table that has the values of a key or an attribute of the series; None where none has."""
    if sold.dtype.is_float():
        return None
    free = [name for name in side.columns if name not in taken.values() and side.columns[name].kind != ValueKind.DATE]
    alike = [name for name in free if plain(name) == plain(key)]
    shares = {name: _known_share(side.sample.frame[name], sold) for name in free}
    if alike:
        return alike[0] if shares[alike[0]] > 0 else None
    roles = [role for role in ("store", "item", "series", "group") if name_score(key, role) >= 3]
    called = [name for name in free if any(name_score(name, role) >= 3 for role in roles)]
    best = max(called, key=shares.__getitem__, default=None)
    if best is not None and shares[best] >= KNOWN_NAMED:
        return best
    texts = [name for name in free if side.columns[name].kind == ValueKind.TEXT]
    best = max(texts, key=shares.__getitem__, default=None)
    return best if best is not None and shares[best] >= KNOWN_VALUES else None


def _known_share(values: pl.Series, sold: pl.Series) -> float:
    """The share of the values of a column that are among those of a key, however their numbers are written."""
    own, known = (
        column.cast(pl.String)
        .str.strip_chars()
        .str.replace(r"^0+(\d)", "$1")
        .str.replace(r"\.0+$", "")
        .drop_nulls()
        .unique()
        for column in (values, sold)
    )
    return int(own.is_in(known.implode()).sum()) / max(len(own), 1)
