"""Series that are totals of others."""

from __future__ import annotations

import polars as pl
import pytest

from foresell.data.total_names import total_names


def sales(totals: list[tuple[str, list[str]]]) -> pl.DataFrame:
    """Two stores with two items each, and totals by the columns that are named; a total is called Total."""
    rows = [
        {"store": store, "item": item, "date": f"2024-01-{day:02d}", "units": (7 * day * (place + 1)) % 11 + place}
        for day in range(1, 29)
        for place, (store, item) in enumerate([("A", "x"), ("A", "y"), ("B", "x"), ("B", "y")])
    ]
    frame = pl.DataFrame(rows)
    extra = [
        frame.group_by([*by, "date"], maintain_order=True)
        .agg(pl.col("units").sum())
        .with_columns(pl.lit(name).alias(column) for column in ("store", "item") if column not in by)
        .select(frame.columns)
        for name, by in totals
    ]
    return pl.concat([frame, *extra])


@pytest.mark.parametrize(
    "totals",
    [
        [("Total", [])],
        [("Total", ["store"])],
        [("Total", ["item"])],
        [("Total", ["store"]), ("Total", [])],
        [("all", ["store"]), ("all", ["item"]), ("Grand total", [])],
    ],
)
def test_totals_of_any_kind_are_left_out(load, tmp_path, totals):
    loaded = load(tmp_path, {"sales.csv": sales(totals).write_csv()})
    assert loaded.panel.series.select("store", "item").rows() == [("A", "x"), ("A", "y"), ("B", "x"), ("B", "y")]
    assert "total-series" in [finding.code for finding in loaded.findings]


def test_series_that_are_no_totals_are_kept(load, tmp_path):
    loaded = load(tmp_path, {"sales.csv": sales([]).write_csv()})
    assert loaded.panel.n_series == 4
    assert "total-series" not in [finding.code for finding in loaded.findings]


WEEKS = [f"2024-01-{day:02d}" for day in (7, 14, 21, 28)]


def named(name: str, units: list[tuple[str, int]]) -> pl.DataFrame:
    rows = [{"store": "A", "item": name, "date": date, "units": value} for date, value in units]
    return pl.concat([sales([]).filter(pl.col("store") == "A"), pl.DataFrame(rows)])


def sum_between(after: str, until: str) -> int:
    frame = sales([]).filter(pl.col("store") == "A", pl.col("date") > after, pl.col("date") <= until)
    return int(frame["units"].sum())


@pytest.mark.parametrize(
    ("name", "units"),
    [
        ("Total", [(WEEKS[-1], sum_between("", WEEKS[-1]))]),
        ("Week total", [(b, sum_between(a, b)) for a, b in zip(["", *WEEKS], WEEKS, strict=False)]),
        (
            "Summe",
            [
                (f"2024-01-{d:02d}", sum_between(f"2024-01-{d - 1:02d}", f"2024-01-{d:02d}") + (d == 9))
                for d in range(1, 29)
            ],
        ),
    ],
)
def test_a_total_by_name_is_left_out_where_it_is_of_a_period_or_once_not_exact(load, tmp_path, name, units):
    loaded = load(tmp_path, {"sales.csv": named(name, units).write_csv()})
    assert loaded.panel.series["item"].to_list() == ["x", "y"]
    assert "total-series" in [finding.code for finding in loaded.findings]


def test_a_total_by_name_that_is_no_sum_is_kept_with_the_setting_that_leaves_it_out(load, tmp_path):
    frame = named("Gesamt", [("2024-01-05", 777)]).write_csv()
    loaded = load(tmp_path, {"sales.csv": frame})
    (warning,) = (finding for finding in loaded.findings if finding.code == "named-totals")
    assert (warning.examples, 'exclude: {item: ["Gesamt"]}' in warning.advice) == (("A Gesamt",), True)
    assert load(tmp_path, {"sales.csv": frame}, exclude={"item": ["Gesamt"]}).panel.n_series == 2


@pytest.mark.parametrize("name", ["Total Fitness Bar", "Summer hat", "Allspice", "Total 90", "Gesamtausgabe Goethe"])
def test_goods_with_such_a_word_in_their_name_are_no_totals(name):
    assert total_names(pl.Series(["Tea", name])) == []


@pytest.mark.parametrize(
    "name", ["TOTAL", "Total 2024", "Grand Total:", "Sub-total", "Zwischensumme", "All items", "Total KW 3"]
)
def test_totals_with_a_period_or_a_group_are(name):
    assert total_names(pl.Series(["Tea", name])) == [name]


def test_a_part_of_each_kit_is_kept_by_a_setting(load, tmp_path):
    days = [f"2024-01-{day:02d}" for day in range(1, 21)]
    rows = [f"A,{item},{day},{units}" for number, day in enumerate(days)
            for item, units in (("shirt", number + 1), ("trousers", 2), ("hanger", number + 3))]  # fmt: skip
    sales = {"sales.csv": "store,item,date,units\n" + "\n".join(rows) + "\n"}
    loaded = load(tmp_path, sales)
    (entry,) = [entry for entry in loaded.findings if entry.code == "total-series"]
    assert loaded.panel.n_series == 2
    assert "set 'goods: {item: [\"hanger\"]}' under 'data'" in entry.advice
    kept = load(tmp_path, sales, goods={"item": ["hanger"]})
    assert kept.panel.n_series == 3
    assert "total-series" not in [entry.code for entry in kept.findings]
