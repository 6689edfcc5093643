"""From frames to frames, without a project."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import foresell as fs
from foresell.core.errors import UsageError

NAIVE = ["seasonal_naive"]


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


def test_a_name_alone_takes_the_model_that_was_tested(panel):
    tested = fs.backtest(panel, {"week": "seasonal_naive", "mean": "moving_average"}, 7, windows=1)
    assert set(tested.leaderboard()["model"]) == {"week", "mean", "ensemble"}
    forecasts = fs.forecast(panel, horizon=7, tested=tested, name="week")
    np.testing.assert_array_equal(forecasts.bottom.mean, fs.forecast(panel, "seasonal_naive", 7).bottom.mean)
    assert forecasts.bottom.quantiles is not None


def test_quantiles_without_a_backtest_are_warned_of(panel):
    with pytest.warns(fs.ForesellWarning, match="without 'tested' the forecast has a mean only"):
        fs.forecast(panel, "seasonal_naive", 7, quantiles=(0.1, 0.9))


WRONG_BACKTESTS = {
    "a table in place of a panel": (lambda sales, panel: fs.backtest(sales), "'panel' is of the type DataFrame"),
    "a model as plain text": (lambda sales, panel: fs.backtest(panel, "lightgbm"), r"Write `models=\['lightgbm'\]`"),
    "no models": (lambda sales, panel: fs.backtest(panel, []), "'models' is \\[\\]; expected names of models"),
    "a model that does not exist": (lambda sales, panel: fs.backtest(panel, ["ligthgbm"]), "Did you mean 'lightgbm'"),
    "something that is no model": (lambda sales, panel: fs.backtest(panel, {"mine": 3}), "given as 'mine' in 'models'"),
    "a number as a name": (lambda sales, panel: fs.backtest(panel, {3: "lightgbm"}), "given as 3 in 'models'"),
    "a misspelt name in a dict": (
        lambda sales, panel: fs.backtest(panel, {"mine": "naiv"}),
        "There is no model 'naiv'",
    ),
    "numbers as models": (lambda sales, panel: fs.backtest(panel, [3]), r"`models=\{'mine': model\}`"),
    "None as models": (lambda sales, panel: fs.backtest(panel, None), "expected names of models"),
    "horizon 0": (lambda sales, panel: fs.backtest(panel, NAIVE, 0), "'horizon' is 0; expected a whole number from 1"),
    "a negative horizon": (lambda sales, panel: fs.backtest(panel, NAIVE, -7), "'horizon' is -7"),
    "a horizon as text": (lambda sales, panel: fs.backtest(panel, NAIVE, "28"), "'horizon' is '28'"),
    "a horizon with a fraction": (lambda sales, panel: fs.backtest(panel, NAIVE, 2.5), "'horizon' is 2.5"),
    "a horizon that is too long": (lambda sales, panel: fs.backtest(panel, NAIVE, 500), "Ask for a shorter 'horizon'"),
    "no windows": (lambda sales, panel: fs.backtest(panel, NAIVE, windows=0), "'windows' is 0"),
    "too many windows": (lambda sales, panel: fs.backtest(panel, NAIVE, windows=99), "Ask for 6 'windows'"),
    "windows that do not move": (lambda sales, panel: fs.backtest(panel, NAIVE, every=0), "'every' is 0"),
    "levels of plain texts": (
        lambda sales, panel: fs.backtest(panel, NAIVE, levels=["store"]),
        r"Write `levels=\[\('store',\)\]`",
    ),
    "levels as plain text": (
        lambda sales, panel: fs.backtest(panel, NAIVE, levels="store"),
        r"Write `levels=\[\('store',\)\]`",
    ),
    "a level of no column": (
        lambda sales, panel: fs.backtest(panel, NAIVE, levels=[("stroe",)]),
        "needs the column stroe.*Did you mean 'store'",
    ),
    "a seed as text": (lambda sales, panel: fs.backtest(panel, NAIVE, seed="x"), "'seed' is 'x'"),
    "a key that the tables have": (
        lambda sales, panel: fs.backtest(
            fs.Panel.from_frame(sales.rename({"item": "model"}), ("store", "model")), NAIVE
        ),
        "columns of its own called model; rename these keys",
    ),
    "a number as levels": (lambda sales, panel: fs.backtest(panel, NAIVE, levels=1), "'levels' is 1"),
}


@pytest.mark.parametrize("case", WRONG_BACKTESTS)
def test_a_wrong_backtest_says_what_to_write(case, sales, panel):
    call, message = WRONG_BACKTESTS[case]
    with pytest.raises(UsageError, match=message):
        call(sales, panel)


WRONG_FORECASTS = {
    "a table in place of a panel": ({"panel": 3}, "'panel' is of the type int"),
    "horizon 0": ({"horizon": 0}, "'horizon' is 0"),
    "a horizon as text": ({"horizon": "a week"}, "'horizon' is 'a week'"),
    "a model that does not exist": ({"model": "seasonal"}, "There is no model 'seasonal'.*Did you mean"),
    "something that is no model": ({"model": 5}, r"'model' is 5, which is no model; expected its name"),
    "one quantile as a number": ({"quantiles": 0.9}, r"as in `quantiles=\(0.1, 0.9\)`"),
    "quantiles in per cent": ({"quantiles": (5, 95)}, "expected numbers between 0 and 1"),
    "quantiles as text": ({"quantiles": "0.5"}, "expected numbers between 0 and 1"),
    "no quantiles": ({"quantiles": ()}, "expected numbers between 0 and 1"),
    "levels of plain texts": ({"levels": ["store"]}, r"Write `levels=\[\('store',\)\]`"),
    "a level of no column": ({"levels": [("region",)]}, "needs the column region"),
    "a leaderboard in place of a backtest": ({"tested": pl.DataFrame()}, "expected what `foresell.backtest"),
    "a name that was not tested": ({"name": "zzz"}, "no forecasts by 'zzz'.*one of seasonal_naive, moving_average"),
    "a name without a backtest": ({"name": "zzz", "tested": None}, "'name' is 'zzz', which says how a backtest calls"),
    "a model that was not tested": ({"model": "lightgbm"}, "or name one of seasonal_naive, moving_average, ensemble"),
}


@pytest.mark.parametrize("case", WRONG_FORECASTS)
def test_a_wrong_forecast_says_what_to_write(case, panel, tested):
    arguments, message = WRONG_FORECASTS[case]
    with pytest.raises(UsageError, match=message):
        fs.forecast(**{"panel": panel, "tested": tested, **arguments})


def test_a_backtest_of_other_series_gives_no_ranges(sales, tested):
    north = fs.Panel.from_frame(sales.filter(store="north"), ("store", "item"))
    with pytest.raises(UsageError, match=r"of other series \(6, by store x item\) than the panel \(3, by"):
        fs.forecast(north, horizon=7, tested=tested)


def test_a_level_that_was_not_forecast_is_named(panel):
    forecasts = fs.forecast(panel, "seasonal_naive", 7)
    with pytest.raises(UsageError, match=r"no forecast of the level \('store',\)"):
        forecasts[("store",)]
    with pytest.raises(UsageError, match="'level' is the plain text 'store'"):
        forecasts["store"]
    assert forecasts[("item", "store")] is forecasts.bottom


@pytest.mark.parametrize("kind", ["pandas", "pyarrow", "polars"])
def test_tables_come_back_in_the_library_that_they_came_in(sales, kind):
    if kind != "polars":
        pytest.importorskip(kind)
    given = sales.lazy() if kind == "polars" else sales.to_pandas() if kind == "pandas" else sales.to_arrow()
    panel = fs.Panel.from_frame(given, ("store", "item"))
    tested = fs.backtest(panel, NAIVE, horizon=7, windows=1)
    forecasts = fs.forecast(panel, horizon=7, tested=tested)
    tables = [panel.to_frame(), forecasts.to_frame(), forecasts.total.to_frame(), tested.leaderboard()]
    tables += [tested.forecasts, tested.levels, tested.segments, tested.steps, tested.runs]
    assert {type(table).__module__.partition(".")[0] for table in tables} == {kind}
    assert {"mean", "q950"} <= set(getattr(tables[1], "column_names", None) or tables[1].columns)


def test_a_backtest_at_one_glance(tested):
    lines = repr(tested).splitlines()
    assert lines[0] == "Backtest of 3 models in 2 windows of 7 days"
    assert lines[1].split(maxsplit=1) == ["cutoffs", "4 Jul 2024, 11 Jul 2024"]
    board = tested.leaderboard()
    assert [line.split()[0] for line in lines[2:]] == board["model"].to_list()
    assert f"WRMSSE {board['wrmsse'][0]:.3f}" in lines[2]
    assert "WRMSSE" in tested._repr_html_()


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        ({}, 2),
        ({"store": "north", "item": "tea", "models": ["ensemble", "seasonal_naive"]}, 4),
        ({"level": ("store",), "last": 60}, 4),
    ],
)
def test_a_backtest_is_drawn_beside_what_was_sold(tested, arguments, lines):
    import vl_convert

    chart = tested.plot(**arguments)
    assert vl_convert.vegalite_to_png(chart.to_json()).startswith(b"\x89PNG")
    whole = chart.to_dict()
    parts = whole.get("concat", [whole])
    drawn = [layer for part in parts for layer in part["layer"] if layer["mark"].get("strokeWidth") == 2]
    assert len(drawn) == lines
    if not arguments:
        first = tested.scores.forecasts_of("ensemble", date(2024, 7, 4)).group_by("date").agg(pl.col("mean").sum())
        means = [row["units"] for row in whole["datasets"][drawn[0]["data"]["name"]]]
        np.testing.assert_allclose(means, first.sort("date")["mean"], rtol=1e-4)


def test_a_chart_of_a_backtest_that_is_not_there(tested):
    with pytest.raises(UsageError, match=r"Write `models=\['ensemble'\]`"):
        tested.plot(models="ensemble")
    with pytest.raises(UsageError, match="no forecasts by 'lightgbm'"):
        tested.plot(models=["lightgbm"])
    with pytest.raises(UsageError, match="No series has store='east'"):
        tested.plot(store="east")


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


def test_a_regressor_of_scikit_learn_is_a_model(panel):
    pytest.importorskip("skops")
    from sklearn.linear_model import Ridge
    from sklearn.tree import DecisionTreeRegressor

    ridge = Ridge(alpha=10)
    models = ["seasonal_naive", ridge, DecisionTreeRegressor(min_samples_leaf=20)]
    tested = fs.backtest(panel, models, horizon=7, windows=2, totals=False)
    assert set(tested.leaderboard()["model"]) == {"seasonal_naive", "Ridge", "DecisionTreeRegressor", "ensemble"}
    by_name = fs.backtest(panel, {"mine": ridge}, horizon=7, windows=2, totals=False)
    assert by_name.models["mine"].regressor is ridge
    means = [result.forecasts.filter(model=name)["mean"] for result, name in ((tested, "Ridge"), (by_name, "mine"))]
    assert means[0].to_list() == means[1].to_list()
    forecasts = fs.forecast(panel, ridge, horizon=7, tested=tested, quantiles=(0.1, 0.9))
    assert (forecasts.bottom.mean >= 0).all()
    assert forecasts.to_frame().columns[-2:] == ["q100", "q900"]


def test_the_python_of_the_page_on_scikit_learn_runs_as_it_stands(sales, tmp_path, monkeypatch):
    pytest.importorskip("skops")
    page = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "scikit-learn.md"
    (code,) = re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    sales.write_csv(tmp_path / "sales.csv")
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(code, names)
    assert set(names["tested"].leaderboard()["model"]) == {"plain", "ranked", "ensemble"}
    assert names["forecasts"].bottom.mean.shape == (6, 28)


def test_names_that_the_tables_have_are_refused(sales):
    panel = fs.Panel.from_frame(sales.rename({"store": "total"}), ("total", "item"))
    with pytest.raises(UsageError, match="columns of its own called total; rename"):
        fs.forecast(panel, "moving_average", horizon=7)
    panel = fs.Panel.from_frame(sales, ("store", "item"))
    with pytest.raises(UsageError, match="'ensemble' is the name of the ensemble"):
        fs.backtest(panel, {"ensemble": fs.models.make("seasonal_naive")}, horizon=7)


@pytest.mark.parametrize(("horizon", "windows"), [(1, 12), (7, 4)])
def test_windows_without_a_known_day_leave_the_scores_of_the_others(sales, horizon, windows):
    known = (pl.col("date") < date(2024, 6, 20)) | (pl.col("date") > date(2024, 7, 10))
    panel = fs.Panel.from_frame(sales.filter(known), ("store", "item"), absent="unknown")
    tested = fs.backtest(panel, NAIVE, horizon, windows=windows)
    assert np.isfinite(tested.leaderboard()["wrmsse"].to_numpy()).all()
    assert fs.forecast(panel, horizon=horizon, tested=tested).bottom.quantiles is not None


def test_the_model_of_some_series_may_be_set(panel):
    naive = [{"where": {"store": "north", "item": ["tea", "cocoa"]}, "model": "seasonal_naive"}]
    models = ["seasonal_naive", "moving_average"]
    tested = fs.backtest(panel, models, 7, windows=1, totals=False, series_models=naive)
    north = panel.series.with_row_index().filter(pl.col("store") == "north", pl.col("item") != "coffee")["index"]
    mean = fs.forecast(panel, horizon=7, tested=tested).bottom.mean
    np.testing.assert_array_equal(mean[north], fs.forecast(panel, "seasonal_naive", 7).bottom.mean[north])
    assert (mean != fs.forecast(panel, "seasonal_naive", 7).bottom.mean).any()
    with pytest.warns(fs.ForesellWarning, match="lists 'store' west, which no series has"):
        fs.backtest(panel, models, 7, windows=1, series_models=[{"where": {"store": "west"}, "model": "mean"}])
    for odd, message in (
        ([{"where": {"shop": "north"}, "model": "mean"}], "the column 'shop', but the series have store, item"),
        ([{"where": {"store": "north"}, "model": "ets"}], "the model 'ets', which is not among seasonal_naive"),
        ([{"store": "north"}], "'series_models' cannot be used"),
        ({"north": "mean"}, "'series_models' cannot be used"),
    ):
        with pytest.raises(UsageError, match=message):
            fs.backtest(panel, models, 7, windows=1, series_models=odd)


def test_the_demand_of_days_together_is_that_of_sample_paths(panel, tested):
    forecasts = fs.forecast(panel, horizon=7, levels=[("store",)], tested=tested)
    paths = forecasts.paths(300)
    assert paths.shape == (300, 6, 7)
    table = forecasts.demand(3, level=("store",), where={"item": "tea"}, quantiles=(0.1, 0.9), n=300)
    assert table.columns == ["store", "first", "last", "days", "mean", "q100", "q900"]
    assert table["days"].to_list() == [3, 3]
    assert table["first"][0] == date(2024, 7, 19)
    assert table["last"][0] == date(2024, 7, 21)
    series = forecasts.bottom.series
    for row in table.iter_rows(named=True):
        of_store = ((series["store"] == row["store"]) & (series["item"] == "tea")).to_numpy()
        sums = paths[:, of_store, :3].sum(axis=(1, 2))
        assert abs(np.quantile(sums, 0.1) - row["q100"]) <= 1
        assert abs(np.quantile(sums, 0.9) - row["q900"]) <= 1
    with pytest.raises(UsageError, match="8 days from 2024-07-19 reach beyond the forecast"):
        forecasts.demand(8)


def test_without_a_backtest_there_are_no_sample_paths(panel):
    with pytest.raises(UsageError, match=r"no sample paths.*tested=foresell\.backtest\(panel\)"):
        fs.forecast(panel, "moving_average", horizon=7).paths(5)
