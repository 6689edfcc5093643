from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foresell.core.errors import UnreadableFile
from foresell.core.frequency import Frequency
from foresell.core.panel import Known, Panel
from foresell.store.panels import digest, load_panel, save_panel


@pytest.fixture
def panel(make_panel) -> Panel:
    events = pl.DataFrame({"date": [pl.Series(["2022-02-14"]).str.to_date()[0]], "event": ["Valentine"]})
    return replace(make_panel(60), events=events, country="DE")


def assert_same(one: Panel, other: Panel) -> None:
    assert_frame_equal(one.series, other.series)
    assert_frame_equal(one.events, other.events)
    assert (one.keys, one.frequency, one.country) == (other.keys, other.frequency, other.country)
    np.testing.assert_array_equal(one.dates, other.dates)
    np.testing.assert_array_equal(one.units, other.units)
    assert list(one.known) == list(other.known)
    for name in one.known:
        np.testing.assert_array_equal(one.known[name].values, other.known[name].values)
        np.testing.assert_array_equal(one.known[name].rows, other.known[name].rows)


def test_a_panel_comes_back_as_it_was(panel, tmp_path):
    shared = Known(np.ones((2, len(panel.dates)), np.float32), np.array([0, 1] * 4, np.int32))
    panel = replace(panel, known={**panel.known, "strange / name": shared})
    saved_digest = save_panel(panel, tmp_path)
    loaded = load_panel(tmp_path)
    assert_same(panel, loaded)
    assert saved_digest == digest(panel) == digest(loaded)


def test_part_of_the_history_and_months_come_back_too(make_panel, tmp_path):
    panel = make_panel(30, frequency=Frequency.MONTH).until(20)
    save_panel(panel, tmp_path)
    assert_same(panel, load_panel(tmp_path))


def test_the_cubes_are_mapped_and_cannot_be_written_to(panel, tmp_path):
    save_panel(panel, tmp_path)
    loaded = load_panel(tmp_path)
    array = loaded.units
    while not isinstance(array, np.memmap):
        array = array.base
    assert str(array.filename).endswith("units.npy")
    with pytest.raises(ValueError, match="read-only"):
        loaded.units[0, 0] = 1


def test_an_empty_panel_comes_back(make_panel, tmp_path):
    empty = make_panel(20).part(slice(0, 0))
    save_panel(empty, tmp_path)
    assert load_panel(tmp_path).n_series == 0


@pytest.mark.parametrize("change", ["units", "price", "series", "events", "country", "dates"])
def test_any_change_gives_another_digest(panel, change):
    if change == "units":
        units = panel.units.copy()
        units[-1, -1] = 77
        other = replace(panel, units=units)
    elif change == "price":
        values = panel.known["price"].values.copy()
        values[0, -1] += 1
        other = replace(panel, known={**panel.known, "price": Known.of_each(values)})
    elif change == "series":
        other = replace(panel, series=panel.series.with_columns(category=pl.lit("food")))
    elif change == "events":
        other = replace(panel, events=panel.events.head(0))
    elif change == "country":
        other = replace(panel, country="US")
    else:
        other = replace(panel, dates=panel.dates + 1)
    assert digest(other) != digest(panel)


@pytest.mark.parametrize("truncated", ["panel.json", "units.npy", "series.parquet"])
def test_a_truncated_file_is_reported(panel, tmp_path, truncated):
    save_panel(panel, tmp_path)
    (tmp_path / truncated).write_bytes((tmp_path / truncated).read_bytes()[:20])
    with pytest.raises(UnreadableFile, match="foresell check --again"):
        load_panel(tmp_path)
