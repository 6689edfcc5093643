"""Tables of stock, open orders and terms beside the sales: which they are, and what their columns are called there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
from foresell.data.supply.terms_table import TERMS
from foresell.onboarding.candidate_table import CandidateTable
from foresell.onboarding.column_names import name_score, plain
from foresell.onboarding.columns import ValueKind, number_texts
from foresell.onboarding.proposal import Draft
from foresell.onboarding.table_sample import ROW

FOLDER = "supply"
"""Tables of supply may stand in a folder of this name beside the sales."""

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
        if self.setting == "terms" and (strange or len(self.columns) < len(self.side.columns)):
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
    for side in (*sides, *apart):
        proposal = _proposal(draft, side, series)
        if proposal is None:
            continue
        if proposal.setting in proposals:
            taken = proposals[proposal.setting].side.file.name
            draft.add_doubt(
                f"{side.file.name} may be the table of {proposal.setting.replace('_', ' ')} as well as {taken}, which "
                f"was taken. If that is wrong, change orders.{proposal.setting}."
            )
            continue
        proposals[proposal.setting] = proposal
        for doubt in proposal.doubts:
            draft.add_doubt(doubt)
    if proposals:
        _set(draft, proposals, dates)
    used = {proposal.side.file.path for proposal in proposals.values() if not _describes(proposal)}
    return [side for side in sides if side.file.path not in used]


def _describes(proposal: SupplyProposal) -> bool:
    """Whether a table of terms has texts too, so that it may be a table of items or stores."""
    others = [c for c in proposal.side.columns.values() if c.name not in proposal.columns.values()]
    return proposal.setting == "terms" and any(c.kind == ValueKind.TEXT for c in others)


def _set(draft: Draft, proposals: dict[str, SupplyProposal], dates: Callable[[], np.ndarray]) -> None:
    """Sets the section ``orders``."""
    names = [name for name in ("stock", "open_orders", "terms") if name in proposals]
    tree: dict[str, Any] = {name: proposals[name].side.file.path for name in names}
    if columns := {name: named for name in names if (named := proposals[name].named_columns())}:
        tree["columns"] = columns
    if "open_orders" in proposals and (written := _date_format(draft, proposals["open_orders"], dates)):
        tree["date_format"] = written
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


def _date_format(draft: Draft, proposal: SupplyProposal, dates: Callable[[], np.ndarray]) -> str | None:
    """The format of due dates where the order of day and month is open and only one lies after the sales."""
    column = proposal.side.columns[proposal.columns["due"]]
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


def _proposal(draft: Draft, side: CandidateTable, series: pl.DataFrame) -> SupplyProposal | None:
    """What a table is of supply; None where it is nothing of it."""
    for kind in (_open_orders, _stock, _terms):
        if proposal := kind(draft, side, series):
            return proposal
    return None


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
    columns, doubts = _roles(side, [term for term in TERMS if term not in series.columns], "terms")
    supply = [name for name in columns if name not in ("price", "lost_margin")]
    called = _is_called(side, TERM_WORDS)
    if side.dates() or not supply or len(columns) < (1 if called else 2):
        return None
    keys = {name: column for name in series.columns if (column := _key_column(side, name, series[name], columns))}
    if not keys and side.sample.frame.height != 1:
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


def _roles(side: CandidateTable, roles: Sequence[str], setting: str) -> tuple[dict[str, str], list[str]]:
    """The columns of `roles` that hold what such columns hold; of several the most usual one, with a doubt."""
    named = role_columns([name for name in side.columns if name not in side.shared], roles)
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
    if role in ("due", "expires"):
        return profile.kind == ValueKind.DATE
    if profile.numeric:
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
