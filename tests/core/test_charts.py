"""Panels and forecasts at one glance, and as charts; what is drawn is what they hold."""

from __future__ import annotations

import struct
import sys
from datetime import date, datetime

import numpy as np
import polars as pl
import pytest
import vl_convert

from foresell.core.errors import NotInstalled, UsageError
from foresell.core.forecast import Forecast
from foresell.core.forecasts import Forecasts
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.core.timeline import ChosenGroups

KEYS = ("store", "item")
LEVELS = (("store",),)


@pytest.fixture(scope="module")
def panel() -> Panel:
    random = np.random.default_rng(5)
    days = pl.date_range(date(2024, 1, 1), date(2024, 3, 31), eager=True)
    rows = [
        {"store": store, "item": item, "date": day, "units": float(random.poisson(mean * (store == "south") + 2))}
        for store in ("north", "south")
        for item, mean in (("tea", 9), ("coffee", 5), ("<b>", 1))
        for day in days
    ]
    attributes = pl.DataFrame({"item": ["tea", "coffee"], "size": ["small", "large"]})
    return Panel.from_frame(pl.DataFrame(rows), KEYS, attributes=attributes)


def forecasts_of(panel: Panel, horizon: int = 14, probabilities=(0.05, 0.25, 0.5, 0.75, 0.95)) -> Forecasts:
    """Forecasts of the mean, with quantiles as far from it as their probability is from a half."""
    hierarchy = Hierarchy.of(panel.keys, LEVELS)
    mean = np.repeat(panel.units.mean(axis=1, keepdims=True), horizon, axis=1)
    bottom = Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(horizon), mean)
    by_level = {}
    for groups in hierarchy.all_groups(panel.series):
        forecast = bottom if groups.level == hierarchy.bottom else bottom.sum(groups)
        around = [forecast.mean * (0.5 + probability) for probability in probabilities]
        by_level[groups.level] = forecast.with_quantiles(probabilities, np.stack(around)) if around else forecast
    return Forecasts(by_level, panel)


def rendered(chart) -> tuple[int, int]:
    """The width and height of the picture that the chart becomes."""
    picture = vl_convert.vegalite_to_png(chart.to_json())
    assert picture.startswith(b"\x89PNG")
    return struct.unpack(">II", picture[16:24])


def values_of(chart, line: str) -> list[list[dict]]:
    """The rows that each layer draws of one line of the legend."""
    values = []
    whole = chart.to_dict()

    def look(part: dict) -> None:
        rows = whole["datasets"].get(part.get("data", {}).get("name"), [])
        if rows and rows[0].get("line") == line and part["mark"]["type"] != "circle":
            values.append(rows)
        for key in ("layer", "concat"):
            for below in part.get(key, []):
                look(below)

    look(whole)
    return values


def test_a_panel_is_drawn_as_its_total(panel):
    chart = panel.plot()
    assert min(rendered(chart)) > 200
    (rows,) = values_of(chart, "sold")
    assert [row["units"] for row in rows] == panel.units.sum(axis=0).tolist()
    assert rows[0]["date"] == "2024-01-01T00:00:00"


@pytest.mark.parametrize(
    ("arguments", "units"),
    [
        ({"store": "north", "item": "tea"}, [["north", "tea"]]),
        ({"store": "north"}, [["north"]]),
        ({"size": "small"}, [["small"]]),
        ({"level": ("store",)}, [["south"], ["north"]]),
        ({"level": ("store", "item"), "most": 1}, [["south", "tea"]]),
        ({"level": ("item",), "store": "north", "most": 2, "last": 30}, [["tea", "north"], ["coffee", "north"]]),
    ],
)
def test_series_of_a_panel_are_chosen_by_their_columns(panel, arguments, units):
    chart = panel.plot(**arguments)
    assert min(rendered(chart)) > 150
    columns = list(dict.fromkeys([*arguments.get("level", ()), *(set(arguments) & {"store", "item", "size"})]))
    columns.sort(key=["store", "item", "size"].index) if "level" not in arguments else None
    drawn = values_of(chart, "sold")
    if arguments.get("last"):
        assert len(drawn) == 2
        assert {len(rows) for rows in drawn} == {30}
        return
    for rows, values in zip(drawn, units, strict=True):
        members = panel.series.with_row_index("row").filter(**dict(zip(columns, values, strict=True)))["row"]
        assert [row["units"] for row in rows] == panel.units[members.to_numpy()].sum(axis=0).tolist()


@pytest.mark.parametrize("horizon", [1, 14])
@pytest.mark.parametrize(
    ("arguments", "panels"),
    [({}, 1), ({"store": "south", "item": "tea"}, 1), ({"level": ("store",)}, 2), ({"item": "tea"}, 2)],
)
def test_forecasts_are_drawn_with_history_and_ranges(panel, horizon, arguments, panels):
    forecasts = forecasts_of(panel, horizon)
    chart = forecasts.plot(**arguments)
    assert min(rendered(chart)) > 150
    for line in ("sold", "forecast", "90 % range", "50 % range"):
        assert len(values_of(chart, line)) == panels
    if not arguments:
        total = forecasts.total
        (rows,) = values_of(chart, "90 % range")
        np.testing.assert_allclose([row["units"] for row in rows], total.quantiles[0, 0], rtol=1e-4)
        np.testing.assert_allclose([row["high"] for row in rows], total.quantiles[4, 0], rtol=1e-4)
        (rows,) = values_of(chart, "sold")
        assert len(rows) == min(5 * horizon, 140)


def test_forecasts_without_ranges_or_history_are_drawn_too(panel):
    forecasts = forecasts_of(panel, probabilities=())
    assert min(rendered(forecasts.plot())) > 200
    assert values_of(forecasts.plot(), "90 % range") == []
    alone = Forecasts(forecasts.by_level)
    assert min(rendered(alone.plot(store="south"))) > 200
    assert "14 steps" in repr(alone)


def test_a_gap_in_the_history_is_not_drawn(panel):
    units = panel.units.copy()
    units[:, 10:20] = np.nan
    chart = Panel(panel.series, KEYS, panel.dates, units).plot()
    (rows,) = values_of(chart, "sold")
    assert [row["units"] for row in rows[9:21]].count(None) == 10
    assert min(rendered(chart)) > 200


ATTRIBUTES = pl.DataFrame(
    {
        "store": ["a", "b", "c"],
        "open": [True, False, None],
        "since": [date(2020, 1, 1), date(2021, 5, 1), None],
        "at": [datetime(2020, 1, 1), datetime(2021, 5, 1, 12), None],
        "size": [1.0, 2.5, float("nan")],
        "rank": [1, 2, None],
        "region": ["1", "true", None],
    }
)
CHOSEN = {
    "truth": ({"open": True}, "a"),
    "truth of NumPy": ({"open": np.False_}, "b"),
    "a word for truth": ({"open": "True"}, "a"),
    "not known": ({"open": None}, "c"),
    "a date": ({"since": date(2021, 5, 1)}, "b"),
    "a text for a date": ({"since": "2020-01-01"}, "a"),
    "a date of NumPy": ({"since": np.datetime64("2020-01-01")}, "a"),
    "no date": ({"since": None}, "c"),
    "a time": ({"at": datetime(2021, 5, 1, 12)}, "b"),
    "a date for a time": ({"at": date(2020, 1, 1)}, "a"),
    "a text for a time": ({"at": "2020-01-01"}, "a"),
    "a whole number": ({"size": 1}, "a"),
    "a number": ({"size": 2.5}, "b"),
    "a number of NumPy": ({"size": np.float32(2.5)}, "b"),
    "no number": ({"size": float("nan")}, "c"),
    "a missing number": ({"size": None}, "c"),
    "a number with places": ({"rank": 2.0}, "b"),
    "a text for a number": ({"rank": "1"}, "a"),
    "a number for a text": ({"region": 1}, "a"),
    "no text": ({"region": None}, "c"),
}


@pytest.mark.parametrize("case", CHOSEN)
def test_groups_are_chosen_by_values_of_any_type(case):
    where, store = CHOSEN[case]
    chosen = ChosenGroups.of(ATTRIBUTES, np.ones((3, 2)), ("store", *where), ("store",), where, most=6)
    assert [chosen.groups.frame["store"][int(row)] for row in chosen.rows] == [store]
    (value,) = where.values()
    missing = value is None or value != value
    assert ("unknown" in chosen.title(int(chosen.rows[0]))) == missing


@pytest.mark.parametrize("value", [1.5, "x", [1], {1}, object(), np.array([1, 2]), date(2020, 1, 2), True, 10**30])
@pytest.mark.parametrize("column", ["since", "rank"])
def test_a_value_of_another_type_is_not_there(column, value):
    if column == "rank" and value is True:
        return  # Python counts True as 1
    with pytest.raises(UsageError, match=f"No series has {column}=.*; there are "):
        ChosenGroups.of(ATTRIBUTES, np.ones((3, 2)), (column,), ("store",), {column: value}, most=6)


WRONG = {
    "a column that is not there": ({"shop": "north"}, "'shop' needs the column shop"),
    "a value that is not there": (
        {"store": "nroth"},
        "store='nroth'; there are north, south.* mean 'north'",
    ),
    "values that do not meet": ({"store": "north", "item": "x"}, "No series has item='x' beside store='north'"),
    "a level as plain text": ({"level": "store"}, r"Write `level=\('store',\)`"),
    "none at most": ({"most": 0}, "'most' is 0"),
    "no last days": ({"last": "week"}, "'last' is 'week'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_chart_of_what_is_not_there(panel, case):
    arguments, message = WRONG[case]
    with pytest.raises(UsageError, match=message):
        panel.plot(**arguments)
    message = message.replace("'shop' needs the column shop", "no level with the columns of shop; the levels are total")
    with pytest.raises(UsageError, match=message):
        forecasts_of(panel).plot(**arguments)


def test_a_level_that_was_not_forecast_is_not_drawn(panel):
    with pytest.raises(UsageError, match=r"the levels are total, store, store x item.*\[\('size',\)\]"):
        forecasts_of(panel).plot(level=("size",))


def test_without_altair_the_error_says_what_to_install(panel, monkeypatch):
    monkeypatch.setitem(sys.modules, "altair", None)
    with pytest.raises(NotInstalled, match=r"'altair' is not installed; it is needed for charts in Python"):
        panel.plot()


def test_a_panel_and_forecasts_at_one_glance(panel):
    zero = _share(panel.units == 0)
    assert repr(panel).splitlines() == [
        "Panel of 6 series (store x item), 91 days",
        "  history     1 Jan to 31 Mar 2024",
        f"  units       {panel.units.sum():,.0f} sold; of all days {zero} without a sale, 0 % not known",
        "  attributes  size",
    ]
    forecasts = forecasts_of(panel)
    expected = 14 * panel.units.mean(axis=1).sum()
    assert repr(forecasts).splitlines() == [
        "Forecasts of 14 days",
        "  dates      1 to 14 Apr 2024, after 31 Mar 2024",
        "  levels     total, store (2), store x item (6)",
        f"  expected   {expected:,.0f} units in all, {expected / 14:.1f} a day",
        "  quantiles  5.0 %, 25 %, 50 %, 75 %, 95 %",
    ]
    assert repr(forecasts.bottom) == "Forecast of 6 series (store x item), 14 steps, 5 quantiles"
    assert "<td" in panel._repr_html_()
    assert "total, store (2)" in forecasts._repr_html_()
    assert "<b>" not in Panel(panel.series, ("<b>",), panel.dates, panel.units)._repr_html_()


def _share(where: np.ndarray) -> str:
    return f"{100 * where.mean():.1f} %" if where.mean() < 0.0995 else f"{100 * where.mean():.0f} %"
