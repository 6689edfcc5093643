"""From frames to frames, without a project."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap

import numpy as np
import polars as pl
import pytest

import foresell as fs
from foresell.core.errors import UsageError


@pytest.fixture(scope="module")
def sales() -> pl.DataFrame:
    random = np.random.default_rng(3)
    days = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 7, 18), eager=True)
    rows = [
        {"store": store, "item": item, "date": day, "units": float(random.poisson(3 + 2 * (number % 7 > 4)))}
        for store in ("north", "south")
        for item in ("tea", "coffee", "cocoa")
        for number, day in enumerate(days)
    ]
    return pl.DataFrame(rows)


@pytest.fixture(scope="module")
def panel(sales) -> fs.Panel:
    return fs.Panel.from_frame(sales, keys=("store", "item"))


@pytest.fixture(scope="module")
def tested(panel):
    return fs.backtest(panel, models=["seasonal_naive", "moving_average"], horizon=7, windows=2, levels=[("store",)])


def test_a_backtest_compares_the_models(tested):
    board = tested.leaderboard()
    assert set(board["model"]) == {"seasonal_naive", "moving_average", "ensemble"}
    assert board["windows"].to_list() == [2, 2, 2]
    assert tested.forecasts.height == 3 * 2 * 6 * 7


def test_a_forecast_takes_the_ensemble_and_its_means_add_up(panel, tested):
    forecasts = fs.forecast(panel, horizon=7, levels=[("store",)], tested=tested, quantiles=(0.1, 0.5, 0.9))
    single = [fs.forecast(panel, name, 7).bottom.mean for name in ("seasonal_naive", "moving_average")]
    weights = tested.combination.blend.weights.select("seasonal_naive", "moving_average").row(0)
    expected = sum(weight * mean for weight, mean in zip(weights, single, strict=True))
    np.testing.assert_allclose(forecasts.bottom.mean, expected, rtol=1e-5)
    table = forecasts.to_frame()
    assert table.columns == ["level", "store", "item", "cutoff", "date", "step", "mean", "q100", "q500", "q900"]
    sums = table.group_by("level").agg(pl.col("mean").cast(pl.Float64).sum())["mean"]
    assert len(sums) == 3
    np.testing.assert_allclose(sums, sums[0], rtol=1e-6)
    assert forecasts[("store",)].series["store"].to_list() == ["north", "south"]


def test_without_a_backtest_there_is_a_mean_only(panel):
    assert fs.forecast(panel, "seasonal_naive", 7).to_frame().columns[-1] == "mean"


def test_a_model_may_be_given_made(panel):
    from foresell.models import make

    models = {"short": make("moving_average", window=7), "long": make("moving_average", window=70)}
    tested = fs.backtest(panel, models, 7, windows=1)
    assert set(tested.leaderboard()["model"]) == {"short", "long", "ensemble"}
    forecasts = fs.forecast(panel, models["short"], 7)
    np.testing.assert_allclose(forecasts.bottom.mean[:, 0], panel.units[:, -7:].mean(axis=1), rtol=1e-6)


def test_a_model_that_was_not_tested_has_no_quantiles_to_give(panel, tested):
    with pytest.raises(UsageError, match="no forecasts by 'lightgbm'; test that model"):
        fs.forecast(panel, "lightgbm", 7, tested=tested, levels=[("store",)])


def test_the_best_model_may_have_a_name_of_its_own(panel):
    from foresell.models import make

    models = {"short": make("moving_average", window=7)}
    tested = fs.backtest(panel, models, 7, windows=2)
    forecasts = fs.forecast(panel, models["short"], 7, tested=tested, name="short")
    assert forecasts.bottom.quantiles is not None


def test_the_snippet_at_the_door_runs_as_it_stands(sales, tmp_path, monkeypatch):
    """The text of `foresell.__doc__` (and of the README) is run line by line on a sales.csv."""
    snippet = textwrap.dedent("\n".join(line for line in fs.__doc__.splitlines() if re.match(r" {4}|$", line)))
    assert snippet.count("\n") < 20
    ready, project = snippet.split('fs.Project("my-project")')
    assert project.startswith(".run()")
    monkeypatch.chdir(tmp_path)
    sales.write_csv("sales.csv")
    code = ready.replace('["seasonal_naive", "lightgbm"]', '["seasonal_naive", "moving_average"]')
    assert code != ready
    exec(compile(code, "snippet", "exec"), {})
    table = pl.read_parquet("forecasts.parquet")
    assert table["level"].unique().sort().to_list() == ["store", "store x item", "total"]
    assert table.filter(level="total").height == 28
    assert "q950" in table.columns


def test_the_door_is_light_and_opens_on_demand():
    code = """
    import sys, foresell
    heavy = {"polars", "numpy", "lightgbm", "msgspec", "yaml", "click"} & set(sys.modules)
    assert not heavy, heavy
    assert foresell.Panel.__name__ == "Panel"
    for name in foresell.__all__:
        assert getattr(foresell, name), name
    assert set(foresell.__all__) <= set(dir(foresell))
    try:
        foresell.nothing
    except AttributeError as error:
        assert "no attribute 'nothing'" in str(error)
    else:
        raise SystemExit("an attribute that is not there was found")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True)
