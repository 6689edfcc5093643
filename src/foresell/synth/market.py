"""The categories of the sample retailer, and what the calendar does to their demand.

All of it is the truth that a good model should recover, and is written to ``truth/parameters.json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from zlib import crc32

import numpy as np

from foresell.core.errors import UsageError
from foresell.core.frequency import weekday
from foresell.synth.random_streams import Stream, stream

DAYS_IN_YEAR = 365.25
HOLIDAY_OFFSETS = (-3, -2, -1, 0, 1)  # days around a holiday on which it changes demand
Harmonics = tuple[tuple[float, float], ...]
EVENT = "Club day"  # the chain's own event, on the first Saturday of a month; it is in no public calendar


@dataclass(frozen=True)
class Category:
    """A category of goods and the truth about its demand.

    - `weekly` [weekday from Monday]: demand relative to the week's mean.
    - `harmonics`: (strength, day of the year of the peak) of the first and second harmonic of the log of demand.
    - `level`: median units a day of an item in a store; `price`: median list price.
    - `trend`: share by which demand grows in a year.
    - `elasticity`: demand is proportional to (real price) ** -elasticity.
    - `uplift`: share that a promotion adds at the same price; `dip`: share missing on the day after it, because
      customers have stocked up.
    - `holiday`: demand relative to a normal day, one factor for each of `HOLIDAY_OFFSETS`; `event`: the same on a
      club day.
    - `returned`: share of receipt lines that are brought back.
    """

    name: str
    department: str
    products: tuple[str, ...]
    sizes: tuple[str, ...]
    level: float
    price: float
    weekly: tuple[float, ...]
    harmonics: Harmonics
    trend: float
    elasticity: float
    uplift: float
    dip: float
    holiday: tuple[float, ...]
    event: float
    returned: float

    @property
    def profile(self) -> np.ndarray:
        """The weekly profile with a mean of exactly 1: float64 [weekday]."""
        return np.array(self.weekly) / np.mean(self.weekly)


CATEGORIES: tuple[Category, ...] = (
    Category(
        "dairy", "fresh", ("milk", "yoghurt", "butter", "cheese", "cream"), ("200 g", "500 g", "1 l"),
        9.0, 1.8, (0.95, 0.87, 0.88, 0.95, 1.13, 1.26, 0.96), ((0.04, 20.0), (0.02, 100.0)),
        0.01, 1.2, 0.15, 0.10, (1.05, 1.15, 1.35, 0.75, 0.95), 1.10, 0.003,
    ),
    Category(
        "bakery", "fresh", ("rye bread", "white bread", "rolls", "croissant", "cake"), ("each", "4 pack", "750 g"),
        8.0, 2.3, (0.82, 0.80, 0.84, 0.92, 1.12, 1.38, 1.12), ((0.06, 350.0), (0.03, 90.0)),
        0.0, 1.1, 0.20, 0.03, (1.00, 1.10, 1.45, 0.80, 0.90), 1.15, 0.002,
    ),
    Category(
        "produce", "fresh", ("apples", "tomatoes", "salad", "potatoes", "berries"), ("500 g", "1 kg", "each"),
        10.0, 2.5, (1.00, 0.90, 0.92, 0.97, 1.10, 1.22, 0.89), ((0.16, 185.0), (0.05, 150.0)),
        0.03, 1.5, 0.25, 0.05, (1.05, 1.15, 1.30, 0.70, 0.95), 1.12, 0.004,
    ),
    Category(
        "drinks", "grocery", ("lemonade", "mineral water", "juice", "beer", "oat drink"), ("0.5 l", "1 l", "6 pack"),
        7.0, 2.9, (0.80, 0.78, 0.82, 0.92, 1.26, 1.47, 0.95), ((0.30, 196.0), (0.08, 190.0)),
        0.04, 2.0, 0.35, 0.22, (1.15, 1.30, 1.60, 0.80, 0.85), 1.25, 0.004,
    ),
    Category(
        "snacks", "grocery", ("crisps", "chocolate", "nuts", "biscuits", "gum"), ("75 g", "150 g", "300 g"),
        6.0, 2.2, (0.85, 0.82, 0.85, 0.94, 1.22, 1.36, 0.96), ((0.15, 345.0), (0.06, 95.0)),
        0.02, 1.8, 0.45, 0.18, (1.10, 1.20, 1.50, 0.85, 0.90), 1.20, 0.003,
    ),
    Category(
        "pantry", "grocery", ("pasta", "rice", "coffee", "flour", "soup"), ("400 g", "500 g", "1 kg"),
        5.0, 3.4, (0.98, 0.92, 0.93, 0.97, 1.10, 1.20, 0.90), ((0.10, 10.0), (0.03, 120.0)),
        -0.01, 1.7, 0.30, 0.25, (1.10, 1.15, 1.20, 0.70, 0.90), 1.10, 0.003,
    ),
    Category(
        "household", "home", ("detergent", "kitchen roll", "soap", "candles", "bin bags"), ("3 pack", "750 ml", "1 l"),
        3.0, 4.6, (0.96, 0.92, 0.94, 0.98, 1.08, 1.24, 0.88), ((0.05, 75.0), (0.02, 60.0)),
        0.0, 1.6, 0.25, 0.30, (1.00, 1.02, 1.05, 0.60, 0.95), 1.15, 0.012,
    ),
    Category(
        "garden", "home", ("potting soil", "seeds", "plant pot", "charcoal", "hose"), ("each", "5 l", "10 l"),
        2.0, 8.5, (0.78, 0.76, 0.80, 0.90, 1.18, 1.62, 0.96), ((0.75, 135.0), (0.25, 125.0)),
        -0.03, 1.4, 0.30, 0.12, (1.10, 1.15, 1.10, 0.50, 1.05), 1.30, 0.030,
    ),
)  # fmt: skip


def yearly_factor(harmonics: Harmonics, dates: np.ndarray) -> np.ndarray:
    """The yearly season on `dates`: float64 [day], with a mean of 1 over a year.

    exp of the sum over k = 1, 2 of strength_k * cos(2 pi k (day - peak_k) / 365.25), over its mean.
    """

    def raw(day: np.ndarray) -> np.ndarray:
        waves = [
            strength * np.cos(2 * np.pi * (k + 1) * (day - peak) / DAYS_IN_YEAR)
            for k, (strength, peak) in enumerate(harmonics)
        ]
        return np.exp(np.sum(waves, axis=0))

    day = (dates - dates.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.float64)
    return raw(day) / raw(np.arange(DAYS_IN_YEAR * 4) / 4).mean()


def event_days(dates: np.ndarray) -> np.ndarray:
    """Whether each date is a club day: bool [day]."""
    day_of_month = (dates - dates.astype("datetime64[M]").astype("datetime64[D]")).astype(np.int64)
    return (weekday(dates) == 5) & (day_of_month < 7)


def public_holidays(country: str, first: date, last: date) -> dict[date, str]:
    """The public holidays, by date, of the years from `first` to a few days after `last`.

    Raises UsageError for a country that is not known.
    """
    import holidays

    try:
        dates = holidays.country_holidays(country, years=range(first.year, (last + timedelta(days=5)).year + 1))
    except NotImplementedError as error:
        raise UsageError(
            f"No public holidays are known for the country '{country}'. Give an ISO code such as US, DE or FR."
        ) from error
    return {day: name for day, name in sorted(dates.items()) if "observed" not in name}


def holiday_weight(seed: int, name: str) -> float:
    """How strong the effect of a holiday is; 1 is as strong as its category states."""
    return round(float(stream(seed, Stream.HOLIDAY, crc32(name.encode())).uniform(0.4, 1.3)), 3)


def holiday_factors(seed: int, country: str, dates: np.ndarray) -> np.ndarray:
    """The factor of public holidays on demand: float64 [category, day], 1 on a normal day."""
    effects = np.array([category.holiday for category in CATEGORIES]) - 1  # [category, offset]
    factors = np.ones((len(CATEGORIES), len(dates)))
    for day, name in public_holidays(country, dates[0].item(), dates[-1].item()).items():
        weight = holiday_weight(seed, name)
        position = int((np.datetime64(day) - dates[0]).astype(np.int64))
        for column, offset in enumerate(HOLIDAY_OFFSETS):
            if 0 <= position + offset < len(dates):
                factors[:, position + offset] *= 1 + weight * effects[:, column]
    return factors


def calendar_factors(seed: int, country: str, dates: np.ndarray) -> np.ndarray:
    """The factor of the calendar on demand: float64 [category, day]; weekday x year x holidays x club days."""
    days = weekday(dates)
    factors = np.array([category.profile[days] * yearly_factor(category.harmonics, dates) for category in CATEGORIES])
    factors *= holiday_factors(seed, country, dates)
    for row, category in enumerate(CATEGORIES):
        factors[row, event_days(dates)] *= category.event
    return factors


def market_truth(seed: int, country: str, dates: np.ndarray) -> dict[str, object]:
    """The truth of the market as plain data, for ``truth/parameters.json``."""
    named = public_holidays(country, dates[0].item(), dates[-1].item())
    year = np.datetime64("2023-01-01") + np.arange(365)
    return {
        "weekly": {category.name: category.profile.round(6).tolist() for category in CATEGORIES},
        "yearly": {category.name: yearly_factor(category.harmonics, year).round(5).tolist() for category in CATEGORIES},
        "harmonics": {category.name: [list(pair) for pair in category.harmonics] for category in CATEGORIES},
        "holiday_offsets": list(HOLIDAY_OFFSETS),
        "holiday": {category.name: list(category.holiday) for category in CATEGORIES},
        "holiday_weight": {name: holiday_weight(seed, name) for name in dict.fromkeys(named.values())},
        "event": {EVENT: {category.name: category.event for category in CATEGORIES}},
        "trend_per_year": {category.name: category.trend for category in CATEGORIES},
        "elasticity": {category.name: category.elasticity for category in CATEGORIES},
        "returned_share": {category.name: category.returned for category in CATEGORIES},
    }
