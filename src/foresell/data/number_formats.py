"""Numbers as people write them: thousands in groups, minus signs of all sorts, currencies, per cent.

A point or a comma may be a decimal mark or separate thousands. The setting ``decimal`` says which; `NumberMarks` counts
what the texts themselves say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

BLANKS = " \u00a0\u202f\u2009\u2007"
APOSTROPHES = "'\u2019\u02bc"
MINUS_SIGNS = "-\u2212\u2013\u2012\ufe63\uff0d"
CURRENCY_CODES = "EUR|USD|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|HUF|RON|TRY|BRL|Fr|Rs|kr|zł|Kč|Ft|lei"
CURRENCIES = rf"[€£¥₹₽₺₴₩฿]|[A-Z]{{0,2}}\$|(?:{CURRENCY_CODES})\.?"

# Words for pieces. Weights and volumes are none, because 500 g and 1 kg are other units.
COUNTED = "pcs|pc|pieces?|units?|ea|each|Stk|Stck|Stück|St|szt|sztuk|ks|stuks|st|pz|pezzi|uds?|unidades|pi[eè]ces?|un"

# Other ways to write a number, as patterns with their replacements, in the order in which they are applied.
REWRITINGS = (
    (r"""^(?:="([^"]*)"|'(.+))$""", "${1}${2}"),  # ="20" and '20, as spreadsheets mark text
    (rf"^(.*\d)[{BLANKS}]*(?i:{COUNTED})\.?$", "${1}"),  # 5 pcs
    (rf"[{MINUS_SIGNS}]", "-"),
    (rf"^(-?)[{BLANKS}]*(?:{CURRENCIES})[{BLANKS}]*", "${1}"),  # € 2.69
    (rf"[{BLANKS}]*(?:{CURRENCIES})([{BLANKS}]*-?)$", "${1}"),  # 2.69 €
    (rf"^\((?:{CURRENCIES})?[{BLANKS}]*(.+?)[{BLANKS}]*\)$", "-${1}"),  # (2) for -2, as accountants write
    (rf"^([^-].*?)[{BLANKS}]*-$", "-${1}"),  # 2- for -2, as SAP writes
    (rf"^([-+])[{BLANKS}]+", "${1}"),
    (r"^\+", ""),
)
NEAR, FAR = 5, 20  # 1.070 is thousands beside 985, in doubt beside 100, and rather a decimal beside 25
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
    - `largest_small`: the largest of `small`; `smallest_grouped`: the smallest of `grouped`, taken for thousands.
    """

    grouped: int = 0
    small: int = 0
    large: int = 0
    decimals: int = 0
    thousands: int = 0
    round: int = 0
    tens: int = 0
    largest_small: int = 0
    smallest_grouped: int = 0

    def __add__(self, other: NumberMarks) -> NumberMarks:
        counts = (mine + its for mine, its in zip(self._counts(), other._counts(), strict=True))
        grouped = [marks.smallest_grouped for marks in (self, other) if marks.smallest_grouped]
        largest = max(self.largest_small, other.largest_small)
        return replace(NumberMarks(*counts), largest_small=largest, smallest_grouped=min(grouped, default=0))

    def _counts(self) -> tuple[int, ...]:
        return (self.grouped, self.small, self.large, self.decimals, self.thousands, self.round, self.tens)

    @classmethod
    def of(cls, texts: pl.Series, mark: str) -> NumberMarks:
        """The counts of `texts`.

        >>> marks = NumberMarks.of(pl.Series(["1.070", "985", "0.5"]), ".")
        >>> marks.grouped, marks.small, marks.decimals, marks.tens, marks.largest_small, marks.smallest_grouped
        (1, 1, 1, 1, 985, 1070)
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
        counts = {kind: int(unsigned.str.contains(pattern).sum()) for kind, pattern in kinds.items()}
        values = {kind: unsigned.filter(unsigned.str.contains(kinds[kind])) for kind in ("small", "grouped")}
        whole = {kind: digits.str.replace(mark, "", literal=True).cast(pl.Int64) for kind, digits in values.items()}
        return cls(
            **counts,
            largest_small=whole["small"].max() or 0,  # type: ignore[arg-type]
            smallest_grouped=whole["grouped"].min() or 0,  # type: ignore[arg-type]
        )

    @property
    def means_thousands(self) -> bool:
        """Whether the mark certainly separates thousands in this column."""
        if self.decimals:
            return False
        trimmed = self.grouped > 20 and not self.tens  # three decimals whose last zero was cut off
        beside_whole = self.grouped and self.small and not self.large and not trimmed
        return bool(self.thousands) or bool(beside_whole and self._far <= NEAR)

    @property
    def doubtful(self) -> bool:
        """Whether the numbers may be thousands and may be decimals."""
        return bool(self.grouped) and not self.decimals and not self.means_thousands

    @property
    def likely_thousands(self) -> bool:
        """Whether doubtful numbers stand beside whole ones that are not much smaller than they as thousands.

        Three decimal places beside whole numbers have lost their zeros at the end, so one that has a zero is thousands.
        """
        return self.doubtful and bool(self.small and not self.large) and (self._far <= FAR or bool(self.tens))

    @property
    def likely_decimals(self) -> bool:
        """Whether doubtful numbers stand beside whole ones that are much smaller than they would be as thousands."""
        return self.doubtful and bool(self.small) and self._far > FAR and not self.tens

    @property
    def _far(self) -> float:
        """How many times the largest whole number the smallest of the grouped ones would be as thousands."""
        return self.smallest_grouped / max(self.largest_small, 1)


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
    likely = {mark: [name for name, marks in of.items() if marks.likely_thousands] for mark, of in counts.items()}
    if any(likely.values()):
        mark = "," if likely["."] else "."
        return mark, "numbers may have thousands", (*doubtful["."], *doubtful[","])
    if any(marks.likely_decimals for marks in counts[","].values()):
        return ",", "numbers may have three decimal places", tuple(doubtful[","])
    zeros = sum((marks.round for marks in counts[","].values()), 0)
    # Three zeros at the end of every number are decimal places: nobody sells by the thousand only.
    if doubtful[","] and zeros >= sum(marks.grouped for marks in counts[","].values()) / 2:
        return ",", "numbers have three decimal places", tuple(doubtful[","])
    return ".", "no number has a decimal comma", (*doubtful["."], *doubtful[","])
