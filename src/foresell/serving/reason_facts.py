"""The facts behind the reasons of a forecast, in a planner's words. They come from the panel, not from the model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from foresell.core.frequency import Frequency, period_begins
from foresell.core.hierarchy import Level
from foresell.core.panel import Panel
from foresell.core.words import a, listed, many, name, number, period, share, span
from foresell.features.calendar import holidays_of
from foresell.features.spans import spans_of

_NAMED = 3  # events and attributes that are named; the others are counted


def facts(panel: Panel, rows: np.ndarray, steps: slice, levels: Sequence[Level] = ()) -> dict[str, str]:
    """The facts that the panel has, by the code of the reason in `reasons.REASONS`.

    `rows` are the series that are explained, `steps` the days ahead (from 0), `levels` the levels of the features of
    groups.
    """
    part, days = panel.part(rows), slice(panel.n_days + steps.start, panel.n_days + steps.stop)
    dates = panel.ahead(steps.stop)[steps]
    texts = {
        "level": _level(part),
        "trend": _trend(part),
        "around": _around(levels),
        "weekday": _weekdays(dates, panel.frequency),
        "hour": _hours(dates, panel.frequency),
        "season": _when(dates, panel.frequency),
        "holiday": _holidays(panel, dates),
        "price": _price(part, days),
        "promotion": _promotion(part, days),
        "kind": _kind(part),
        "ahead": _known(part, days),
    }
    return {code: text for code, text in texts.items() if text}


def _level(part: Panel) -> str:
    """The recent sales."""
    length, noun = spans_of(part.frequency).middle, part.frequency.noun
    mean = _mean(part, part.n_days - length, part.n_days)
    last = f"in the last {length} {noun}s"
    return f"none known {last}" if np.isnan(mean) else f"{number(mean)} {a(noun)} {last}"


def _mean(part: Panel, first: int, end: int) -> float:
    """Units a day from day `first` to before `end`: the sum of the series' means over their known days."""
    units = part.units[:, max(first, 0) : max(end, 0)]
    known = ~np.isnan(units)
    if not known.any():
        return float("nan")
    return float(np.sum(np.nansum(units, axis=1, dtype=np.float64) / np.maximum(known.sum(axis=1), 1)))


def _trend(part: Panel) -> str:
    """The last week compared with the last four, and the last four with those a year ago."""
    spans, end, noun = spans_of(part.frequency), part.n_days, part.frequency.noun
    near, month = _mean(part, end - spans.short, end), _mean(part, end - spans.middle, end)
    year = _mean(part, end - spans.year - spans.middle, end - spans.year)
    parts = []
    if near >= 0 and month > 0:
        parts.append(f"the last {spans.short} {noun}s {_against(near / month)} the last {spans.middle}")
    if month >= 0 and year > 0:
        parts.append(f"{'those' if parts else f'the last {spans.middle} {noun}s'} {_against(month / year)} a year ago")
    return ", ".join(parts)


def _against(ratio: float) -> str:
    """A ratio as a comparison in words.

    >>> _against(1.1), _against(0.5), _against(1.001)
    ('10 % above', '50 % below', 'like')
    """
    return "like" if abs(ratio - 1) < 0.005 else f"{share(abs(ratio - 1))} {'above' if ratio > 1 else 'below'}"


def _around(levels: Sequence[Level]) -> str:
    names = [listed([name(column) for column in level]) for level in levels if level]
    return f"how its {listed(names)} went lately" if names else "how all sales went lately"


def _weekdays(dates: np.ndarray, frequency: Frequency) -> str:
    if frequency not in (Frequency.DAY, Frequency.HOUR):
        return ""
    # The names are in the order of the dates; many dates, such as a whole week, have none.
    names = list(dict.fromkeys(f"{when.astype(object):%A}" for when in dates))
    return listed(names) if len(names) <= _NAMED else ""


def _hours(dates: np.ndarray, frequency: Frequency) -> str:
    if frequency != Frequency.HOUR:
        return ""
    names = list(dict.fromkeys(f"{when.astype(object):%H:%M}" for when in dates))
    return listed(names) if len(names) <= _NAMED else ""


def _when(dates: np.ndarray, frequency: Frequency) -> str:
    return span(dates[0], dates[-1]) if len(dates) > 1 else period(dates[0], frequency)


def _holidays(panel: Panel, dates: np.ndarray) -> str:
    """The names of the holidays and events on the dates."""
    tables = [panel.events.select("date", "event")]
    if panel.country:
        tables.append(holidays_of(panel.country, panel.dates))
    begin = period_begins(dates[0], 1, panel.frequency)[0].astype("datetime64[D]")
    end = (period_begins(dates[-1], 2, panel.frequency)[1] - 1).astype("datetime64[D]") + 1
    events = pl.concat(tables).filter(pl.col("date") >= begin, pl.col("date") < end).unique().sort("date", "event")
    if events.is_empty():
        return f"none in these {panel.frequency.noun}s" if len(dates) > 1 else f"none on this {panel.frequency.noun}"
    names = list(dict.fromkeys(events["event"].to_list()))
    more = [f"{len(names) - _NAMED} more"] if len(names) > _NAMED else []
    return listed([*names[:_NAMED], *more])


def _price(part: Panel, days: slice) -> str:
    """The price on the days, compared with the days before the cutoff."""
    if "price" not in part.known:
        return ""
    length = spans_of(part.frequency).middle
    ahead = part.known["price"].on(days).astype(np.float64)
    past = part.known["price"].on(slice(max(part.n_days - length, 0), part.n_days)).astype(np.float64)
    now, before = _row_means(ahead), _row_means(past)
    both = ~np.isnan(now) & ~np.isnan(before) & (before > 0)
    if not both.any():
        return "not known"
    what = f"{now[0]:,.2f}" if part.n_series == 1 else "on average"
    ratio = float(np.mean(now[both] / before[both]))
    return f"{what}, {_against(ratio)} that of the last {length} {part.frequency.noun}s"


def _row_means(values: np.ndarray) -> np.ndarray:
    known = ~np.isnan(values)
    mean = np.nansum(values, axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(known.any(axis=1), mean, np.nan)


def _promotion(part: Panel, days: slice) -> str:
    """The number of days, or of series, with a promotion."""
    if "promotion" not in part.known:
        return ""
    on = np.nan_to_num(part.known["promotion"].on(days)) > 0
    if not on.size:
        return "not known"
    noun = part.frequency.noun
    if not on.any():
        return f"on none of {many(on.shape[1], noun)}"
    if part.n_series == 1:
        return f"on {int(on.sum())} of {many(on.shape[1], noun)}"
    return f"of {int(on.any(axis=1).sum())} of {many(part.n_series, 'series', 'series')}"


def _kind(part: Panel) -> str:
    """The attributes of one series."""
    if part.n_series > 1:
        return many(part.n_series, "series", "series")
    row = part.series.row(0, named=True)
    parts = [f"{name(column)} {value}" for column, value in row.items() if value is not None]
    return ", ".join(parts[:_NAMED]) + (", …" if len(parts) > _NAMED else "")


def _known(part: Panel, days: slice) -> str:
    """The names of the other covariates. For a single series, an on/off covariate has the number of days it is on."""
    names = [covariate for covariate in part.known if covariate not in ("price", "promotion")]
    parts = []
    for covariate in names:
        values = part.known[covariate].on(days)
        switched = part.n_series == 1 and np.isin(values, (0, 1)).all()
        when = f" on {int(values.sum())} of {many(values.shape[1], part.frequency.noun)}" if switched else ""
        parts.append(name(covariate) + when)
    return listed(parts)
