"""A project's steps: what they leave, what they skip, and what they do again when something changed."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import FindingsStop, SettingsError, StoreError, UsageError
from foresell.core.panel import Panel
from foresell.evaluate.weights import compute_weights
from foresell.pipeline.graph import STEPS
from foresell.pipeline.project import Project

ALL = list(STEPS)
LAST = ["train", "forecast", "report", "record", "register", "delivery"]


def done(outcomes) -> list[str]:
    return [name for name, outcome in outcomes.items() if outcome.done]


def test_a_run_leaves_every_file_that_is_documented_and_no_other(done_shop):
    for name, step in STEPS.items():
        folder = done_shop / "results" / name
        left = {path.name + "/" * path.is_dir() for path in folder.iterdir()}
        assert left == {*step.files, "step.json", "summary.json"} - {*step.sometimes}, name


def test_a_second_run_skips_everything(done_shop):
    outcomes = Project(done_shop).run()
    assert list(outcomes) == ALL
    assert done(outcomes) == []
    assert {row["model"] for row in outcomes["combine"].summary.leaderboard} > {"seasonal_naive", "ensemble"}


def test_a_project_that_is_moved_stays_up_to_date(done_shop, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    done_shop.rename(tmp_path / "elsewhere" / "shop")
    (tmp_path / "data").rename(tmp_path / "elsewhere" / "data")
    assert done(Project(tmp_path / "elsewhere" / "shop").run()) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"output": {"quantiles": [0.1, 0.5, 0.9]}}, ["forecast", "report", "delivery"]),
        ({"output": {"database": "sqlite:///other.sqlite"}}, ["report", "delivery"]),
        ({"champion": "seasonal_naive"}, ["combine", *LAST]),
        ({"series_models": [{"where": {"store": "S001"}, "model": "moving_average"}]}, ["combine", *LAST]),
        ({"features": {"use": ["lag_1"]}}, ["features", "backtest", "combine", *LAST]),
        ({"seed": 2}, ["backtest", "combine", *LAST]),
        ({"horizon": 8}, ALL),
        # The panel is the same, so that what depends on it alone is not done again.
        ({"backtest": {"windows": 3}}, ["check", "backtest", "combine", *LAST]),
        ({"data": {"max_bad_share": 0.2}}, ["check", "report"]),
        ({"levels": [["store"]]}, ALL),
    ],
)
def test_a_changed_setting_does_again_what_depends_on_it(done_shop, change_settings, change, expected):
    change_settings(done_shop, **change)
    before = Project(done_shop).status()
    outcomes = Project(done_shop).run()
    assert done(outcomes) == expected
    stale = {one.step for one in before if one.state != "up to date"}
    assert stale >= set(expected)
    assert all(one.state == "up to date" for one in Project(done_shop).status())


def test_a_file_that_was_only_touched_changes_nothing(done_shop):
    os.utime(done_shop.parent / "data" / "sales.csv")
    assert done(Project(done_shop).run()) == []


def test_a_file_with_the_same_sales_is_read_again_and_nothing_more(done_shop):
    sales = done_shop.parent / "data" / "sales.csv"
    sales.write_text(sales.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert done(Project(done_shop).run()) == ["check"]


def test_more_sales_do_everything_again(done_shop):
    before = Project(done_shop).panel
    sales = done_shop.parent / "data" / "sales.csv"
    with sales.open("a", encoding="utf-8") as file:
        last = sales.read_text(encoding="utf-8").splitlines()[-1].split(",")
        header = sales.read_text(encoding="utf-8").splitlines()[0].split(",")
        row = dict(zip(header, last, strict=True)) | {"date": "2025-12-29", "units": "7"}
        file.write(",".join(row.values()) + "\n")
    outcomes = Project(done_shop).run()
    assert done(outcomes) == ALL
    after = Project(done_shop).panel
    assert after.n_days == before.n_days + 1
    assert np.nansum(after.units[:, -1]) == 7


def test_a_step_brings_what_it_needs_and_no_more(shop):
    assert done(Project(shop).run("features")) == ["check", "features"]
    assert done(Project(shop).run("train")) == ["backtest", "combine", "train"]
    states = {one.step: one.state for one in Project(shop).status()}
    steps = ("check", "features", "backtest", "combine", "train")
    assert states == {step: "up to date" if step in steps else "not done" for step in ALL}


def test_again_forces_a_step(done_shop):
    assert done(Project(done_shop).run("forecast", again=("forecast",))) == ["forecast"]
    # Made from the same, it is the same: what depends on it stays up to date.
    assert done(Project(done_shop).run()) == []
    with pytest.raises(UsageError, match="no step 'tune'; the steps are check, features"):
        Project(done_shop).run("tune")


def test_the_means_of_all_levels_add_up(done_shop):
    project = Project(done_shop)
    table = project.forecasts
    assert table.columns[:4] == ["level", "store", "category", "item"]
    days = table.group_by("level", "date").agg(pl.col("mean").cast(pl.Float64).sum())
    totals = days.filter(level="total").select("date", total="mean")
    compared = days.join(totals, on="date")
    assert compared.height == 5 * 7
    np.testing.assert_allclose(compared["mean"], compared["total"], rtol=1e-5)
    # One level again, group by group, from the single series.
    bottom = table.filter(level="store x item").drop("category")
    bottom = bottom.join(project.panel.series.select("store", "item", "category"), on=["store", "item"])
    summed = bottom.group_by("store", "category", "date").agg(pl.col("mean").cast(pl.Float64).sum().alias("sum"))
    level = table.filter(level="store x category").join(summed, on=["store", "category", "date"])
    assert level.height == table.filter(level="store x category").height > 0
    np.testing.assert_allclose(level["mean"], level["sum"], rtol=1e-5)


def test_a_row_names_what_its_level_is_made_of_and_nothing_else(done_shop):
    table = Project(done_shop).forecasts
    for level, names in {
        "total": set(),
        "store": {"store"},
        "store x category": {"store", "category"},
        "store x item": {"store", "item"},
    }.items():
        rows = table.filter(level=level)
        for column in ("store", "category", "item"):
            assert rows[column].null_count() == (0 if column in names else rows.height), (level, column)
    assert table.select("level", "store", "category", "item", "date").is_unique().all()
    quantiles = [name for name in table.columns if name.startswith("q")]
    assert quantiles == ["q050", "q250", "q500", "q750", "q950"]
    for low, high in pairwise(quantiles):
        assert (table[low] <= table[high]).all()


def test_the_forecast_is_that_of_the_champion_on_the_whole_history(done_shop, change_settings):
    change_settings(done_shop, champion="seasonal_naive")
    project = Project(done_shop)
    project.run()
    panel, table = project.panel, project.forecasts.filter(level="store x item")
    # A seasonal naive forecast of seven days repeats the last week where that is known.
    last = panel.units[:, -7:]
    means = table["mean"].to_numpy().reshape(panel.n_series, 7)
    known = ~np.isnan(last)
    assert known.mean() > 0.5
    np.testing.assert_array_equal(means[known], last[known])


def test_a_model_that_is_set_for_some_series_is_told_of_and_a_wrong_one_refused(done_shop, change_settings):
    change_settings(done_shop, series_models=[{"where": {"store": ["S001", "S9"]}, "model": "seasonal_naive"}])
    summary = Project(done_shop).run("combine")["combine"].summary
    assert summary.series_models == {"seasonal_naive": 6}
    assert "; 6 series by seasonal_naive, as set; reconciled by" in summary.sentence()
    (warning,) = summary.warnings_found
    assert warning.startswith("'series_models' lists 'store' S9, which no series has (they have S001, S002)")
    change_settings(done_shop, series_models=[{"where": {"shop": "S001"}, "model": "seasonal_naive"}])
    with pytest.raises(SettingsError, match="the column 'shop', but the series have store, item"):
        Project(done_shop).run("combine")


def test_the_summary_compares_with_a_year_ago(done_shop):
    from foresell.pipeline.steps.forecast import _year_ago

    panel = Project(done_shop).panel
    summary = Project(done_shop).run("forecast")["forecast"].summary
    assert summary.units == pytest.approx(
        float(Project(done_shop).forecasts.filter(level="total")["mean"].sum()), abs=1
    )
    assert summary.units_a_year_ago is None  # there are only 200 days
    # 370 days of which day d sold d units in each of two series; a year ago is day 370 - 364 = 6, so 6, 7, 8.
    days = np.tile(np.arange(370, dtype=np.float32), (2, 1))
    dates = np.datetime64("2023-01-01") + np.arange(377)
    long = Panel(panel.series.head(2), panel.keys, dates, days)
    assert _year_ago(long, 3) == 2 * (6 + 7 + 8)
    assert _year_ago(long, 365) is None  # the last of these days is itself to come


def test_the_database_holds_the_table(done_shop):
    project = Project(done_shop)
    with closing(sqlite3.connect(done_shop / "results" / "forecasts.sqlite")) as database:
        rows = database.execute("SELECT level, COUNT(*), SUM(mean) FROM forecasts GROUP BY level").fetchall()
    expected = project.forecasts.group_by("level").agg(pl.len(), pl.col("mean").cast(pl.Float64).sum())
    assert {level: count for level, count, _ in rows} == dict(expected.select("level", "len").iter_rows())
    sums = dict(expected.select("level", "mean").iter_rows())
    assert all(total == pytest.approx(sums[level], rel=1e-5) for level, _, total in rows)


def test_a_level_that_is_no_longer_wanted_leaves_the_database(done_shop, change_settings):
    change_settings(done_shop, levels=[["store"]])
    Project(done_shop).run()
    with closing(sqlite3.connect(done_shop / "results" / "forecasts.sqlite")) as database:
        levels = {level for (level,) in database.execute("SELECT DISTINCT level FROM forecasts")}
    assert levels == {"total", "store", "store x item"}


def test_a_database_that_was_taken_away_is_delivered_to_again(done_shop):
    (done_shop / "results" / "forecasts.sqlite").unlink()
    assert done(Project(done_shop).run()) == ["delivery"]
    assert (done_shop / "results" / "forecasts.sqlite").exists()


def test_a_database_that_is_down_leaves_everything_else_done(shop, change_settings):
    change_settings(shop, output={"database": "postgresql://nobody@127.0.0.1:1/nowhere"})
    with pytest.raises(StoreError, match="nothing was delivered"):
        Project(shop).run()
    change_settings(shop, output={"database": None, "folder": "copy"})
    outcomes = Project(shop).run()
    assert done(outcomes) == ["report", "delivery"]
    copy = Path(outcomes["delivery"].summary.copy)
    assert pl.read_parquet(copy).equals(Project(shop).forecasts)


def test_data_that_stop_the_work_leave_their_findings_and_bad_rows(shop):
    sales = shop.parent / "data" / "sales.csv"
    header, *rows = sales.read_text(encoding="utf-8").splitlines()
    broken = [row.replace("2025-", "20x5-", 1) if number % 3 == 0 else row for number, row in enumerate(rows)]
    sales.write_text("\n".join([header, *broken]) + "\n", encoding="utf-8")
    with pytest.raises(FindingsStop, match="are bad, more than the"):
        Project(shop).run()
    folder = shop / "results" / "check"
    codes = {one["code"]: one for one in json.loads((folder / "findings.json").read_text(encoding="utf-8"))}
    assert codes["too-many-bad-rows"]["severity"] == "error"
    quarantine = pl.read_csv(folder / "quarantine.csv")
    assert quarantine.height == sum("20x5-" in row for row in broken)
    assert quarantine["line"][0] == 2
    assert not (folder / "panel").exists()
    # What stopped is never taken for done; mended, the work goes on.
    with pytest.raises(FindingsStop):
        Project(shop).run("features")
    sales.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    assert done(Project(shop).run()) == ALL


def test_a_champion_that_is_not_among_the_models_is_refused_before_the_backtest(shop, change_settings):
    change_settings(shop, champion="lightgbm")
    with pytest.raises(SettingsError, match="'lightgbm' is not among seasonal_naive, moving_average"):
        Project(shop).run()
    assert [one.step for one in Project(shop).status() if one.state == "up to date"] == ["check", "features"]


def test_an_impossible_level_is_refused_by_check(shop, change_settings):
    change_settings(shop, levels=[["planet"]])
    with pytest.raises(UsageError, match="needs the column planet"):
        Project(shop).run("check")


def test_the_backtest_keeps_every_forecast_beside_what_happened(done_shop):
    folder, panel = done_shop / "results" / "backtest" / "forecasts", Project(done_shop).panel
    files = sorted(path.name for path in folder.iterdir())
    cutoffs = [str(panel.dates[panel.n_days - 1 - 7 * back]) for back in (2, 1)]
    assert files == sorted(f"{m}-{c}.parquet" for m in ("moving_average", "seasonal_naive") for c in cutoffs)
    last = pl.read_parquet(folder / f"seasonal_naive-{cutoffs[1]}.parquet")
    actual = last["actual"].to_numpy().reshape(panel.n_series, 7)
    np.testing.assert_array_equal(actual, panel.units[:, -7:])


def test_given_weights_are_used_and_a_change_of_them_noticed(done_shop, change_settings):
    project = Project(done_shop)
    panel, hierarchy = project.panel, project.results.hierarchy
    weights = compute_weights(panel, hierarchy, [panel.n_days - 8])[0]
    rows = [
        {"level": number + 1, "key": "|".join(map(str, key)) or "total", "weight": w, "scale": s}
        for number, groups in enumerate(hierarchy.all_groups(panel.series))
        for key, w, s in zip(
            groups.frame.select(groups.level or ["total"]).iter_rows(),
            weights.weight[number],
            weights.scale[number] * 4,
            strict=True,
        )
    ]
    plain = project.leaderboard
    pl.DataFrame(rows).write_csv(done_shop / "weights.csv")
    change_settings(done_shop, backtest={"weights": "weights.csv", "windows": 1})
    changed = Project(done_shop)
    changed.run("combine")
    assert set(changed.results.scores().levels["weights"]) == {"file"}
    given = changed.leaderboard
    change_settings(done_shop, backtest={"weights": None, "windows": 1})
    own = Project(done_shop)
    own.run("combine")
    # Four times the scale halves every RMSSE.
    both = given.join(own.leaderboard, on="model", suffix="_own")
    np.testing.assert_allclose(both["wrmsse"] * 2, both["wrmsse_own"], rtol=1e-9)
    assert plain["windows"].to_list() == [2, 2, 2]


def test_progress_is_told_step_by_step(shop):
    reports = []
    Project(shop, watch=reports.append).run()
    assert list(dict.fromkeys(one.step for one in reports)) == ALL
    assert all(0 <= one.done <= one.total for one in reports)
    backtest = [one for one in reports if one.step == "backtest"][1:]
    assert [one.done for one in backtest if " at " in one.doing] == [0, 1, 2, 3]
    assert np.isnan(backtest[1].left)  # the first window cannot know how long the next will take
    assert backtest[-2].left >= 0


def test_the_features_of_a_project_hold_against_leakage(done_shop):
    tried = Project(done_shop).leakage()
    assert {trial.name for trial in tried} >= {"seasonal_naive", "moving_average"}
    assert all(trial.passed for trial in tried)


def test_a_folder_without_settings_says_how_to_make_them(tmp_path):
    with pytest.raises(SettingsError, match="foresell init"):
        Project(tmp_path)
