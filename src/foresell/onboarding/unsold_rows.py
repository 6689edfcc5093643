"""Rows that a column marks as no sale: cancelled orders, returns, plans, and other measures than units."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import polars as pl

from foresell.core.errors import first_five
from foresell.core.words import many
from foresell.onboarding.column_names import name_score, plain
from foresell.onboarding.columns import ColumnProfile, ValueKind
from foresell.onboarding.overrides import BY_HAND, Overrides
from foresell.onboarding.proposal import Draft

EXCLUDE, SUBTRACT, KEEP = "exclude", "subtract", "keep"
MOST_KINDS = 20  # a column of more values is no status

CANCELLED = (
    r"(?i)\b(?:cancel(?:l?ed|lation)?|void(?:ed)?|rejected|declined|failed|deleted|storno|storniert|abgebrochen|"
    r"abgelehnt|annul(?:ée?|ation|lato|lata|eret)?|anulad[oa]|cancelad[oa]|cancelado|geannuleerd|makulerad|anulowane|"
    r"annullato)(?!\w)"
)
RETURNED = (
    r"(?i)\b(?:return(?:ed|s)?|refund(?:ed|s)?|credit (?:note|memo)|charge ?back|retouren?|rückgabe|gutschrift|"
    r"reklamation|erstattet|rembours(?:ée?|ement)|avoir|retour|retourn[ée]+|devoluci[oó]n|devuelt[oa]|devolução|"
    r"reembols[oa]d?o?|reso|rimborso|retur|zwrot)(?!\w)"
)
UNSETTLED = (
    r"(?i)\b(?:pending|on hold|open|draft|unpaid|quote|offen|entwurf|ausstehend|"
    r"en attente|brouillon|pendiente)(?!\w)"
)
PLANNED = (
    r"(?i)^(?:budget(?:ed)?|plan(?:ned)?|forecast|target|goal|prognose|soll|ziel|plansoll|presupuesto|objetivo|"
    r"prévision|objectif|prognosis|begroting)$"
)
ACTUAL = r"(?i)^(?:actuals?|ist|real|réel|réalisé|effective|sales|sold|verkauf|absatz|reale|realisatie)$"

# A status says what became of a line itself; a kind of document says that it is a line of its own.
OF_LINES = ["status", "state", "zustand", "estado", "statut", "stato", "stan", "situation", "fulfillment", "fulfilment"]


@dataclass
class UnsoldRows:
    """The values of columns that mark rows as no sale, and what each is taken for."""

    excluded: dict[str, list[str]] = field(default_factory=dict)
    returned: dict[str, list[str]] = field(default_factory=dict)

    @property
    def mask(self) -> pl.Expr:
        """Whether a row is left out."""
        listed = (pl.col(name).cast(pl.String).is_in(values) for name, values in self.excluded.items())
        return pl.any_horizontal(pl.lit(False), *listed).fill_null(False)


def propose(
    draft: Draft,
    frame: pl.DataFrame,
    columns: Iterable[ColumnProfile],
    quantity: pl.Series | None,
    overrides: Overrides,
) -> UnsoldRows:
    """The settings that leave out or subtract rows of `frame`, each with the evidence and a question.

    `columns` are those without a role, `quantity` the units of the rows, where they stand in one column.
    """
    unsold = UnsoldRows()
    for column in columns:
        values = _values_of(column, frame[column.name])
        if values is None:
            continue
        kinds = {value: _treatment(column.name, value, values) for value in values}
        if column.kind == ValueKind.FLAG:
            kinds = dict.fromkeys(values, EXCLUDE)
        if quantity is not None:
            kinds = {value: kind for value, kind in kinds.items() if _adds_units(frame[column.name], value, quantity)}
        marked = {value: kind for value, kind in kinds.items() if kind}
        if marked:
            _settle(draft, unsold, frame[column.name], marked, overrides)
    if unsold.excluded:
        draft.set("data.exclude", unsold.excluded, BY_HAND if overrides.unsold_rows else "these rows are no sales")
    if unsold.returned:
        why = BY_HAND if overrides.unsold_rows else "these rows are goods that came back"
        draft.set("data.return_rows", unsold.returned, why)
    return unsold


def _values_of(column: ColumnProfile, raw: pl.Series) -> list[str] | None:
    """The few different texts of a column that may mark rows; of a flag those that mean yes; None of any other."""
    if column.kind == ValueKind.FLAG and _marks_by_flag(column.name, raw):
        return raw.filter((column.values == 1.0).fill_null(False)).cast(pl.String).unique().sort().to_list() or None
    named_series = max(name_score(column.name, role) for role in ("item", "store")) >= 3
    if column.kind != ValueKind.TEXT or not 2 <= column.distinct <= MOST_KINDS or named_series:
        return None
    return raw.cast(pl.String).drop_nulls().unique().sort().to_list()


def _marks_by_flag(name: str, raw: pl.Series) -> bool:
    """Whether a flag says that a row was cancelled or came back; 0 and 1 may also count units that came back."""
    returned = re.search(RETURNED, plain(name).replace("_", " "))
    numbers = raw.dtype.is_numeric() or (raw.dtype == pl.String and raw.str.contains(r"\d").any())
    return name_score(name, "void") >= 3 or bool(returned and (not numbers or name.lower().startswith("is")))


def _treatment(column: str, value: str, values: list[str]) -> str | None:
    """What to do with the rows that have `value` in a column of such `values`; None where they are sales.

    >>> [_treatment("status", value, ["done", "refunded", "pending"]) for value in ("done", "refunded", "pending")]
    [None, 'exclude', 'keep']
    >>> _treatment("document", "Credit note", ["Invoice", "Credit note"]), _treatment("type", "Budget", ["Budget", "x"])
    ('subtract', None)
    """
    others = [other for other in values if other != value]
    words = set(plain(column).split("_"))
    if name_score(column, "group") >= 3 and not words & {"type", "kind", "class", *OF_LINES}:
        return KEEP if re.search(CANCELLED, value) or re.search(RETURNED, value) else None
    if re.search(CANCELLED, value):
        return EXCLUDE
    if re.search(RETURNED, value):
        return EXCLUDE if words & set(OF_LINES) else SUBTRACT
    if re.search(UNSETTLED, value):
        return KEEP
    if re.search(PLANNED, value.strip()) and any(re.search(ACTUAL, other.strip()) for other in others):
        return EXCLUDE
    units = [other for other in values if name_score(other, "quantity") >= 3]
    measure = max(name_score(value, role) for role in ("revenue", "price", "after")) >= 3 or plain(value) == "value"
    return EXCLUDE if len(units) == 1 and measure and value not in units else None


def _adds_units(marks: pl.Series, value: str, quantity: pl.Series) -> bool:
    """Whether rows with a mark have units above zero, which would count as sold."""
    return bool((quantity.filter((marks.cast(pl.String) == value).fill_null(False)) > 0).any())


def _settle(draft: Draft, unsold: UnsoldRows, marks: pl.Series, marked: dict[str, str], overrides: Overrides) -> None:
    """Notes what becomes of the rows that one column marks, with the question that says otherwise."""
    name, said = marks.name, overrides.unsold_rows
    clear = {value: said or kind for value, kind in marked.items() if said or kind != KEEP}
    texts = marks.cast(pl.String)
    sentences = []
    for treatment, words in (
        (EXCLUDE, "left out"),
        (SUBTRACT, "returns, which are subtracted"),
        (KEEP, "counted as sold"),
    ):
        values = [value for value, kind in (clear or marked).items() if kind == treatment]
        if treatment == SUBTRACT and overrides.layout not in (None, "transactions"):
            treatment, words = EXCLUDE, "left out"
        if not values:
            continue
        if treatment != KEEP:
            (unsold.excluded if treatment == EXCLUDE else unsold.returned).setdefault(name, []).extend(values)
        count = int(texts.is_in(values).sum())
        sentences.append(
            f"the {many(count, 'row')} whose {name} is {first_five(values)} {'is' if count == 1 else 'are'} {words}"
        )
    if said:
        draft.answers["unsold_rows"] = said
        return
    sentence = f"Of {len(marks):,} rows looked at, {' and '.join(sentences)}."
    unclear = [value for value, kind in marked.items() if kind == KEEP]
    if unclear and clear:
        sentence += f" Those with {first_five(unclear)} count as sold."
    options = f"--unsold-rows {EXCLUDE}, {SUBTRACT} or {KEEP}"
    draft.add_doubt(f"{sentence} If that is wrong, say {options}.", "unsold_rows", [EXCLUDE, SUBTRACT, KEEP])
    kinds = set(clear.values()) or {KEEP}
    draft.answers["unsold_rows"] = kinds.pop() if len(kinds) == 1 else None
