"""Which columns hold the quantity, the price, the promotion and the flags of a table, and which are known too late."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from foresell.core.errors import UsageError
from foresell.data.number_formats import to_number
from foresell.onboarding import series_keys
from foresell.onboarding.column_names import name_score, plain
from foresell.onboarding.columns import ColumnProfile, ValueKind, share
from foresell.onboarding.overrides import BY_HAND, Overrides
from foresell.onboarding.proposal import Draft

# A column whose name says one of these as plainly as it says quantity is no quantity.
NOT_QUANTITY = (
    "revenue", "after", "price", "promotion", "ahead", "calendar", "row", "open", "closed", "stocked_out", "group",
)  # fmt: skip

STAGES = """
ordered delivered shipped invoiced billed dispatched fulfilled bestellt geliefert versendet versandt fakturiert
livre expedie entregado enviado facturado ordinato consegnato spedito fatturato besteld geleverd
"""
"""The stages of an order, of which each may have its own column of units."""

RETURNED = """
returned returns return refunded retouren retoure retour retours reklamation ruckgabe devuelto devueltos devoluciones
resi reso retournes cancelled canceled storniert storno annule anulado
"""
"""The words of columns with units that came back or were never handed out."""


def no_column_message(table: str, columns: dict[str, ColumnProfile], what: str, option: str, more: str = "") -> str:
    """The message where no column can be `what`: the columns there are, and the option that names one."""
    kinds = ", ".join(f"{c.name} ({c.kind})" for c in columns.values())
    return (
        f"No column of {table} looks like {what}. Its columns are {kinds}. "
        f"Name it by hand with --{option} COLUMN{'; ' + more if more else ''}."
    )


@dataclass
class Measures:
    """Gives roles to the columns of one table, and writes them to `draft`."""

    draft: Draft
    overrides: Overrides
    table: str
    columns: dict[str, ColumnProfile]

    def propose(self) -> None:
        """The quantity first; then the flags, the price and the promotion; then what is known too late."""
        self._quantity()
        self._doubt_stages()
        self._doubt_returned()
        self._flag("stocked_out", "in_stock", "marks the days on which it was out of stock")
        self._flag("open", "closed", "says whether the day was open")
        self._price()
        self._promotion()
        for column in self._free():
            late = max(name_score(column.name, "after"), name_score(column.name, "revenue"))
            if column.numeric and late >= 3 and late > self._key_score(column):
                self.draft.leave_out(column.name, "known only after the sale, so it cannot help to forecast")

    def _key_score(self, column: ColumnProfile) -> int:
        return series_keys.key_score(column.name) if column.whole or column.kind == ValueKind.TEXT else 0

    def _free(self) -> list[ColumnProfile]:
        """The columns without a role that hold something."""
        return [c for c in self.columns.values() if c.name not in self.draft.assigned and c.kind != ValueKind.EMPTY]

    def _assign(self, role: str, column: ColumnProfile, why: str) -> None:
        self.draft.assign(f"data.{role}", column.name, why)

    def _assigned_by_hand(self, role: str) -> bool:
        """Assigns the column that the user named for the role; False where none was named."""
        name = getattr(self.overrides, role)
        if name is not None:
            self._assign(role, self.columns[name], BY_HAND)
        return name is not None

    def _quantity(self) -> None:
        if name := self.overrides.quantity:
            if not self.columns[name].numeric:
                raise UsageError(
                    f"'{name}' holds {self.columns[name].kind}, not numbers, so it cannot be the quantity."
                    f"{unread_numbers(self.columns[name])}"
                )
            self._assigned_by_hand("quantity")
            return
        scores = {c.name: self._quantity_score(c) for c in self._free() if c.numeric}
        scores = {name: score for name, score in scores.items() if score >= 0}
        best = max(scores.values(), default=-1)
        tops = [name for name, score in scores.items() if score == best]
        if best <= 0:
            self._quantity_without_name(tops)
            return
        column = self.columns[max(tops, key=lambda name: (self.columns[name].whole, -list(self.columns).index(name)))]
        self._assign("quantity", column, f"its name says so and its values are {self._value_range(column)}")
        rest = [name for name in tops if name != column.name]
        if rest:
            self.draft.add_doubt(
                f"{', '.join(rest)} could be the quantity too. Say otherwise with --quantity.", "quantity", tops
            )
        if best <= 2:
            self.draft.add_doubt(f"{column.name} may be units or money; what is forecast is in the same unit.")

    def _quantity_score(self, column: ColumnProfile) -> int:
        """How well a column's name says quantity; -1 where it rather says something else."""
        own = name_score(column.name, "quantity")
        if max(name_score(column.name, role) for role in NOT_QUANTITY) >= max(own, 2) and own < 4:
            return -1
        if column.kind == ValueKind.FLAG and own < 3:
            return -1
        return -1 if not own and self._key_score(column) else own

    def _quantity_without_name(self, tops: list[str]) -> None:
        money = [c for c in self._free() if c.numeric and name_score(c.name, "revenue") >= 2]
        varying = [name for name in tops if self.columns[name].distinct > 1]
        if money:
            best = max(money, key=lambda c: name_score(c.name, "revenue"))
            self._assign("quantity", best, "there are no units, only money")
            self.draft.add_doubt(f"There is no column of units; {best.name} was taken, so forecasts are in money.")
        elif len(varying) == 1:
            self._assign("quantity", self.columns[varying[0]], "the only column of numbers left")
            self.draft.add_doubt(f"No name says which column is the quantity; {varying[0]} is the only one it can be.")
        else:
            self._refuse_empty()
            candidates = f" ({', '.join(varying)} could be)" if varying else ""
            what = f"the quantity sold{candidates}"
            more = "or, if each row is one unit sold, add a column 'quantity' with a 1 in each row"
            if len(varying) >= 2:
                more = (
                    "or, if each of these columns is a series, lay the table out with one row for each date and one "
                    "column for each series (--layout columns), or with one row for each date and series"
                )
            named = [c for c in self._free() if c.kind == ValueKind.TEXT and name_score(c.name, "quantity") >= 3]
            unread = "".join(unread_numbers(column) for column in named)
            raise UsageError(no_column_message(self.table, self.columns, what, "quantity", more) + unread)

    def _refuse_empty(self) -> None:
        """Raises UsageError where the table has no rows, or the column that is called the quantity no values."""
        empty = [c.name for c in self.columns.values() if c.kind == ValueKind.EMPTY]
        if named := [name for name in empty if name_score(name, "quantity") >= 3]:
            raise UsageError(
                f"'{named[0]}' of {self.table} has no values. Formulas of a workbook have values only after a "
                "spreadsheet program has saved it: open it there and save it; else name another column with --quantity."
            )

    def _doubt_stages(self) -> None:
        """A doubt where several columns count the units of an order, such as those ordered and those delivered."""
        taken = self.draft.data["quantity"]
        other = ("revenue", "price", "row")
        counts = [c for c in self._free() if c.kind == ValueKind.NUMBER and _has_word(c.name, STAGES)]
        rest = [c.name for c in counts if max(name_score(c.name, role) for role in other) < 2]
        if rest and not self.overrides.quantity:
            self.draft.add_doubt(
                f"{', '.join(rest)} may count the units too, at another stage of the order; {taken} was taken. Say "
                "otherwise with --quantity.",
                "quantity",
                [taken, *rest],
            )

    def _doubt_returned(self) -> None:
        """A doubt where a column counts units that came back."""
        taken = self.draft.data["quantity"]
        for column in self._free():
            if column.numeric and _has_word(column.name, RETURNED) and column.values.sum():
                self.draft.add_doubt(
                    f"{column.name} is not taken off {taken}. If {taken} has these units too and they were not sold in "
                    f"the end, give the file a column of {taken} minus {column.name}, and name it with --quantity."
                )

    def _value_range(self, column: ColumnProfile) -> str:
        numbers = column.values.drop_nulls().to_numpy()
        kind = "whole numbers" if column.whole else "numbers"
        return f"{kind} from {numbers.min():g} to {numbers.max():g}"

    def _flag(self, role: str, inverse: str, why: str) -> None:
        if self._assigned_by_hand(role):
            return
        flags = [c for c in self._free() if c.kind == ValueKind.FLAG]
        best = max(flags, key=lambda c: name_score(c.name, role), default=None)
        if best is not None and name_score(best.name, role) >= 3:
            self._assign(role, best, why)
            return
        for column in flags:
            if name_score(column.name, inverse) >= 3:
                self.draft.leave_out(column.name, f"says the opposite of what data.{role} expects")
                self.draft.add_doubt(
                    f"{column.name} is the opposite of {role}. To have it used, swap its values in the file."
                )

    def _price(self) -> None:
        if self._assigned_by_hand("price"):
            return
        prices = [c for c in self._free() if c.kind == ValueKind.NUMBER and name_score(c.name, "price") >= 3]
        prices = [c for c in prices if name_score(c.name, "revenue") < 4]
        if not prices:
            return
        best = max(prices, key=lambda c: (name_score(c.name, "price"), not c.whole, c.distinct))
        self._assign("price", best, f"its name says so and its values are {self._value_range(best)}")
        rest = [c.name for c in prices if c is not best]
        if rest:
            names = [c.name for c in prices]
            sentence = f"{', '.join(rest)} could be the price too; {best.name} was taken. Say otherwise with --price."
            self.draft.add_doubt(sentence, "price", names)

    def _promotion(self) -> None:
        if self._assigned_by_hand("promotion"):
            return
        promos = [c for c in self._free() if c.numeric and c.distinct > 1 and name_score(c.name, "promotion") >= 2]
        promos = [c for c in promos if not name_score(c.name, "price") and share(c.values.drop_nulls() >= 0) == 1.0]
        if promos:
            best = max(promos, key=lambda c: (c.kind == ValueKind.FLAG, name_score(c.name, "promotion")))
            holds = "says yes or no" if best.kind == ValueKind.FLAG else f"holds {self._value_range(best)}"
            self._assign("promotion", best, f"its name says so and it {holds}")


def _has_word(name: str, words: str) -> bool:
    return bool(set(plain(name).split("_")) & set(words.split()))


def unread_numbers(column: ColumnProfile) -> str:
    """Which cells of a column keep it from being one of numbers, and what to do; empty where hardly one is a number."""
    texts = column.values.cast(pl.String)
    mark = max(".,", key=lambda decimal: to_number(texts, decimal).count())
    numbers = to_number(texts, mark)
    unread = (numbers.is_null() & texts.is_not_null()).arg_true()
    if not len(unread) or not (numbers.count() or texts.str.contains(r"^\W*\d").any()):
        return ""
    row, kind = int(unread[0]), {".": "point", ",": "comma"}[mark]
    return (
        f" {len(unread):,} cells of '{column.name}' are no numbers with a decimal {kind}, the first of them "
        f"{texts[row]!r} in row {row + 1:,} below the header. Write all numbers with one decimal mark and "
        "nothing beside them."
    )
