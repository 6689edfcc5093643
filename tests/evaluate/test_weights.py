"""WRMSSE against a hand-computed example and against plain loops over a long table; given files of weights."""

from __future__ import annotations

import math
from datetime import date

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import DataError
from foresell.core.frequency import Frequency, period_range
from foresell.core.hierarchy import Hierarchy, level_name
from foresell.core.panel import Known, Panel
from foresell.evaluate.evaluation_window import EvaluationWindow
from foresell.evaluate.segments import segments
from foresell.evaluate.weights import compute_weights, read_weights, weights_from_table


def panel_of(units, price=None, names=("a", "b")):
    units = np.array(units, np.float32)
    dates = period_range(np.datetime64("2024-01-01"), units.shape[1], Frequency.DAY)
    known = {} if price is None else {"price": Known.of_each(np.array(price, np.float32))}
    return Panel(pl.DataFrame({"item": names}), ("item",), dates, units, known)


def score(panel, cutoff, mean, hierarchy):
    weights = compute_weights(panel, hierarchy, [cutoff])[0]
    window = EvaluationWindow.of(panel, cutoff, mean.shape[1], hierarchy, weights, segments(panel.until(cutoff)))
    return window.score(mean)["levels"]


def test_wrmsse_worked_by_hand():
    # a sells 1, 2, 4 at 2.00: scale (1 + 4) / 2 = 2.5, revenue 14. b sells 0, 3, 1 at 1.00: scale 4, revenue 4.
    # Together 1, 5, 5: scale (16 + 0) / 2 = 8.
    panel = panel_of([[1, 2, 4, 3, 5], [0, 3, 1, 2, 0]], price=[[2] * 5, [1] * 5])
    hierarchy = Hierarchy.of(("item",))
    weights = compute_weights(panel, hierarchy, [2])[0]
    assert weights.scale[0] == pytest.approx([8])
    assert weights.scale[1] == pytest.approx([2.5, 4])
    assert weights.weight[1] == pytest.approx([14 / 18, 4 / 18])
    # a: errors 1, -1; b: -2, 0; together -1, -1.
    levels = score(panel, 2, np.array([[4.0, 4], [0, 0]]), hierarchy)
    single = (14 * math.sqrt(1 / 2.5) + 4 * math.sqrt(2 / 4)) / 18
    total = math.sqrt(1 / 8)
    assert levels["level"].to_list() == ["all", "total", "item"]
    assert levels["wrmsse"].to_list() == pytest.approx([(single + total) / 2, total, single])


def slow_wrmsse(panel, cutoff, mean, hierarchy):
    """The definition, once more, with plain loops over a long table of rows."""
    horizon = mean.shape[1]
    rows = []
    for number, names in enumerate(panel.series.to_dicts()):
        for day in range(cutoff + 1 + horizon):
            units = float(panel.units[number, day])
            price = float(panel.known["price"].values[number, day])
            forecast = float(mean[number, day - cutoff - 1]) if day > cutoff else None
            if not math.isnan(units):
                rows.append({**names, "day": day, "units": units, "revenue": units * price, "mean": forecast})
    by_level = []
    for level in hierarchy.levels:
        keys = sorted({tuple(names[column] for column in level) for names in panel.series.to_dicts()})
        rmsse, weight = {}, {}
        for key in keys:
            members = [row for row in rows if tuple(row[column] for column in level) == key]
            sold, forecast_sums = {}, {}
            for row in members:
                if row["day"] <= cutoff:
                    sold[row["day"]] = sold.get(row["day"], 0) + row["units"]
                else:
                    actual, forecast = forecast_sums.get(row["day"], (0, 0))
                    forecast_sums[row["day"]] = (actual + row["units"], forecast + row["mean"])
            first = min((day for day, units in sold.items() if units != 0), default=cutoff)
            steps = [(sold[day] - sold[day - 1]) ** 2 for day in sold if day - 1 >= first and day - 1 in sold]
            weight[key] = sum(row["revenue"] for row in members if cutoff - 28 < row["day"] <= cutoff)
            if steps and sum(steps) and forecast_sums:
                error = sum((a - f) ** 2 for a, f in forecast_sums.values()) / len(forecast_sums)
                rmsse[key] = math.sqrt(error / (sum(steps) / len(steps)))
        by_level.append(sum(weight[key] * rmsse[key] for key in rmsse) / sum(weight[key] for key in rmsse))
    return [sum(by_level) / len(by_level), *by_level]


@pytest.mark.parametrize("seed", range(4))
def test_wrmsse_agrees_with_plain_loops(make_panel, seed):
    panel = make_panel(90, seed=seed)
    hierarchy = Hierarchy.of(("item", "shop"), (("shop",), ("category",), ("shop", "category"), ("item",)))
    mean = np.random.default_rng(seed).gamma(2, 3, (8, 10))
    scores = score(panel, 79, mean, hierarchy)
    assert scores["wrmsse"].to_list() == pytest.approx(slow_wrmsse(panel, 79, mean, hierarchy))


def test_all_cutoffs_at_once_are_as_each_alone_and_blind_to_the_future(make_panel):
    panel = make_panel(120)
    hierarchy = Hierarchy.of(("item", "shop"), (("shop",),))
    together = compute_weights(panel, hierarchy, [70, 90, 110])
    for cutoff, weights in zip([70, 90, 110], together, strict=True):
        scrambled = make_panel(120)
        scrambled.units[:, cutoff + 1 :] = 77
        alone = compute_weights(scrambled, hierarchy, [cutoff])[0]
        for one, other in zip((*weights.weight, *weights.scale), (*alone.weight, *alone.scale), strict=True):
            np.testing.assert_allclose(one, other)
        assert [weight.sum() for weight in weights.weight] == pytest.approx([1, 1, 1])


def test_without_a_price_units_weigh():
    weights = compute_weights(panel_of([[3, 0, 3], [1, np.nan, 1]]), Hierarchy.of(("item",)), [2])[0]
    assert weights.weight[1] == pytest.approx([6 / 8, 2 / 8])


def test_a_day_without_a_price_is_sold_at_the_mean_price():
    panel = panel_of([[2, 2, 2], [1, 1, 1]], price=[[1, np.nan, 3], [2, 2, 2]])
    assert compute_weights(panel, Hierarchy.of(("item",)), [2])[0].weight[1] == pytest.approx([12 / 18, 6 / 18])


def test_where_nothing_sold_all_weigh_the_same():
    weights = compute_weights(panel_of([[5] + [0] * 40, [0] * 41]), Hierarchy.of(("item",)), [40])[0]
    assert weights.weight[1].tolist() == [0.5, 0.5]


def test_a_group_is_known_where_one_of_its_series_is():
    panel = panel_of([[1, np.nan, 4, 2], [np.nan, np.nan, 1, 1]])
    scale = compute_weights(panel, Hierarchy.of(("item",)), [3])[0].scale
    assert scale[0] == pytest.approx([4.0])  # 1, unknown, 5, 3: one step of 2


@pytest.fixture
def cells(make_panel):
    """A panel, its hierarchy and a table of given weights, in another order and with M5's spelling of single series."""
    panel = make_panel(100)
    hierarchy = Hierarchy.of(("item", "shop"), (("shop",), ("shop", "category")))
    rows = [("Total", 1, 0.25, 9.0), ("south", 2, 0.05, 3.0), ("north", 2, 0.20, 2.0)]
    rows += [(f"{shop}|{kind}", 3, 0.0625, 1.5) for shop in ("south", "north") for kind in ("toys", "food")]
    names = panel.series.rows()[::-1]
    rows += [(f"{item}_{shop}_evaluation", 4, place / 144, place) for place, (item, shop, _) in enumerate(names, 1)]
    table = pl.DataFrame(rows, schema=["key", "level", "weight", "scale"], orient="row", strict=False)
    return panel, hierarchy, table


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_given_weights_are_matched_by_key(cells, tmp_path, ending):
    panel, hierarchy, table = cells
    path = tmp_path / f"weights.{ending}"
    table.write_parquet(path) if ending == "parquet" else table.write_csv(path)
    weights = weights_from_table(read_weights(path), panel.series, hierarchy, panel.cutoff, is_last=True)
    assert weights.source == "file"
    assert weights.weight[1].tolist() == [0.20, 0.05]  # north comes first in the panel
    assert weights.scale[0].tolist() == [9.0]
    assert weights.scale[3].tolist() == [8, 7, 6, 5, 4, 3, 2, 1]


def test_the_overall_score_keeps_the_weight_the_file_gives_each_level(cells):
    panel, hierarchy, table = cells
    table = table.with_columns(weight=pl.when(pl.col("level") == 1).then(0.5).otherwise("weight"))
    weights = weights_from_table(table, panel.series, hierarchy, panel.cutoff, is_last=True)
    window = EvaluationWindow.of(panel, 89, 10, hierarchy, weights, segments(panel))
    levels = window.score(np.ones((8, 10)))["levels"]
    total, *rest = levels["wrmsse"].to_list()[1:]
    assert levels["wrmsse"][0] == pytest.approx((0.5 * total + 0.25 * sum(rest)) / 1.25)
    assert set(levels["weights"]) == {"file"}


def test_a_file_without_cutoffs_serves_the_last_window_only(cells):
    panel, hierarchy, table = cells
    assert weights_from_table(table, panel.series, hierarchy, panel.cutoff, is_last=False) is None
    dated = table.with_columns(cutoff=pl.lit(date(2022, 3, 1)))
    assert weights_from_table(dated, panel.series, hierarchy, date(2022, 3, 2), is_last=True) is None
    assert weights_from_table(dated, panel.series, hierarchy, date(2022, 3, 1), is_last=False).source == "file"


def test_a_file_that_does_not_fit_says_how(cells, tmp_path):
    panel, hierarchy, table = cells
    when = panel.cutoff

    def given(changed):
        return weights_from_table(changed, panel.series, hierarchy, when, is_last=True)

    with pytest.raises(DataError, match="has the levels 1, 2, 3; the hierarchy has 4"):
        given(table.filter(pl.col("level") < 4))
    with pytest.raises(DataError, match=r"lacks 1 of the 2 keys of level 2 \(shop\): north; it has south, east"):
        given(table.with_columns(pl.col("key").replace("north", "east")))
    with pytest.raises(DataError, match="twice in level 2"):
        given(table.with_columns(pl.col("key").replace("north", "south")))
    with pytest.raises(DataError, match="no file of weights"):
        read_weights(tmp_path / "absent.parquet")
    table.drop("scale").write_csv(tmp_path / "short.csv")
    with pytest.raises(DataError, match="no column scale; it has key, level, weight"):
        read_weights(tmp_path / "short.csv")


def test_levels_are_named_in_order(cells):
    _, hierarchy, _ = cells
    assert [level_name(level) for level in hierarchy.levels] == ["total", "shop", "shop x category", "item x shop"]


def test_series_that_are_known_every_other_day_have_a_scale():
    units = np.full((2, 60), np.nan, np.float32)
    units[:, ::2] = np.arange(60).reshape(2, 30) % 7 + 1
    panel = panel_of(units)
    hierarchy = Hierarchy.of(panel.keys, ())
    for cutoff, weights in zip((40, 59), compute_weights(panel, hierarchy, [40, 59]), strict=True):
        expected = [np.mean(np.diff(row[: cutoff + 1 : 2].astype(np.float64)) ** 2) for row in units]
        np.testing.assert_allclose(weights.scale[-1], expected)
