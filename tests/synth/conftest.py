import polars as pl
import pytest

from foresell.synth import SampleFiles, make_retailer

SERIES = ["store", "item"]


@pytest.fixture(scope="session")
def retailer(tmp_path_factory: pytest.TempPathFactory) -> SampleFiles:
    """Five stores, 48 items, two years: every role of an item and of a store is there."""
    return make_retailer(tmp_path_factory.mktemp("retailer"), stores=5, items=48, days=730, format="parquet")


@pytest.fixture(scope="session")
def sales(retailer: SampleFiles) -> pl.DataFrame:
    return pl.read_parquet(retailer.sales)


@pytest.fixture(scope="session")
def series(retailer: SampleFiles) -> pl.DataFrame:
    return pl.read_parquet(retailer.truth["series"])


@pytest.fixture(scope="session")
def days(retailer: SampleFiles, sales: pl.DataFrame, series: pl.DataFrame) -> pl.DataFrame:
    """Sales beside the truth: one row for each series and day on sale."""
    truth = pl.read_parquet(retailer.truth["demand"]).rename({"stocked_out": "shelf_empty"})
    return sales.join(truth, on=[*SERIES, "date"], validate="1:1").join(series, on=SERIES)
