"""Which columns hold the quantity, the price, the promotion and the flags of a table, and which are known too late."""

from __future__ import annotations

from dataclasses import dataclass

from foresell.core.errors import UsageError
from foresell.onboarding import series_keys
from foresell.onboarding.column_names import name_score
from foresell.onboarding.columns import ColumnProfile, ValueKind, share
from foresell.onboarding.overrides import BY_HAND, Overrides
from foresell.onboarding.proposal import Draft

# A column whose name says one of these as plainly as it says quantity is no quantity.
NOT_QUANTITY = (
    "revenue", "after", "price", "promotion", "ahead", "calendar", "row", "open", "closed", "stocked_out", "group",
)  # fmt: skip


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
            candidates = f" ({', '.join(varying)} could be)" if varying else ""
            what = f"the quantity sold{candidates}"
            more = "or say --layout columns, if each column of numbers is a series"
            raise UsageError(no_column_message(self.table, self.columns, what, "quantity", more))

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
