"""Which of several tables hold the sales: of the files of a folder or an archive, or of the sheets of a workbook."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from foresell.core.errors import ForesellError, UsageError, first_five
from foresell.data.files.containers import TABLE_ENDINGS
from foresell.data.files.input_files import InputFile, find_files
from foresell.data.files.workbooks import WORKBOOK_ENDINGS, sheet_names, sheet_text
from foresell.onboarding.column_names import name_score, plain
from foresell.onboarding.columns import ValueKind, profile_columns
from foresell.onboarding.dates.day_columns import dated_names
from foresell.onboarding.table_sample import ROW, sample_table

SALES_NAMES = (
    "sales sale orders order transactions receipts verkauf verkaufe absatz umsatz ventas ventes vendite train actual "
    "actuals ist"
)
OTHER_NAMES = (
    "purchase purchases einkauf einkaufe budget plan plans planned forecast forecasts prognose soll target targets "
    "return returns retoure retouren refund refunds stock stocks inventory bestand summary overview total totals "
    "zusammenfassung open offene offen lot lots charge chargen terms konditionen"
)  # tables that are called so hold other things than sales, whatever else their names say
DAYS = "(days)"  # stands for the columns of a wide table that are named by dates
MOST_COMPARED_ROWS = 400_000  # of all tables of a container
MOST_EQUAL_DATES = 0.5
MOST_EQUAL_ROWS = 0.5  # sheets that share more of their rows are not added up


@dataclass(frozen=True)
class SalesTables:
    """The tables that hold the sales, the path that names them, and what to tell the user about the choice."""

    files: list[InputFile]
    path: str
    why: str = ""
    doubts: tuple[str, ...] = ()


def tables_in(folder: Path) -> list[InputFile]:
    """The files of tables in `folder` itself, workbooks as a whole, or the tables in a container; in order of names."""
    if folder.is_file():
        return find_files(str(folder), Path())
    endings = TABLE_ENDINGS + WORKBOOK_ENDINGS
    paths = (path for path in folder.iterdir() if path.is_file() and path.name.lower().endswith(endings))
    return [InputFile(str(path), path.name) for path in sorted(paths) if not path.name.startswith((".", "~$"))]


def contents(file: InputFile) -> list[InputFile]:
    """The file, or the tables in it where it is a workbook. Raises UnreadableFile."""
    if file.remote or file.sheet is not None or not Path(file.path).is_file():
        return [file]
    tables = find_files(file.path, Path())
    return [InputFile(t.path, f"{file.name}{t.path.removeprefix(file.path)}", t.sheet, t.stored) for t in tables]


def _readable_contents(files: list[InputFile]) -> list[InputFile]:
    """The tables of all files; a workbook that cannot be read is left out where there are other tables."""
    tables, error = [], None
    for file in files:
        try:
            tables += contents(file)
        except ForesellError as unreadable:
            error = unreadable
    if error and not tables:
        raise error
    return tables


def sales_within(container: Path, tables: list[InputFile]) -> SalesTables:
    """Those tables of a workbook or an archive that hold the sales. `tables` are all that it has.

    Tables with the same columns are one table, unless most of their rows are the same. Of several kinds with a date and
    a quantity, the one that is called sales is taken, else the largest.

    Raises UsageError where no table could be the sales, or several seem to be copies.
    """
    if len(tables) == 1:
        return SalesTables(
            tables, str(container), doubts=tuple(filter(None, (_doubt_of_hidden_sheets(container, tables),)))
        )
    kinds = _kinds(tables)
    sales = [kind for kind in kinds if _looks_like_sales(kind)]
    if not sales:
        raise UsageError(
            f"{container.name} holds {_listed(tables)}, and none of them has a column of dates and one of quantities. "
            f"Say which holds the sales with {_option(tables, container)}, and its columns with --date and --quantity. "
            "If dates stand in the names of the tables alone, such as a sheet for each month, give each table a column "
            "with the date first."
        )
    named = _not_called_otherwise(sales, container)
    called = [kind for kind in named if _is_called_sales(kind[0], container)]
    candidates = called or named
    best = max(candidates, key=_height)
    _require_no_copies(container, best)
    others = [table for kind in sales for table in kind if table not in best]
    name = "is called sales" if called else "has a date and a quantity"
    why = f"{_listed(best)} {name}" if len(best) == 1 else f"{_listed(best)} have the same columns"
    doubt = (
        f"{_listed(others)} could hold the sales as well; {_listed(best)} was taken. If that is wrong, say "
        f"{_option(tables, container)}."
    )
    doubts = [doubt] if others else []
    doubts += filter(None, (_doubt_of_equal_dates(best), _doubt_of_hidden_sheets(container, tables)))
    path = str(container) if len(best) == len(tables) else f"{container}/{','.join(_inner(t, container) for t in best)}"
    return SalesTables(best, path, why, tuple(doubts))


def _doubt_of_equal_dates(tables: list[InputFile]) -> str | None:
    """What is in doubt where tables with the same columns have the same dates, so that each may stand for a series."""
    if len(tables) < 2:
        return None
    days: list[set] = []
    for table in tables:
        dated = [c for c in profile_columns(sample_table([table], 20_000).frame).values() if c.kind == ValueKind.DATE]
        best = max(dated, key=lambda c: name_score(c.name, "date"), default=None)
        days.append(set(best.values.drop_nulls().unique()) if best else set())
    shared = max(len(days[0] & other) / max(min(len(days[0]), len(other)), 1) for other in days[1:])
    if shared <= MOST_EQUAL_DATES:
        return None
    return (
        f"{_listed(tables)} have the same columns and the same dates, and are read as one table. If each stands for "
        "a store or an item that its columns do not name, add a column with the name to each."
    )


def _doubt_of_hidden_sheets(container: Path, tables: list[InputFile]) -> str | None:
    """What is in doubt where a workbook has hidden sheets that hold something."""
    if any(table.stored != str(container) for table in tables):
        return None
    known = {table.sheet for table in tables}
    rest = [sheet for sheet in sheet_names(str(container), container.name) if sheet not in known]
    hidden = [sheet for sheet in rest if sheet_text(str(container), container.name, sheet).text.strip()]
    return f"The hidden sheets {first_five(hidden)} were left out. To take one, say --sheet NAME." if hidden else None


def _option(tables: list[InputFile], container: Path) -> str:
    """The option that names one of the tables."""
    return f"--data {container.name}/NAME" if any(table.sheet is None for table in tables) else "--sheet NAME"


def _inner(table: InputFile, container: Path) -> str:
    return table.path.removeprefix(f"{container}/")


def _listed(tables: list[InputFile]) -> str:
    return first_five(f"'{table.sheet or Path(table.path).name}'" for table in tables)


def _height(kind: list[InputFile]) -> int:
    return sample_table(kind).frame.height


def _require_no_copies(container: Path, tables: list[InputFile]) -> None:
    """Raises UsageError where most rows of a table stand in another one too, so that they would count twice."""
    if len(tables) < 2:
        return
    most = max(MOST_COMPARED_ROWS // len(tables), 1_000)
    rows = [set(sample_table([table], most).frame.drop(ROW).rows()) for table in tables]
    for number, table in enumerate(tables):
        for other in range(number):
            same = len(rows[number] & rows[other])
            if same > MOST_EQUAL_ROWS * min(len(rows[number]), len(rows[other])) > 0:
                raise UsageError(
                    f"{_listed([tables[other], table])} of {container.name} have {same:,} rows in common, which would "
                    f"count twice. Say which to take with {_option(tables, container)}, or several names with commas."
                )


def sales_among(folder: Path, below: list[InputFile]) -> SalesTables:
    """The files of a folder that hold the sales, and the path that names them; `below` are all its tables.

    Files with the same columns are one kind. A kind holds sales if names of its columns say date and quantity. Files
    in the folder itself are preferred to those in folders below it, files that are called sales to others, and text and
    Parquet to workbooks.

    Raises UsageError where no kind, or more than one, could be the sales.
    """
    for candidates in (_readable_contents(tables_in(folder)), below):
        files = [file for file in candidates if not _is_blank(file)] or candidates
        kinds = _kinds(files)
        sales = (
            kinds if len(kinds) == 1 and candidates == below else [kind for kind in kinds if _looks_like_sales(kind)]
        )
        choice = _not_called_otherwise(sales, folder)
        choice = [kind for kind in choice if kind[0].sheet is None] or choice
        if len(choice) > 1:
            choice = [kind for kind in choice if _is_called_sales(kind[0], folder)] or choice
        if len(choice) == 1:
            doubt = _doubt_of_others(choice[0], [table for kind in sales for table in kind])
            return SalesTables(choice[0], _path_of(choice[0], below), doubts=(doubt,) if doubt else ())
        if sales:
            break
    if sales:
        raise UsageError(f"In {folder}, more than one kind of file looks like the sales. {_differences(choice)}")
    raise UsageError(
        f"{folder} holds {len(below)} files ({first_five(file.name for file in below)}), and none looks like the sales "
        "(a date and a quantity). Name the sales file with --data; the others are found beside it."
    )


def _differences(kinds: list[list[InputFile]]) -> str:
    """How the columns of kinds of files differ, and what to do."""
    columns = [sample_table(kind[:1], rows=5).columns for kind in kinds]
    common = [name for name in columns[0] if all(name in names for names in columns)]
    own = [
        f"{_listed_paths(kind)}: {first_five(name for name in names if name not in common)}"
        for kind, names in zip(kinds, columns, strict=True)
    ]
    return (
        f"All have {first_five(common) or 'no column'} in common, and besides {'; '.join(own)}. If they are one table, "
        "give the same columns the same names, to the letter; else name the sales file with --data, and the others "
        "are found beside it."
    )


def _is_blank(file: InputFile) -> bool:
    """Whether the file is empty, so that it is left out of a folder, not refused."""
    if file.remote or file.sheet is not None or not os.path.isfile(file.path) or os.path.getsize(file.path) > 1000:
        return False
    return not Path(file.path).read_bytes().strip()


def _doubt_of_others(chosen: list[InputFile], sales: list[InputFile]) -> str | None:
    """What is in doubt where other files of a folder could hold the sales as well."""
    others = [file for file in sales if file not in chosen]
    if not others:
        return None
    advice = "If that is wrong, name the right files with --data."
    if any((file.sheet is None) != (chosen[0].sheet is None) for file in others):
        advice = "Workbooks and other files are not read together; if all hold sales, save them in one format."
    return f"{_listed_paths(others)} could hold the sales as well; {_listed_paths(chosen)} was taken. {advice}"


def _listed_paths(files: list[InputFile]) -> str:
    return first_five(f"'{Path(file.path).name}'" for file in files)


def _not_called_otherwise(kinds: list[list[InputFile]], container: Path) -> list[list[InputFile]]:
    """The kinds without tables that are called purchases, budget, stock or the like, where others remain."""
    kept = [[file for file in kind if not _is_called(file, container, OTHER_NAMES)] for kind in kinds]
    return [kind for kind in kept if kind] or kinds


def _columns_of(file: InputFile) -> frozenset[str]:
    """The names of the columns; of those named by dates only that there are some."""
    columns = sample_table([file], rows=5).columns
    days = set(dated_names(columns))
    return frozenset(DAYS if name in days else name for name in columns)


def _kinds(files: list[InputFile]) -> list[list[InputFile]]:
    """The files, grouped by the names of their columns, in any order; sheets apart from others.

    Of files that look like sales, those that lack some columns of others are of one kind with them.
    """
    kinds: dict[tuple[bool, frozenset[str]], list[InputFile]] = {}
    for file in files:
        kinds.setdefault((file.sheet is None, _columns_of(file)), []).append(file)
    fewest_columns_first = sorted(kinds, key=lambda kind: len(kind[1]))
    for place, kind in enumerate(fewest_columns_first):
        later = fewest_columns_first[place + 1 :]
        fuller = next((more for more in later if more[0] == kind[0] and kind[1] < more[1]), None)
        if fuller and _looks_like_sales(kinds[kind]):
            kinds[fuller] = sorted(kinds[fuller] + kinds.pop(kind), key=files.index)
    return list(kinds.values())


def _looks_like_sales(files: list[InputFile]) -> bool:
    columns = sample_table(files[:1], rows=5).columns
    return bool(dated_names(columns)) or (
        any(name_score(c, "quantity") >= 2 for c in columns) and any(name_score(c, "date") >= 2 for c in columns)
    )


def _is_called_sales(file: InputFile, folder: Path) -> bool:
    """Whether the file, or a folder between it and `folder`, is called sales, orders, transactions or the like."""
    return _is_called(file, folder, SALES_NAMES)


def _is_called(file: InputFile, folder: Path, names: str) -> bool:
    parts = Path(file.path).relative_to(folder).parts
    return any(word in names.split() for part in parts for word in plain(part.split(".")[0]).split("_"))


def _path_of(files: list[InputFile], below: list[InputFile]) -> str:
    """The path of a single file, or the folder that holds these files and no others."""
    if len(files) == 1:
        return files[0].path
    common = Path(os.path.commonpath([file.path for file in files]))
    taken = {file.path for file in files}
    others = [file for file in below if common in Path(file.path).parents and file.path not in taken]
    if others:
        raise UsageError(
            f"{common} mixes {len(files)} files of sales ({_listed_paths(files)}) with other files "
            f"({_listed_paths(others)}). Move the sales to a folder of their own, or name them with a pattern such as "
            "'sales_*.csv'."
        )
    return str(common)
