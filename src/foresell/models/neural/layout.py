"""The layout of what a network reads: how long its past is, which covariates, categories and days of the calendar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from foresell.core.frequency import Frequency
from foresell.core.panel import Panel
from foresell.features.calendar import calendar_columns

PAST = {
    Frequency.HOUR: 168,
    Frequency.DAY: 56,
    Frequency.WEEK: 26,
    Frequency.MONTH: 18,
    Frequency.QUARTER: 8,
    Frequency.YEAR: 6,
}
"""The number of last periods that the encoder reads."""

YEAR_WAVES = {
    Frequency.HOUR: 2,
    Frequency.DAY: 4,
    Frequency.WEEK: 6,
    Frequency.MONTH: 0,
    Frequency.QUARTER: 0,
    Frequency.YEAR: 0,
}
"""The number of pairs of sine and cosine that describe the time of the year; months and quarters have a column each."""

NEAR = 3.0
"""An event that lies so many days (periods) away is felt e times less than one on the day itself."""


@dataclass(frozen=True)
class Layout:
    """What a network reads of a question.

    - `horizon`, `past`: the periods of the decoder and of the encoder.
    - `covariates`: names of those that are known ahead, with the `centre` and the `spread` of each in training.
    - `categories`: text columns of the series, with the values that have a row of their own in the embedding.
    - `codes`: the names of holidays and events with a column of their own, as `question.calendar_codes` gives them.
    """

    horizon: int
    past: int
    covariates: tuple[str, ...] = ()
    centre: tuple[float, ...] = ()
    spread: tuple[float, ...] = ()
    categories: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    codes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """The layout as plain data, for JSON."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @classmethod
    def of_plain(cls, plain: Mapping[str, Any]) -> Layout:
        """The layout that `plain` describes. Raises KeyError, TypeError or ValueError for other data."""
        covariates, centre, spread = (tuple(plain[name]) for name in ("covariates", "centre", "spread"))
        categories, codes = (
            {key: tuple(values) for key, values in plain[name].items()} for name in ("categories", "codes")
        )
        return cls(plain["horizon"], plain["past"], covariates, centre, spread, categories, codes)

    def calendar(self, panel: Panel) -> np.ndarray:
        """The calendar of each day of the history and of the horizon: float32 [day + step, column]."""
        dates = np.concatenate([panel.dates[: panel.n_days], panel.ahead(self.horizon)])
        codes = {"event": (), **self.codes}
        columns = calendar_columns(dates, panel.frequency, panel.country, panel.events, codes)
        return np.column_stack([*_date_inputs(columns, panel.frequency), *_event_inputs(columns, codes)]).astype(
            np.float32
        )


def _date_inputs(columns: Mapping[str, np.ndarray], frequency: Frequency) -> list[np.ndarray]:
    """The time of the day, of the week and of the year."""
    inputs: list[np.ndarray] = [
        np.ones(len(columns["year"]), np.float32)
    ]  # so that there is a column for every frequency
    if "hour" in columns:
        inputs += _one_hot(columns["hour"], 24)
    if "weekday" in columns:
        inputs += _one_hot(columns["weekday"] - 1, 7)
    if frequency == Frequency.DAY:
        inputs.append(columns["day_of_month"] / 31)
    place = columns.get("period_of_year", columns["month"] if frequency == Frequency.MONTH else columns["quarter"])
    if frequency in (Frequency.MONTH, Frequency.QUARTER) or "period_of_year" in columns:
        inputs += _one_hot(place - 1, frequency.season)
    angle = 2 * np.pi * columns["day_of_year"] / 365.25
    for wave in range(1, YEAR_WAVES[frequency] + 1):
        inputs += [np.sin(wave * angle), np.cos(wave * angle)]
    days = columns.get("days_in_month")
    return inputs if days is None else [*inputs, (days - 30) / 2]


def _event_inputs(columns: Mapping[str, np.ndarray], codes: Mapping[str, tuple[str, ...]]) -> list[np.ndarray]:
    """Which holidays and events fall on a day, and how near the next and the last are."""
    inputs: list[np.ndarray] = []
    for kind, names in codes.items():
        if not names or kind not in columns:
            inputs += [np.zeros(len(columns["year"]), np.float32)] * (len(names) + 2 if names else 0)
            continue
        second = columns.get(f"second_{kind}", np.zeros_like(columns[kind]))
        inputs += [((columns[kind] == number) | (second == number)) for number in range(1, len(names) + 1)]
        inputs += [np.exp(-columns[f"days_{side}_{kind}"] / NEAR) for side in ("to", "since")]
    return inputs


def _one_hot(place: np.ndarray, length: int) -> list[np.ndarray]:
    return [place == each for each in range(length)]
