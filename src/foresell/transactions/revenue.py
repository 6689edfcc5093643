"""Daily revenue of the whole business by SARIMA: its forecast for up to a year, and quantiles from its past errors.

The forecast is made when it is learnt, for all days that can be asked about. So asking takes no library and no time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import polars as pl
from msgspec import Struct

from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.forecast import quantile_column
from foresell.core.panel import Panel
from foresell.models.statistical import Sarima, Sarimax
from foresell.models.statistical.fitted import FittedStatistical

FILE = "revenue.json"
NAIVE = "seasonal naive"
YEAR = 365
FEWEST_DAYS = 56
EVERY = 7
"""Days between the cutoffs at which it is tried: whole weeks, so that a step is always the same weekday's."""

PARTS = (0, 7, 28, 91, 182, 365)
"""Steps after which errors are told of apart: a week, four weeks, a quarter, half a year, a year."""

FEWEST_ERRORS = 25
GRID = tuple(round(0.005 * place, 3) for place in range(1, 200))
"""The probabilities of which the quantiles of the errors are kept."""

SMALL = 0.1
"""Errors are divided by the forecast, or by this share of the mean revenue where the forecast is less."""


class Spread(Struct, frozen=True, kw_only=True):
    """How far revenue lies from its forecast, in shares of it: `errors` [part, probability of GRID] by part of PARTS.

    `known` is the last step of which errors were seen; what lies further on is drawn from the last part before it, the
    wider by the root of how much further it lies, as a random walk is.
    """

    errors: tuple[tuple[float, ...], ...]
    floor: float
    known: int

    def quantiles(self, mean: np.ndarray, steps: np.ndarray, probabilities: Sequence[float]) -> np.ndarray:
        """Quantiles of the days with that `mean` [day], `steps` after the cutoff [day]: [probability, day]."""
        part = np.searchsorted(PARTS, steps) - 1  # [day]
        grid = np.array(self.errors)  # [part, probability]
        shares = np.array([[np.interp(p, GRID, grid[each]) for each in part] for p in probabilities])
        made = mean + shares.reshape(-1, len(mean)) * np.maximum(mean, self.floor)
        return np.where(mean == 0, 0.0, np.maximum(made, 0))


class Score(Struct, frozen=True, kw_only=True):
    """How it did at later cutoffs than those that it was chosen and its quantiles were learnt at.

    WAPE of the first 28 days and of all days, beside those of the same weekday of the last week; how many actuals lay
    in the range that is to hold 90 %; how many `windows` there were.
    """

    windows: int
    wape_month: float
    wape: float
    naive_month: float
    naive: float
    coverage: float


class DailyRevenue(Struct, frozen=True, kw_only=True, tag="daily revenue", tag_field="kind"):
    """The forecast of daily revenue after `cutoff`: `means` [step], and how far it may be off.

    Where there is none, `reason` says why, and `means` is empty.
    """

    of: str  # what is summed
    reason: str = ""
    cutoff: date | None = None
    means: tuple[float, ...] = ()
    spread: Spread | None = None
    form: str = ""  # ARIMA(p,d,q)(P,D,Q)[m]
    coefficients: dict[str, float] = {}
    tested: Score | None = None

    @property
    def first(self) -> date | None:
        """The first day that can be asked about."""
        return self.cutoff + timedelta(days=1) if self.cutoff else None

    @property
    def last(self) -> date | None:
        """The last day that can be asked about."""
        return self.cutoff + timedelta(days=len(self.means)) if self.cutoff else None

    def forecast(self, first: date, last: date, quantiles: Sequence[float] = ()) -> pl.DataFrame:
        """One row for each day from `first` to `last`: ``date``, ``mean``, then a column for each quantile (``q050``).

        Raises UsageError where there is no forecast, for days that it does not reach, and for a probability that is
        not between 0 and 1.
        """
        if self.cutoff is None or self.spread is None:
            raise UsageError(f"There is no forecast of daily revenue: {self.reason}")
        if first > last or first <= self.cutoff or last > self.last:  # type: ignore[operator]
            raise UsageError(
                f"Asked for daily revenue from {first} to {last}; expected days from {self.first} to {self.last}, in "
                f"that order. Sales are known up to {self.cutoff}."
            )
        wrong = [p for p in quantiles if not 0 < p < 1]
        if wrong:
            raise UsageError(
                f"Asked for the quantile {wrong[0]}; expected probabilities between 0 and 1, such as 0.95."
            )
        steps = np.arange((first - self.cutoff).days, (last - self.cutoff).days + 1)
        mean = np.array(self.means)[steps - 1]
        made = self.spread.quantiles(mean, steps, quantiles)
        days = pl.Series("date", np.datetime64(self.cutoff, "D") + steps)
        return pl.DataFrame([days, pl.Series("mean", mean)]).with_columns(
            pl.Series(quantile_column(p), values) for p, values in zip(quantiles, made, strict=True)
        )

    def about(self) -> dict[str, object]:
        """What it is, as plain data."""
        if self.reason:
            return {"reason": self.reason}
        told = {name: getattr(self, name) for name in ("of", "cutoff", "first", "last", "form")}
        return {**told, "tested": msgspec.structs.asdict(self.tested) if self.tested else None}

    def save(self, folder: Path) -> None:
        """Writes it as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")

    @classmethod
    def load(cls, folder: Path) -> DailyRevenue:
        """What was saved in `folder`. Raises UnreadableFile where the file is missing, damaged or foreign."""
        try:
            return msgspec.json.decode((folder / FILE).read_bytes(), type=cls)
        except (OSError, ValueError) as error:
            raise UnreadableFile(
                f"The forecast of daily revenue in {folder} cannot be read: {error}. Train it again: foresell train"
            ) from error


def learn(
    days: np.ndarray, revenue: np.ndarray, of: str, tell: Callable[[str], None] = lambda doing: None
) -> DailyRevenue:
    """From `revenue` float64 [day] on `days` datetime64[D] [day], all days of a span; NaN where it is not known.

    It is fitted to the days before the last third (a year at most), and asked every week from then on without being
    fitted anew; with three years of sales there is a second one, with waves of the year as regressors (FPP3, section
    10.5), and the better one in the earlier half of these windows is taken. Its errors there make the quantiles that
    are tried in the later half. Then all is learnt from all days.

    Where there is too little to learn from, or statsforecast is not installed, it has a reason and no forecast.
    """
    from foresell.models.statistical.series import check_library

    known = int((~np.isnan(revenue)).sum())
    if known < FEWEST_DAYS:
        return DailyRevenue(of=of, reason=f"there are {known} days with sales; {FEWEST_DAYS} are needed.")
    try:
        check_library()
    except UsageError as error:
        return DailyRevenue(of=of, reason=str(error))
    panel = _panel(days, revenue)
    horizon, tried = min(YEAR, panel.n_days), min(YEAR, panel.n_days // 3)
    begin = panel.n_days - tried
    models = [Sarima(), *([Sarimax(regressors=(), fourier=3)] if begin >= 2 * YEAR else [])]
    cutoffs = np.arange(begin - 1, panel.n_days - EVERY, EVERY)
    earlier = cutoffs <= cutoffs[len(cutoffs) // 2]
    windows = {model.name: _windows(model, panel, cutoffs, horizon, tell) for model in models}
    actual = _actual(revenue, cutoffs, horizon)
    best = min(models, key=lambda each: _wape(actual[earlier], windows[each.name][earlier]))
    means, floor = windows[best.name], SMALL * float(np.nanmean(revenue))
    tested = _test(_ended(actual, cutoffs, earlier), means, actual, earlier, floor, panel, cutoffs)
    tell("daily revenue on all days")
    whole = best.fit(panel, horizon)
    return DailyRevenue(
        of=of,
        cutoff=panel.cutoff,
        means=tuple(map(float, whole.forecast(panel).mean[0].astype(np.float64))),
        spread=spread_of(actual, means, floor),
        form=_form(whole),
        coefficients=_coefficients(whole),
        tested=tested,
    )


def spread_of(actual: np.ndarray, mean: np.ndarray, floor: float) -> Spread:
    """The spread of errors [window, step]; NaN in `actual` is not known. A later part is never the narrower one.

    Errors count with both signs: windows overlap, so that a year of them may well lie on one side by chance.

    >>> mean = np.full((5, 7), 100.0)
    >>> errors = np.linspace(-0.1, 0.1, 35).reshape(5, 7)
    >>> made = spread_of(mean * (1 + errors), mean, 10.0)
    >>> low, high = made.quantiles(np.array([200.0]), np.array([3]), [0.25, 0.75])
    >>> low.round(1).tolist(), high.round(1).tolist()
    ([189.7], [210.3])
    """
    shares = np.where(mean > 0, (actual - mean) / np.maximum(mean, floor), np.nan)
    rows: list[np.ndarray] = []
    known = 0
    for start, end in pairwise(PARTS):
        some = shares[:, start:end]
        some = some[~np.isnan(some)]
        if len(some) >= FEWEST_ERRORS or not rows:
            row = np.quantile([*some, *-some], GRID) if len(some) else np.zeros(len(GRID))
            known = end
        else:
            row = rows[-1] * np.sqrt((start + end) / (PARTS[len(rows) - 1] + start))
        wide = (rows[-1][-20] - rows[-1][19]) / (row[-20] - row[19]) if rows and row[-20] > row[19] else 1.0
        rows.append(row * max(wide, 1.0))
    return Spread(errors=tuple(tuple(row.round(6).tolist()) for row in rows), floor=floor, known=known)


def _windows(model: Sarima, panel: Panel, cutoffs: np.ndarray, horizon: int, tell: Callable[[str], None]) -> np.ndarray:
    """What a model that was fitted at the first of the cutoffs forecasts at each: [window, step]."""
    tell(f"daily revenue by {model.name}")
    fitted = model.fit(panel.until(int(cutoffs[0])), horizon)
    return np.stack([fitted.forecast(panel.until(int(each))).mean[0] for each in cutoffs])


def _panel(days: np.ndarray, revenue: np.ndarray) -> Panel:
    series = pl.DataFrame({"total": ["total"]})
    return Panel(series, ("total",), days, revenue[None].astype(np.float32), {})


def _actual(revenue: np.ndarray, cutoffs: np.ndarray, horizon: int) -> np.ndarray:
    """What came after each cutoff: [window, step]; NaN where it is not known yet."""
    longer = np.append(revenue, np.full(horizon, np.nan))
    return longer[cutoffs[:, None] + np.arange(1, horizon + 1)]


def _ended(actual: np.ndarray, cutoffs: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """Of the earlier windows what had come by the first cutoff of the later ones; NaN else."""
    until = cutoffs[~earlier][0] if (~earlier).any() else cutoffs[-1]
    day = cutoffs[earlier][:, None] + np.arange(1, actual.shape[1] + 1)
    return np.where(day <= until, actual[earlier], np.nan)


def _test(
    learnt: np.ndarray,
    means: np.ndarray,
    actual: np.ndarray,
    earlier: np.ndarray,
    floor: float,
    panel: Panel,
    cutoffs: np.ndarray,
) -> Score | None:
    """How it did in the later windows, its quantiles learnt from the earlier ones; None where there are none later."""
    later = ~earlier
    if not later.any() or np.isnan(learnt).all():
        return None
    spread = spread_of(learnt, means[earlier], floor)
    steps = np.arange(1, actual.shape[1] + 1)
    ranges = np.stack([spread.quantiles(mean, steps, (0.05, 0.95)) for mean in means[later]], axis=1)
    there = ~np.isnan(actual[later]) & (means[later] > 0)
    inside = (actual[later] >= ranges[0]) & (actual[later] <= ranges[1])
    weeks = cutoffs[:, None] - 6 + (steps - 1) % 7
    naive = panel.units[0].astype(np.float64)[weeks]
    return Score(
        windows=int(later.sum()),
        wape_month=_wape(actual[later, :28], means[later, :28]),
        wape=_wape(actual[later], means[later]),
        naive_month=_wape(actual[later, :28], naive[later, :28]),
        naive=_wape(actual[later], naive[later]),
        coverage=float(inside[there].mean()) if there.any() else float("nan"),
    )


def _wape(actual: np.ndarray, mean: np.ndarray) -> float:
    there = ~np.isnan(actual) & ~np.isnan(mean)
    whole = np.abs(actual[there]).sum()
    return float(np.abs(actual - mean)[there].sum() / whole) if whole else float("nan")


def _form(fitted: FittedStatistical) -> str:
    """The form in the usual notation; the seasonal naive where the fit failed."""
    fits = fitted.fits
    return (fits["__form"][0] if fits.height else None) or NAIVE


def _coefficients(fitted: FittedStatistical) -> dict[str, float]:
    fits = fitted.fits
    return msgspec.json.decode(fits["__coefficients"][0]) if fits.height and fits["__form"][0] else {}
