"""Settings for the files of three forecasting competitions, as these hand them out: M5, Favorita and Rossmann.

Each preset takes the folder of the files, or the sales file in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foresell.core.errors import DataError, UsageError
from foresell.data.files.input_files import InputFile
from foresell.onboarding.overrides import BY_HAND
from foresell.onboarding.proposal import NOT_USED, Draft, Proposal
from foresell.onboarding.table_sample import sample_table

ENDINGS = (".csv", ".csv.gz", ".parquet")


@dataclass(frozen=True)
class Preset:
    """A known layout.

    `sales` are the names (without ending) that its sales file may have, and `columns` those that it must have.
    `needs` are the files that must stand beside it. `describe` sets the settings, given the folder.
    """

    sales: tuple[str, ...]
    columns: tuple[str, ...]
    needs: tuple[str, ...]
    describe: Callable[[Draft, Path], None]


def detect(path: Path) -> str | None:
    """The preset whose files stand in the folder `path`, or beside the file `path`; None where there is none."""
    folder = path if path.is_dir() else path.parent
    if not folder.is_dir():
        return None
    for name, preset in PRESETS.items():
        sales = _sales_file(preset, path)
        if sales and all(_file(folder, stem) for stem in preset.needs) and not _missing_columns(preset, sales):
            return name
    return None


def _sales_file(preset: Preset, path: Path) -> Path | None:
    """The sales file in the folder `path`, or `path` itself where it has a name that the preset knows."""
    if path.is_dir():
        return next((file for stem in preset.sales if (file := _file(path, stem))), None)
    return path if path.is_file() and path.name.split(".")[0] in preset.sales else None


def _missing_columns(preset: Preset, sales: Path) -> list[str]:
    """Columns of the preset that its sales file does not have."""
    try:
        columns = sample_table([InputFile(str(sales), sales.name)], rows=5).columns
    except DataError:
        return list(preset.columns)
    return [name for name in preset.columns if name not in columns]


def apply(name: str, sales: str, base: Path = Path(), overrides: Mapping[str, Any] | None = None) -> Proposal:
    """The settings of the preset `name` for the files at `sales` (their folder, or the sales file in it).

    `overrides` replaces settings of ``data``, or the ``horizon``. Raises UsageError for an unknown preset and for
    files that are not there.
    """
    if name not in PRESETS:
        raise UsageError(
            f"There is no preset '{name}'. There are {', '.join(PRESETS)}. Without a preset the columns are examined."
        )
    if "://" in sales:
        raise UsageError(
            f"The preset {name} takes files on this machine, not {sales}. Download them, or write the settings by hand."
        )
    preset, path = PRESETS[name], Path(os.path.abspath(base / Path(sales).expanduser()))
    folder = path if path.is_dir() else path.parent
    sales_file = path if path.is_file() else _sales_file(preset, path)
    missing = [stem for stem in preset.needs if not _file(folder, stem)]
    if sales_file is None or missing:
        wanted = [" or ".join(preset.sales), *preset.needs]
        missing = missing if sales_file else [wanted[0], *missing]
        raise UsageError(
            f"The preset {name} expects {', '.join(wanted)} in one folder, ending in {', '.join(ENDINGS)}. {folder} "
            f"lacks {', '.join(missing)}. Add what is missing, or leave --preset out to have the columns examined."
        )
    if missing := _missing_columns(preset, sales_file):
        raise UsageError(
            f"The preset {name} expects the columns {', '.join(preset.columns)} in {sales_file.name}, which lacks "
            f"{', '.join(missing)}. Leave --preset out to have the columns examined."
        )
    draft = Draft()
    draft.set("data.sales", str(sales_file), f"the sales file of {name}")
    preset.describe(draft, folder)
    for setting, value in (overrides or {}).items():
        draft.set(setting if setting == "horizon" else f"data.{setting}", value, BY_HAND)
    return draft.finished(name)


def _file(folder: Path, stem: str) -> Path | None:
    return next((folder / f"{stem}{ending}" for ending in ENDINGS if (folder / f"{stem}{ending}").is_file()), None)


def _side(folder: Path, stem: str) -> str:
    file = _file(folder, stem)
    assert file is not None, "apply() has checked that it is there"
    return str(file)


def _m5(draft: Draft, folder: Path) -> None:
    states = {state: f"snap_{state}" for state in ("CA", "TX", "WI")}
    calendar = {
        "path": _side(folder, "calendar"),
        "date": "date",
        "day": "d",
        "week": "wm_yr_wk",
        "events": ["event_name_1", "event_name_2"],
        "flags": {"snap": {"by": "state_id", "columns": states}},
    }
    prices = {
        "path": _side(folder, "sell_prices"),
        "keys": ["store_id", "item_id"],
        "price": "sell_price",
        "week": "wm_yr_wk",
    }
    levels = [
        ["state_id"], ["store_id"], ["cat_id"], ["dept_id"],
        ["state_id", "cat_id"], ["state_id", "dept_id"], ["store_id", "cat_id"], ["store_id", "dept_id"],
        ["item_id"], ["item_id", "state_id"],
    ]  # fmt: skip
    draft.set("data.layout", "wide", "one row for each item and store, one column for each day")
    draft.set("data.keys", ["item_id", "store_id"], "one row for each item in each store")
    draft.set("data.attributes", ["dept_id", "cat_id", "state_id"], "each series has one of each")
    draft.set("data.day_prefix", "d_", "the days are d_1 to d_1941 (d_1913 in the validation file)")
    draft.set("data.prices", prices, "one price for each store, item and week, known ahead")
    draft.set("data.calendar", calendar, "dates, weeks, events, and the days of food stamps in each state")
    draft.set("data.frequency", "D", "daily sales")
    draft.set("data.country", "US", "Walmart stores in California, Texas and Wisconsin")
    draft.set("horizon", 28, "what the competition asked for")
    draft.set("levels", levels, "those of the competition, between the total and the single series")
    draft.set("backtest", {"windows": 3}, "three windows of 28 days before the last sale")
    draft.note("backtest.weights", "none", "weights are made from the sales; name a file of official ones to use those")


def _favorita(draft: Draft, folder: Path) -> None:
    draft.set("data.layout", "transactions", "returns are negative unit_sales; they are netted")
    draft.set("data.date", "date", "such as 2017-08-15")
    draft.set("data.date_format", "%Y-%m-%d", "such as 2017-08-15")
    draft.set("data.quantity", "unit_sales", "units, or kilograms where fractions are sold")
    draft.set("data.keys", ["item_nbr", "store_nbr"], "with the date they name a row")
    draft.set("data.promotion", "onpromotion", "says whether the item was promoted; not known before 2014-04")
    draft.set("data.absent", "zero", "the file has no rows without sales")
    items = {"path": _side(folder, "items"), "keys": ["item_nbr"], "columns": ["family", "class", "perishable"]}
    stores = {"path": _side(folder, "stores"), "keys": ["store_nbr"], "columns": ["city", "state", "type", "cluster"]}
    draft.set("data.items", items, "one row for each item")
    draft.set("data.stores", stores, "one row for each store")
    if future := _file(folder, "test"):
        draft.set("data.future", str(future), "the promotions of the 16 days that the competition asked for")
    draft.set("data.frequency", "D", "daily sales")
    draft.set("data.country", "EC", "Corporación Favorita sells in Ecuador")
    draft.set("horizon", 16, "what the competition asked for")
    levels = [["state"], ["city"], ["store_nbr"], ["family"], ["store_nbr", "family"], ["item_nbr"]]
    draft.set("levels", levels, "place, product family, and both")
    draft.set("backtest", {"windows": 3}, "three windows of 16 days before the last sale")
    draft.note(NOT_USED, "transactions, oil", "known only after the day")
    draft.note(
        NOT_USED,
        "holidays_events",
        "it has several rows a day, for parts of the country; public holidays come from country",
    )


def _rossmann(draft: Draft, folder: Path) -> None:
    joined = _file(folder, "rossmann")
    use_joined = Path(draft.data["sales"]).name.split(".")[0] != "train" and joined is not None
    about = ["StoreType", "Assortment", "CompetitionDistance", "CompetitionOpenSinceMonth", "CompetitionOpenSinceYear"]
    about += ["Promo2", "Promo2SinceWeek", "Promo2SinceYear", "PromoInterval"]
    draft.set("data.layout", "long", "one row for each store and day")
    draft.set("data.date", "Date", "such as 2015-07-31")
    draft.set("data.quantity", "Sales", "the day's turnover in euros; there are no units")
    draft.set("data.keys", ["Store"], "there is nothing finer than a store")
    draft.set("data.promotion", "Promo", "says whether the store ran a promotion that day")
    draft.set("data.known_ahead", ["StateHoliday", "SchoolHoliday"], "holidays are known ahead")
    draft.set("data.open", "Open", "a closed day's sales are not known, rather than zero")
    draft.set("data.absent", "unknown", "days without a row are days on which the store was closed")
    if use_joined:
        draft.set("data.attributes", about, "they describe a store")
    else:
        stores = _file(folder, "store")
        if stores is None:
            raise UsageError(
                f"The preset rossmann expects store.csv beside {Path(draft.data['sales']).name}, in {folder}."
            )
        draft.set("data.stores", {"path": str(stores), "keys": ["Store"]}, "one row for each store")
        if future := _file(folder, "test"):
            draft.set("data.future", str(future), "promotions, holidays and openings of the days asked for")
    draft.set("data.frequency", "D", "daily sales")
    draft.set("data.country", "DE", "Rossmann's stores in the data are in Germany")
    draft.set("horizon", 42, "six weeks, what the competition asked for")
    draft.set("levels", [["StoreType"], ["Assortment"], ["StoreType", "Assortment"]], "the kinds of stores")
    draft.set("backtest", {"windows": 3}, "three windows of 42 days before the last sale")
    draft.note(NOT_USED, "Customers", "known only after the day")
    draft.note(NOT_USED, "DayOfWeek", "it follows from the date")


PRESETS: dict[str, Preset] = {
    "m5": Preset(
        ("sales_train_evaluation", "sales_train_validation"),
        ("item_id", "store_id", "d_1"),
        ("calendar", "sell_prices"),
        _m5,
    ),
    "favorita": Preset(("train",), ("date", "store_nbr", "item_nbr", "unit_sales"), ("items", "stores"), _favorita),
    "rossmann": Preset(("rossmann", "train"), ("Store", "Date", "Sales", "Promo"), (), _rossmann),
}
