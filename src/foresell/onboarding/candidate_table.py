"""A table beside the sales, of which it is not known yet what it holds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from foresell.data.files.input_files import InputFile
from foresell.onboarding.column_names import name_score, plain
from foresell.onboarding.columns import ColumnProfile, ValueKind
from foresell.onboarding.table_sample import TableSample


@dataclass(frozen=True)
class CandidateTable:
    """A table beside the sales: its file, a sample of it, its columns, and those of the keys that it has too."""

    file: InputFile
    sample: TableSample
    columns: dict[str, ColumnProfile]
    shared: tuple[str, ...]

    @property
    def stem(self) -> str:
        return plain(Path(self.file.path).name.split(".")[0])

    def other(self) -> list[str]:
        """The columns that hold values and are no keys."""
        without = (ValueKind.EMPTY, ValueKind.ODD)
        return [c.name for c in self.columns.values() if c.name not in self.shared and c.kind not in without]

    def dates(self) -> list[str]:
        return [c.name for c in self.columns.values() if c.kind == ValueKind.DATE]

    def one_row_for(self, names: list[str] | tuple[str, ...]) -> bool:
        return self.sample.frame.select(names).n_unique() == self.sample.frame.height

    def without(self, names: Collection[str]) -> CandidateTable:
        """The same table without some of its columns."""
        return replace(self, columns={name: column for name, column in self.columns.items() if name not in names})

    def date_column(self) -> str:
        """Of the columns of dates, the one with the name that fits best."""
        return max(self.dates(), key=lambda name: name_score(name, "date"))
