"""How far the forecasts can be trusted: errors of the models on the past, ranges, bias, and accuracy since."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
import polars as pl

from foresell.core.words import columns, many, name, share
from foresell.ensemble import sum_scores
from foresell.ensemble.champion import ENSEMBLE
from foresell.evaluate.backtest import BENCHMARK
from foresell.evaluate.calibration import calibration
from foresell.evaluate.evaluation_window import ALL_LEVELS
from foresell.monitor.accuracy import GROUP, LEVEL, figures
from foresell.pipeline.demand import ForecastProject
from foresell.pipeline.graph import MONITOR
from foresell.pipeline.results import Results
from foresell.pipeline.summaries import CheckSummary, CombineSummary
from foresell.pipeline.views import window_means
from foresell.store.tables import scan_table

_USED = ("first", "last", "version", "units", "forecast", "wape", "wape_naive", "value_added", "bias", "coverage")
_BIAS: dict[str, Any] = {
    **dict.fromkeys(("part", "name"), pl.String),
    **dict.fromkeys(("sold", "bias", "reach"), pl.Float64),
    "windows": pl.Int64,
    "verdict": pl.String,
}
_RANGES: dict[str, Any] = {
    "level": pl.String,
    "days": pl.Int64,
    **dict.fromkeys(("promised", "held", "error"), pl.Float64),
    "windows": pl.Int64,
    "verdict": pl.String,
}
NOT_COMPARED = (
    "No forecast was compared with sales that came later. When sales of the days ahead have come in: foresell monitor"
)


class TrustQuery(msgspec.Struct, frozen=True):
    """Ranges of the probability nearest to `range`; the accuracy of used forecasts at the `level`."""

    range: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.9
    level: str = "total"


@dataclass(frozen=True)
class Trust:
    """What the past says of the forecasts.

    - `sentences`: it in words, also what cannot be judged yet.
    - `leaderboard`: a row for each model, the best first. `gain` is the per cent by which its error lies below that of
      seasonal naive, give or take `gain_error`; `against_ensemble` says whether the ensemble's error differs from it.
    - `ranges`: by `level` and number of `days` of the sum: the share `held` in the range of `promised`, and its
      standard `error`.
    - `calibration`: by level and `probability`, the `observed` share of sales below that quantile.
    - `bias_by_step`, `bias_by_group`: forecast over sales less 1, give or take `reach`. A group is of the level `part`.
    - `used`: week by week the forecasts as they were used at the level, beside seasonal naive; empty before monitoring.
    - `levels`: the levels that `used` has. `period`: the noun of a period.
    """

    sentences: tuple[str, ...]
    leaderboard: pl.DataFrame
    ranges: pl.DataFrame
    calibration: pl.DataFrame
    bias_by_step: pl.DataFrame
    bias_by_group: pl.DataFrame
    used: pl.DataFrame
    levels: tuple[str, ...]
    period: str


def trust(project: ForecastProject, query: TrustQuery) -> Trust:
    """What backtest and monitoring say of the forecasts. Raises UsageError where no model was tried on the past."""
    results = project.results
    summary = results.summary(CombineSummary)
    board = _leaderboard(results)
    ranges = _ranges(results, query.range)
    by_step, by_group = _biases(results)
    used, levels = _used(results, query.level)
    checked = results.find_summary(CheckSummary)
    sentences = (
        *_about_models(board, summary),
        _about_ranges(ranges),
        _about_bias(results),
        _about_windows(results),
        _about_use(used, query.level),
    )
    return Trust(
        sentences=tuple(sentence for sentence in sentences if sentence),
        leaderboard=board,
        ranges=ranges,
        calibration=_calibration(results),
        bias_by_step=by_step,
        bias_by_group=by_group,
        used=used,
        levels=levels,
        period="day" if checked is None else checked.period,
    )


def _leaderboard(results: Results) -> pl.DataFrame:
    scores = results.scores()
    board = scores.leaderboard()
    overall = scores.levels.filter(pl.col("level") == ALL_LEVELS).pivot("model", index="cutoff", values="wrmsse")
    judged = []
    for model in board["model"]:
        if model == ENSEMBLE or ENSEMBLE not in overall.columns:
            judged.append("")
        else:
            judged.append(window_means.compared((overall[ENSEMBLE] - overall[model]).drop_nulls().to_list()))
    return board.select(
        pl.int_range(1, pl.len() + 1).alias("place"),
        "model",
        "windows",
        pl.col("wrmsse").alias("error"),
        pl.col("improvement").alias("gain"),
        pl.col("improvement_error").alias("gain_error"),
        pl.Series("against_ensemble", judged, pl.String),
        "wape",
        "bias",
        "seconds",
    )


_DIFFERENCE = {
    window_means.BETTER: "the difference is clear",
    window_means.WORSE: "the difference is clear",
    window_means.ALIKE: "the difference may be chance",
    window_means.OPEN: "whether that is more than chance cannot be judged yet",
}


def _about_models(board: pl.DataFrame, summary: CombineSummary) -> list[str]:
    rows = {row["model"]: row for row in board.iter_rows(named=True)}
    ensemble, first = rows.get(ENSEMBLE), board.row(0, named=True)
    if ensemble is None:
        return [f"The best model on the past is {name(first['model'])}."]
    sentences = []
    tried = many(ensemble["windows"], "window")
    if ensemble["gain"] is not None and BENCHMARK in rows:
        gain = ensemble["gain"] / 100
        error = ensemble["gain_error"]
        chance = "" if error is None else f", with a standard error of {error:.1f} points"
        size = f"{share(abs(gain))} {'smaller' if gain >= 0 else 'larger'}"
        sentences.append(
            f"Tried on {tried} of the past, the error of the forecast is {size} than that of the last season repeated"
            f" (seasonal naive){chance}."
        )
    if first["model"] == ENSEMBLE:
        others = board.filter(pl.col("model") != ENSEMBLE)
        next_one = others.row(0, named=True) if others.height else None
        sentence = f"The ensemble, which forecasts, has the least error of {many(board.height, 'model')}."
        if next_one is not None:
            sentence += f" To {name(next_one['model'])}, the next, {_DIFFERENCE[next_one['against_ensemble']]}."
    else:
        apart = first["error"] / ensemble["error"] - 1
        sentence = (
            f"The ensemble, which forecasts, is at place {ensemble['place']} of {board.height}. The error of "
            f"{name(first['model'])} alone was {share(abs(apart))} smaller; {_DIFFERENCE[first['against_ensemble']]}."
        )
    return [*sentences, sentence, summary.about_leaderboard()]


def _ranges(results: Results, wanted: float) -> pl.DataFrame:
    days = results.folder("combine") / "ranges.parquet"
    single = scan_table(days).filter(pl.col("by") == "all").collect()
    kept = (results.folder("combine") / "sums.parquet").exists()  # an earlier foresell did not try sums
    sums = results.sum_trials if kept else sum_scores.EMPTY
    parts = [single.with_columns(days=pl.lit(1, pl.Int32)), sums]
    trials = pl.concat(
        [part.select(c for c in sums.columns if c in part.columns) for part in parts], how="diagonal_relaxed"
    )
    if trials.is_empty():
        return pl.DataFrame(schema=_RANGES)
    nominal = min(trials["nominal"].unique(), key=lambda value: abs(value - wanted))
    table = sum_scores.coverage_of_sums(trials.filter(pl.col("nominal") == nominal))
    rows = [
        (row["level"], row["days"], row["nominal"], row["coverage"], row["error"], row["windows"],
         window_means.held(row["nominal"], row["coverage"], row["error"], row["windows"]))
        for row in table.iter_rows(named=True)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=_RANGES, orient="row")


def _about_ranges(ranges: pl.DataFrame) -> str:
    if ranges.is_empty():
        return "Ranges cannot be judged yet: no window of the past had ended before another began."
    promised = share(ranges["promised"][0])
    counts = dict(ranges["verdict"].value_counts().iter_rows())
    if counts.get(window_means.OPEN, 0) == ranges.height:
        few = many(int(ranges["windows"].max()), "window")  # type: ignore[arg-type]
        return f"Whether ranges of {promised} hold cannot be judged yet: they were tried on {few} only."
    order = (window_means.AS_PROMISED, window_means.TOO_NARROW, window_means.TOO_WIDE, window_means.OPEN)
    parts = [f"{counts[verdict]} {verdict}" for verdict in order if verdict in counts]
    return f"Of {ranges.height} ranges of {promised}, by level and length, are: {', '.join(parts)}."


def _calibration(results: Results) -> pl.DataFrame:
    counts = results.quantile_trials.filter(pl.col("level") != ALL_LEVELS)
    return calibration(counts).select("level", "probability", "observed", "off", "points")


def _biases(results: Results) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The bias of the total by step, and of each group of the levels between, the largest first."""
    daily = scan_table(results.folder("combine") / "by_day.parquet")
    total = daily.filter((pl.col("part") == LEVEL) & (pl.col("of") == "total")).collect()
    steps = _bias_of(total.with_columns(pl.lit("step").alias("of"), pl.col("step").cast(pl.String).alias("name")))
    steps = steps.sort(pl.col("name").cast(pl.Int64))
    groups = _bias_of(daily.filter(pl.col("part") == GROUP).collect())
    clear = pl.col("verdict").is_in(["too high", "too low"])
    return steps, groups.sort(clear, pl.col("bias").abs() * pl.col("sold"), descending=True, nulls_last=True)


def _bias_of(daily: pl.DataFrame) -> pl.DataFrame:
    by = ["of", "name"]
    whole = figures(daily, by)
    by_window = figures(daily, [*by, "cutoff"]).filter(pl.col("bias").is_not_null())
    biases = {key: rows["bias"].to_list() for key, rows in by_window.group_by(by)}
    rows = []
    for row in whole.iter_rows(named=True):
        of_windows = biases.get((row["of"], row["name"]), [])
        _, reach = window_means.mean_and_reach(of_windows)
        verdict = _side(row["bias"], reach, len(of_windows))
        rows.append((columns(row["of"]), row["name"], row["units"], row["bias"], reach, len(of_windows), verdict))
    return pl.DataFrame(rows, schema=_BIAS, orient="row")


def _side(bias: float | None, reach: float | None, windows: int) -> str:
    if bias is None or reach is None or windows < window_means.FEW:
        return window_means.OPEN
    if abs(bias) <= reach:
        return window_means.ALIKE
    return "too high" if bias > 0 else "too low"


def _about_bias(results: Results) -> str:
    daily = scan_table(results.folder("combine") / "by_day.parquet")
    total = daily.filter((pl.col("part") == LEVEL) & (pl.col("of") == "total")).collect()
    table = _bias_of(total)
    if table.is_empty() or table["bias"][0] is None:
        return ""
    row = table.row(0, named=True)
    said = {"too high": "more than chance explains", "too low": "more than chance explains"}
    verdict = said.get(row["verdict"], f"which {row['verdict']}")
    side = "too high" if row["bias"] > 0 else "too low"
    return f"In sum over {many(row['windows'], 'window')} the forecast was {share(abs(row['bias']))} {side}, {verdict}."


def _about_windows(results: Results) -> str:
    """A warning where windows share days, so that their errors depend on each other."""
    daily = scan_table(results.folder("combine") / "by_day.parquet")
    ends = daily.group_by("cutoff").agg(pl.col("date").max().alias("end")).sort("cutoff").collect()
    overlap = (ends["cutoff"].shift(-1) < ends["end"]).sum()
    return "The windows share days, so that all of this is less sure than it looks." if overlap else ""


def _used(results: Results, level: str) -> tuple[pl.DataFrame, tuple[str, ...]]:
    place = results.folder(MONITOR) / "by_week.parquet"
    if not place.exists():
        return pl.DataFrame(schema=dict.fromkeys(_USED, pl.Float64)), ()
    weeks = scan_table(place).filter(pl.col("part") == LEVEL)
    levels = tuple(weeks.select(pl.col("of").unique(maintain_order=True)).collect()["of"])
    return weeks.filter(pl.col("of") == level).select(_USED).collect().sort("first"), levels


def _about_use(used: pl.DataFrame, level: str) -> str:
    if used.is_empty():
        return NOT_COMPARED
    naive, error = used["wape_naive"] * used["units"], used["wape"] * used["units"]
    if not naive.sum():
        return f"Forecasts were used in {many(used.height, 'week')}; what they added cannot be judged yet."
    added = 1 - float(error.sum()) / float(naive.sum())
    size = f"{share(abs(added))} {'smaller' if added >= 0 else 'larger'}"
    where = "" if level == "total" else f" at the level {columns(level)}"
    return f"In {many(used.height, 'week')} of use{where}, the error was {size} than that of seasonal naive."
