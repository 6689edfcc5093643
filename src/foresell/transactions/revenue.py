"""Daily revenue of the whole business by SARIMA: a forecast for up to a year, with quantiles from past errors.

The forecast for all days is made in training. Answering a question about some days needs no library and no time.
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
from foresell.core.extras import missing
from foresell.core.forecast import check_probabilities, quantile_column
from foresell.core.panel import Panel
from foresell.models.statistical import Sarima, Sarimax
from foresell.models.statistical.fitted import FittedStatistical

FILE = "revenue.json"
NAIVE = "seasonal naive"
YEAR = 365
FEWEST_DAYS = 56
CUTOFF_DAYS = 7
"""Days between two cutoffs of the backtest: whole weeks, so that a step is always of the same weekday."""

PARTS = (0, 7, 28, 91, 182, 365)
"""The steps at which the quantiles of errors change: a week, four weeks, a quarter, half a year, a year."""

FEWEST_ERRORS = 25
GRID = tuple(round(0.005 * place, 3) for place in range(1, 200))
"""The probabilities for which quantiles of errors are kept."""

SMALL = 0.1
"""Errors are divided by the forecast, or by this share of the mean revenue where the forecast is smaller."""


class ErrorQuantiles(Struct, frozen=True, kw_only=True):
    """Quantiles of the errors, as shares of the forecast: `errors` [part of PARTS, probability of GRID].

    `known` is the last step with observed errors. The quantiles of later parts are those of the last part before it,
    widened by the root of the distance, as those of a random walk are.
    """

    errors: tuple[tuple[float, ...], ...]
    floor: float
    known: int

    def quantiles(self, mean: np.ndarray, steps: np.ndarray, probabilities: Sequence[float]) -> np.ndarray:
        """Quantiles of the days with that `mean` [day], `steps` after the cutoff [day]: [probability, day]."""
        part = np.searchsorted(PARTS, steps) - 1  # [day]
        grid = np.array(self.errors)  # [part, probability]
        shares = np.array([[np.interp(p, GRID, grid[row]) for row in part] for p in probabilities])
        revenue = mean + shares.reshape(-1, len(mean)) * np.maximum(mean, self.floor)
        return np.where(mean == 0, 0.0, np.maximum(revenue, 0))


class RevenueScore(Struct, frozen=True, kw_only=True):
    """Scores at later cutoffs than those at which the model was chosen and its quantiles were learnt.

    WAPE of the first 28 days and of all days; the same for the naive forecast, the same weekday of the last week; and
    the share of actuals in the range for 90 %. `windows` is the number of cutoffs.
    """

    windows: int
    wape_month: float
    wape: float
    naive_month: float
    naive: float
    coverage: float


class DailyRevenue(Struct, frozen=True, kw_only=True, tag="daily revenue", tag_field="kind"):
    """The forecast of daily revenue after `cutoff`: `means` [step], with quantiles of their errors.

    If there is no forecast, `reason` says why, and `means` is empty.
    """

    of: str  # the sum that is forecast, in words
    reason: str = ""
    cutoff: date | None = None
    means: tuple[float, ...] = ()
    spread: ErrorQuantiles | None = None
    form: str = ""  # ARIMA(p,d,q)(P,D,Q)[m]
    coefficients: dict[str, float] = {}
    tested: RevenueScore | None = None

    @property
    def first(self) -> date | None:
        """The first day of the forecast."""
        return self.cutoff + timedelta(days=1) if self.cutoff else None

    @property
    def last(self) -> date | None:
        """The last day of the forecast."""
        return self.cutoff + timedelta(days=len(self.means)) if self.cutoff else None

    def forecast(self, first: date, last: date, quantiles: Sequence[float] = ()) -> pl.DataFrame:
        """One row for each day from `first` to `last`: ``date``, ``mean``, then a column for each quantile (``q050``).

        Raises UsageError if there is no forecast, for days outside it, and for quantiles that do not rise from
        0.0001 to 0.9999.
        """
        if self.cutoff is None or self.spread is None:
            raise UsageError(f"There is no forecast of daily revenue: {self.reason}")
        if first > last or first <= self.cutoff or last > self.last:  # type: ignore[operator]
            raise UsageError(
                f"Asked for daily revenue from {first} to {last}; expected days from {self.first} to {self.last}, in "
                f"that order. Sales are known up to {self.cutoff}."
            )
        check_probabilities(quantiles)
        steps = np.arange((first - self.cutoff).days, (last - self.cutoff).days + 1)
        mean = np.array(self.means)[steps - 1]
        values_of = self.spread.quantiles(mean, steps, quantiles)
        days = pl.Series("date", np.datetime64(self.cutoff, "D") + steps)
        return pl.DataFrame([days, pl.Series("mean", mean)]).with_columns(
            pl.Series(quantile_column(p), values) for p, values in zip(quantiles, values_of, strict=True)
        )

    def about(self) -> dict[str, object]:
        """What is forecast, for which days, by which model, and its scores, as plain data."""
        if self.reason:
            return {"reason": self.reason}
        facts = {name: getattr(self, name) for name in ("of", "cutoff", "first", "last", "form")}
        return {**facts, "tested": msgspec.structs.asdict(self.tested) if self.tested else None}

    def save(self, folder: Path) -> None:
        """Writes it as JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / FILE).write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")

    @classmethod
    def load(cls, folder: Path) -> DailyRevenue:
        """The forecast saved in `folder`. Raises UnreadableFile if its file is missing, damaged or of another kind."""
        try:
            return msgspec.json.decode((folder / FILE).read_bytes(), type=cls)
        except (OSError, ValueError) as error:
            raise UnreadableFile(
                f"The forecast of daily revenue in {folder} cannot be read: {error}. Train it again: foresell train"
            ) from error


NOT_INSTALLED = "the extra 'statistical' is not installed."
"""The reason why there is no forecast where statsforecast is missing."""


def learn(
    days: np.ndarray, revenue: np.ndarray, of: str, report: Callable[[str], None] = lambda doing: None
) -> DailyRevenue:
    """The forecast from `revenue` float64 [day], NaN where unknown, on consecutive `days` datetime64[D] [day].

    `of` says in words what is summed. SARIMA is fitted to the days before the last third (a year at most), and
    forecasts every week from then on without being fitted again. With three years of sales there is a second model,
    with yearly Fourier terms as regressors (FPP3, section 10.5). The better of the two in the earlier half of these
    windows is taken, and the quantiles of its errors there are tested in the later half. Then the model and the
    quantiles are learnt from all days.

    With too few days, or if statsforecast is not installed, the result has a reason and no forecast.
    """
    known = int((~np.isnan(revenue)).sum())
    if known < FEWEST_DAYS:
        return DailyRevenue(of=of, reason=f"there are {known} days with sales; {FEWEST_DAYS} are needed.")
    if missing("statistical"):
        return DailyRevenue(of=of, reason=NOT_INSTALLED)
    panel = _panel(days, revenue)
    horizon = min(YEAR, panel.n_days)
    begin = panel.n_days - min(YEAR, panel.n_days // 3)
    models = [Sarima(), *([Sarimax(regressors=(), fourier=3)] if begin >= 2 * YEAR else [])]
    cutoffs = np.arange(begin - 1, panel.n_days - CUTOFF_DAYS, CUTOFF_DAYS)
    earlier = cutoffs <= cutoffs[len(cutoffs) // 2]
    windows = {model.name: _windows(model, panel, cutoffs, horizon, report) for model in models}
    actual = _actual(revenue, cutoffs, horizon)
    best = min(models, key=lambda model: _wape(actual[earlier], windows[model.name][earlier]))
    means, floor = windows[best.name], SMALL * float(np.nanmean(revenue))
    tested = _score(_known_before_later(actual, cutoffs, earlier), means, actual, earlier, floor, panel, cutoffs)
    report("daily revenue on all days")
    whole = best.fit(panel, horizon)
    return DailyRevenue(
        of=of,
        cutoff=panel.cutoff,
        means=tuple(map(float, whole.forecast(panel).mean[0].astype(np.float64))),
        spread=error_quantiles(actual, means, floor),
        form=_form(whole),
        coefficients=_coefficients(whole),
        tested=tested,
    )


def error_quantiles(actual: np.ndarray, mean: np.ndarray, floor: float) -> ErrorQuantiles:
    """The quantiles of the errors of `mean` [window, step], NaN in `actual` where unknown.

    Each error counts with both signs, because windows overlap and a whole year of errors may have one sign by chance.
    The range of a later part is at least as wide as that of an earlier one.

    >>> mean = np.full((5, 7), 100.0)
    >>> errors = np.linspace(-0.1, 0.1, 35).reshape(5, 7)
    >>> spread = error_quantiles(mean * (1 + errors), mean, 10.0)
    >>> low, high = spread.quantiles(np.array([200.0]), np.array([3]), [0.25, 0.75])
    >>> low.round(1).tolist(), high.round(1).tolist()
    ([189.7], [210.3])
    """
    shares = np.where(mean > 0, (actual - mean) / np.maximum(mean, floor), np.nan)
    rows: list[np.ndarray] = []
    known = 0
    for start, end in pairwise(PARTS):
        errors = shares[:, start:end]
        errors = errors[~np.isnan(errors)]
        if len(errors) >= FEWEST_ERRORS or not rows:
            row = np.quantile([*errors, *-errors], GRID) if len(errors) else np.zeros(len(GRID))
            known = end
        else:
            row = rows[-1] * np.sqrt((start + end) / (PARTS[len(rows) - 1] + start))
        wide = (rows[-1][-20] - rows[-1][19]) / (row[-20] - row[19]) if rows and row[-20] > row[19] else 1.0
        rows.append(row * max(wide, 1.0))
    return ErrorQuantiles(errors=tuple(tuple(row.round(6).tolist()) for row in rows), floor=floor, known=known)


def _windows(
    model: Sarima, panel: Panel, cutoffs: np.ndarray, horizon: int, report: Callable[[str], None]
) -> np.ndarray:
    """The forecasts at each of the cutoffs by a model that is fitted at the first: [window, step]."""
    report(f"daily revenue by {model.name}")
    fitted = model.fit(panel.until(int(cutoffs[0])), horizon)
    return np.stack([fitted.forecast(panel.until(int(cutoff))).mean[0] for cutoff in cutoffs])


def _panel(days: np.ndarray, revenue: np.ndarray) -> Panel:
    series = pl.DataFrame({"total": ["total"]})
    return Panel(series, ("total",), days, revenue[None].astype(np.float32), {})


def _actual(revenue: np.ndarray, cutoffs: np.ndarray, horizon: int) -> np.ndarray:
    """The revenue after each cutoff: [window, step]; NaN where it is not known."""
    longer = np.append(revenue, np.full(horizon, np.nan))
    return longer[cutoffs[:, None] + np.arange(1, horizon + 1)]


def _known_before_later(actual: np.ndarray, cutoffs: np.ndarray, earlier: np.ndarray) -> np.ndarray:
    """The actuals of the earlier windows that were known at the first cutoff of the later ones; NaN for others."""
    until = cutoffs[~earlier][0] if (~earlier).any() else cutoffs[-1]
    day = cutoffs[earlier][:, None] + np.arange(1, actual.shape[1] + 1)
    return np.where(day <= until, actual[earlier], np.nan)


def _score(
    learnt: np.ndarray,
    means: np.ndarray,
    actual: np.ndarray,
    earlier: np.ndarray,
    floor: float,
    panel: Panel,
    cutoffs: np.ndarray,
) -> RevenueScore | None:
    """The scores in the later windows, with quantiles learnt from the earlier ones; None if there are no later ones."""
    later = ~earlier
    if not later.any() or np.isnan(learnt).all():
        return None
    spread = error_quantiles(learnt, means[earlier], floor)
    steps = np.arange(1, actual.shape[1] + 1)
    ranges = np.stack([spread.quantiles(mean, steps, (0.05, 0.95)) for mean in means[later]], axis=1)
    counted = ~np.isnan(actual[later]) & (means[later] > 0)
    inside = (actual[later] >= ranges[0]) & (actual[later] <= ranges[1])
    weeks = cutoffs[:, None] - 6 + (steps - 1) % 7
    naive = panel.units[0].astype(np.float64)[weeks]
    return RevenueScore(
        windows=int(later.sum()),
        wape_month=_wape(actual[later, :28], means[later, :28]),
        wape=_wape(actual[later], means[later]),
        naive_month=_wape(actual[later, :28], naive[later, :28]),
        naive=_wape(actual[later], naive[later]),
        coverage=float(inside[counted].mean()) if counted.any() else float("nan"),
    )


def _wape(actual: np.ndarray, mean: np.ndarray) -> float:
    known = ~np.isnan(actual) & ~np.isnan(mean)
    total = np.abs(actual[known]).sum()
    return float(np.abs(actual - mean)[known].sum() / total) if total else float("nan")


def _form(fitted: FittedStatistical) -> str:
    """The ARIMA form in the usual notation, or seasonal naive if the fit failed."""
    fits = fitted.fits
    return (fits["__form"][0] if fits.height else None) or NAIVE


def _coefficients(fitted: FittedStatistical) -> dict[str, float]:
    fits = fitted.fits
    return msgspec.json.decode(fits["__coefficients"][0]) if fits.height and fits["__form"][0] else {}
