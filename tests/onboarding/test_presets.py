"""The layouts of the competitions: small copies of their files, and the real ones where they are at hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.settings import parse_settings
from foresell.onboarding.presets import PRESETS, apply, detect
from foresell.onboarding.roles import infer

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def put(folder: Path, name: str, header: str, *rows: str) -> None:
    (folder / name).write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


@pytest.fixture
def m5(tmp_path):
    put(
        tmp_path,
        "sales_train_validation.csv",
        "id,item_id,dept_id,cat_id,store_id,state_id,d_1,d_2",
        "a,I,D,C,S,CA,1,0",
    )
    put(
        tmp_path,
        "calendar.csv",
        "date,wm_yr_wk,d,event_name_1,event_name_2,snap_CA,snap_TX,snap_WI",
        "2011-01-29,1,d_1,,,0,0,0",
    )
    put(tmp_path, "sell_prices.csv", "store_id,item_id,wm_yr_wk,sell_price", "S,I,1,2.5")
    return tmp_path


@pytest.fixture
def favorita(tmp_path):
    put(tmp_path, "train.csv", "id,date,store_nbr,item_nbr,unit_sales,onpromotion", "0,2013-01-01,25,103665,7.0,")
    put(tmp_path, "items.csv", "item_nbr,family,class,perishable", "103665,GROCERY I,1093,0")
    put(tmp_path, "stores.csv", "store_nbr,city,state,type,cluster", "25,Salinas,Santa Elena,D,1")
    put(tmp_path, "test.csv", "id,date,store_nbr,item_nbr,onpromotion", "9,2017-08-16,25,103665,False")
    return tmp_path


@pytest.fixture
def rossmann(tmp_path):
    header = "Store,DayOfWeek,Date,Sales,Customers,Open,Promo,StateHoliday,SchoolHoliday"
    put(tmp_path, "train.csv", header, "1,5,2015-07-31,5263,555,1,1,0,1")
    put(tmp_path, "store.csv", "Store,StoreType,Assortment,CompetitionDistance,Promo2", "1,c,a,1270,0")
    return tmp_path


def test_m5(m5):
    proposal = apply("m5", str(m5))
    data = proposal.settings["data"]
    settings = parse_settings(proposal.settings)
    assert data["sales"] == str(m5 / "sales_train_validation.csv")
    assert settings.data.layout == "wide"
    assert settings.data.keys == ("item_id", "store_id")
    assert settings.data.attributes == ("dept_id", "cat_id", "state_id")
    assert settings.data.prices.week == settings.data.calendar.week == "wm_yr_wk"
    assert settings.data.calendar.day == "d"
    assert settings.data.calendar.flags["snap"].columns == {"CA": "snap_CA", "TX": "snap_TX", "WI": "snap_WI"}
    assert settings.data.country == "US"
    assert settings.horizon == 28
    assert settings.backtest.windows == 3
    assert settings.backtest.weights is None
    assert settings.levels[4:6] == (("state_id", "cat_id"), ("state_id", "dept_id"))
    assert len(settings.levels) == 10


def test_m5_takes_the_later_of_the_two_sales_files(m5):
    (m5 / "sales_train_evaluation.csv").write_bytes((m5 / "sales_train_validation.csv").read_bytes())
    assert apply("m5", str(m5)).settings["data"]["sales"].endswith("sales_train_evaluation.csv")
    named = apply("m5", "sales_train_validation.csv", m5)
    assert named.settings["data"]["sales"].endswith("sales_train_validation.csv")


def test_favorita(favorita):
    settings = parse_settings(apply("favorita", "train.csv", favorita).settings)
    assert settings.data.layout == "transactions"  # returns are negative and netted
    assert settings.data.keys == ("item_nbr", "store_nbr")
    assert (settings.data.quantity, settings.data.promotion) == ("unit_sales", "onpromotion")
    assert settings.data.items.keys == ("item_nbr",)
    assert settings.data.stores.columns == ("city", "state", "type", "cluster")
    assert settings.data.future == str(favorita / "test.csv")
    assert (settings.data.country, settings.horizon) == ("EC", 16)


def test_rossmann_as_the_competition_hands_it_out(rossmann):
    settings = parse_settings(apply("rossmann", str(rossmann)).settings)
    assert settings.data.sales == str(rossmann / "train.csv")
    assert settings.data.stores.path == str(rossmann / "store.csv")
    assert settings.data.attributes == ()
    assert settings.data.absent == "unknown"
    assert "Customers" not in (*settings.data.known_ahead, *settings.data.attributes)
    (rossmann / "store.csv").unlink()
    with pytest.raises(UsageError, match=r"store\.csv"):
        apply("rossmann", str(rossmann))


def test_gzip_and_parquet_do_as_well(favorita):
    for name in ("train", "items"):
        pl.read_csv(favorita / f"{name}.csv").write_parquet(favorita / f"{name}.parquet")
        (favorita / f"{name}.csv").unlink()
    data = apply("favorita", str(favorita)).settings["data"]
    assert data["sales"].endswith("train.parquet")
    assert data["items"]["path"].endswith("items.parquet")


def test_what_is_missing_is_named(favorita):
    (favorita / "items.csv").unlink()
    with pytest.raises(UsageError, match=r"expects train, items, stores in one folder.*lacks items"):
        apply("favorita", str(favorita))
    with pytest.raises(
        UsageError, match="lacks sales_train_evaluation or sales_train_validation, calendar, sell_prices"
    ):
        apply("m5", str(favorita))
    with pytest.raises(UsageError, match="There are m5, favorita, rossmann"):
        apply("walmart", str(favorita))
    with pytest.raises(UsageError, match="on this machine"):
        apply("m5", "s3://bucket/m5")


def test_a_sales_file_of_another_layout_is_refused(rossmann):
    for name in ("items.csv", "stores.csv"):
        put(rossmann, name, "a", "1")
    with pytest.raises(UsageError, match=r"lacks date, store_nbr, item_nbr, unit_sales"):
        apply("favorita", str(rossmann))


def test_overrides_replace_what_a_preset_says(m5):
    settings = parse_settings(apply("m5", str(m5), overrides={"horizon": 7, "country": "CA"}).settings)
    assert (settings.horizon, settings.data.country) == (7, "CA")


@pytest.mark.parametrize("name", PRESETS)
def test_a_folder_is_recognised_and_said(name, request):
    folder = request.getfixturevalue(name)
    assert detect(folder) == name
    proposal = infer(str(folder))
    assert proposal.preset == name
    assert f"laid out like {name}" in " ".join(proposal.doubts)


def test_other_folders_are_not_recognised(tmp_path):
    put(tmp_path, "train.csv", "date,store,sales", "2024-01-01,1,2")
    assert detect(tmp_path) is None
    assert detect(tmp_path / "train.csv") is None
    assert detect(tmp_path / "nowhere" / "x.csv") is None


@pytest.mark.skipif(not (SHARED / "m5").is_dir(), reason="the M5 files are not at ../shared/data/m5")
def test_the_real_m5_files_have_what_the_preset_names():
    data = parse_settings(apply("m5", str(SHARED / "m5")).settings).data
    sales = pl.scan_csv(data.sales).collect_schema().names()
    assert {*data.keys, *data.attributes, "d_1", "d_1941"} <= set(sales)
    calendar = pl.scan_csv(data.calendar.path).collect_schema().names()
    flags = [column for flag in data.calendar.flags.values() for column in flag.columns.values()]
    assert {data.calendar.date, data.calendar.day, data.calendar.week, *data.calendar.events, *flags} <= set(calendar)
    prices = pl.scan_csv(data.prices.path).collect_schema().names()
    assert {*data.prices.keys, data.prices.price, data.prices.week} == set(prices)


@pytest.mark.skipif(not (SHARED / "rossmann").is_dir(), reason="the Rossmann file is not at ../shared/data/rossmann")
def test_the_real_rossmann_file_has_what_the_preset_names():
    data = parse_settings(apply("rossmann", str(SHARED / "rossmann")).settings).data
    columns = pl.scan_parquet(data.sales).collect_schema().names()
    assert {
        *data.keys,
        data.date,
        data.quantity,
        data.promotion,
        data.open,
        *data.attributes,
        *data.known_ahead,
    } <= set(columns)
