"""The written foresell.yaml: it reads back as proposed, and it names every setting there is."""

from __future__ import annotations

import os
import re
from datetime import date
from pathlib import Path

import msgspec
import polars as pl
import pytest
import yaml

from foresell.core.errors import UsageError
from foresell.core.settings import Strict, parse_settings, read_settings
from foresell.onboarding.proposal import Proposal, Reason
from foresell.onboarding.roles import infer
from foresell.onboarding.settings_file import near, text_of, write

FULL = {
    "data": {
        "sales": "/home/a/sales.csv", "keys": ["store", "y"], "layout": "long", "date": "no",
        "quantity": "Stück: verkauft", "price": "'price'", "promotion": "#promo", "known_ahead": ["a, b"],
        "attributes": ["x"], "separator": "\t",
        "decimal": ",", "encoding": "cp1252", "absent": "unknown", "frequency": "W", "country": "NO",
        "date_format": "%d.%m.%Y",
        "items": {"path": "/home/a/items.csv", "keys": ["y"], "columns": ["brand"]},
        "stores": {"path": "s3://bucket/stores.csv", "keys": ["store"]},
        "prices": {"path": "/home/a/prices.csv", "keys": ["y"], "price": "p", "date": "d"},
        "calendar": {"path": "/home/a/c.csv", "date": "d", "events": ["e"],
                     "flags": {"f": {"by": "store", "columns": {"1": "f_1"}}}},
        "future": "/home/a/future.csv", "stocked_out": "oos", "open": "open", "max_bad_share": 0.05,
        "until": "2024-01-31",
    },
    "horizon": 13,
    "levels": [["store"], ["x", "store"]],
    "backtest": {"windows": 2, "every": 4},
    "models": [{"name": "lightgbm", "options": {"trees": 100}}],
    "seed": 7,
}  # fmt: skip


def kinds() -> list[type]:
    return list(Strict.__subclasses__())


def test_the_struct_types_are_all_seen():
    assert {kind.__name__ for kind in kinds()} >= {
        "Data",
        "Table",
        "Prices",
        "Calendar",
        "Flag",
        "Model",
        "Backtest",
        "Output",
    }


@pytest.mark.parametrize(
    "settings", [{"data": {"sales": "/x/sales.csv", "keys": ["item"]}}, FULL], ids=["least", "full"]
)
def test_every_setting_is_mentioned(settings):
    text = text_of(Proposal(settings, ()), Path("/home/a"), "sales.csv")
    missing = [
        f"{kind.__name__}.{field.encode_name}"
        for kind in kinds()
        for field in msgspec.structs.fields(kind)
        if not re.search(rf"(^|[#{{,\- ] ?){field.encode_name}:", text, re.M)
    ]
    assert missing == []


def test_what_is_proposed_reads_back(tmp_path):
    path = write(Proposal(FULL, ()), tmp_path / "project", "sales.csv")
    assert path == tmp_path / "project" / "foresell.yaml"
    assert msgspec.to_builtins(read_settings(path)) == msgspec.to_builtins(parse_settings(FULL))


def test_what_is_not_set_keeps_its_default(tmp_path):
    least = {"data": {"sales": "s3://bucket/sales.csv", "keys": ["item"]}}
    path = write(Proposal(least, ()), tmp_path, "s3://bucket/sales.csv")
    assert read_settings(path) == parse_settings(least)


def test_every_commented_setting_can_be_uncommented(tmp_path):
    """Each commented line or block is valid when its marks are taken away, all at once."""
    least = {"data": {"sales": "sales.csv", "keys": ["item"]}}
    text = text_of(Proposal(least, ()), tmp_path, "sales.csv")
    names = "|".join({field.encode_name for kind in kinds() for field in msgspec.structs.fields(kind)})
    bare = re.sub(rf"(?m)^( *)# ( *(?:- \{{)?(?:{names}):(?: |$))", r"\1\2", text)
    assert len(re.findall(r"(?m)^ *# ", bare)) < len(re.findall(r"(?m)^ *# ", text)) - 30
    settings = parse_settings(yaml.safe_load(bare))
    assert settings.data.prices is not None
    assert settings.data.calendar.flags["payday"].by == "state"
    assert settings.data.country == "DE"
    assert settings.champion == "lightgbm"


def test_an_existing_file_is_kept_unless_forced(tmp_path):
    proposal = Proposal({"data": {"sales": "s3://b/s.csv", "keys": ["item"]}}, ())
    path = write(proposal, tmp_path, "s3://b/s.csv")
    path.write_text("mine")
    with pytest.raises(UsageError, match="already there"):
        write(proposal, tmp_path, "s3://b/s.csv")
    assert path.read_text() == "mine"
    write(proposal, tmp_path, "s3://b/s.csv", force=True)
    assert read_settings(path).data.keys == ("item",)


def test_reasons_doubts_and_unused_columns_stand_in_the_file(tmp_path):
    reasons = (
        Reason("data.keys", "item", "its name says so"),
        Reason("(not used)", "customers", "known only after the sale"),
        Reason("horizon", "28", "it is usual"),
    )
    proposal = Proposal({"data": {"sales": "/s.csv", "keys": ["item"]}, "horizon": 28}, reasons, ("Is it so?",), "m5")
    text = text_of(proposal, tmp_path, "the_sales.csv")
    assert "from the_sales.csv with the preset m5" in text
    assert "Here: its name says so." in text
    assert "# - customers: known only after the sale" in text
    assert "# - Is it so?" in text
    assert "Here: it is usual." in text


def test_paths_are_near_where_that_is_sensible(tmp_path):
    frame = pl.DataFrame({"date": [date(2024, 1, day) for day in range(1, 31)], "item": ["a"] * 30, "units": range(30)})
    (tmp_path / "data").mkdir()
    frame.write_csv(tmp_path / "data" / "sales.csv")
    path = write(infer("data/sales.csv", tmp_path), tmp_path / "project", "data/sales.csv")
    assert read_settings(path).data.sales == "../data/sales.csv"
    assert (path.parent / read_settings(path).data.sales).resolve() == tmp_path / "data" / "sales.csv"
    assert near("/srv/x.csv", Path("/home/a/b/c")) == "/srv/x.csv"
    assert near("/home/a/x.csv", Path("/home/a")) == "x.csv"
    assert near("s3://b/x.csv", Path("/home/a")) == "s3://b/x.csv"
    assert not os.path.isabs(near("/home/a/x.csv", Path("/home/a/p")))


def test_a_german_file_goes_all_the_way(tmp_path):
    rows = [
        f"{day:02d}.{month:02d}.2024;{store};{day},5"
        for store in ("Köln", "Bonn")
        for month in (1, 2, 3)
        for day in range(1, 29)
    ]
    (tmp_path / "absatz.csv").write_bytes(("Datum;Filiale;Menge\n" + "\n".join(rows)).encode("cp1252"))
    settings = read_settings(write(infer("absatz.csv", tmp_path), tmp_path, "absatz.csv"))
    data = settings.data
    assert (data.sales, data.date, data.keys, data.quantity) == ("absatz.csv", "Datum", ("Filiale",), "Menge")
    assert (data.separator, data.decimal, data.encoding, data.date_format) == (";", ",", "cp1252", "%d.%m.%Y")
