"""Sales by the periods of a table."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import SettingsError, UsageError
from foresell.core.frequency import Frequency
from foresell.store.panels import digest, load_panel, save_panel

WEEKS = np.tile([4, 4, 5], 8)
BEGINS = np.datetime64("2021-12-26") + 7 * np.append(0, np.cumsum(WEEKS))
NAMES = [f"P{number % 12 + 1:02d} FY{22 + number // 12}" for number in range(len(BEGINS))]
HISTORY = 20

NAMED: dict[str, Callable[[int], str]] = {
    "names": lambda number: NAMES[number].lower(),
    "first days": lambda number: str(BEGINS[number]),
    "last days": lambda number: str(BEGINS[number + 1] - 1),
    "any day": lambda number: str(BEGINS[number] + number % 25),
    "day first": lambda number: f"{BEGINS[number].astype(object):%d.%m.%Y}",
}


def table(rows: slice = slice(None)) -> str:
    lines = [
        f"{begin},{name},{number % 12 + 1}" for number, (begin, name) in enumerate(zip(BEGINS, NAMES, strict=True))
    ]
    return "\n".join(["begin,name,place", *lines[rows]]) + "\n"


def sales(text: Callable[[int], str] = NAMED["first days"]) -> str:
    return "store,item,date,units\n" + "".join(f"N,tea,{text(number)},{number + 1}\n" for number in range(HISTORY))


@pytest.mark.parametrize("named", NAMED)
def test_dates_and_names_are_mapped_to_their_periods(tmp_path, load, named):
    panel = load(
        tmp_path, {"sales.csv": sales(NAMED[named]), "periods.csv": table()}, frequency="M", periods="periods.csv"
    ).panel
    assert panel.units.tolist() == [[float(number + 1) for number in range(HISTORY)]]
    of_names = BEGINS[1:] - 1 if named == "last days" else BEGINS
    assert panel.dates.tolist() == of_names[: HISTORY + 2].tolist()
    assert panel.frequency.season == 12


def test_the_wide_layout_may_name_the_periods(tmp_path, load):
    wide = f"store,item,{','.join(NAMES[:HISTORY])}\nN,tea,{','.join(map(str, range(1, HISTORY + 1)))}\n"
    data = {"frequency": "M", "periods": "periods.csv", "layout": "wide"}
    panel = load(tmp_path, {"sales.csv": wide, "periods.csv": table()}, **data).panel
    assert panel.units.tolist() == [[float(number + 1) for number in range(HISTORY)]]
    assert panel.dates.tolist() == BEGINS[: HISTORY + 2].tolist()


def test_days_are_added_up_by_period(tmp_path, load):
    days = np.arange(BEGINS[0], BEGINS[6])
    rows = pl.DataFrame({"store": "N", "item": "tea", "date": days, "units": 1})
    data = {"frequency": "M", "periods": "periods.csv", "sales": "sales.parquet"}
    panel = load(tmp_path, {"sales.parquet": rows, "periods.csv": table()}, **data).panel
    assert panel.units.tolist() == [[28.0, 28.0, 35.0, 28.0, 28.0, 35.0]]


def test_half_years_are_periods_like_others(tmp_path, load):
    halves = [f"{year}-{month}" for year in range(2018, 2026) for month in ("01", "07")]
    periods = "begin,name\n" + "".join(f"{half}-01,{half[:4]}H{1 + (half[5:] == '07')}\n" for half in halves)
    text = "store,item,date,units\n" + "".join(f"N,tea,{half[:4]}H{1 + (half[5:] == '07')},5\n" for half in halves[:10])
    data = {"frequency": "Q", "periods": "periods.csv"}
    panel = load(tmp_path, {"sales.csv": text, "periods.csv": periods}, **data).panel
    assert (panel.n_days, panel.frequency.season, panel.frequency.noun) == (10, 2, "half-year")
    assert panel.dates.tolist() == [np.datetime64(f"{half}-01").astype(object) for half in halves[:12]]


def test_a_table_that_does_not_reach_the_horizon_is_refused(tmp_path, load):
    short = {"sales.csv": sales(), "periods.csv": table(slice(2, HISTORY + 1))}
    with pytest.raises(UsageError, match=r"2 of 20 dates .* 2021-12-26, 2022-01-23.*2 rows before .* and 1 row after"):
        load(tmp_path, short, frequency="M", periods="periods.csv")


@pytest.mark.parametrize(
    ("periods", "frequency", "message"),
    [
        (table(), "D", "Set 'frequency: M'"),
        (table(), "Q", "Set 'frequency: M'"),
        (table().replace("2022-01-23", "soon"), "M", "cannot be read in full"),
        ("begin,place\n2022-01-01,1\n2022-02-01,\n2022-03-01,3\n", "M", "no 'place'"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused(tmp_path, load, periods, frequency, message):
    with pytest.raises(SettingsError, match=message):
        load(tmp_path, {"sales.csv": sales(), "periods.csv": periods}, frequency=frequency, periods="periods.csv")


def test_a_saved_panel_keeps_its_table(tmp_path, load):
    files = {"sales.csv": sales(), "periods.csv": table()}
    panel = load(tmp_path, files, frequency="M", periods="periods.csv").panel
    save_panel(panel, tmp_path / "panel")
    again = load_panel(tmp_path / "panel")
    assert again.frequency == Frequency.MONTH
    assert again.ahead(4).tolist() == panel.ahead(4).tolist() == BEGINS[HISTORY : HISTORY + 4].tolist()
    assert again.frequency.table.names == tuple(NAMES)
    longer = load(tmp_path, files | {"periods.csv": table(slice(0, -1))}, frequency="M", periods="periods.csv").panel
    assert digest(longer) != digest(panel) == digest(again)
