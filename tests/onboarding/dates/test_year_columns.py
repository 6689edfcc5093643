"""Tables with a column for each month, quarter or week of the year that another column gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from foresell.core.errors import UsageError
from foresell.core.panel import Panel
from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.onboarding.roles import infer

MONTHS = "Jan,Feb,Mar,Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec"


def panel(folder: Path, text: str, **overrides) -> Panel:
    (folder / "sales.csv").write_text(text)
    proposal = infer("sales.csv", folder, overrides=overrides)
    settings = parse_settings({**proposal.settings, "horizon": 1})
    assert settings.data.layout == "wide"
    return read_sales(settings, folder).panel


def numbers(first: int, count: int = 12) -> str:
    return ",".join(map(str, range(first, first + count)))


def test_months_beside_a_year_and_a_total(tmp_path):
    rows = [f"{year},{item},{numbers(first)},{sum(range(first, first + 12))}"
            for item, first in (("A", 1), ("B", 5)) for year in (2023, 2022)]  # fmt: skip
    text = f"Year,Item,{MONTHS},Total\n" + "\n".join(rows) + "\nGrand total,,1,1,1,1,1,1,1,1,1,1,1,1,1\n"
    sales = panel(tmp_path, text)
    assert sales.series["Item"].to_list() == ["A", "B"]
    assert (str(sales.dates[0]), str(sales.cutoff), str(sales.frequency)) == ("2022-01-01", "2023-12-01", "M")
    assert sales.units.tolist() == [[*range(1, 13), *range(1, 13)], [*range(5, 17), *range(5, 17)]]


def test_months_by_number_and_a_year_that_stands_once(tmp_path):
    text = f"Jahr;Artikel;{';'.join(map(str, range(1, 13)))}\n"
    rows = [f"{year if item == 'A' else ''};{item};{numbers(3).replace(',', ';')}"
            for year in (2022, 2023) for item in "ABC"]  # fmt: skip
    sales = panel(tmp_path, text + "\n".join(rows) + "\n")
    assert sales.n_series == 3
    assert sales.units[1].tolist() == [*range(3, 15), *range(3, 15)]


def test_a_table_without_names_of_series_is_one_series(tmp_path):
    text = f"Year,{MONTHS}\n2021,{numbers(1)}\n2022,{numbers(13)}\n2023,{numbers(25)}\n"
    sales = panel(tmp_path, text)
    assert np.array_equal(sales.units, [range(1, 37)])


@pytest.mark.parametrize(
    ("names", "frequency", "second"),
    [(["Q1", "Q2", "Q3", "Q4"], "Q", "2022-04-01"), ([f"W{week}" for week in range(1, 53)], "W", "2022-01-10")],
)
def test_quarters_and_weeks(tmp_path, names, frequency, second):
    rows = [f"{year},{item},{numbers(2, len(names))}" for year in (2022, 2023) for item in "AB"]
    sales = panel(tmp_path, f"year,item,{','.join(names)}\n" + "\n".join(rows) + "\n")
    assert (str(sales.frequency), str(sales.dates[1])) == (frequency, second)
    assert sales.units.shape == (2, 2 * len(names))


def test_a_year_that_is_given_twice_for_one_series_is_a_fault(tmp_path):
    text = f"Year,Item,{MONTHS}\n" + "".join(f"{year},A,{numbers(1)}\n" for year in (2022, 2023, 2023))
    (tmp_path / "sales.csv").write_text(text + f"2023,B,{numbers(1)}\n2022,B,{numbers(1)}\n")
    data = {"sales": "sales.csv", "layout": "wide", "keys": ["Item"], "year": "Year", "date_format": "year month"}
    settings = parse_settings({"data": {**data, "day_prefix": "", "frequency": "M", "max_bad_share": 1}, "horizon": 1})
    assert [entry.code for entry in read_sales(settings, tmp_path).findings if entry.code == "duplicate-keys"]


def test_months_without_a_year_are_refused_with_what_to_add(tmp_path):
    (tmp_path / "sales.csv").write_text(f"Item,{MONTHS}\nA,{numbers(1)}\nB,{numbers(3)}\n")
    with pytest.raises(UsageError, match="none says of which year"):
        infer("sales.csv", tmp_path)
