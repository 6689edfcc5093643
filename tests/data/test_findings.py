"""Every code of a finding provoked once, with the rows that it names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import FindingsStop, SettingsError
from foresell.core.finding import Finding, Severity
from foresell.core.settings import parse_settings
from foresell.data.finding_codes import CODES
from foresell.data.sales_reader import ValidatedSales, read_sales

TODAY = date(2024, 6, 1)
HEAD = "store,item,date,units\n"
GOOD = HEAD + "A,x,2024-01-01,1\nA,x,2024-01-02,2\nA,x,2024-01-03,3\n"


@dataclass
class Case:
    """A file of sales that provokes `code` once: how often, and the lines that go to quarantine for it."""

    code: str
    sales: str
    count: int = 1
    lines: tuple[int, ...] = ()
    settings: dict = field(default_factory=dict)
    others: dict[str, str] = field(default_factory=dict)
    horizon: int = 1
    check: Callable[[ValidatedSales], bool] = lambda loaded: True


def daily(days: int, units: str = "7", last: date = date(2024, 5, 31)) -> str:
    rows = [f"A,x,{last - timedelta(days=back)},{units}" for back in range(days)]
    return HEAD + "\n".join(reversed(rows)) + "\n"


def units(expected: list) -> Callable[[ValidatedSales], bool]:
    return lambda loaded: np.array_equal(loaded.panel.units, np.array(expected, np.float32), equal_nan=True)


KNOWN_AHEAD = "store,item,date,units,promo\nA,x,2024-01-01,1,0\nA,x,2024-01-02,2,1\n"
N = np.nan
ITEMS = {"items": {"path": "items.csv", "keys": ["item"]}}
STORES = {"stores": {"path": "stores.csv", "keys": ["store"]}}
PRICED = "store,item,date,units,price\nA,x,2024-01-01,1,0\nA,x,2024-01-02,2,3\nA,x,2024-01-03,2,-1\n"
TOTALS = HEAD + "".join(
    f"{store},x,2024-01-{day:02d},{amount}\n"
    for day in range(1, 10)
    for store, amount in (("A", day), ("B", 2 * day % 7 + 1), ("All", day + 2 * day % 7 + 1))
)

WEATHER = {"covariates": [{"path": "w.csv", "keys": ["store"]}]}

CASES = [
    Case("covariate-gaps", GOOD, settings=WEATHER, others={"w.csv": "store,date,t\nA,2024-01-01,5\nA,2024-01-03,5\n"}),
    Case(
        "covariate-unmatched",
        GOOD + "B,x,2024-01-03,4\n",
        settings=WEATHER,
        others={"w.csv": "store,date,t\nA,2024-01-01,5\nA,2024-01-02,5\nA,2024-01-03,5\n"},
    ),
    Case(
        "covariate-of-text",
        GOOD,
        2,
        settings=WEATHER,
        others={"w.csv": "store,date,sky\nA,2024-01-01,sun\nA,2024-01-02,rain\n"},
    ),
    Case(
        "covariate-periods",
        GOOD,
        3,
        settings=WEATHER,
        others={"w.csv": "store,date,t\nA,2023-12-01,5\nA,2024-01-01,6\nA,2024-02-01,7\n"},
        check=lambda loaded: loaded.panel.known["t"].values.tolist() == [[6, 6, 6, 6]],
    ),
    Case(
        "ragged-rows",
        GOOD + "A,x,2024-01-04\nA,x,2024-01-05,1,1\nA,x,2024-01-04,4\n",
        2,
        (5, 6),
        check=units([[1, 2, 3, 4]]),
    ),
    Case("thousands-as-decimals", GOOD + "A,x,2024-01-04,1.070\n", 1, check=units([[1, 2, 3, 1.07]])),
    Case(
        "untidy-keys",
        GOOD + "A ,x,2024-01-04,4\nA, x,2024-01-05,5\n",
        2,
        check=lambda loaded: loaded.panel.n_series == 1 and loaded.panel.n_days == 5,
    ),
    Case(
        "similar-keys",
        GOOD + "A,X,2024-01-04,4\nA,X,2024-01-05,5\n",
        1,
        check=lambda loaded: loaded.panel.n_series == 2,
    ),
    Case("total-series", TOTALS, check=lambda loaded: loaded.panel.series["store"].to_list() == ["A", "B"]),
    Case(
        "total-rows",
        GOOD + "Grand Total,,,6\n,,Gesamt:,6\nA Total,,,6\n",
        3,
        (5, 6, 7),
        settings={"max_bad_share": 0.0},
        check=units([[1, 2, 3]]),
    ),
    Case("missing-keys", GOOD + ",x,2024-01-04,4\nA,x,,4\n", 1, (5, 6), check=units([[1, 2, 3]])),
    Case("unparsable-dates", GOOD + "A,x,2024-13-04,4\nA,x,soon,4\n", 2, (5, 6), check=units([[1, 2, 3]])),
    Case(
        "unparsable-numbers",
        GOOD + 'A,x,2024-01-04,"4\nor 5"\nA,x,2024-01-05,inf\nA,x,2024-01-06,6\n',
        2,
        (5, 7),
        check=units([[1, 2, 3, N, N, 6]]),
    ),
    Case("duplicate-keys", GOOD + "A,x,2024-01-03,3\nA,x,2024-01-02,9\n", 3, (3, 5, 6), check=units([[1, N, 3]])),
    Case("negative-sales", GOOD + "A,x,2024-01-04,-4\nA,x,2024-01-05,0\n", 1, (5,), check=units([[1, 2, 3, N, 0]])),
    Case("future-dates", GOOD + "A,x,2024-06-02,4\n", 1, (5,), check=units([[1, 2, 3]])),
    Case(
        "stray-dates", daily(1100) + "A,x,1970-01-01,4\n", 1, (1102,), check=lambda loaded: loaded.panel.n_days == 1100
    ),
    Case(
        "unknown-items",
        GOOD + "A,z,2024-01-04,4\n",
        1,
        (5,),
        ITEMS,
        {"items.csv": "item,size\nx,1\n"},
        check=units([[1, 2, 3]]),
    ),
    Case(
        "unknown-stores",
        GOOD + "C,x,2024-01-04,4\n",
        1,
        (5,),
        STORES,
        {"stores.csv": "store,size\nA,1\n"},
        check=units([[1, 2, 3]]),
    ),
    Case("gaps", HEAD + "A,x,2024-01-01,1\nA,x,2024-01-04,1\n", 2, check=units([[1, 0, 0, 1]])),
    Case(
        "missing-days",
        HEAD + "A,x,2024-01-01,1\nA,x,2024-01-04,1\n",
        2,
        settings={"absent": "unknown"},
        check=units([[1, N, N, 1]]),
    ),
    Case("missing-quantities", GOOD + "A,x,2024-01-04,\nA,x,2024-01-05,NA\nA,x,2024-01-06,bad\n", 2),
    Case("constant-series", daily(28)),
    Case("dead-series", GOOD + "B,x,2024-01-01,0\n" + "A,x,2024-04-02,1\n"),
    Case(
        "zero-prices",
        PRICED,
        2,
        settings={"price": "price"},
        check=lambda loaded: set(loaded.panel.known["price"].values[0]) == {3.0},
    ),
    Case("known-ahead-ends-early", KNOWN_AHEAD, 3, settings={"promotion": "promo"}, horizon=3),
    Case(
        "covariate-of-sales-only",
        "store,item,date,units,promo\nA,x,2024-01-01,1,0\nA,x,2024-01-04,2,1\nB,x,2024-01-02,2,1\nB,x,2024-01-03,2,0\n",
        3,  # A on the 2nd and 3rd, B on the 4th
        settings={"promotion": "promo"},
        check=lambda loaded: not loaded.panel.known,
    ),
    Case("short-history", daily(55), 1, horizon=14),  # 3 windows of 14 days, and 14 more to learn from
    Case(
        "varying-attributes",
        "store,item,date,units,kind\nA,x,2024-01-02,1,q\nA,x,2024-01-01,1,r\n",
        settings={"attributes": ["kind"]},
        check=lambda loaded: loaded.panel.series["kind"].to_list() == ["q"],
    ),
    Case("ambiguous-dates", HEAD + "A,x,01/02/2024,1\n", 1, check=units([[1]])),
    Case(
        "unknown-series",
        GOOD,
        1,
        settings={"future": "ahead.csv"},
        others={"ahead.csv": "store,item,date\nQ,x,2024-01-04\n"},
    ),
    Case(
        "launches-ahead",
        GOOD,
        1,
        settings={"future": "ahead.csv"} | ITEMS,
        others={
            "ahead.csv": "store,item,date\nA,y,2024-01-04\nA,misspelt,2024-01-04\n",
            "items.csv": "item,size\nx,2\ny,1\n",
        },
        check=lambda loaded: loaded.panel.series["item"].to_list() == ["x", "y"],
    ),
    Case(
        "repeated-entries",
        GOOD,
        1,
        settings=ITEMS,
        others={"items.csv": "item,size\nx,2\nx,1\nx,2\n"},
        check=lambda loaded: loaded.panel.series["size"].to_list() == [1.0],
    ),
    Case(
        "net-returns",
        HEAD + "A,x,2024-01-01,1\nA,x,2024-01-02,-2\n",
        1,
        settings={"layout": "transactions", "returns": "same_day"},
        check=units([[1, 0]]),
    ),
    Case(
        "netted-returns",
        HEAD + "A,x,2024-01-01,3\nA,x,2024-01-02,-2\n",
        1,
        settings={"layout": "transactions"},
        check=units([[1, 0]]),
    ),
    Case(
        "ended-series",
        HEAD
        + "".join(f"A,x,2024-01-{day:02d},{day % 2}\nA,y,2024-01-{day:02d},{day // 9}\n" for day in range(1, 9))
        + "A,y,2024-01-09,0\nA,y,2024-01-10,2\n",
        1,
        settings={"ended_after": 2},
        check=lambda loaded: loaded.panel.ended_after == 2,
    ),
    Case(
        "non-goods",
        HEAD + "A,x,2024-01-01,1\nA,Postage & packing,2024-01-01,2\nA,Gatepost,2024-01-01,2\n",
        1,
        check=lambda loaded: 'exclude: {item: ["Postage & packing"]}' in str(loaded.findings),
    ),
    Case("named-totals", GOOD + "A,Total,2024-01-03,9\n"),
    Case(
        "repeated-rows",
        GOOD,
        3,
        settings={"sales": "sales*.csv"},
        others={"sales_2.csv": GOOD + "A,x,2024-01-04,4\n"},
    ),
    Case(
        "repeated-receipts",
        "no,store,item,date,units\n1,A,x,2024-01-01,1\n2,A,x,2024-01-02,2\n",
        settings={"sales": "sales*.csv", "layout": "transactions", "receipt": "no"},
        others={"sales_2.csv": "no,store,item,date,units\n2,A,x,2024-01-02,2\n3,A,x,2024-01-02,2\n"},
        check=units([[1, 6]]),
    ),
    Case(
        "note-rows",
        HEAD
        + "".join(f"A,x,2024-01-{day:02d},1\n" for day in range(1, 31))
        + "store,item,date,units\nPrinted by POS\n",
        2,
        (32, 33),
        check=units([[1] * 30]),
    ),
    Case(
        "excluded-rows",
        "store,item,date,units,status\nA,x,2024-01-01,1,done\nA,x,2024-01-02,2,done\nA,y,2024-01-02,9, cancelled\n",
        settings={"exclude": {"status": ["cancelled"]}},
        check=units([[1, 2]]),
    ),
    Case(
        "return-rows",
        "store,item,date,units,kind\nA,x,2024-01-01,5,sale\nA,x,2024-01-02,2,sale\nA,x,2024-01-02,1,return\n",
        settings={"layout": "transactions", "return_rows": {"kind": ["return"]}},
        check=units([[5, 1]]),
    ),
    Case(
        "excluded-series",
        HEAD + "A,x,2024-01-01,1\nA,Postage,2024-01-01,2\nB,Postage,2024-01-01,2\n",
        2,
        settings={"exclude": {"item": ["Postage"]}},
        check=units([[1]]),
    ),
    Case(
        "closed-days",
        "store,item,date,units,open\nA,x,2024-01-01,1,1\nA,x,2024-01-02,0,0\n",
        settings={"open": "open"},
        check=units([[1, N]]),
    ),
    Case(
        "stocked-out-days",
        "store,item,date,units,oos\nA,x,2024-01-01,1,0\nA,x,2024-01-02,0,1\n",
        settings={"stocked_out": "oos"},
        check=units([[1, N]]),
    ),
    Case(
        "coded-text",
        "store,item,date,units,hol\nA,x,2024-01-01,1,b\nA,x,2024-01-02,1,a\n",
        2,
        settings={"known_ahead": ["hol"]},
    ),
    Case(
        "partial-periods",
        daily(30, last=date(2024, 5, 30)),
        2,
        settings={"frequency": "W"},
        check=units([[49, 49, 49]]),
    ),
]


def run(tmp_path, case: Case, **more) -> ValidatedSales:
    for name, content in {"sales.csv": case.sales, **case.others}.items():
        (tmp_path / name).write_text(content)
    data = {"sales": "sales.csv", "keys": ["store", "item"], "max_bad_share": 1.0} | case.settings
    return read_sales(parse_settings({"data": data, "horizon": case.horizon}), tmp_path, today=TODAY, **more)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_the_finding_is_made(tmp_path, case):
    loaded = run(tmp_path, case)
    reported = [finding for finding in loaded.findings if finding.code == case.code]
    assert reported, [finding.code for finding in loaded.findings]
    assert reported[0].count == case.count
    assert reported[0].severity == CODES[case.code].severity
    bad = loaded.quarantine.filter(reason=case.code)
    assert tuple(bad["line"]) == case.lines
    raw = case.sales.split("\n")
    assert all(text.split("\n")[0] == raw[line - 1] for line, text in bad.select("line", "text").iter_rows())
    assert case.check(loaded), loaded.panel.units


@pytest.mark.parametrize("code", [code for code, kind in CODES.items() if not kind.bad_row])
def test_clean_sales_have_no_finding(tmp_path, code):
    sales = HEAD + "".join(f"A,x,{date(2024, 1, 1) + timedelta(days=day)},{day % 7 + 1}\n" for day in range(60))
    assert code not in [finding.code for finding in run(tmp_path, Case(code, sales)).findings]


def stop(tmp_path, case: Case) -> tuple[FindingsStop, Finding]:
    with pytest.raises(FindingsStop) as stopped:
        run(tmp_path, case)
    stop_finding = next(finding for finding in stopped.value.findings if finding.code == case.code)
    assert stop_finding.severity == Severity.ERROR
    return stopped.value, stop_finding


def test_missing_columns_name_what_is_there_and_what_is_near(tmp_path):
    error, stop_finding = stop(tmp_path, Case("missing-columns", GOOD, settings={"quantity": "unit", "price": "cost"}))
    assert stop_finding.count == 2
    assert "'unit', 'cost'" in str(error)
    assert "Perhaps 'units' for 'unit'?" in str(error)


def test_no_sales(tmp_path):
    error, _ = stop(tmp_path, Case("no-sales", HEAD + "A,x,2024-01-01,\nA,x,2024-01-02,none\n"))
    assert "2 rows" in str(error)


def test_wide_days_without_a_date(tmp_path):
    wide = Case("unknown-days", "store,item,d_1,d_2\nA,x,1,2\n", settings={"layout": "wide"})
    assert stop(tmp_path, wide)[1].count == 2


def test_too_many_bad_rows_stop_and_hand_over_the_quarantine(tmp_path):
    sales = GOOD + "A,x,2024-01-04,four\n"
    error, stop_finding = stop(tmp_path, Case("too-many-bad-rows", sales, settings={"max_bad_share": 0.2}))
    assert stop_finding.count == 1
    assert "1 of 4 rows (25.0%)" in str(error)
    assert error.quarantine.rows() == [("sales.csv", 5, "unparsable-numbers", "A,x,2024-01-04,four")]
    assert run(tmp_path, Case("", sales, settings={"max_bad_share": 0.25})).panel.n_days == 3


def test_all_dates_bad_is_too_many_bad_rows_and_not_no_sales(tmp_path):
    case = Case("too-many-bad-rows", GOOD, settings={"date_format": "%d.%m.%Y", "max_bad_share": 0.5})
    assert "unparsable-dates 3" in str(stop(tmp_path, case)[0])


def test_unused_covariates(tmp_path):
    case = Case("unused-covariate", KNOWN_AHEAD, settings={"promotion": "promo"})
    assert "unused-covariate" not in [finding.code for finding in run(tmp_path, case, used={"promotion"}).findings]
    unused = [finding for finding in run(tmp_path, case, used={"price"}).findings if finding.code == "unused-covariate"]
    assert [finding.where for finding in unused] == ["covariate promotion"]


def test_every_code_is_provoked_in_this_file():
    elsewhere = {"missing-columns", "no-sales", "unknown-days", "too-many-bad-rows", "unused-covariate"}
    of_supply = {
        "supply-unmatched",
        "supply-repeated",
        "supply-contradictory",
        "receipts-invalid",
        "supply-row-invalid",
        "holding-share-large",
        "supply-numbers-doubtful",
        "terms-incomplete",
    }  # tests/data/supply
    assert {case.code for case in CASES} | elsewhere | of_supply == set(CODES)


def test_lines_of_bad_rows_count_quoted_line_ends_blank_lines_and_files(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_text(GOOD + "A,x,2024-01-04,one\n")
    (tmp_path / "in" / "b.csv").write_text('store,item,date,units\nA,"y\ny",2024-01-01,1\n\nA,x,2024-01-05,"two"\n')
    loaded = run(tmp_path, Case("", GOOD, settings={"sales": "in"}))
    assert loaded.quarantine.select("file", "line", "text").rows() == [
        ("in/a.csv", 5, "A,x,2024-01-04,one"),
        ("in/b.csv", 5, 'A,x,2024-01-05,"two"'),
    ]
    assert loaded.rows == 6


def test_bad_rows_of_parquet_are_named_by_their_number(tmp_path):
    frame = pl.DataFrame(
        {
            "store": ["A", "A", None],
            "item": "x",
            "date": ["2024-01-01", "2024-01-02", "2024-01-03"],
            "units": [1, -1, 1],
        }
    )
    frame.write_parquet(tmp_path / "s.parquet")
    loaded = run(tmp_path, Case("", GOOD, settings={"sales": "s.parquet"}))
    assert loaded.quarantine.select("line", "reason", "text").rows() == [
        (2, "negative-sales", "A,x,2024-01-02,-1"),
        (3, "missing-keys", ",x,2024-01-03,1"),
    ]


def test_wide_bad_rows(tmp_path):
    sales = "store,item,d_2024-01-01,d_2024-01-02\nA,x,1,2\nA,y,-1,2\nA,z,?,3\nA,x,1,3\nA,z,1\nA,w,4,4\nA,w,4,4\n"
    loaded = run(tmp_path, Case("", sales, settings={"layout": "wide"}))
    assert loaded.panel.series["item"].to_list() == ["w", "x", "y", "z"]
    np.testing.assert_array_equal(loaded.panel.units, [[4, 4], [1, N], [N, 2], [N, 3]])
    assert loaded.quarantine.select("line", "reason").rows() == [
        (2, "duplicate-keys"),
        (3, "negative-sales"),
        (4, "unparsable-numbers"),
        (5, "duplicate-keys"),
        (6, "ragged-rows"),
        (8, "duplicate-keys"),
    ]


def test_bad_rows_of_the_future_file_are_quarantined_too(tmp_path):
    (tmp_path / "ahead.csv").write_text("store,item,date,promo\nA,x,tomorrow,1\nA,x,2024-01-03,1\n")
    case = Case("", KNOWN_AHEAD, settings={"promotion": "promo", "future": "ahead.csv"})
    assert run(tmp_path, case).quarantine.select("file", "line", "reason").rows() == [
        ("ahead.csv", 2, "unparsable-dates")
    ]


def test_a_calendar_may_have_many_events_on_a_date_and_not_two_weeks(tmp_path):
    days = "date,week,event\n2024-01-01,1,Fair\n2024-01-01,1,Market\n2024-01-02,1,\n2024-01-02,2,Fair\n"
    calendar = {"calendar": {"path": "days.csv", "week": "week", "events": ["event"]}}
    loaded = run(tmp_path, Case("", GOOD, settings=calendar, others={"days.csv": days}))
    assert loaded.panel.events["event"].to_list() == ["Fair", "Market", "Fair"]
    repeated = next(finding for finding in loaded.findings if finding.code == "repeated-entries")
    assert (repeated.where, repeated.count) == ("days.csv", 1)


@pytest.mark.parametrize(
    "wrong",
    [
        {"prices": {"path": "p.csv", "keys": ["item"]}},
        {"prices": {"path": "p.csv", "keys": ["item"], "week": "week"}},
        {"items": {"path": "p.csv", "keys": ["sku"]}},
        {"until": "2023-01-01"},
        {"until": "yesterday"},
        {"layout": "wide", "price": "price"},
    ],
)
def test_settings_that_contradict_themselves(tmp_path, wrong):
    with pytest.raises(SettingsError):
        run(tmp_path, Case("", GOOD, settings=wrong, others={"p.csv": "item,week,price\nx,1,1\n"}))


def test_a_closed_weekday_is_no_gap_where_absent_days_are_unknown(load, tmp_path):
    days = [day for day in range(1, 29) if day not in (7, 14, 21, 28, 10)]  # Sundays closed; the 10th is missing
    rows = "".join(f"A,x,2024-01-{day:02},1\n" for day in days)
    found = {code: [f for f in load(tmp_path, {"sales.csv": HEAD + rows}, absent=code).findings if f.code == "gaps"]
             for code in ("unknown", "zero")}  # fmt: skip
    assert [finding.examples for finding in found["unknown"]] == [("2024-01-10",)]
    assert [finding.count for finding in found["zero"]] == [4]
    # What is set already is no advice.
    assert "With 'absent: unknown'" in found["zero"][0].advice
    assert "With 'absent: unknown'" not in found["unknown"][0].advice
    assert "they do not count as without sales" in found["unknown"][0].advice
