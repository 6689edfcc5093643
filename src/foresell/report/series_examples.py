"""The examples of series in a report, and the summary of the data, from panel, forecasts and backtest."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Groups, Hierarchy, Level, level_name
from foresell.core.panel import Panel
from foresell.core.words import a
from foresell.report.contents import Band, DataSummary, SeriesExample

PER_REASON = 4  # examples of the largest, typical and worst series
UPPER_GROUPS = 6  # examples from the levels between the total and the single series
HORIZONS_SHOWN, DAYS_SHOWN = 5, 140  # of the past in a chart, the smaller of both, but one horizon at least


def data_summary(panel: Panel, hierarchy: Hierarchy, rows: int | None = None) -> DataSummary:
    """The summary of the data. `rows` is the number of rows of the sales file, where they were counted."""
    known = ~np.isnan(panel.units)
    sold = panel.units != 0
    sold &= known
    begun = known.any(axis=1)
    first_known = np.where(begun, known.argmax(axis=1), panel.n_days)
    cells = max(panel.units.size, 1)
    before = int(first_known.sum())
    counts = {
        "something sold": int(sold.sum()),
        "on sale, nothing sold": int(known.sum() - sold.sum()),
        "not yet on sale": before,
        "not known (closed or out of stock)": int(cells - known.sum() - before),
    }
    total = np.asarray(np.nansum(panel.units, axis=0, dtype=np.float64))
    dates, history, unit = _whole_history(panel, total)
    return DataSummary(
        series=panel.n_series,
        days=panel.n_days,
        first=panel.dates[0].astype(object),
        last=panel.cutoff,
        units=float(total.sum()),
        rows=rows,
        revenue=_revenue(panel),
        levels={level_name(groups.level): len(groups) for groups in hierarchy.all_groups(panel.series)},
        shares={name: count / cells for name, count in counts.items() if count},
        dates=dates,
        history=history,
        history_unit=unit,
    )


def _revenue(panel: Panel) -> float | None:
    """Units times price over the history, computed by blocks of series; None without prices."""
    if "price" not in panel.known:
        return None
    amount = 0.0
    for block in panel.blocks(2000):
        amount += float(np.nansum(block.units * block.known["price"].on(slice(0, panel.n_days)), dtype=np.float64))
    return amount


def _whole_history(panel: Panel, total: np.ndarray) -> tuple[np.ndarray, np.ndarray, str]:
    """The total [day] as the mean a day of each complete month, or by day, or unchanged where it has few points."""
    dates = panel.dates[: panel.n_days]
    if panel.frequency == Frequency.HOUR:
        dates, total = _by_day(dates, total)
    months = dates.astype("datetime64[M]")
    if panel.frequency not in (Frequency.DAY, Frequency.HOUR) or len(np.unique(months)) < 6:
        return dates, total, f"units {'a day' if panel.frequency == Frequency.HOUR else a(panel.frequency.noun)}"
    names, starts, counts = np.unique(months, return_index=True, return_counts=True)
    full = counts >= 28  # an incomplete month would look like a collapse of sales
    means = np.add.reduceat(total, starts) / counts
    return names[full].astype("datetime64[D]"), means[full], "units a day, by month"


def _by_day(hours: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The complete days and the sum of each; an hour that is not known counts as 0 in a day that is known in part."""
    days, starts, counts = np.unique(hours.astype("datetime64[D]"), return_index=True, return_counts=True)
    full = counts == 24
    if not full.any():
        full[:] = True
    sums = np.add.reduceat(np.nan_to_num(total), starts)
    known = np.add.reduceat((~np.isnan(total)).astype(np.int64), starts) > 0
    return days[full], np.where(known, sums, np.nan)[full]


def pick(volume: np.ndarray, error: np.ndarray | None = None, count: int = PER_REASON) -> list[tuple[int, str]]:
    """The rows of the series to show, each row once, with the reason: largest, typical or worst.

    `volume` [series] are the units that each series sells. Typical series are nearest to the median of the series with
    sales. The worst have the highest `error` [series] among the half with the larger volumes, where an error matters;
    NaN is no error. There are `count` series for each reason.

    >>> pick(np.array([9, 1, 5, 0, 4, 6.0]), np.array([0.1, 0.9, 0.2, 0.9, 0.8, 0.3]), count=1)
    [(0, 'largest'), (2, 'typical'), (5, 'worst')]
    """
    volume = np.nan_to_num(np.asarray(volume, np.float64))
    selling = np.flatnonzero(volume > 0)
    if not len(selling):
        return [(row, "typical") for row in range(min(count, len(volume)))]
    reasons: dict[int, str] = {}

    def add(rows: np.ndarray, reason: str) -> None:
        new = [int(row) for row in rows if int(row) not in reasons]
        reasons.update(dict.fromkeys(new[:count], reason))

    median = float(np.median(volume[selling]))
    add(selling[np.argsort(-volume[selling], kind="stable")], "largest")
    add(selling[np.argsort(np.abs(volume[selling] - median), kind="stable")], "typical")
    if error is not None:
        rated = selling[(volume[selling] >= median) & np.isfinite(error[selling])]
        add(rated[np.argsort(-error[rated], kind="stable")], "worst")
    return list(reasons.items())


def series_examples(
    panel: Panel,
    hierarchy: Hierarchy,
    forecasts: Mapping[Level, Forecast],
    tested: pl.DataFrame | None = None,
    count: int = PER_REASON,
) -> tuple[SeriesExample, ...]:
    """The total, the largest groups of the upper levels, and the largest, typical and worst series.

    `forecasts` are by level; a level without a forecast has no examples. `tested` are the backtest's forecasts by one
    model: the panel's keys, ``cutoff``, ``date``, ``mean`` and ``actual``. Volumes are those of the last year. `count`
    is the number of single series for each reason.
    """
    test = None if tested is None or tested.is_empty() else _TestForecasts(panel, tested)
    year = np.asarray(np.nansum(panel.units[:, -panel.frequency.year :], axis=1, dtype=np.float64))
    upper = iter(_even_parts(UPPER_GROUPS, max(len(hierarchy.levels) - 2, 1)))
    examples: list[SeriesExample] = []
    for groups in hierarchy.all_groups(panel.series):
        forecast = forecasts.get(groups.level)
        if forecast is None:
            continue
        rows: list[tuple[int, str]]
        if groups.level == hierarchy.bottom:
            rows = pick(year, test.error if test else None, count)
        elif not groups.level:
            rows = [(0, "total")]
        else:
            most = next(upper)
            rows = [(int(row), "level") for row in np.argsort(-groups.sum(year), kind="stable")[:most]]
        examples += [_example(panel, groups, forecast, row, reason, test) for row, reason in rows]
    return tuple(examples)


def _even_parts(total: int, among: int) -> list[int]:
    """`total` divided into `among` whole parts; the first ones are larger where it does not divide evenly.

    >>> _even_parts(6, 4), _even_parts(6, 10)
    ([2, 2, 1, 1], [1, 1, 1, 1, 1, 1, 0, 0, 0, 0])
    """
    return [total // among + (number < total % among) for number in range(among)]


class _TestForecasts:
    """The backtest's forecasts as arrays in the panel's order of series."""

    def __init__(self, panel: Panel, tested: pl.DataFrame):
        keys = list(panel.keys)
        texts = [pl.col(key).cast(panel.series.schema[key]) for key in keys]
        rows = panel.series.select(keys).with_row_index("__row")
        tested = tested.with_columns(texts).join(rows, on=keys, how="inner", nulls_equal=True)
        error = (pl.col("mean") - pl.col("actual")).abs()
        wape = tested.group_by("__row").agg(error.sum().alias("error"), pl.col("actual").abs().sum().alias("sold"))
        self.error = np.full(panel.n_series, np.nan)  # [series] WAPE over all windows
        self.error[wape["__row"].to_numpy()] = (wape["error"] / wape["sold"]).fill_nan(None).to_numpy()
        self.error[np.isinf(self.error)] = np.nan
        last = tested.filter(pl.col("cutoff") == pl.col("cutoff").max())
        self.dates = last["date"].unique().sort().to_numpy()  # [step]
        self.mean = np.full((panel.n_series, len(self.dates)), np.nan)  # [series, step]
        self.mean[last["__row"].to_numpy(), np.searchsorted(self.dates, last["date"].to_numpy())] = last[
            "mean"
        ].to_numpy()


def _example(
    panel: Panel, groups: Groups, forecast: Forecast, row: int, reason: str, test: _TestForecasts | None
) -> SeriesExample:
    """The example of one group of a level."""
    members = np.flatnonzero(groups.rows == row)
    units = _known_sum(panel.units[members])
    wanted = min(HORIZONS_SHOWN * forecast.horizon, max(DAYS_SHOWN, forecast.horizon))
    shown = min(panel.n_days, max(wanted, panel.frequency.season * 4))
    days = np.arange(panel.n_days, panel.n_days + forecast.horizon) - panel.frequency.year
    year_ago = units[days] if len(days) and days[0] >= 0 and days[-1] < panel.n_days else np.array([np.nan])
    values = groups.frame.select(groups.level or ["total"]).row(row)
    return SeriesExample(
        name=" · ".join("(none)" if value is None else str(value) for value in values) if groups.level else "All sales",
        level=level_name(groups.level),
        reason=reason,
        dates=panel.dates[panel.n_days - shown : panel.n_days],
        units=units[-shown:],
        ahead=forecast.dates,
        mean=forecast.mean[row].astype(np.float64),
        bands=_bands(forecast, row),
        tested_dates=test.dates if test else np.empty(0, "datetime64[D]"),
        tested=_known_sum(test.mean[members]) if test else np.empty(0),
        last_year=None if np.isnan(year_ago).any() else float(year_ago.sum()),
        error=float(test.error[members[0]])
        if test and len(members) == 1 and np.isfinite(test.error[members[0]])
        else None,
    )


def _known_sum(values: np.ndarray) -> np.ndarray:
    """The sum over series of `values` [series, day]; NaN on days that are not known for any series."""
    total = np.nansum(values, axis=0, dtype=np.float64)
    return np.where(np.isnan(values).all(axis=0), np.nan, total)


def _bands(forecast: Forecast, row: int) -> tuple[Band, ...]:
    """The central ranges of the forecast of one row, the widest first."""
    if forecast.quantiles is None:
        return ()
    bands = []
    for low, probability in enumerate(forecast.probabilities):
        for high, other in enumerate(forecast.probabilities):
            if probability < 0.5 and abs(probability + other - 1) < 1e-6:
                bands.append(
                    Band(round(other - probability, 6), forecast.quantiles[low, row], forecast.quantiles[high, row])
                )
    return tuple(sorted(bands, key=lambda band: -band.share))
