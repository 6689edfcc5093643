"""Tables by date beside the sales: which become covariates, how they are joined, and what is said of the others."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.settings import parse_settings
from foresell.data.sales_reader import read_sales
from foresell.onboarding.roles import infer

FIRST = date(2024, 1, 1)
N_DAYS = 120
STORES = {"north": "A", "south": "B", "west": "B"}


def dates(count: int) -> list[date]:
    return [FIRST + timedelta(days=n) for n in range(count)]


def weather(count: int, **columns) -> pl.DataFrame:
    random = np.random.default_rng(3)
    return pl.DataFrame({"date": dates(count), "temperature": random.normal(15, 5, count).round(1), **columns})


@pytest.fixture
def folder(tmp_path) -> Path:
    rows = [
        (store, item, day, (3 * n + len(store)) % 9 + 1)
        for store in STORES
        for item in ("tea", "ice")
        for n, day in enumerate(dates(N_DAYS))
    ]
    pl.DataFrame(rows, schema=["store", "item", "date", "units"], orient="row").write_csv(tmp_path / "sales.csv")
    return tmp_path


def proposed(folder: Path):
    """The tables that are proposed, the doubts, and the panel that is read with the settings."""
    proposal = infer("sales.csv", folder)
    settings = parse_settings(proposal.settings)
    panel = read_sales(settings, folder, today=date(2024, 12, 31)).panel
    return settings.data.covariates, " ".join(proposal.doubts), panel


def test_a_table_by_date_alone_is_joined_by_date(folder):
    weather(N_DAYS + 60).write_csv(folder / "weather.csv")
    (table,), doubts, panel = proposed(folder)
    assert (table.path, table.date, table.keys) == (str(folder / "weather.csv"), "date", ())
    assert (table.columns, table.known_ahead) == (("temperature",), True)
    assert "weather" not in doubts
    assert panel.known["temperature"].values.shape[0] == 1
    assert not np.isnan(panel.known["temperature"].values).any()


def test_a_table_by_an_attribute_of_another_table_is_joined_by_it(folder):
    pl.DataFrame({"store": list(STORES), "region": list(STORES.values())}).write_csv(folder / "stores.csv")
    by_region = [weather(N_DAYS + 60).with_columns(pl.lit(region).alias("region")) for region in ("A", "B")]
    pl.concat(by_region).rename({"date": "Tag"}).write_csv(folder / "weather.csv", date_format="%d.%m.%Y")
    (table,), _, panel = proposed(folder)
    assert (table.date, table.keys) == ("Tag", ("region",))
    assert len(panel.known["temperature"].values) == 2


@pytest.mark.parametrize("values", [["N", "S"], ["yes", "no"], ["1", "2"]])
def test_values_of_keys_that_look_like_others_are_values_all_the_same(folder, values):
    regions = dict(zip("AB", values, strict=True))
    stores = {"store": list(STORES), "region": [regions[letter] for letter in STORES.values()]}
    pl.DataFrame(stores).write_csv(folder / "stores.csv")
    by_region = [weather(N_DAYS + 60).with_columns(pl.lit(region).alias("region")) for region in values]
    pl.concat(by_region).write_csv(folder / "weather.csv")
    (table,), _, _ = proposed(folder)
    assert table.keys == ("region",)


@pytest.mark.parametrize("count", [N_DAYS, N_DAYS + 7])
def test_what_ends_with_the_sales_or_soon_after_is_held_back_by_the_horizon(folder, count):
    weather(count).write_csv(folder / "weather.csv")
    (table,), doubts, panel = proposed(folder)
    assert not table.known_ahead
    assert "too early to be known for what is forecast after the sales (2024-04-29), so each of its values" in doubts
    assert not np.isnan(panel.known["temperature"].values[0, panel.n_days :]).any()


def test_hours_of_sales_need_as_many_hours_ahead(folder):
    hours = [datetime(2024, 1, 1) + timedelta(hours=n) for n in range(24 * 70)]
    units = np.random.default_rng(2).poisson(5, 24 * 60)
    pl.DataFrame({"time": hours[: 24 * 60], "units": units}).write_csv(folder / "sales.csv")
    pl.DataFrame({"time": hours, "wind": np.random.default_rng(1).random(len(hours))}).write_csv(folder / "wind.csv")
    proposal = infer("sales.csv", folder, overrides={"frequency": "H", "horizon": 168})
    (table,) = proposal.settings["data"]["covariates"]
    assert "known_ahead" not in table  # ten days ahead for seven days


def test_numbers_may_have_the_other_decimal_mark(folder):
    text = weather(N_DAYS + 60).write_csv(separator=";").replace(".", ",")
    (folder / "weather.csv").write_text(text)
    (table,), _, panel = proposed(folder)
    assert table.columns == ("temperature",)
    assert np.nanmax(panel.known["temperature"].values) < 40


def test_months_and_hours_are_joined_to_days(folder):
    months = [date(2023 + n // 12, n % 12 + 1, 1) for n in range(24)]
    pl.DataFrame({"month": months, "cpi": [100 + 0.3 * n**1.1 for n in range(24)]}).write_csv(folder / "cpi.csv")
    hours = [datetime(2024, 1, 1) + timedelta(hours=n) for n in range(24 * (N_DAYS + 40))]
    wind = np.random.default_rng(1).random(len(hours))
    pl.DataFrame({"time": hours, "wind": wind}).write_parquet(folder / "wind.parquet")
    tables, _, panel = proposed(folder)
    assert {(Path(table.path).name, table.date) for table in tables} == {("cpi.csv", "month"), ("wind.parquet", "time")}
    assert {"cpi", "wind"} <= set(panel.known)


def test_what_the_calendar_says_anyway_is_left_out(folder):
    days = dates(N_DAYS + 60)
    weather(
        N_DAYS + 60,
        weekday=[day.weekday() for day in days],
        free=[int(day.weekday() > 4) for day in days],
        week_id=[900 + n // 7 for n in range(len(days))],
        number=list(range(len(days))),
        nothing=[0] * len(days),
    ).write_csv(folder / "weather.csv")
    (table,), _, _ = proposed(folder)
    assert table.columns == ("temperature",)


def test_a_calendar_of_events_may_have_numbers_too(folder):
    events = [None if n % 30 else "market" for n in range(N_DAYS + 60)]
    weather(N_DAYS + 60, event=events).write_csv(folder / "calendar.csv")
    proposal = infer("sales.csv", folder)
    assert proposal.settings["data"]["calendar"]["events"] == ["event"]
    (table,) = proposal.settings["data"]["covariates"]
    assert table["columns"] == ["temperature"]


@pytest.mark.parametrize(
    ("frame", "doubt"),
    [
        (weather(3).with_columns(date=pl.Series(dates(100)[::49][:3])), "has rows for 3 dates only"),
        (pl.concat([weather(150).with_columns(station=pl.lit(s)) for s in "xy"]), "several rows for each date, by"),
        (weather(150).rename({"temperature": "sales"}), "has sales by date, which may be sales"),
        (weather(90).with_columns(pl.col("date").dt.offset_by("-3y")), "of another time than the sales"),
    ],
)  # fmt: skip
def test_tables_that_cannot_be_used_as_they_are_are_named_with_what_to_do(folder, frame, doubt):
    frame.write_csv(folder / "more.csv")
    tables, doubts, _ = proposed(folder)
    assert tables == ()
    assert f"more.csv {doubt}" in doubts or doubt in doubts
    assert doubts.count("more.csv") == 1


def test_two_tables_with_one_name_are_not_both_taken(folder):
    for name in ("weather.csv", "weather_old.csv"):
        weather(N_DAYS + 60).write_csv(folder / name)
    tables, doubts, _ = proposed(folder)
    assert [Path(table.path).name for table in tables] == ["weather.csv"]
    assert "weather_old.csv" in doubts


def test_a_wide_table_has_them_too(folder):
    sales = pl.read_csv(folder / "sales.csv")
    sales.pivot("date", index=["store", "item"], values="units").write_csv(folder / "sales.csv")
    weather(N_DAYS + 60).write_csv(folder / "weather.csv")
    (table,), _, panel = proposed(folder)
    assert table.known_ahead
    assert "temperature" in panel.known
