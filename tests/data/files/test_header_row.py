"""The row of the column names: below titles, with a name too few or too many, or missing."""

from __future__ import annotations

import pytest

from foresell.core.errors import UnreadableFile
from foresell.data.files.header_row import header_row, title_lines, with_groups_of_columns, with_names_of_rows
from foresell.data.files.input_files import InputFile
from foresell.data.files.text_records import chunks

ROWS = "".join(f"2024-01-{day:02},{item},{day}\n" for day in range(1, 21) for item in ("Tea", "Coffee"))
LONG = f"date,item,units\n{ROWS}"


@pytest.mark.parametrize(
    ("titles", "count"),
    [
        ("Sales report,,\n", 1),
        ("Report,,2024-03-01\n", 1),
        ("Sales report,,Page 1\n", 1),
        ("Store:,17\nFrom:,2024-01-01\n\n", 3),
        ("Store:,North,\nRegion:,East,\n", 2),
        (",Sales,\n", 1),
    ],
)
def test_titles_are_not_the_names_whatever_stands_in_their_last_cell(titles, count):
    assert title_lines((titles + LONG).encode(), ",") == count


@pytest.mark.parametrize(
    "table",
    [
        LONG,
        "item,2024-01-01,2024-01-02\nTea,5,6\nCoffee,7,8\n",
        "item,1,2,3\nTea,5,6,7\nCoffee,8,9,7\n",
        ",item,units\n1,A,3\n2,A,4\n",
        ",units\n2024-01-01,3\n2024-01-02,4\n",
        "0,1,2\n3,9,4\n4,7,9\n",
        "item,category\nTea,drinks\nCola,drinks\n",
    ],
)
def test_the_first_row_has_the_names(table):
    assert header_row(table.encode(), ",") == header_row(LONG.encode(), ",")


@pytest.mark.parametrize("table", [ROWS, "Sales report\n" + ROWS, "1,Tea,2024\n2,Tea,2024\n3,Tea,2023\n"])
def test_a_table_without_names_is_refused(table, tmp_path):
    path = tmp_path / "sales.csv"
    path.write_text(table)
    with pytest.raises(UnreadableFile, match=r"sales.csv has no row of column names: line \d"):
        list(chunks(InputFile(str(path), path.name)))


@pytest.mark.parametrize(
    ("header", "row", "names"),
    [
        ("date;item;units", "2024-01-01;Tea;{};", "date;item;units;"),
        ("date;item;units", "2024-01-01;Tea;{};;", "date;item;units;;"),
        ("date;item;units;", "2024-01-01;Tea;{}", "date;item;units"),
        ('"date";"item";"units"', '"{}";2024-01-01;"Tea";7', ';"date";"item";"units"'),
        ("date;item;units", "2024-01-01;Tea;{}", "date;item;units"),
    ],
)
def test_there_are_as_many_names_as_fields(header, row, names):
    rows = "".join(row.format(number) + "\r\n" for number in range(1, 9))
    data = f"{header}\r\n{rows}".encode()
    assert with_names_of_rows(data, ";", "sales.csv", 1) == f"{names}\r\n{rows}".encode()


def test_a_decimal_comma_without_quotes_is_refused():
    data = b"date,item,kg\n" + b"2024-01-01,Tea,5,00\n" * 9
    with pytest.raises(UnreadableFile, match=r"line 5 is '2024-01-01,Tea,5,00'\. If numbers have a decimal comma"):
        with_names_of_rows(data, ",", "sales.csv", 4)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (b",2022,,2023,\nItem,Jan,Feb,Jan,Feb\nA,1,2,3,4\nB,1,2,3,4\n", "Item,2022 Jan,2022 Feb,2023 Jan,2023 Feb"),
        (b"Date,S1,,S2,\n,Tea,Milk,Tea,Milk\n2024-01-01,1,2,3,4\n", "Date,S1 Tea,S1 Milk,S2 Tea,S2 Milk"),
        (b"Date,S1,S1,S2,S2\n,Tea,Milk,Tea,Milk\n2024-01-01,1,2,3,4\n2024-01-02,1,2,3,4\n",
         "Date,S1 Tea,S1 Milk,S2 Tea,S2 Milk"),
        (b"Sales,,\nDate,Tea,Tea\n2024-01-01,1,2\n2024-01-02,1,2\n", "Date,Tea,Tea"),
    ],
)  # fmt: skip
def test_two_rows_of_names_are_joined_where_that_tells_columns_apart(text, names):
    joined, _ = with_groups_of_columns(text, title_lines(text, ","), ",")
    assert joined.split(b"\n")[0].decode() == names
