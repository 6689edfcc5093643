"""The gate to promotion: may a challenger become the champion? It takes tables, and gives a verdict figure by figure.

Both models were scored on the same windows. The challenger must meet these conditions:

- Over all levels, its WRMSSE is below the champion's by the share ``margin``, and below that of the benchmark model.
- At no level is its WRMSSE above the champion's by more than the share ``tolerance``.
- Its ranges hold. For each range, the share of actuals within it, averaged over the levels, lies within ``coverage``
  of the share that the range promises. Single levels are shown but not judged: the upper ones have few days, and the
  days of one week are correlated, so that a limit on each level would refuse good ranges by chance.

A refresh is trained with the champion's own settings on later sales. It need not show a gain: over all levels, too, it
may be worse by ``tolerance``. The champion is then scored as it stands, on the windows after its last day, and the
challenger on the same windows. A condition that the champion itself does not meet there is not required of the
challenger: to be below the benchmark model, or to have ranges closer to their promise than the champion's. The gate
only prevents harm; the gain of a refresh from the newest sales shows in windows that are still to come. Where no window
lies after the champion's last day, the two cannot be compared, and the benchmark model and the ranges decide.

A metric is the mean over the windows, as in the leaderboard. Coverage is taken over all days of the windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

import polars as pl

from foresell.core.errors import UsageError, first_five
from foresell.core.settings import Promotion
from foresell.evaluate.backtest import BENCHMARK
from foresell.evaluate.evaluation_window import ALL_LEVELS

WRMSSE, COVERAGE = "WRMSSE", "coverage"
AGAINST = f"{WRMSSE} against {BENCHMARK}"
EPSILON = 1e-12  # differences by rounding do not count


@dataclass(frozen=True)
class Scores:
    """The scores of one version: the rows of `model` in the table `levels` (`Backtest.levels`), and the table `ranges`
    (`intervals.score_ranges`, with the window's ``cutoff``)."""

    levels: pl.DataFrame
    ranges: pl.DataFrame
    model: str

    @property
    def cutoffs(self) -> tuple[date, ...]:
        return tuple(self.levels["cutoff"].unique().sort())

    def at(self, cutoffs: Sequence[date]) -> Scores:
        """The scores of some of the windows only."""
        included = pl.col("cutoff").is_in(list(cutoffs))
        return replace(self, levels=self.levels.filter(included), ranges=self.ranges.filter(included))

    def wrmsse(self, model: str | None = None) -> dict[str, float | None]:
        """The mean over the windows, by level: ``all`` first, then from the top down. Empty for an unknown model."""
        rows = self.levels.filter(pl.col("model") == (model or self.model))
        means = rows.group_by("level", maintain_order=True).agg(pl.col("wrmsse").fill_nan(None).mean())
        by_level = dict(means.iter_rows())
        return {name: by_level[name] for name in sorted(by_level, key=lambda name: name != ALL_LEVELS)}

    def coverage(self) -> pl.DataFrame:
        """One row for each level and range: ``level``, ``nominal``, ``coverage`` over the days of all windows."""
        rows = self.ranges.filter((pl.col("by") == "all") & (pl.col("points") > 0))
        mean = (pl.col("coverage") * pl.col("points")).sum() / pl.col("points").sum()
        return rows.group_by("level", "nominal", maintain_order=True).agg(mean.alias("coverage"))

    def comparable(self, other: Scores) -> bool:
        """Whether both were scored at the same cutoffs and levels, with weights of the same kind."""
        return self._windows().equals(other._windows())

    def _windows(self) -> pl.DataFrame:
        rows = self.levels.filter(pl.col("model") == self.model)
        return rows.select("cutoff", pl.col("level", "weights").cast(pl.String)).sort("cutoff", "level")


@dataclass(frozen=True)
class GateFigure:
    """One figure of a verdict: the values of challenger and champion at a level, and the limits on the challenger's.

    `at_least` and `at_most` are None where there is no such limit. A figure without limits is shown but not judged.
    `nominal` is the share that a range promises.
    """

    level: str
    figure: str
    champion: float | None
    challenger: float | None
    at_least: float | None = None
    at_most: float | None = None
    ok: bool = True
    nominal: float | None = None

    @property
    def judged(self) -> bool:
        return not (self.ok and self.at_least is None and self.at_most is None)


@dataclass(frozen=True)
class Verdict:
    """The decision whether the challenger may become the champion.

    `figures` has the overall one first. `windows` are the cutoffs at which the errors of both were compared; those of
    the challenger, where there was nothing to compare with.
    """

    figures: tuple[GateFigure, ...]
    windows: tuple[date, ...]
    rules: Promotion
    refresh: bool = False

    @property
    def passed(self) -> bool:
        return all(figure.ok for figure in self.figures)

    @property
    def failed(self) -> tuple[GateFigure, ...]:
        """The figures that do not meet their limits."""
        return tuple(figure for figure in self.figures if not figure.ok)

    def to_dict(self) -> dict[str, Any]:
        """The verdict as plain data, for JSON."""
        return {
            "passed": self.passed,
            "refresh": self.refresh,
            "windows": [cutoff.isoformat() for cutoff in self.windows],
            "rules": {name: getattr(self.rules, name) for name in self.rules.__struct_fields__},
            "figures": [asdict(figure) for figure in self.figures],
        }


def judge(challenger: Scores, champion: Scores | None, rules: Promotion, *, refresh: bool = False) -> Verdict:
    """The verdict on `challenger`. Without a `champion`, it must beat the benchmark model, and its ranges must hold.

    The benchmark's scores are part of the challenger's; where they are missing, the challenger does not pass.
    With `refresh` the challenger was trained with the champion's settings on later sales. `champion` then has the
    scores of the champion as it stands, at some of the challenger's windows.

    Raises UsageError where the two were not scored on the same windows and levels.
    """
    compared = challenger if champion is None or not refresh else challenger.at(champion.cutoffs)
    if champion is not None and not compared.comparable(champion):
        raise UsageError(
            f"The challenger was scored at {first_five(challenger.cutoffs)}, the champion at "
            f"{first_five(champion.cutoffs)}; a verdict needs the same windows, levels and weights for both."
        )
    gain = -rules.tolerance if refresh else rules.margin
    figures = [*_errors(compared, champion, gain, rules.tolerance)]
    if champion is not None and refresh:
        figures.append(_against_benchmark(challenger, judged=not _behind_benchmark(champion, compared)))
        figures += _ranges(challenger, champion, rules, compared)
    else:
        figures += [_against_benchmark(challenger), *_ranges(challenger, champion, rules)]
    return Verdict(tuple(figures), compared.cutoffs, rules, refresh)


def _errors(challenger: Scores, champion: Scores | None, gain: float, tolerance: float) -> Iterator[GateFigure]:
    """WRMSSE of all levels together, which has to be lower by the share `gain`, and of each level.

    A level at which neither model has a score is left out.
    """
    of_champion = {} if champion is None else champion.wrmsse()
    for level, new in challenger.wrmsse().items():
        old = of_champion.get(level)
        if old is None:
            if new is not None:
                yield GateFigure(level, WRMSSE, None, new)
            continue
        at_most = old * (1 - gain if level == ALL_LEVELS else 1 + tolerance)
        yield GateFigure(level, WRMSSE, old, new, at_most=at_most, ok=new is not None and new <= at_most + EPSILON)


def _behind_benchmark(champion: Scores, compared: Scores) -> bool:
    """Whether the champion itself is not below the benchmark model, at the windows where both were scored."""
    score, at_most = champion.wrmsse().get(ALL_LEVELS), compared.wrmsse(BENCHMARK).get(ALL_LEVELS)
    return score is not None and at_most is not None and score >= at_most


def _against_benchmark(challenger: Scores, judged: bool = True) -> GateFigure:
    """The challenger's WRMSSE over all levels, compared with that of the benchmark model."""
    now, at_most = challenger.wrmsse().get(ALL_LEVELS), challenger.wrmsse(BENCHMARK).get(ALL_LEVELS)
    if not judged:
        return GateFigure(ALL_LEVELS, AGAINST, None, now)
    ok = now is not None and at_most is not None and now < at_most - EPSILON
    return GateFigure(ALL_LEVELS, AGAINST, None, now, at_most=at_most, ok=ok)


def _ranges(
    challenger: Scores, champion: Scores | None, rules: Promotion, compared: Scores | None = None
) -> Iterator[GateFigure]:
    """Coverage of each range over all levels, which has limits, and at each level, which has none.

    A challenger without any ranges fails. A range that does not hold over all windows may be as far from its promise as
    the champion's, at the windows `compared`.
    """
    new_table, old_table = challenger.coverage(), None if champion is None else champion.coverage()
    if new_table.is_empty():
        yield GateFigure(ALL_LEVELS, COVERAGE, None, None, ok=False)
    old, new = _over_levels(old_table), _over_levels(new_table)
    new_compared = {} if compared is None else _over_levels(compared.coverage())
    for nominal, share in sorted(new.items()):
        figure = _coverage_figure(nominal, old.get(nominal), share, rules.coverage)
        if not figure.ok and nominal in new_compared and nominal in old:
            off = max(rules.coverage, abs(old[nominal] - nominal))
            figure = _coverage_figure(nominal, old[nominal], new_compared[nominal], off)
        yield figure
    old_by_level = {} if old_table is None else {row[:2]: row[2] for row in old_table.iter_rows()}
    for level, nominal, share in new_table.iter_rows():
        yield GateFigure(level, COVERAGE, old_by_level.get((level, nominal)), share, nominal=nominal)


def _coverage_figure(nominal: float, champion: float | None, share: float, off: float) -> GateFigure:
    """The figure of a range that may miss its promise by at most `off`."""
    low, high = max(nominal - off, 0.0), min(nominal + off, 1.0)
    ok = low - EPSILON <= share <= high + EPSILON
    return GateFigure(ALL_LEVELS, COVERAGE, champion, share, low, high, ok, nominal)


def _over_levels(coverage: pl.DataFrame | None) -> dict[float, float]:
    """The coverage of each range, averaged over the levels with equal weights."""
    if coverage is None:
        return {}
    return dict(coverage.group_by("nominal").agg(pl.col("coverage").mean()).iter_rows())
