from __future__ import annotations

import json
from datetime import date

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.forecast import Forecast
from foresell.core.hierarchy import Hierarchy
from foresell.evaluate.backtest import backtest
from foresell.evaluate.cutoffs import cutoffs
from foresell.evaluate.metrics import METRICS, mae, rmse, wape
from foresell.models import make

HIERARCHY = Hierarchy.of(("item", "shop"), (("shop",), ("category",)))
NAIVE = {"seasonal_naive": make("seasonal_naive"), "moving_average": make("moving_average")}


class Oracle:
    """Knows the truth, off by a share; notes what it was shown."""

    name = "oracle"

    def __init__(self, truth, share=0.0):
        self.truth, self.share, self.seen = truth, share, []

    def prepare(self, panel, horizon, cutoffs):
        return panel.n_days, horizon, tuple(cutoffs)

    def fit(self, panel, horizon, prepared=None, progress=None):
        self.seen.append((panel.n_days, panel.units.shape, prepared))
        self.horizon = horizon
        return self

    def forecast(self, panel):
        days = slice(panel.n_days, panel.n_days + self.horizon)
        mean = np.nan_to_num(self.truth.units[:, days]) * (1 + self.share)
        return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(self.horizon), mean.astype(np.float32))


def test_every_window_ends_at_its_cutoff_and_gets_what_the_windows_share(make_panel):
    panel = make_panel(100)
    model = Oracle(panel)
    backtest(panel, {"oracle": model}, 10, [89, 69], HIERARCHY)
    assert model.seen == [(70, (8, 70), (90, 10, (69, 89))), (90, (8, 90), (90, 10, (69, 89)))]


def test_what_lies_after_a_cutoff_changes_no_forecast_made_there(make_panel):
    panel, scrambled = make_panel(100), make_panel(100)
    scrambled.units[:, 70:] = np.random.default_rng(1).permutation(scrambled.units[:, 70:], axis=1)
    one, other = (backtest(history, NAIVE, 10, [69, 79, 89], HIERARCHY).forecasts for history in (panel, scrambled))
    first = pl.col("cutoff") == panel.until(69).cutoff
    assert one.filter(first)["mean"].equals(other.filter(first)["mean"])
    assert not one.filter(~first)["mean"].equals(other.filter(~first)["mean"])


def test_a_perfect_and_a_biased_forecast(make_panel):
    panel = make_panel(100)
    tested = backtest(panel, {"perfect": Oracle(panel), "high": Oracle(panel, 0.25)}, 10, [79, 89], HIERARCHY)
    scores = tested.levels.filter(pl.col("level") != "all")
    perfect, high = (scores.filter(pl.col("model") == name) for name in ("perfect", "high"))
    for metric in ("mae", "rmse", "mape", "wape", "bias", "rmsse", "wrmsse"):
        assert perfect[metric].to_list() == pytest.approx([0] * 8, abs=1e-6), metric
    assert perfect["r2"].to_list() == pytest.approx([1] * 8)
    # Where series are not known, neither the forecast nor the actual counts: so every level is a quarter too high.
    for metric in ("mape", "wape", "bias"):
        assert high[metric].to_list() == pytest.approx([0.25] * 8, rel=1e-5), metric
    board = tested.leaderboard("high")
    assert board["model"].to_list() == ["perfect", "high"]
    assert board["improvement"].to_list() == pytest.approx([100, 0], abs=1e-4)
    assert board["windows"].to_list() == [2, 2]


def test_tables_agree_with_the_forecasts_kept(make_panel):
    panel = make_panel(100)
    tested = backtest(panel, NAIVE, 10, [79, 89], HIERARCHY, segments=("category",))
    kept = tested.forecasts
    assert kept.columns == ["model", "item", "shop", "cutoff", "date", "step", "mean", "actual"]
    assert kept.height == 2 * 2 * 8 * 10
    assert (kept["date"] > kept["cutoff"]).all()
    truth = panel.to_frame().select("item", "shop", "date", "units")
    names = [pl.col("item", "shop").cast(pl.String)]
    joined = kept.with_columns(names).join(truth, on=["item", "shop", "date"], how="left")
    assert joined["actual"].equals(joined["units"], null_equal=True)
    for (model, cutoff), part in kept.group_by("model", "cutoff"):
        of_window = (pl.col("model") == str(model)) & (pl.col("cutoff") == cutoff)
        single = tested.levels.filter(of_window, pl.col("level") == "item x shop")
        actual, mean = part["actual"].cast(pl.Float64).fill_null(np.nan).to_numpy(), part["mean"].to_numpy()
        assert single["mae"].item() == pytest.approx(mae(actual, mean))
        assert single["points"].item() == np.sum(~np.isnan(actual))
        days = part.filter(pl.col("actual").is_not_null()).group_by("date").agg(pl.col("actual", "mean").sum())
        total = tested.levels.filter(of_window, pl.col("level") == "total")
        assert total["rmse"].item() == pytest.approx(rmse(days["actual"].to_numpy(), days["mean"].to_numpy()), rel=1e-5)
        third = part.filter(pl.col("step") == 3, pl.col("actual").is_not_null())
        step = tested.steps.filter(of_window, pl.col("level") == "item x shop", pl.col("step") == 3)
        assert step["wape"].item() == pytest.approx(wape(third["actual"].to_numpy(), third["mean"].to_numpy()))


def test_segments_part_the_series(make_panel):
    table = backtest(make_panel(100), NAIVE, 10, [79, 89], HIERARCHY, segments=("category",)).segments
    assert table["by"].unique().sort().to_list() == ["age", "category", "steadiness", "volume"]
    for _, part in table.group_by("model", "cutoff", "by"):
        assert part["series"].sum() == 8
    single = backtest(make_panel(100), NAIVE, 10, [79, 89], HIERARCHY).levels.filter(pl.col("level") == "item x shop")
    for _, part in table.group_by("model", "cutoff", "by"):
        whole = single.filter(model=part["model"][0], cutoff=part["cutoff"][0])
        assert (part["mae"] * part["points"]).sum() == pytest.approx(whole["mae"].item() * whole["points"].item())
        assert part["points"].sum() == whole["points"].item()


def test_given_weights_serve_the_last_window(make_panel):
    panel = make_panel(100)
    rows = [(1, "Total", 1 / 4, 100.0), (2, "north", 1 / 4, 50.0), (2, "south", 0.0, 50.0)]
    rows += [(3, kind, 1 / 8, 30.0) for kind in ("food", "toys")]
    rows += [(4, f"{item}|{shop}", 1 / 32, 4.0) for item, shop, _ in panel.series.rows()]
    table = pl.DataFrame(rows, schema=["level", "key", "weight", "scale"], orient="row")
    tested = backtest(panel, NAIVE, 10, [79, 89], HIERARCHY, weights=table)
    sources = tested.levels.group_by("cutoff", maintain_order=True).agg(pl.col("weights").unique())
    assert sources["weights"].to_list() == [["computed"], ["file"]]
    north = tested.forecasts.filter(
        pl.col("shop") == "north", pl.col("cutoff") == panel.until(89).cutoff, pl.col("model") == "seasonal_naive"
    ).filter(pl.col("actual").is_not_null())
    days = north.group_by("date").agg(error=(pl.col("mean") - pl.col("actual")).sum())
    expected = ((days["error"] ** 2).mean() / 50) ** 0.5
    shops = tested.levels.filter(model="seasonal_naive", cutoff=panel.until(89).cutoff, level="shop")
    assert shops["wrmsse"].item() == pytest.approx(expected, rel=1e-5)
    dated = table.with_columns(cutoff=pl.lit(date(2001, 1, 1)))
    with pytest.raises(UsageError, match="it is for 2001-01-01"):
        backtest(panel, NAIVE, 10, [79, 89], HIERARCHY, weights=dated)


def test_forecasts_are_handed_on_and_progress_is_told(make_panel):
    frames, reports = [], []
    tested = backtest(
        make_panel(100),
        NAIVE,
        10,
        [79, 89],
        HIERARCHY,
        forecast_sink=frames.append,
        progress=lambda *step: reports.append(step),
    )
    assert tested.forecasts is None
    assert [(frame["model"][0], frame.height) for frame in frames] == [
        ("seasonal_naive", 80),
        ("moving_average", 80),
    ] * 2
    assert [done for done, _, _ in reports] == [0, 0, 1, 2, 3, 4]
    assert {total for _, total, _ in reports} == {4}
    assert reports[1][2].startswith("seasonal_naive at 2022-03-23")


def test_leaderboard_and_tables_are_plain_data(make_panel):
    tested = backtest(make_panel(100), NAIVE, 10, [79, 89], HIERARCHY)
    board = tested.leaderboard()
    assert set(METRICS) - {"mape_left_out"} < set(board.columns)
    assert board.filter(model="seasonal_naive")["improvement"].item() == 0
    assert board["wrmsse"].is_sorted()
    overall = tested.levels.filter(model="moving_average", level="all")["wrmsse"].mean()
    assert board.filter(model="moving_average")["wrmsse"].item() == pytest.approx(overall)
    first, second = tested.levels.filter(level="all").sort("cutoff").partition_by("cutoff")
    of = [dict(window.select("model", "wrmsse").iter_rows()) for window in (first, second)]
    better = [100 * (1 - window["moving_average"] / window["seasonal_naive"]) for window in of]
    by_hand = abs(better[0] - better[1]) / 2  # of two: the standard deviation is the distance over root 2
    assert board.filter(model="moving_average")["improvement_error"].item() == pytest.approx(by_hand)
    assert board.filter(model="seasonal_naive")["improvement_error"].item() == 0
    assert tested.leaderboard("absent")["improvement"].null_count() == 2
    assert tested.leaderboard("absent")["improvement_error"].null_count() == 2
    for name, table in tested.tables().items():
        text = json.dumps(table.to_dicts(), default=str, allow_nan=False)
        assert len(json.loads(text)) == table.height > 0, name


def test_weeks_and_months_too(make_panel):
    from foresell.core.frequency import Frequency

    for frequency in (Frequency.WEEK, Frequency.MONTH):
        panel = make_panel(80, frequency=frequency)
        tested = backtest(panel, NAIVE, 4, cutoffs(panel, 4, 2), HIERARCHY)
        assert tested.leaderboard()["wrmsse"].is_not_null().all()


def test_nothing_to_test_is_said(make_panel):
    panel = make_panel(100)
    with pytest.raises(UsageError, match="no models on 8 series"):
        backtest(panel, {}, 10, [79], HIERARCHY)
    with pytest.raises(UsageError, match="1 cutoff leaves no 10 days to score within the history of 100: days 90"):
        backtest(panel, NAIVE, 10, [79, 90], HIERARCHY)


def test_a_window_in_which_nothing_varies_has_the_columns_of_the_others(make_panel):
    panel = make_panel(100)
    panel.units[:, 60:70] = 0
    scores = backtest(panel, NAIVE, 10, [59, 69, 79], HIERARCHY)
    assert scores.levels.filter(pl.col("cutoff") == panel.until(59).cutoff)["r2"].null_count()
    assert scores.levels.schema["r2"] == pl.Float64
