"""Names of totals, such as "Total", "Week total" or "Gesamt Berlin": of series, of rows and of columns."""

from __future__ import annotations

import re

import polars as pl

_TOTALS = (
    "total totals totale totaal subtotal subtotals sum overall all alle gesamt gesamtsumme gesamtergebnis summe "
    "zwischensumme teilergebnis ergebnis somme suma soma totalt summa"
)
# What may stand beside the word: a period, a kind of group, or a word that joins.
_PERIODS_AND_GROUPS = (
    "grand sub general général week weekly wk kw woche wochen semaine semana month monthly monat mois mes year yearly "
    "annual jahr day daily tag quarter quartal period page store stores shop shops filiale filialen item items product "
    "products article articles artikel category group region country report sales units of the for per by der die des "
    "de du jan feb mar apr may jun jul aug sep oct nov dec january february march april june july august september "
    "october november december"
)
# At the beginning of a row without a date, or at the end of its name, as in "A100 Total".
_OF_ROWS = "gesamt|summe|zwischensumme|somme|suma|soma|totale|totaal"
TOTAL_ROW = (
    rf"(?i)^\s*(?:(?:grand|sub)?[- ]?total\b|(?:{_OF_ROWS})(?:\b|ergebnis|summe))|\b(?:total|ergebnis|summe)\s*:?\s*$"
)
# A column that adds up those beside it may count from the beginning of the year, too.
_OF_COLUMNS = frozenset((*_TOTALS.split(), "insgesamt", "ytd"))
TOTALS, PERIODS_AND_GROUPS = frozenset(_TOTALS.split()), frozenset(_PERIODS_AND_GROUPS.split())
_CANDIDATE = rf"(?i)\b(?:{'|'.join(sorted(TOTALS))})\b"


def names_total_column(name: str) -> bool:
    """Whether a word in the name of a column says that it adds up the columns beside it.

    >>> [names_total_column(name) for name in ("Grand Total", "YTD", "Gesamtsumme", "Totora")]
    [True, True, True, False]
    """
    return not _OF_COLUMNS.isdisjoint(re.findall(r"[^\W_]+", name.lower()))


def total_names(values: pl.Series, others: frozenset[str] = frozenset()) -> list[str]:
    """Those of the distinct texts that name a total: the word, with nothing else but a period, a group or a value.

    `others` are further values that a total may be of, in lower case. Not all values can be totals.

    >>> total_names(pl.Series(["Tea", "Total", "Week total 7", "Total Fitness Bar", "Total tea", "Grand Total"]))
    ['Grand Total', 'Total', 'Total tea', 'Week total 7']
    """
    distinct = values.cast(pl.String).drop_nulls().unique()
    candidates = distinct.filter(distinct.str.contains(_CANDIDATE)).sort().to_list()
    if not candidates:
        return []
    known = {value.strip().lower() for value in distinct.to_list()} | others
    names = [name for name in candidates if _names_total(name, known)]
    return names if len(names) < len(distinct) else []


def _names_total(name: str, known: set[str] | frozenset[str]) -> bool:
    words = re.findall(r"\w+", name.lower())
    rest = [word for word in words if word not in TOTALS]
    if len(rest) == len(words):
        return False
    numbers = [word for word in rest if re.fullmatch(r"q?\d+", word)]
    if PERIODS_AND_GROUPS.issuperset(set(rest) - set(numbers)):
        # A lone number may be a part of the name of goods, unless it is a year.
        return len(numbers) < len(rest) or all(re.fullmatch(r"(19|20)\d\d", number) for number in numbers)
    edge = words[0] in TOTALS or words[-1] in TOTALS
    return edge and " ".join(rest) in known
