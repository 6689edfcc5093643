"""What the past says of the forecasts, on tables whose figures are worked by hand."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.pipeline.project import Project
from foresell.pipeline.views import show

CUTOFFS = [date(2024, 1, 1) + timedelta(days=7 * number) for number in range(4)]


def by_day(forecasts: list[float], days: int = 7, of: str = "total", part: str = "level") -> pl.DataFrame:
    """One day of each window, on which 100 were sold, and what was forecast for it; windows are `days` long."""
    rows = [
        {"cutoff": cutoff, "date": cutoff + timedelta(days=days), "step": 7, "part": part, "of": of, "name": "all",
         "units": 100.0, "forecast": forecast, "error": abs(forecast - 100), "naive": 20.0, "points": 1.0,
         "inside": 1.0, "ranged": 1.0}
        for cutoff, forecast in zip(CUTOFFS, forecasts, strict=False)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"step": pl.Int16})


def put(project: Path, name: str, table: pl.DataFrame, step: str = "combine") -> Project:
    place = project / "results" / step
    place.mkdir(exist_ok=True)
    table.write_parquet(place / f"{name}.parquet")
    return Project(project)


def test_a_bias_beyond_chance_is_named_with_its_side(done_shop) -> None:
    shown = show(put(done_shop, "by_day", by_day([110.0, 112.0, 108.0])), "trust")
    (step,) = shown.bias_by_step.to_dicts()
    assert step["bias"] == pytest.approx(0.1)
    assert step["reach"] == pytest.approx(4.3027 * 0.02 / 3**0.5, rel=1e-4)  # t of 97.5 % with two degrees of freedom
    assert step["verdict"] == "too high"
    assert "In sum over 3 windows the forecast was 10 % too high, more than chance explains." in shown.sentences


def test_two_windows_say_nothing_of_a_bias(done_shop) -> None:
    shown = show(put(done_shop, "by_day", by_day([150.0, 151.0])), "trust")
    assert shown.bias_by_step["verdict"].to_list() == ["cannot be judged yet"]


def test_windows_that_share_days_are_named(done_shop) -> None:
    apart = show(put(done_shop, "by_day", by_day([100.0, 100.0, 100.0])), "trust")
    assert not any("share days" in sentence for sentence in apart.sentences)
    shown = show(put(done_shop, "by_day", by_day([100.0, 100.0, 100.0], days=9)), "trust")
    assert any("share days" in sentence for sentence in shown.sentences)


def test_groups_come_with_the_largest_clear_bias_first(done_shop) -> None:
    parts = [
        by_day([100.0, 100.0, 100.0]),
        by_day([300.0, 20.0, 150.0], of="store", part="group").with_columns(name=pl.lit("noisy")),
        by_day([80.0, 80.5, 81.0], of="store", part="group").with_columns(name=pl.lit("low")),
    ]
    shown = show(put(done_shop, "by_day", pl.concat(parts)), "trust")
    assert shown.bias_by_group.select("name", "verdict").rows() == [("low", "too low"), ("noisy", "may be chance")]


def test_ranges_are_judged_by_how_sure_their_coverage_is(done_shop) -> None:
    def sums(level: str, coverages: list[float], points: int = 10_000) -> pl.DataFrame:
        return pl.DataFrame(
            {"cutoff": CUTOFFS[: len(coverages)], "learnt_from": 1, "level": level, "days": 7, "nominal": 0.9,
             "points": points, "coverage": coverages, "open": coverages, "closed": coverages, "width": 1.0,
             "relative_width": 1.0},
            schema_overrides={"learnt_from": pl.Int32, "days": pl.Int32},
        )  # fmt: skip

    parts = [
        sums("good", [0.89, 0.9, 0.91]),
        sums("narrow", [0.7, 0.71, 0.72]),
        sums("unsure", [0.5, 0.9, 1.0]),
        sums("young", [0.5, 0.5]),
    ]
    project = put(done_shop, "sums", pl.concat(parts))
    verdicts = dict(show(project, "trust").ranges.filter(pl.col("days") == 7).select("level", "verdict").iter_rows())
    assert verdicts == {
        "good": "as promised", "narrow": "too narrow", "unsure": "cannot be judged yet", "young": "cannot be judged yet"
    }  # fmt: skip


def test_the_ensemble_is_compared_with_each_model(done_shop) -> None:
    levels = pl.read_parquet(done_shop / "results" / "combine" / "levels.parquet")
    overall = levels.filter((pl.col("level") == "all") & (pl.col("cutoff") == pl.col("cutoff").min()))
    scores = {"ensemble": [0.5, 0.5, 0.5], "moving_average": [0.6, 0.61, 0.62], "seasonal_naive": [0.4, 0.9, 0.5]}
    windows = [
        overall.with_columns(
            pl.lit(cutoff).alias("cutoff"),
            pl.col("model").replace_strict({name: values[place] for name, values in scores.items()}).alias("wrmsse"),
        )
        for place, cutoff in enumerate(CUTOFFS[:3])
    ]
    project = put(done_shop, "levels", pl.concat([*windows, levels.filter(pl.col("level") != "all")]))
    board = show(project, "trust").leaderboard
    against = dict(board.select("model", "against_ensemble").iter_rows())
    assert against == {"ensemble": "", "moving_average": "clearly better", "seasonal_naive": "may be chance"}
    assert board["model"][0] == "ensemble"


def test_use_is_told_by_level_and_only_where_sales_came_later(done_shop) -> None:
    assert any("foresell monitor" in sentence for sentence in show(Project(done_shop), "trust").sentences)
    week = {"part": "level", "of": "total", "name": "all", "version": "1", "first": CUTOFFS[0], "last": CUTOFFS[1],
            "units": 100.0, "forecast": 90.0, "wape": 0.1, "wape_naive": 0.2, "value_added": 0.5, "bias": -0.1,
            "coverage": 1.0}  # fmt: skip
    project = put(done_shop, "by_week", pl.DataFrame([week, week | {"of": "store", "wape": 0.3}]), "monitor")
    shown = show(project, "trust")
    assert "In 1 week of use, the error was 50 % smaller than that of seasonal naive." in shown.sentences
    assert shown.levels == ("total", "store")
    of_store = show(project, "trust", level="store")
    assert "In 1 week of use at the level store, the error was 50 % larger than that of seasonal naive." in (
        of_store.sentences
    )


def test_a_project_without_a_backtest_says_what_makes_one(shop) -> None:
    with pytest.raises(UsageError, match="foresell run"):
        show(Project(shop), "trust")


def test_results_of_an_earlier_foresell_that_tried_no_sums_are_shown(done_shop) -> None:
    (done_shop / "results" / "combine" / "sums.parquet").unlink()
    shown = show(Project(done_shop), "trust")
    assert set(shown.ranges["days"]) == {1}
