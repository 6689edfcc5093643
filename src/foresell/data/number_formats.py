"""Numbers as people write them: thousands in groups, minus signs of all sorts, currencies, per cent.

A point or a comma may be a decimal mark or separate thousands. The setting ``decimal`` says which; `NumberMarks` counts
what the texts themselves say.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

BLANKS = " \u00a0\u202f\u2009\u2007"
APOSTROPHES = "'\u2019\u02bc"
MINUS_SIGNS = "-\u2212\u2013\u2012\ufe63\uff0d"
CURRENCY_CODES = "EUR|USD|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|HUF|RON|TRY|BRL|Fr|Rs|kr|zł|Kč|Ft|lei"
CURRENCIES = rf"[€£¥₹₽₺₴₩฿]|[A-Z]{{0,2}}\$|(?:{CURRENCY_CODES})\.?"

# Other ways to write a number, as patterns with their replacements, in the order in which they are applied.
REWRITINGS = (
    (rf"[{MINUS_SIGNS}]", "-"),
    (rf"^(-?)[{BLANKS}]*(?:{CURRENCIES})[{BLANKS}]*", "${1}"),  # € 2.69
    (rf"[{BLANKS}]*(?:{CURRENCIES})([{BLANKS}]*-?)$", "${1}"),  # 2.69 €
    (rf"^\((?:{CURRENCIES})?[{BLANKS}]*(.+?)[{BLANKS}]*\)$", "-${1}"),  # (2) for -2, as accountants write
    (rf"^([^-].*?)[{BLANKS}]*-$", "-${1}"),  # 2- for -2, as SAP writes
    (rf"^([-+])[{BLANKS}]+", "${1}"),
    (r"^\+", ""),
)
PER_CENT = rf"[{BLANKS}]*[%\u066a]$"


def to_number(texts: pl.Series, decimal: str) -> pl.Series:
    """Numbers from texts whose decimal mark is `decimal`; null where a text is no number. A per cent is a hundredth.

    >>> to_number(pl.Series(["1.200,50", "1 070", "3-", "(4)", "2,69 €", "5 %", "x"]), ",").to_list()
    [1200.5, 1070.0, -3.0, -4.0, 2.69, 0.05, None]
    """
    numbers = _plain_numbers(texts, decimal)  # nearly all, so the patterns below are for the others
    unusual = (numbers.is_null() & texts.is_not_null()).arg_true()
    if not len(unusual):
        return numbers
    rewritten = texts.gather(unusual).str.strip_chars()
    per_cent = rewritten.str.contains(PER_CENT)
    rewritten = rewritten.str.replace(PER_CENT, "")
    for pattern, replacement in REWRITINGS:
        rewritten = rewritten.str.replace(pattern, replacement)
    rewritten = rewritten.set(~rewritten.str.contains(r"^-?[\d.,]").fill_null(False), None)
    values = _with_decimal(rewritten, decimal)
    return numbers.scatter(unusual, (values / 100).zip_with(per_cent, values))


def _with_decimal(texts: pl.Series, decimal: str) -> pl.Series:
    """Numbers from texts that are digits with thousands separators or without, and with the decimal mark."""
    mark = "." if decimal == "," else ","
    thousands = (rf"\{mark}", f"[{BLANKS}]", f"[{APOSTROPHES}]")
    groups = "|".join(rf"\d{{1,3}}(?:{sign}\d{{3}})+" for sign in thousands)
    indian = rf"\d{{1,2}}(?:{mark}\d{{2}})+{mark}\d{{3}}" if mark == "," else r"\d{1,2}(?:\.\d{2})+\.\d{3}"
    grouped = texts.str.contains(rf"^[-+]?(?:{groups}|{indian})(?:\{decimal}\d*)?$").fill_null(False)
    plain = texts.str.replace_all(rf"[\{mark}{BLANKS}{APOSTROPHES}]", "").zip_with(grouped, texts)
    return _plain_numbers(plain, decimal)


def _plain_numbers(texts: pl.Series, decimal: str) -> pl.Series:
    """Numbers from texts without thousands separators; null for all others."""
    if decimal == ",":
        # A point that separates no thousands is no decimal point either.
        texts = texts.set(texts.str.contains(".", literal=True).fill_null(False), None)
        texts = texts.str.replace(",", ".", literal=True)
    return texts.cast(pl.Float64, strict=False)


@dataclass(frozen=True)
class NumberMarks:
    """How many numbers of a column are written in which way, seen from one mark (a point or a comma).

    - `grouped`: one mark before three last digits, as in ``1.070``: thousands or three decimal places.
    - `small` and `large`: whole numbers without a mark, below 1,000 and from there on.
    - `decimals`: numbers in which the mark can only be a decimal mark, such as ``0.070``, ``1070.5`` or ``1,070.5``.
    - `thousands`: numbers in which the mark can only separate thousands, such as ``1.070.000`` or ``1.070,5``.
    - `round`: those of `grouped` that end in three zeros; `tens`: those that end in one.
    """

    grouped: int = 0
    small: int = 0
    large: int = 0
    decimals: int = 0
    thousands: int = 0
    round: int = 0
    tens: int = 0

    def __add__(self, other: NumberMarks) -> NumberMarks:
        return NumberMarks(*(mine + its for mine, its in zip(self._counts(), other._counts(), strict=True)))

    def _counts(self) -> tuple[int, ...]:
        return (self.grouped, self.small, self.large, self.decimals, self.thousands, self.round, self.tens)

    @classmethod
    def of(cls, texts: pl.Series, mark: str) -> NumberMarks:
        """The counts of `texts`.

        >>> NumberMarks.of(pl.Series(["1.070", "985", "0.5"]), ".")
        NumberMarks(grouped=1, small=1, large=0, decimals=1, thousands=0, round=0, tens=1)
        """
        other = "," if mark == "." else "."
        kinds = {
            "grouped": rf"^[1-9]\d{{0,2}}\{mark}\d{{3}}$",
            "small": r"^\d{1,3}$",
            "large": r"^\d{4,}$",
            "decimals": rf"^(?:\d*\{mark}\d{{1,2}}|\d*\{mark}\d{{4,}}|0\d*\{mark}\d*|\d{{4,}}\{mark}\d*)$"
            rf"|^\d{{1,3}}(?:[{other}{BLANKS}{APOSTROPHES}]\d{{3}})+\{mark}\d*$",
            "thousands": rf"^\d{{1,3}}(?:\{mark}\d{{3}}){{2,}}(?:{other}\d*)?$|^\d{{1,3}}\{mark}\d{{3}}{other}\d*$",
            "round": rf"^[1-9]\d{{0,2}}\{mark}000$",
            "tens": rf"^[1-9]\d{{0,2}}\{mark}\d\d0$",
        }
        unsigned = texts.str.replace_all(rf"[^\d.,{BLANKS}{APOSTROPHES}]", "").str.strip_chars()
        return cls(**{kind: int(unsigned.str.contains(pattern).sum()) for kind, pattern in kinds.items()})

    @property
    def means_thousands(self) -> bool:
        """Whether the mark certainly separates thousands in this column."""
        if self.decimals:
            return False
        trimmed = self.grouped > 20 and not self.tens  # three decimals whose last zero was cut off
        return bool(self.thousands) or bool(self.grouped and self.small and not self.large and not trimmed)

    @property
    def doubtful(self) -> bool:
        """Whether the numbers may be thousands and may be decimals."""
        return bool(self.grouped) and not self.decimals and not self.means_thousands


def decimal_mark(columns: list[pl.Series]) -> tuple[str, str, tuple[str, ...]]:
    """The decimal mark of text columns of numbers, why, and the names of the columns that leave it in doubt.

    >>> decimal_mark([pl.Series("units", ["1.070", "985", "1.200"])])
    (',', "a point separates thousands in 'units'", ())
    >>> decimal_mark([pl.Series("price", ["1,99", "12"])])[0], decimal_mark([pl.Series("kg", ["1.250", "3.125"])])[2]
    (',', ('kg',))
    """
    counts = {mark: {texts.name: NumberMarks.of(texts, mark) for texts in columns} for mark in ".,"}
    decimals = {mark: sum(bool(marks.decimals) for marks in of.values()) for mark, of in counts.items()}
    thousands = {mark: [name for name, marks in of.items() if marks.means_thousands] for mark, of in counts.items()}
    doubtful = {mark: [name for name, marks in of.items() if marks.doubtful] for mark, of in counts.items()}
    if any(decimals.values()):
        mark = "," if decimals[","] > decimals["."] else "."
        return mark, "numbers are written so", tuple(thousands[mark])
    if any(thousands.values()):
        mark, name, column = (",", "point", thousands["."]) if thousands["."] else (".", "comma", thousands[","])
        return mark, f"a {name} separates thousands in '{column[0]}'", tuple(thousands[mark])
    zeros = sum((marks.round for marks in counts[","].values()), 0)
    # Three zeros at the end of every number are decimal places: nobody sells by the thousand only.
    if doubtful[","] and zeros >= sum(marks.grouped for marks in counts[","].values()) / 2:
        return ",", "numbers have three decimal places", tuple(doubtful[","])
    return ".", "no number has a decimal comma", (*doubtful["."], *doubtful[","])
