"""The gate to service: may a challenger take the champion's place? Tables in, a verdict out, figure by figure.

Both were tried on the same windows. What is asked of the challenger:

- Over all levels, its WRMSSE is below the champion's by the share ``margin``, and below that of the plain model.
- At no level its WRMSSE is above the champion's by more than the share ``tolerance``.
- Its ranges hold: the share of actuals within a range, each level counting the same, lies within ``coverage`` of what
  the range promises, for each range. The single levels are shown and not judged: the upper ones have few days, and
  those of one week err together, so that a limit on each would refuse good ranges by chance.

A refresh, which learns by the champion's own settings from later sales, need show no gain: over all levels too it may
be worse by ``tolerance``. The champion is then judged as it stands, at those of the windows that lie after its last
day, and the challenger at the same. What neither of them shows there, when all has changed, is not asked: to be below
the plain model where the champion is not, and ranges nearer to their promise than the champion's. The gate keeps harm
out; what a refresh gains by the newest sales shows only in windows that are still to come. Where there is no window
after that day, the two cannot be told apart, and the plain model and the ranges decide.

A metric is the mean over the windows, as in the leaderboard; coverage is that over all days of the windows.
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
EPSILON = 1e-12  # so much rounding decides nothing


@dataclass(frozen=True)
class Scores:
    """How one version did: its `model` among those of the table `levels` (`Backtest.levels`), and the table `ranges`
    (`intervals.score_ranges`, with the window's ``cutoff``)."""

    levels: pl.DataFrame
    ranges: pl.DataFrame
    model: str

    @property
    def cutoffs(self) -> tuple[date, ...]:
        return tuple(self.levels["cutoff"].unique().sort())

    def at(self, cutoffs: Sequence[date]) -> Scores:
        """The same of some of the windows only."""
        there = pl.col("cutoff").is_in(list(cutoffs))
        return replace(self, levels=self.levels.filter(there), ranges=self.ranges.filter(there))

    def wrmsse(self, model: str | None = None) -> dict[str, float | None]:
        """By level, from the top down, ``all`` the first: the mean over the windows; empty for an unknown model."""
        rows = self.levels.filter(pl.col("model") == (model or self.model))
        means = rows.group_by("level", maintain_order=True).agg(pl.col("wrmsse").fill_nan(None).mean())
        found = dict(means.iter_rows())
        return {name: found[name] for name in sorted(found, key=lambda name: name != ALL_LEVELS)}

    def coverage(self) -> pl.DataFrame:
        """One row for each level and range: ``level``, ``nominal``, ``coverage`` over the days of all windows."""
        rows = self.ranges.filter((pl.col("by") == "all") & (pl.col("points") > 0))
        mean = (pl.col("coverage") * pl.col("points")).sum() / pl.col("points").sum()
        return rows.group_by("level", "nominal", maintain_order=True).agg(mean.alias("coverage"))

    def comparable(self, other: Scores) -> bool:
        """Whether both were scored at the same cutoffs and levels, by weights of the same kind."""
        return self._windows().equals(other._windows())

    def _windows(self) -> pl.DataFrame:
        rows = self.levels.filter(pl.col("model") == self.model)
        return rows.select("cutoff", pl.col("level", "weights").cast(pl.String)).sort("cutoff", "level")


@dataclass(frozen=True)
class Figure:
    """One figure of a verdict: what the challenger shows at a level, beside the champion, and the limits on it.

    `at_least` and `at_most` are None where there is none; a figure without limits is shown and not judged. `nominal`
    is what a range promises.
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
    """Whether the challenger may take the champion's place: `figures`, the overall one first, and the `windows` at
    which the errors of both were compared (those of the challenger, where there was nothing to compare with)."""

    figures: tuple[Figure, ...]
    windows: tuple[date, ...]
    rules: Promotion
    refresh: bool = False

    @property
    def passed(self) -> bool:
        return all(figure.ok for figure in self.figures)

    @property
    def failed(self) -> tuple[Figure, ...]:
        """The figures that stand in the way."""
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
    """The verdict on `challenger`. Without a `champion`, it must beat the plain model, and its ranges hold.

    The plain model's scores are among the challenger's; where they are not, nothing says that it beats it.
    With `refresh` the challenger learnt by the champion's settings from later sales; `champion` are then the scores of
    the champion as it stands, at some of the challenger's windows.

    Raises UsageError where the two were not tried on the same windows and levels.
    """
    compared = challenger if champion is None or not refresh else challenger.at(champion.cutoffs)
    if champion is not None and not compared.comparable(champion):
        raise UsageError(
            f"The challenger was tried at {first_five(challenger.cutoffs)}, the champion at "
            f"{first_five(champion.cutoffs)}; a verdict takes the same windows, levels and weights for both."
        )
    gain = -rules.tolerance if refresh else rules.margin
    figures = [*_errors(compared, champion, gain, rules.tolerance)]
    if champion is not None and refresh:
        figures.append(_against(challenger, judged=not _behind(champion, compared)))
        figures += _ranges(challenger, champion, rules, compared)
    else:
        figures += [_against(challenger), *_ranges(challenger, champion, rules)]
    return Verdict(tuple(figures), compared.cutoffs, rules, refresh)


def _errors(challenger: Scores, champion: Scores | None, gain: float, tolerance: float) -> Iterator[Figure]:
    """WRMSSE of all levels together, which is to be lower by the share `gain`, and of each.

    Levels where neither has one say nothing and are left out."""
    before = {} if champion is None else champion.wrmsse()
    for level, now in challenger.wrmsse().items():
        old = before.get(level)
        if old is None:
            if now is not None:
                yield Figure(level, WRMSSE, None, now)
            continue
        at_most = old * (1 - gain if level == ALL_LEVELS else 1 + tolerance)
        yield Figure(level, WRMSSE, old, now, at_most=at_most, ok=now is not None and now <= at_most + EPSILON)


def _behind(champion: Scores, compared: Scores) -> bool:
    """Whether the champion itself is seen not to be below the plain model, at the windows where both are compared."""
    shown, at_most = champion.wrmsse().get(ALL_LEVELS), compared.wrmsse(BENCHMARK).get(ALL_LEVELS)
    return shown is not None and at_most is not None and shown >= at_most


def _against(challenger: Scores, judged: bool = True) -> Figure:
    """The challenger's WRMSSE over all levels against the plain model's."""
    now, at_most = challenger.wrmsse().get(ALL_LEVELS), challenger.wrmsse(BENCHMARK).get(ALL_LEVELS)
    if not judged:
        return Figure(ALL_LEVELS, AGAINST, None, now)
    ok = now is not None and at_most is not None and now < at_most - EPSILON
    return Figure(ALL_LEVELS, AGAINST, None, now, at_most=at_most, ok=ok)


def _ranges(
    challenger: Scores, champion: Scores | None, rules: Promotion, compared: Scores | None = None
) -> Iterator[Figure]:
    """Coverage of each range over all levels, with limits, and at each level, without. None at all is a failure.

    A range that does not hold over all windows may be as far off as the champion's, where both are `compared`.
    """
    now, before = challenger.coverage(), None if champion is None else champion.coverage()
    if now.is_empty():
        yield Figure(ALL_LEVELS, COVERAGE, None, None, ok=False)
    old, new = _over_levels(before), _over_levels(now)
    there = {} if compared is None else _over_levels(compared.coverage())
    for nominal, share in sorted(new.items()):
        figure = _within(nominal, old.get(nominal), share, rules.coverage)
        if not figure.ok and nominal in there and nominal in old:
            figure = _within(nominal, old[nominal], there[nominal], max(rules.coverage, abs(old[nominal] - nominal)))
        yield figure
    known = {} if before is None else {row[:2]: row[2] for row in before.iter_rows()}
    for level, nominal, share in now.iter_rows():
        yield Figure(level, COVERAGE, known.get((level, nominal)), share, nominal=nominal)


def _within(nominal: float, champion: float | None, share: float, off: float) -> Figure:
    """The figure of a range that may be `off` its promise by so much."""
    low, high = max(nominal - off, 0.0), min(nominal + off, 1.0)
    ok = low - EPSILON <= share <= high + EPSILON
    return Figure(ALL_LEVELS, COVERAGE, champion, share, low, high, ok, nominal)


def _over_levels(coverage: pl.DataFrame | None) -> dict[float, float]:
    """For each range the mean of its coverage over the levels, each counting the same."""
    if coverage is None:
        return {}
    return dict(coverage.group_by("nominal").agg(pl.col("coverage").mean()).iter_rows())
