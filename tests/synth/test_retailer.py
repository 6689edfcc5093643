"""The retailer's files, their shape, and that they depend on nothing but the seed and the size."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from foresell.core.errors import UsageError
from foresell.core.settings import parse_settings
from foresell.synth import make_retailer, retailer_size
from foresell.synth.assortment import SHORTEST_HISTORY, RetailerPlan, make_items, make_stores
from foresell.synth.demand import blocks
from foresell.synth.retailer import END, retailer_rows

SMALL = {"stores": 4, "items": 10, "days": 120}


def tables(files):
    """All tables of a sample by name."""

    def read(path):
        return pl.read_csv(path, try_parse_dates=True) if ".csv" in path.name else pl.read_parquet(path)

    truth = {name: read(path) for name, path in files.truth.items() if path.suffix != ".json"}
    return {"sales": read(files.sales), **{name: read(path) for name, path in files.tables.items()}, **truth}


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name in first:
        assert_frame_equal(first[name], second[name], check_exact=True)


@pytest.mark.parametrize("transactions", [False, True])
def test_the_size_of_the_chunks_changes_no_byte(tmp_path, transactions):
    whole = make_retailer(tmp_path / "whole", **SMALL, format="csv.gz", transactions=transactions)
    # 1 cell: one series at a time; 500 cells: blocks that cut through the stores of an item.
    for cells in (1, 500):
        cut = make_retailer(
            tmp_path / str(cells), **SMALL, format="csv.gz", transactions=transactions, block_rows=cells
        )
        assert cut.sales.read_bytes() == whole.sales.read_bytes()
        assert cut.tables["future"].read_bytes() == whole.tables["future"].read_bytes()
        assert cut.truth["parameters"].read_bytes() == whole.truth["parameters"].read_bytes()
        assert_same(tables(cut), tables(whole))


def test_a_seed_is_a_retailer(tmp_path):
    first = make_retailer(tmp_path / "a", **SMALL, seed=3)
    second = make_retailer(tmp_path / "b", **SMALL, seed=3)
    other = make_retailer(tmp_path / "c", **SMALL, seed=4)
    assert first.sales.read_bytes() == second.sales.read_bytes()
    assert first.sales.read_bytes() != other.sales.read_bytes()


def test_all_formats_hold_the_same(tmp_path):
    csv = make_retailer(tmp_path / "a", **SMALL, format="csv")
    gzipped = make_retailer(tmp_path / "b", **SMALL, format="csv.gz")
    parquet = make_retailer(tmp_path / "c", **SMALL, format="parquet", block_rows=1000)
    assert parquet.sales.is_dir()
    assert_same(tables(csv), tables(gzipped))
    assert_frame_equal(tables(csv)["sales"], tables(parquet)["sales"], check_dtypes=False, check_exact=True)


def test_a_series_stays_what_it_is_when_the_retailer_grows(tmp_path):
    few = tables(make_retailer(tmp_path / "few", stores=2, items=6, days=120))
    many = tables(make_retailer(tmp_path / "many", stores=4, items=11, days=120))
    for name in ("sales", "future", "demand", "series"):
        known = many[name].join(few["series"].select("store", "item"), on=["store", "item"], how="semi")
        assert_frame_equal(known, few[name], check_exact=True)


def test_no_block_is_larger_than_asked_for():
    plan = RetailerPlan(4, 30, 120, END)
    sizes = [block.expected.size for block in blocks(plan, make_stores(plan), 5000)]
    assert max(sizes) <= 5000
    assert sum(sizes) == 4 * 30 * len(plan.dates)


def test_no_chunk_that_is_written_is_larger_than_asked_for(tmp_path):
    files = make_retailer(tmp_path, **SMALL, format="parquet", block_rows=2000)
    for folder in (files.sales, files.truth["demand"], files.tables["future"]):
        heights = [pl.read_parquet(part).height for part in folder.glob("part-*.parquet")]
        assert len(heights) > 1
        assert max(heights) <= 2000


def test_progress_rises_to_one(tmp_path):
    seen = []
    make_retailer(tmp_path, **SMALL, block_rows=2000, progress=lambda share, doing: seen.append(share))
    assert len(seen) > 3
    assert seen == sorted(set(seen))
    assert seen[-1] == 1


def test_rows_and_series_are_counted(retailer, sales, series):
    assert retailer.rows == sales.height == sales.select("store", "item", "date").n_unique()
    assert retailer.series == series.height == 5 * 48
    plan = RetailerPlan(5, 48, 730, END)
    assert retailer_rows(plan).sum() == sales.height


def test_rows_are_sorted_and_their_values_make_sense(sales):
    assert sales.equals(sales.sort(pl.col("item").str.tail(5), "store", "date"))
    assert sales.null_count().sum_horizontal().item() == 0
    assert sales["date"].max() == END
    assert sales["units"].min() == 0
    assert sales["price"].min() > 0
    assert set(sales["promotion"]) == set(sales["stocked_out"]) == {0, 1}
    cents = sales["price"] * 100
    assert (cents - cents.round()).abs().max() < 1e-6


def test_every_row_joins_the_master_data(retailer, sales):
    items, stores = (pl.read_parquet(retailer.tables[name]) for name in ("items", "stores"))
    assert items["item"].is_unique().all()
    assert stores["store"].is_unique().all()
    assert set(sales["item"]) == set(items["item"])
    assert set(sales["store"]) == set(stores["store"])
    assert items["category"].n_unique() == 8
    assert items.group_by("category").agg(pl.col("department").n_unique())["department"].max() == 1


def test_the_future_is_every_live_series_and_day_after_the_end(retailer, series):
    future = pl.read_parquet(retailer.tables["future"])
    live = series.filter(~pl.col("discontinued"))
    days = [END + timedelta(days=day) for day in range(1, 57)]
    expected = live.select("store", "item").join(pl.DataFrame({"date": days}), how="cross")
    keys = ["store", "item", "date"]
    assert_frame_equal(future.select(keys).sort(keys), expected.sort(keys))
    assert future.columns == ["date", "store", "item", "price", "promotion"]


def test_the_calendar_reaches_as_far_as_the_future(retailer):
    calendar = pl.read_parquet(retailer.tables["calendar"])
    assert calendar["date"].max() == END + timedelta(days=56)
    assert calendar.height == 730 + 56
    assert calendar["event"].drop_nulls().unique().to_list() == ["Club day"]


def test_without_the_daily_truth_nothing_else_changes(tmp_path):
    full = make_retailer(tmp_path / "a", **SMALL)
    less = make_retailer(tmp_path / "b", **SMALL, daily_truth=False)
    assert "demand" not in less.truth
    assert not list(less.folder.glob("truth/demand*"))
    assert less.sales.read_bytes() == full.sales.read_bytes()


@pytest.mark.parametrize("transactions", [False, True])
def test_the_settings_name_files_and_columns_that_are_there(tmp_path, transactions):
    files = make_retailer(tmp_path, **SMALL, transactions=transactions)
    settings = parse_settings(files.settings).data
    columns = pl.read_csv(files.sales).columns
    for column in (settings.date, settings.quantity, settings.price, settings.promotion, *settings.keys):
        assert column in columns
    for path in (settings.sales, settings.future, settings.items.path, settings.stores.path, settings.calendar.path):
        assert (tmp_path / path).exists()


@pytest.mark.parametrize("rows", [1, 20_000, 300_000])
def test_a_size_is_found_for_a_number_of_rows(rows):
    stores, items = retailer_size(rows, days=365)
    rows_of_item = retailer_rows(RetailerPlan(stores, items, 365, END))
    assert rows_of_item.sum() >= rows
    assert rows_of_item[:-1].sum() < rows


def test_items_recur_in_every_role():
    items = make_items(RetailerPlan(1, 200, 365, END), 0, 200)
    new = items.begin >= 365 - 56
    assert (new.mean(), (items.end <= 365).mean()) == (0.08, 0.08)
    assert ((items.begin > 0) & ~new).mean() == 0.12
    # Every category has intermittent, launched and discontinued items.
    for role in (items.intermittent, items.begin > 0, items.end <= 365):
        assert np.unique(items.category[role]).size == 8


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"country": "ZZ"}, "'ZZ'"),
        ({"format": "xlsx"}, "'xlsx'"),
        ({"stores": 0}, "0 stores"),
        ({"items": -1}, "-1 items"),
        ({"days": SHORTEST_HISTORY - 1}, "89 days"),
    ],
)
def test_impossible_sizes_are_usage_errors(tmp_path, change, message):
    with pytest.raises(UsageError, match=message):
        make_retailer(tmp_path, **{**SMALL, **change})
    assert not list(tmp_path.iterdir())


def test_the_shortest_history_works(tmp_path):
    files = make_retailer(tmp_path, stores=4, items=25, days=SHORTEST_HISTORY, end=date(2024, 3, 1))
    assert files.rows > 0
