"""The sample retailer of `benchmarks/year.py`, with four events planted in its last year, and the truth beside.

- price: the prices of snacks and drinks rise at once; what is asked for falls by each item's own elasticity.
- store: a fourth store opens; until then nobody has heard of it, and its customers find it slowly.
- stock-outs: shelves of the dairy and produce run empty for days, in all stores. The files mark such days.
- drift: less of everything is sold, a little less every week.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from foresell.monitor.drift.deseasoning import DAYS_KNOWN
from foresell.monitor.drift.deseasoning import PRICE as PRICES
from foresell.synth import make_retailer
from foresell.synth.retailer import END

SIZE = {"stores": 4, "items": 30, "days": 364 + 2 * 365 + 92}
WEEKS, HORIZON, AHEAD = 52, 28, 56
BEGIN = END - timedelta(days=7 * WEEKS)  # the last day of the sales when the year begins
KEYS = ["store", "item"]

RISE = 1.3  # times as dear
NEW_STORE, FOUND_DAYS = "S004", 45
EMPTY, EMPTY_DAYS = 0.08, 6  # a shelf that is full runs empty on a day with that chance, for so many days on average
WEEKLY = 0.985  # what a week of the drift leaves of the demand of the week before


@dataclass(frozen=True)
class Event:
    """What was planted: from when to when it changes anything (`last` None: to the end), in which rows, how large.

    `where` maps columns to the values that are touched; empty for all. `codes` and `places` say which findings name it.
    """

    name: str
    said: str
    first: date
    last: date | None
    where: dict[str, tuple[str, ...]]
    codes: tuple[str, ...]
    places: tuple[str, ...]
    named: tuple[str, ...] = (
        "category",
        "store",
        "store x department",
        DAYS_KNOWN,
    )  # places whose findings name groups of `where`

    def rows(self) -> pl.Expr:
        """The rows that it touches, of a table with dates and attributes."""
        inside = pl.col("date") >= self.first
        if self.last is not None:
            inside &= pl.col("date") <= self.last
        return inside & pl.all_horizontal(pl.lit(True), *(pl.col(name).is_in(of) for name, of in self.where.items()))


def _day(week: int) -> date:
    return BEGIN + timedelta(days=7 * week + 1)


ACCURACY = ("bias-shifted", "error-grew", "no-better-than-naive")
EVENTS = (
    Event(
        "price change",
        f"the prices of snacks and drinks rise by {RISE - 1:.0%}, known {AHEAD} days ahead",
        _day(12),
        None,
        {"category": ("snacks", "drinks")},
        (*ACCURACY, "drifted-input"),
        ("category", "department", "item", "store x department", PRICES),
    ),
    Event(
        "new store",
        f"store {NEW_STORE} opens, unannounced; half of its customers know it at first",
        _day(22),
        None,
        {"store": (NEW_STORE,)},
        (*ACCURACY, "forecasts-missing", "new-values"),
        ("series", "store", "region", "store x department"),
    ),
    Event(
        "stock-out wave",
        f"shelves of dairy and produce run empty, {EMPTY:.0%} of the full ones a day, for {EMPTY_DAYS} days on average",
        _day(30),
        _day(35) - timedelta(days=1),
        {"category": ("dairy", "produce")},
        (*ACCURACY, "drifted-input", "stock-outs-rose"),
        ("category", "department", "item", "store x department", DAYS_KNOWN, "shelves"),
    ),
    Event(
        "slow drift",
        f"{1 - WEEKLY:.1%} less of everything is sold every week",
        _day(38),
        None,
        {},
        ("slow-drift", "bias-shifted"),
        ("total",),
    ),
)
PRICE, STORE, WAVE, DRIFT = EVENTS


class Retailer:
    """All that will have been sold by the end of the year, and what is known of it on a day."""

    def __init__(self, folder: Path, seed: int):
        self.made = make_retailer(folder, **SIZE, ahead=AHEAD, seed=seed, format="parquet")
        sales, future = (pl.read_parquet(path) for path in (self.made.sales, self.made.tables["future"]))
        items = pl.read_parquet(self.made.tables["items"]).select("item", "category", "department")
        traits = pl.read_parquet(self.made.truth["series"]).select(*KEYS, "elasticity")
        rows = pl.concat([sales, future], how="diagonal").join(items, on="item").join(traits, on=KEYS)
        self.rows = planted(rows.sort(*KEYS, "date"), seed)
        (folder / "truth" / "events.json").write_text(
            json.dumps([asdict(each) for each in EVENTS], indent=1, default=str) + "\n", encoding="utf-8"
        )

    def settings(self) -> dict[str, object]:
        """The part ``data`` of the settings; paths are relative to the folder that `write` fills."""
        return dict(self.made.settings["data"])  # type: ignore[call-overload]

    def write(self, folder: Path, last: date) -> None:
        """Writes the files as they are when the sales of the day `last` have come in."""
        folder.mkdir(parents=True, exist_ok=True)
        known = self.rows.filter((pl.col("store") != NEW_STORE) | (last >= STORE.first))
        columns = ["date", *KEYS, "units", "price", "promotion", "stocked_out"]
        known.filter(pl.col("date") <= last).select(columns).write_parquet(folder / self.made.sales.name)
        ahead = pl.col("date").is_between(last + timedelta(days=1), last + timedelta(days=AHEAD))
        future = known.filter(ahead).select("date", *KEYS, "price", "promotion")
        future.write_parquet(folder / self.made.tables["future"].name)
        there = known.filter(pl.col("date") <= last)["store"].unique()
        opened = pl.when(pl.col("store") == NEW_STORE).then(pl.lit(STORE.first)).otherwise(pl.col("opened"))
        stores = pl.read_parquet(self.made.tables["stores"]).filter(pl.col("store").is_in(there.to_list()))
        stores.with_columns(opened=opened).write_parquet(folder / self.made.tables["stores"].name)
        for name in ("items", "calendar"):
            (folder / self.made.tables[name].name).write_bytes(self.made.tables[name].read_bytes())


def planted(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    """`rows`, sorted by series and day, with the four events; what is sold less is a binomial part of what was."""
    random = np.random.default_rng(seed)
    rows = rows.filter((pl.col("store") != NEW_STORE) | (pl.col("date") >= STORE.first))
    dear = (pl.col("price") * RISE * 10).round() / 10 - 0.01
    rows = rows.with_columns(price=pl.when(PRICE.rows()).then(dear).otherwise("price"))
    less = pl.when(PRICE.rows()).then(pl.lit(RISE) ** -pl.col("elasticity")).otherwise(1.0)
    age = (pl.col("date") - STORE.first).dt.total_days()
    known = pl.when(STORE.rows()).then(1 - 0.5 * (-age / FOUND_DAYS).exp()).otherwise(1.0)
    weeks = (pl.col("date") - DRIFT.first).dt.total_days() // 7 + 1
    drifted = pl.when(DRIFT.rows()).then(pl.lit(WEEKLY) ** weeks).otherwise(1.0)
    share = rows.select(less * known * drifted).to_series().to_numpy()
    units, sold = rows["units"].to_numpy(), rows["units"].is_not_null().to_numpy()
    left = random.binomial(np.where(sold, np.nan_to_num(units), 0).astype(np.int64), np.minimum(share, 1))
    rows = rows.with_columns(units=pl.Series(np.where(sold, left, 0)).cast(pl.Int32))
    return _emptied(rows, random).with_columns(units=pl.when(pl.Series(sold)).then("units"))


def _emptied(rows: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """The rows with empty shelves: on the first day of each a part is sold, then nothing."""
    touched = rows.with_row_index("row").filter(WAVE.rows())
    units, flags = rows["units"].to_numpy().copy(), rows["stocked_out"].fill_null(0).to_numpy().copy()
    for part in touched.partition_by(KEYS, maintain_order=True):
        places = part["row"].to_numpy()
        day = 0
        while (day := day + int(random.geometric(EMPTY)) - 1) < len(places):
            gap = places[day : day + int(random.geometric(1 / EMPTY_DAYS))]
            units[gap[0]], units[gap[1:]] = int(units[gap[0]] * random.random()), 0
            flags[gap] = 1
            day += len(gap) + 1
    return rows.with_columns(units=pl.Series(units), stocked_out=pl.Series(flags))
