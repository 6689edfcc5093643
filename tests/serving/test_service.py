"""What is served is what the batch forecast says; what is asked beside it, what a batch with that change would say."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.adjust.ranges import Ranges
from foresell.core.errors import UsageError
from foresell.core.hierarchy import level_name
from foresell.core.panel import Known, Panel
from foresell.core.scenario import scenario
from foresell.ensemble.champion import Champion
from foresell.pipeline import explanation
from foresell.pipeline.project import Project
from foresell.serving.bundle import write_bundle
from foresell.serving.service import Service
from foresell.transactions.fitted import FittedTransactions
from foresell.transactions.revenue import DailyRevenue
from foresell.transactions.trial import RegressionTask, try_learners


@pytest.fixture(scope="module")
def batch(project: Project) -> pl.DataFrame:
    """The forecasts of the single series that were delivered."""
    return project.forecasts.filter(level=level_name(project.panel.keys))


@pytest.fixture(scope="module")
def champion(project: Project) -> Champion:
    return Champion.load(project.results.folder("train") / "model")


@pytest.fixture(scope="module")
def rows(batch: pl.DataFrame, project: Project) -> pl.DataFrame:
    """All series and days."""
    return batch.select(*project.panel.keys, "date")


def same(answer: pl.DataFrame, columns: dict[str, Iterable[float]]) -> None:
    assert answer["error"].to_list() == [None] * answer.height
    for name, values in columns.items():
        np.testing.assert_array_equal(answer[name].cast(pl.Float32), values)


def test_a_series_and_day_are_answered_as_by_the_batch(service: Service, batch: pl.DataFrame, rows) -> None:
    answer = service.predict(rows)
    same(answer, {"units": batch["mean"], "units_low": batch["q050"], "units_high": batch["q950"]})
    assert answer["assumed"].list.len().sum() == 0
    assert set(answer["basis"]) == {"series"}


def test_one_row_or_some_in_any_order_are_answered_as_all(service: Service, rows: pl.DataFrame) -> None:
    whole = service.predict(rows)
    some = np.random.default_rng(1).permutation(rows.height)[:20]
    assert service.predict(rows[some]).equals(whole[some])
    for row in some[:3]:
        assert service.predict(rows[[int(row)]]).equals(whole[[int(row)]])


def test_texts_are_read_as_values(service: Service, rows: pl.DataFrame, project: Project) -> None:
    panel = project.panel
    price = panel.known["price"].on(slice(panel.n_days, panel.n_days + 7)).reshape(-1)
    said = rows.with_columns(price=pl.Series(price.astype(np.float64)).round(2), promotion=pl.lit("on"))
    texts = said.with_columns(pl.all().cast(pl.String))
    assert service.predict(texts).equals(service.predict(said))
    assert service.predict(said.with_columns(promotion=pl.lit(True))).equals(service.predict(said))


def test_what_is_said_as_it_is_known_is_no_what_if(service: Service, rows: pl.DataFrame, project: Project) -> None:
    panel, ahead = project.panel, slice(project.panel.n_days, project.panel.n_days + 7)
    said = rows.with_columns(
        pl.Series(name, panel.known[name].on(ahead).reshape(-1).astype(np.float64)).round(2) for name in panel.known
    )
    assert service.predict(said).equals(service.predict(rows))


@pytest.mark.parametrize("changes", [{"price": 0.7}, {"promotion": 1.0}, {"price": 0.5, "promotion": 1.0}])
def test_a_what_if_is_what_a_batch_with_that_change_says(
    service: Service, project: Project, champion: Champion, changes: dict[str, float]
) -> None:
    """A slow oracle: the whole panel with the change on that day, forecast by the champion."""
    panel = project.panel
    random = np.random.default_rng(2)
    series, step = random.integers(panel.n_series, size=8), random.integers(7, size=8)
    dates = panel.ahead(7)[step]
    asked = panel.series.select(panel.keys)[series].with_columns(pl.Series("date", dates))
    answer = service.predict(asked.with_columns(pl.lit(value).alias(name) for name, value in changes.items()))
    day = [each.astype(object) for each in dates]
    oracle = [
        champion.forecast(scenario(panel, changes, np.array([one]), when, when)).mean[one, at]
        for one, at, when in zip(series, step, day, strict=True)
    ]
    np.testing.assert_allclose(answer["units"], oracle, rtol=1e-6)
    assert not np.allclose(answer["units"], service.predict(asked)["units"])
    if "price" in changes:
        np.testing.assert_allclose(answer["revenue"], answer["units"] * changes["price"])


def test_a_row_says_nothing_about_another(service: Service, rows: pl.DataFrame) -> None:
    said = rows.with_columns(price=pl.Series(np.linspace(0.5, 9, rows.height)))
    whole = service.predict(said)
    alone = pl.concat([service.predict(said[row]) for row in range(0, rows.height, 9)])
    assert alone.equals(whole[list(range(0, rows.height, 9))])


def test_without_room_for_features_the_answers_are_the_same(service: Service, bundle: Path, rows) -> None:
    small = Service.load(bundle, room=0)
    assert small.about()["memory_mb"] <= service.about()["memory_mb"]
    said = rows.with_columns(price=pl.lit(2.0), promotion=pl.Series([0.0, 1.0] * (rows.height // 2)))
    assert small.predict(said).equals(service.predict(said))
    one = {key: rows[key][0] for key in small.panel.keys}
    assert small.explain(one).to_dict() == service.explain(one).to_dict()


def test_it_can_be_asked_from_many_threads(service: Service, rows: pl.DataFrame) -> None:
    said = rows.with_columns(price=pl.lit(2.0))
    new = said.head(5).with_columns(store=pl.lit("S9"))
    asked = [said, rows, new, said[10:20], new[1:2]] * 6
    expected = [service.predict(each) for each in asked]
    with ThreadPoolExecutor(8) as pool:
        for answer, wanted in zip(pool.map(service.predict, asked), expected, strict=True):
            assert answer.equals(wanted)


def test_bad_rows_are_told_and_the_others_answered(service: Service, rows: pl.DataFrame) -> None:
    good = rows.head(1).with_columns(pl.all().cast(pl.String), price=pl.lit(None, pl.String))
    after = service.panel.ahead(8)[7]
    bad = [
        ({"date": "2020-01-01"}, "2020-01-01 cannot be asked, only the days from 2025-12-29 to 2026-01-04"),
        ({"date": str(after)}, f"{after} cannot be asked"),
        ({"date": "soon"}, "'soon' is no date such as 2025-12-29"),
        ({"date": None}, "The row has no date"),
        ({"price": "-1"}, "price is '-1'; expected a number from 0"),
        ({"price": "cheap"}, "price is 'cheap'; expected a number from 0"),
        ({"price": "1e39"}, "price is '1e39'; expected at most 3.4e+38"),
        ({"price": "inf"}, "price is 'inf'"),
        ({"item": None}, "The row has no value for item"),
        ({"weather": "wet"}, "'weather' is not one of the columns of this model: store, item, date, price"),
        ({"area_m2": "large"}, "area_m2 is 'large'; expected a value such as 770"),
    ]
    said = [good.with_columns(pl.lit(value, pl.String).alias(name) for name, value in each.items()) for each, _ in bad]
    answer = service.predict(pl.concat([good, *said, good], how="diagonal"))
    assert answer["error"].null_count() == 2
    for error, (_, expected) in zip(answer["error"][1:-1], bad, strict=True):
        assert expected in error
    assert answer[0].equals(answer[-1])
    assert answer[0].equals(service.predict(good))
    assert answer[1:-1].select(pl.exclude("assumed", "error").null_count()).sum_horizontal()[0] == 7 * len(bad)


def test_rows_without_a_key_or_a_date_and_no_rows_at_all(service: Service, rows: pl.DataFrame) -> None:
    assert "no value for item" in service.predict(rows.head(1).drop("item"))["error"][0]
    assert "no date" in service.predict(rows.head(1).drop("date"))["error"][0]
    none = service.predict(rows.clear())
    assert none.height == 0
    assert none.schema == service.predict(rows.head(1)).schema


def test_what_is_assumed_is_said(service: Service, rows: pl.DataFrame) -> None:
    answer = service.predict(rows.head(2).with_columns(category=pl.Series(["toys", None])))
    own = service.panel.series["category"][0]
    assert answer["assumed"].to_list() == [[f"category: {own}, as the series has it"], []]
    assert answer.drop("assumed").equals(service.predict(rows.head(2)).drop("assumed"))


def appended(panel: Panel, keys: dict[str, object], price: float | None, attributes: dict[str, object]) -> Panel:
    """The panel with one series more, of which nothing has been sold."""
    more = pl.DataFrame([{**dict.fromkeys(panel.series.columns), **keys, **attributes}], schema=panel.series.schema)
    known = {}
    for name, each in panel.known.items():
        values = np.full((1, each.values.shape[1]), np.nan, np.float32)
        values[0, panel.n_days :] = (np.nan if price is None else price) if name == "price" else 0
        known[name] = Known(np.concatenate([each.values, values]), np.append(each.rows, len(each.values)))
    units = np.concatenate([panel.units, np.full((1, panel.n_days), np.nan, np.float32)])
    return replace(panel, series=pl.concat([panel.series, more]), units=units, known=known)


@pytest.mark.parametrize("price", [3.5, None])
@pytest.mark.parametrize("store", ["S001", "S777"])
def test_a_new_series_is_answered_as_by_a_batch_that_has_it(
    service: Service, project: Project, champion: Champion, store: str, price: float | None
) -> None:
    panel = project.panel
    category = panel.series["category"][3]
    keys = {"store": store, "item": "novelty"}
    dates = panel.ahead(7).astype(object)
    asked = pl.DataFrame([{**keys, "date": when, "price": price, "category": category} for when in dates])
    answer = service.predict(asked)
    assert set(answer["basis"]) == {"new"}
    names = ("region", "kind", "area_m2", "opened")
    of_store = panel.series.filter(store=store).select(names)
    attributes = of_store.row(0, named=True) if of_store.height else {}
    constant = {n: panel.series[n][0] for n in panel.series.columns if panel.series[n].n_unique() == 1}
    whole = appended(panel, keys, price, {**constant, **attributes, "category": category})
    bottom = champion.forecast(whole)
    ranges = Ranges.load(project.results.folder("combine") / "scatter.parquet")
    made = ranges.apply({panel.keys: bottom}, whole, service.levels.hierarchy, (0.05, 0.95))[panel.keys]
    np.testing.assert_allclose(answer["units"], made.mean[-1], rtol=1e-6)
    np.testing.assert_array_equal(answer["units_low"], made.quantiles[0, -1])
    np.testing.assert_array_equal(answer["units_high"], made.quantiles[1, -1])
    if price:
        np.testing.assert_allclose(answer["revenue"], answer["units"] * price)
    else:
        assert answer["revenue"].null_count() == 7


def test_what_is_not_said_of_a_new_series_is_taken_from_its_kin(service: Service, project: Project) -> None:
    item = project.panel.series.row(0, named=True)
    asked = pl.DataFrame({"store": ["S777"], "item": [item["item"]], "date": [service.manifest.cutoff + timedelta(1)]})
    assumed = service.predict(asked)["assumed"][0].to_list()
    assert assumed[0].startswith(f"history: none is known of store S777, item {item['item']}, so it is forecast as new")
    assert f"category: {item['category']}, as of item {item['item']}" in assumed
    assert "promotion: none" in assumed
    assert "price: not known" in assumed
    said = service.predict(asked.with_columns(category=pl.lit("other"), price=pl.lit(1.0), promotion=pl.lit(1)))
    told = [each.partition(":")[0] for each in said["assumed"][0]]
    assert not {"category", "price", "promotion"} & set(told)


@pytest.mark.parametrize("quantiles", [(), (0.05, 0.25, 0.5, 0.75, 0.95)])
def test_every_level_is_forecast_as_by_the_batch(service: Service, project: Project, quantiles) -> None:
    for level in service.levels.hierarchy.levels:
        found = service.forecast({}, level, None, quantiles, {})
        kept = project.forecasts.filter(level=level_name(level)).select(found.columns)
        assert found.equals(kept)
    first = service.forecast({}, ("store",), 3, quantiles)
    assert first.equals(service.forecast({}, ("store",), None, quantiles).filter(pl.col("step") <= 3))


def test_the_groups_of_chosen_series(service: Service, project: Project) -> None:
    one = project.panel.series.row(3, named=True)
    found = service.forecast({"item": one["item"]}, ("store",), 7)
    assert found.equals(service.forecast({}, ("store",), 7))
    assert service.forecast({"store": one["store"]}, ("store",), 7)["store"].unique().to_list() == [one["store"]]
    alone = service.forecast({key: one[key] for key in project.panel.keys}, None, 7)
    assert alone.height == 7


def test_levels_move_by_the_sum_of_what_their_series_move(
    service: Service, project: Project, champion: Champion
) -> None:
    panel = project.panel
    item = panel.series["item"][0]
    rows = np.flatnonzero(panel.series["item"] == item)
    changes = {"price": "-30%", "promotion": "on"}
    first, last = panel.ahead(7)[[0, -1]].astype(object)
    oracle = champion.forecast(scenario(panel, changes, rows, first, last)).mean[rows].astype(np.float64)
    singles = service.forecast({"item": item}, None, None, (0.1, 0.9), changes)
    np.testing.assert_allclose(singles["mean"], oracle.reshape(-1), rtol=1e-6)
    moved = oracle - service.champion.mean[rows]
    assert np.abs(moved).max() > 0.01
    for level in ((), ("store",), ("category",)):
        before = service.forecast({"item": item}, level, None, (), {})
        after = service.forecast({"item": item}, level, None, (0.5,), changes)
        gained = (after["mean"] - before["mean"]).sum()
        assert gained == pytest.approx(moved.sum(), abs=1e-3)
        assert after.height == before.height


def test_what_cannot_be_forecast_is_said(service: Service) -> None:
    for asked, said in (
        (({"store": "nowhere"}, None, 7, (), {}), "No series has 'store' nowhere"),
        (({}, ("brand",), 7, (), {}), "There is no level 'brand' in these forecasts; they have total, store"),
        (({}, None, 8, (), {}), "The horizon is 8 days; expected 1 to 7"),
        (({}, None, 7, (0.9, 0.1), {}), "expected rising numbers"),
        (({}, None, 7, (), {"weather": 1}), "no covariate 'weather'"),
        (({}, None, 7, (), {"price": "low"}), "is no value for 'price'"),
    ):
        with pytest.raises(UsageError, match=said):
            service.forecast(*asked)


def test_reasons_add_up_to_what_is_served_and_are_those_of_the_project(service: Service, project: Project) -> None:
    one = {key: project.panel.series[key][2] for key in project.panel.keys}
    found = service.explain(one)
    served = service.forecast(one, None, 7)["mean"]
    np.testing.assert_allclose(found.days["forecast"], served, rtol=1e-5)
    codes = [reason.code for reason in found.reasons]
    np.testing.assert_allclose(found.days.select(codes).sum_horizontal(), served, rtol=1e-5)
    told, expected = found.to_dict(), explanation.explain(project, one).to_dict()
    assert told["sentences"] == expected["sentences"]
    day = service.explain(one, project.panel.ahead(2)[1].astype(object), str(project.panel.ahead(2)[1]))
    assert day.days.height == 1
    with pytest.raises(UsageError, match="The forecast is for the 7 days"):
        service.explain(one, "2020-01-01")


def test_it_says_what_it_is(service: Service, project: Project) -> None:
    told = service.about()
    assert (told["version"], told["name"], told["series"]) == ("3", "shop", project.panel.n_series)
    assert (told["first"], told["last"]) == ("2025-12-29", "2026-01-04")
    assert told["days_since_cutoff"] == (date.today() - project.panel.cutoff).days
    assert told["known_ahead"] == told["moves_with"] == ["price", "promotion"]
    assert told["memory_mb"] >= 0
    assert set(service.columns) >= {"store", "item", "date", "price", "promotion", "category"}


def test_daily_revenue_is_that_of_the_trained_model(service: Service, project: Project) -> None:
    fitted = DailyRevenue.load(project.results.folder("train") / "revenue")
    if fitted.first is None or fitted.last is None:
        with pytest.raises(UsageError, match="no forecast of daily revenue"):
            service.forecast_revenue(date(2026, 1, 1), date(2026, 1, 2), (0.5,))
    else:
        asked = (fitted.first, fitted.last, (0.1, 0.9))
        assert service.forecast_revenue(*asked).equals(fitted.forecast(*asked))
    assert service.about()["revenue"] == fitted.about()


def test_single_sales_are_answered_by_the_model_in_the_bundle(project: Project, tmp_path: Path) -> None:
    """A small regression, put where training leaves it."""
    copy = Path(shutil.copytree(project.folder, tmp_path / "shop"))
    random = np.random.default_rng(0)
    pieces = random.integers(1, 9, 600)
    sales = pl.DataFrame(
        {
            "date": pl.Series(
                [date(2025, 1, 1) + timedelta(int(day)) for day in np.sort(random.integers(0, 300, 600))]
            ),
            "customer": np.where(pieces > 4, "trade", "private"),
            "earned": pieces * 2.5,
        }
    )
    inputs = ("date", "customer")
    learnt = try_learners(
        RegressionTask(sales=sales, target="earned", date="date", inputs=inputs, key=("customer",)), ["forest"]
    )
    learnt.fitted.save(copy / "results" / "train" / "transactions")
    write_bundle(Project(copy).folder, Project(copy).settings, Project(copy).steps, tmp_path / "bundle")
    service = Service.load(tmp_path / "bundle")
    asked = pl.DataFrame({"date": ["2025-10-28"] * 2, "customer": ["trade", "private"]})
    answer = service.predict_transactions(asked)
    assert answer.equals(learnt.fitted.predict(asked))
    assert answer["value"][0] > answer["value"][1] > 0
    assert service.about()["transactions"] == FittedTransactions.load(tmp_path / "bundle" / "transactions").about()


def test_models_that_are_not_there_are_named(service: Service) -> None:
    with pytest.raises(UsageError, match=r"'transactions: \{target: revenue\}'"):
        service.predict_transactions(pl.DataFrame({"item": ["a"]}))
