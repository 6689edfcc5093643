"""Which columns hold the quantity, the price, the promotion and the flags of a table, and which are known too late."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from foresell.core.errors import UsageError
from foresell.onboarding import identity
from foresell.onboarding.column_names import name_score
from foresell.onboarding.columns import Column, Kind, share
from foresell.onboarding.proposal import Draft

# A column whose name says one of these as plainly as it says quantity is no quantity.
NOT_QUANTITY = (
    "revenue", "after", "price", "promotion", "ahead", "calendar", "row", "open", "closed", "stocked_out", "group",
)  # fmt: skip


def none_found(table: str, columns: dict[str, Column], what: str, option: str, more: str = "") -> str:
    """The message where no column can be `what`: the columns there are, and the option that names one."""
    kinds = ", ".join(f"{c.name} ({c.kind})" for c in columns.values())
    return (
        f"No column of {table} looks like {what}. Its columns are {kinds}. "
        f"Name it by hand with --{option} COLUMN{'; ' + more if more else ''}."
    )


@dataclass
class Measures:
    """Gives roles to the columns of one table; what it decides goes into `draft`."""

    draft: Draft
    said: dict[str, Any]
    table: str
    columns: dict[str, Column]

    def conclude(self) -> None:
        """The quantity first; then the flags, the price and the promotion; then what is known too late."""
        self._quantity()
        self._flag("stocked_out", "in_stock", "marks the days on which it was out of stock")
        self._flag("open", "closed", "says whether the day was open")
        self._price()
        self._promotion()
        for column in self._free():
            late = max(name_score(column.name, "after"), name_score(column.name, "revenue"))
            if column.numeric and late >= 3 and late > self._key_name(column):
                self.draft.unused(column.name, "known only after the sale, so it cannot help to forecast")

    def _key_name(self, column: Column) -> int:
        return identity.key_score(column.name) if column.whole or column.kind == Kind.TEXT else 0

    def _free(self) -> list[Column]:
        return [c for c in self.columns.values() if c.name not in self.draft.taken and c.kind != Kind.EMPTY]

    def _take(self, role: str, column: Column, why: str) -> None:
        self.draft.take(f"data.{role}", column.name, "as you said" if role in self.said else why)

    def _quantity(self) -> None:
        if "quantity" in self.said:
            column = self.columns[self.said["quantity"]]
            if not column.numeric:
                raise UsageError(f"'{column.name}' holds {column.kind}, not numbers, so it cannot be the quantity.")
            return self._take("quantity", column, "")
        fits = {c.name: self._quantity_score(c) for c in self._free() if c.numeric}
        fits = {name: score for name, score in fits.items() if score >= 0}
        best = max(fits.values(), default=-1)
        tops = [name for name, score in fits.items() if score == best]
        if best <= 0:
            return self._quantity_without_name(tops)
        column = self.columns[max(tops, key=lambda name: (self.columns[name].whole, -list(self.columns).index(name)))]
        self._take("quantity", column, f"its name says so and its values are {self._values(column)}")
        rest = [name for name in tops if name != column.name]
        if rest:
            self.draft.doubt(f"{', '.join(rest)} could be the quantity too. Say otherwise with --quantity.")
        if best <= 2:
            self.draft.doubt(f"{column.name} may be units or money; what is forecast is in the same unit.")
        return None

    def _quantity_score(self, column: Column) -> int:
        """How well a column's name says quantity; -1 where it rather says something else."""
        own = name_score(column.name, "quantity")
        if max(name_score(column.name, role) for role in NOT_QUANTITY) >= max(own, 2) and own < 4:
            return -1
        if column.kind == Kind.FLAG and own < 3:
            return -1
        return -1 if not own and self._key_name(column) else own

    def _quantity_without_name(self, tops: list[str]) -> None:
        money = [c for c in self._free() if c.numeric and name_score(c.name, "revenue") >= 2]
        varying = [name for name in tops if self.columns[name].distinct > 1]
        if len(money) >= 1:
            best = max(money, key=lambda c: name_score(c.name, "revenue"))
            self._take("quantity", best, "there are no units, only money")
            self.draft.doubt(f"There is no column of units; {best.name} was taken, so forecasts are in money.")
        elif len(varying) == 1:
            self._take("quantity", self.columns[varying[0]], "the only column of numbers left")
            self.draft.doubt(f"No name says which column is the quantity; {varying[0]} is the only one it can be.")
        else:
            listed = f" ({', '.join(varying)} could be)" if varying else ""
            raise UsageError(none_found(self.table, self.columns, f"the quantity sold{listed}", "quantity"))

    def _values(self, column: Column) -> str:
        known = column.values.drop_nulls()
        kind = "whole numbers" if column.whole else "numbers"
        numbers = known.to_numpy()
        return f"{kind} from {numbers.min():g} to {numbers.max():g}"

    def _flag(self, role: str, inverse: str, why: str) -> None:
        if role in self.said:
            return self._take(role, self.columns[self.said[role]], "")
        flags = [c for c in self._free() if c.kind == Kind.FLAG]
        best = max(flags, key=lambda c: name_score(c.name, role), default=None)
        if best is not None and name_score(best.name, role) >= 3:
            return self._take(role, best, why)
        for column in flags:
            if name_score(column.name, inverse) >= 3:
                self.draft.unused(column.name, f"says the opposite of what data.{role} wants")
                self.draft.doubt(f"{column.name} is the opposite of {role}: turn it round in the file to have it used.")
        return None

    def _price(self) -> None:
        if "price" in self.said:
            return self._take("price", self.columns[self.said["price"]], "")
        prices = [c for c in self._free() if c.kind == Kind.NUMBER and name_score(c.name, "price") >= 3]
        prices = [c for c in prices if name_score(c.name, "revenue") < 4]
        if prices:
            best = max(prices, key=lambda c: (name_score(c.name, "price"), not c.whole, c.distinct))
            self._take("price", best, f"its name says so and its values are {self._values(best)}")
            rest = [c.name for c in prices if c is not best]
            if rest:
                self.draft.doubt(f"{', '.join(rest)} could be the price too; {best.name} was taken.")
        return None

    def _promotion(self) -> None:
        if "promotion" in self.said:
            return self._take("promotion", self.columns[self.said["promotion"]], "")
        promos = [c for c in self._free() if c.numeric and c.distinct > 1 and name_score(c.name, "promotion") >= 2]
        promos = [c for c in promos if not name_score(c.name, "price") and share(c.values.drop_nulls() >= 0) == 1.0]
        if promos:
            best = max(promos, key=lambda c: (c.kind == Kind.FLAG, name_score(c.name, "promotion")))
            says = "says yes or no" if best.kind == Kind.FLAG else f"holds {self._values(best)}"
            self._take("promotion", best, f"its name says so and it {says}")
        return None
