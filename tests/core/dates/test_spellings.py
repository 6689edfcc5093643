"""Dates that no format of `strptime` describes, as people write them."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from foresell.core.dates.formats import DATE_FORMATS, mixed_format, other_order, to_date
from foresell.core.dates.spellings import IN_TEXT, MONTH_NAMES, SPELLINGS, with_english_months
from foresell.data.typed_tables import infer_date_format


@pytest.mark.parametrize(
    ("spelling", "texts", "expected"),
    [
        ("quarter", "2015Q2|2015-Q2|Q2 2015|2Q15|Q2/2015|2. Quartal 2015|2015 T2|2T2015", date(2015, 4, 1)),
        ("week", "2021-W03|2021W3|W03 2021|KW 03/2021|KW3 2021|2021-KW03|week 3, 2021|S03 2021", date(2021, 1, 18)),
        ("year", "2015|FY2015|FY 2015|2015.0|FY15", date(2015, 1, 1)),
        ("season", "2015/16|2015-16|2015/2016", date(2015, 1, 1)),
        ("week", "KW3 21|wk 3/21|tydzień 3 2021", date(2021, 1, 18)),
        ("range", "18.01.2021 - 24.01.2021|18.01.-24.01.2021|18.-24.01.2021|18/01/2021-24/01/2021|18.1.21 – 24.1.21"
         "|2021-01-18 - 2021-01-24|2021-01-18/2021-01-24|01/18/2021 to 01/24/2021|18 Jan - 24 Jan 2021"
         "|Jan 18 - Jan 24, 2021|18. janvier au 24 janvier 2021", date(2021, 1, 18)),
        ("range", "28.12.2020 - 03.01.2021|28.12.-03.01.2021|12/28/2020 - 01/03/2021", date(2020, 12, 28)),
        ("%m%y", "0321", date(2021, 3, 1)),
        ("%y%m", "2103", date(2021, 3, 1)),
        ("%Y%j", "2015032", date(2015, 2, 1)),
        ("%Y%m", "201504|201504.0", date(2015, 4, 1)),
        ("%G%V", "202103", date(2021, 1, 18)),
        ("%G-%V", "2021-03|2021/3", date(2021, 1, 18)),
        ("%V/%G", "03/2021|3-2021", date(2021, 1, 18)),
        ("excel", "44928|44928.75", date(2023, 1, 2)),
        ("excel-1904", "43466", date(2023, 1, 2)),
        ("year week", "2021 3|2021 03|2021.0 3.0|2021 KW3", date(2021, 1, 18)),
        ("year month", "2021 3|2021 March|2021 Mrz|2021 m\u00e4rz|2021 mars", date(2021, 3, 1)),
        ("year quarter", "2021 3|2021 Q3", date(2021, 7, 1)),
        ("days since 2022-12-31", "2|2.0", date(2023, 1, 2)),
        ("weeks since 2023-01-02", "1", date(2023, 1, 9)),
        ("months since 2023-01-01", "14", date(2024, 3, 1)),
        ("seconds since 1970-01-01", "1672617600", date(2023, 1, 2)),
        ("%d %b %Y", "3 Januar 2023|3. Jan. 2023|3 janv. 2023|3 de enero de 2023", date(2023, 1, 3)),
        ("%d %b %Y", "3 gennaio 2023|3 stycznia 2023|3 janeiro 2023|3 januari 2023", date(2023, 1, 3)),
        ("%b-%y", "Dez-19|Dec-19|dic-19|d\u00e9c-19|gru-19", date(2019, 12, 1)),
    ],
)  # fmt: skip
def test_one_day_written_in_many_ways(spelling, texts, expected):
    for text in texts.split("|"):
        assert to_date(pl.Series([text]), spelling).to_list() == [expected], text


@pytest.mark.parametrize(
    ("spelling", "text"),
    [
        ("quarter", "2015Q5"),
        ("quarter", "S1 2015"),  # a half-year
        ("week", "S1 2021"),
        ("week", "2021-W53"),  # 2021 has 52 weeks
        ("week", "W03"),
        ("season", "2015/17"),
        ("%Y%j", "2015366"),
        ("%G%V", "202160"),
        ("%Y%m", "201913"),
        ("excel", "14"),
        ("year week", "2021 0"),
        ("year month", "2021 13"),
        ("days since 2022-13-31", "1"),
    ],
)
def test_what_is_no_date(spelling, text):
    assert to_date(pl.Series([text, None]), spelling).to_list() == [None, None]


def test_each_name_of_a_month_stands_in_one_line_only():
    names = MONTH_NAMES.split()
    assert len(names) == len(set(names))
    assert with_english_months(pl.Series(["Mrz 19", None, "mar mar 3"])).to_list() == ["Mar 19", None, "mar mar 3"]


def test_years_that_follow_each_other_are_seasons_and_no_months():
    seasons = pl.Series([f"{year}/{(year + 1) % 100:02d}" for year in range(2000, 2012)])
    assert infer_date_format(seasons) == "season"
    assert infer_date_format(pl.Series(["2010/11", "2010/12", "2011/01"])) == "%Y/%m"


def test_spellings_in_texts_have_no_format_that_reads_them_too():
    for spelling, text in (("quarter", "2015-Q2"), ("week", "2021-W03")):
        assert spelling in IN_TEXT
        assert infer_date_format(pl.Series([text])) == spelling
        assert not any(to_date(pl.Series([text]), written).count() for written in DATE_FORMATS)
    assert set(IN_TEXT) < set(SPELLINGS)


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["2023-01-02", "2023-01-03", "30/06/2023", "01/07/2023"], "%Y-%m-%d | %d/%m/%Y"),
        (["2023-01-02", "44929", "44930"], "%Y-%m-%d | excel"),
        (["2023-01-02", "2023-01-03"], None),
        (["2023-01-02", "30/06/2023", "06/30/2023"], None),  # the day first and the month first
        (["2023-01-02", "soon"], None),
    ],
)
def test_two_ways_of_writing_in_one_column(texts, expected):
    assert mixed_format(pl.Series(texts)) == expected
    if expected:
        assert to_date(pl.Series(texts), expected).null_count() == 0
        assert infer_date_format(pl.Series(texts)) == expected


def test_a_text_that_two_formats_read_as_different_days_is_no_date():
    both = to_date(pl.Series(["03/04/2023", "30/04/2023", "04/04/2023"]), "%d/%m/%Y | %m/%d/%Y")
    assert both.to_list() == [None, date(2023, 4, 30), date(2023, 4, 4)]


@pytest.mark.parametrize("written", ["%d/%m/%Y", "%m/%d/%y %I:%M %p", "%Y-%m-%d | %d-%m-%Y"])
def test_the_other_order_of_the_other_order_is_the_first(written):
    other = other_order(written)
    assert other is not None
    assert other != written
    assert other_order(other) == written


def test_two_days_that_are_no_range_have_no_date():
    texts = [
        "01.01.2024 - 05.06.2024",
        "07.01.2024 - 01.01.2024",
        "A10 - B20",
        "01.01.2024",
        "2024-01",
        "1-2",
        "x to y",
    ]
    assert to_date(pl.Series(texts), "range").null_count() == len(texts)
