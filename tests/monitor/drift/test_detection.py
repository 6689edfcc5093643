"""Drift that is planted is found where it is, and a season, a growing shop or a quiet month is none."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.extras import install_command
from foresell.core.finding import Severity
from foresell.core.forecast import Forecast
from foresell.core.panel import Known, Panel
from foresell.monitor.checks.input_drift import column_findings
from foresell.monitor.drift.detection import ALL, DriftResult, detect_drift, new_values
from foresell.monitor.drift.samples import DriftSamples, compare_forecasts, compare_sales
from foresell.monitor.drift.series_cycles import attributes, drawn

YEAR, WINDOW = 364, 28
SHOPS, ITEMS = 4, 40
LEVELS = (("shop",), ("category",))


@pytest.fixture(scope="module", autouse=True)
def _evidently() -> None:
    pytest.importorskip("evidently", reason="no drift: evidently is not installed")


def _retailer(seed: int = 1, n_days: int = 3 * YEAR) -> Panel:
    """Shops that grow, with weeks, a season and a Christmas; prices, promotions at random."""
    random = np.random.default_rng(seed)
    number = np.arange(SHOPS * ITEMS)
    item, shop = number % ITEMS, number // ITEMS
    series = pl.DataFrame(
        {
            "item": [f"item {each:02d}" for each in item],
            "shop": [f"shop {each}" for each in shop],
            "category": np.array(["food", "toys"])[item % 2],
            "floor": 100.0 * (shop + 1),
        }
    )
    day = np.arange(n_days)
    wave = 1 + 0.2 * np.sin(2 * np.pi * day / YEAR) + 0.8 * (day % YEAR >= YEAR - 21)
    strength = np.where(item % 2, 1.5, 0.7)[:, None]
    week = np.array([0.8, 0.8, 0.9, 1, 1.2, 1.5, 0.8])[day % 7]
    promotion = np.repeat(random.random((ITEMS, n_days // 7)) < 0.15, 7, axis=1)[item]
    level = np.exp(random.normal(1, 1, len(number)))[:, None]
    mean = level * wave**strength * week * 1.1 ** (day / YEAR) * (1 + 0.5 * promotion)
    price = np.exp(random.normal(1, 0.5, ITEMS))[item][:, None] * np.where(promotion, 0.9, 1)
    known = {
        "price": Known.of_each(price.astype(np.float32)),
        "promotion": Known.of_each(promotion.astype(np.float32)),
    }
    units = random.poisson(mean).astype(np.float32)
    return Panel(series, ("item", "shop"), np.datetime64("2022-01-03") + day, units, known)


def _compared(learnt: Panel, current: Panel, sample: int = 50_000) -> DriftSamples:
    return compare_sales(learnt, current, days=WINDOW, levels=LEVELS, sample=sample, seed=1)


def _drift(these: DriftSamples) -> DriftResult:
    return detect_drift(these, share=0.3, false_alarms=0.01, sample=50_000, seed=1)


@pytest.fixture(scope="module")
def retailer() -> Panel:
    return _retailer()


def _learnt(panel: Panel) -> Panel:
    return panel.until(panel.n_days - 1 - WINDOW)


def _scaled(panel: Panel, rows: np.ndarray, factor: float) -> Panel:
    units = panel.units.copy()
    units[rows, -WINDOW:] *= factor
    return replace(panel, units=units)


def _covariate(panel: Panel, name: str, rows: np.ndarray, factor: float) -> Panel:
    values = panel.known[name].values.copy()
    values[rows, -WINDOW:] *= factor
    return replace(panel, known={**panel.known, name: Known.of_each(values)})


@pytest.fixture(scope="module")
def quiet(retailer: Panel) -> DriftResult:
    """Four weeks round Christmas in which nothing is unusual."""
    return _drift(_compared(_learnt(retailer), retailer))


def test_christmas_is_no_drift(quiet: DriftResult) -> None:
    found = quiet
    assert (column_findings(found), found.share) == ([], 0.0)
    units = found.table.row(by_predicate=(pl.col("column") == "units") & (pl.col("segment") == ALL), named=True)
    assert units["before"] == pytest.approx(1, abs=0.05)
    assert units["now"] == pytest.approx(1, abs=0.05)
    assert "the season by the same weeks of 1 year before" in found.removed


def test_christmas_would_be_drift_if_the_season_were_left_in() -> None:
    panel = _retailer(n_days=YEAR)
    found = _drift(_compared(_learnt(panel), panel))
    assert "not the season" in found.removed
    assert any(each.where == "units" for each in column_findings(found))


def test_without_days_after_the_cutoff_the_newest_are_looked_at(retailer: Panel) -> None:
    learnt = _learnt(retailer)
    these, same = _compared(learnt, learnt), _compared(learnt.until(learnt.n_days - 1 - WINDOW), learnt)
    assert these.spans == same.spans
    assert these.current.equals(same.current)


PLANTED: dict[str, tuple[str, Callable[[Panel], Panel]]] = {
    "dozens": ("units", lambda panel: _scaled(panel, np.arange(ITEMS), 12)),
    "missing": ("days_known", lambda panel: _scaled(panel, np.arange(ITEMS), np.nan)),
    "dearer": ("price", lambda panel: _covariate(panel, "price", np.arange(0, SHOPS * ITEMS, 2), 1.15)),
    "unpromoted": ("promotion", lambda panel: _covariate(panel, "promotion", np.arange(SHOPS * ITEMS), 0)),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_what_is_planted_is_found_in_its_column(retailer: Panel, planted: str) -> None:
    column, change = PLANTED[planted]
    found = _drift(_compared(_learnt(retailer), change(retailer)))
    findings = {each.where: each for each in column_findings(found)}
    assert findings[column].code == "drifted-input"
    assert findings[column].severity == Severity.WARNING
    assert set(findings) <= {column, "shop", "floor"}  # a missing shop changes the mix of shops as well
    figures = {row["segment"]: row for row in found.table.filter(pl.col("column") == column).to_dicts()}
    expected = {
        "dozens": ("shop 0", 12, 0.1),
        "missing": ("shop 0", 0, 0),
        "dearer": ("food", 1.15, 0.02),
        "unpromoted": (ALL, 0, 0),
    }
    segment, now, about = expected[planted]
    assert figures[segment]["drifted"]
    assert figures[segment]["now"] == pytest.approx(now, rel=about)
    if planted == "dozens":
        assert re.fullmatch(r"shop shop 0: 1[12](\.\d)?, was (1|0\.99\d|1\.0\d)", findings[column].examples[0])


def test_a_shop_that_is_gone_from_the_files_is_missed(retailer: Panel) -> None:
    current = retailer.part(slice(ITEMS, None))
    found = _drift(_compared(_learnt(retailer), current))
    (finding,) = (each for each in column_findings(found) if each.where == "days_known")
    assert finding.examples[0].startswith("shop shop 0: 0, was 1")


def test_a_new_shop_is_told_by_its_name(retailer: Panel) -> None:
    learnt = _learnt(retailer).part(slice(0, 3 * ITEMS))
    these = _compared(learnt, retailer)
    found = _drift(these)
    assert {"age", "shop"} <= {each.where for each in column_findings(found)}
    assert these.current["units"].null_count() == ITEMS * 4  # what is usual of the new shop is not known
    (new,) = new_values(learnt, retailer)
    assert (new.column, new.series, new.values) == ("shop", ITEMS, ("shop 3",))
    assert new_values(retailer, retailer) == []


def test_many_drifted_columns_are_an_error(retailer: Panel) -> None:
    changed = retailer
    for _, change in PLANTED.values():
        changed = change(changed)
    found = _drift(_compared(_learnt(retailer), changed))
    error = column_findings(found)[-1]
    assert (error.code, error.severity) == ("drifted-columns", Severity.ERROR)
    overall = found.table.filter(pl.col("segment") == ALL)
    assert error.count == overall["drifted"].sum()
    assert found.share == pytest.approx(error.count / overall.height)
    assert found.share > 0.3


def test_evidently_says_the_same_of_every_column(retailer: Panel, tmp_path: Path) -> None:
    found = _drift(_compared(_learnt(retailer), PLANTED["dearer"][1](retailer)))
    found.write(tmp_path, column_findings(found))
    told = json.loads((tmp_path / "drift.json").read_text(encoding="utf-8"))
    failed = {each["name"].rsplit(" ", 1)[1]: each["status"] == "FAIL" for each in told["evidently"]["tests"][1:]}
    overall = found.table.filter(pl.col("segment") == ALL)
    assert failed == dict(overall.select("column", "drifted").iter_rows())
    assert told["findings"] == [each.to_dict() | {"examples": list(each.examples)} for each in column_findings(found)]
    assert told["days"]["current"] == [str(each) for each in retailer.dates[[-WINDOW, -1]]]


def test_the_page_needs_no_network(quiet: DriftResult, tmp_path: Path) -> None:
    quiet.write(tmp_path, ())
    page = (tmp_path / "drift.html").read_text(encoding="utf-8")
    assert "Wasserstein" in page
    assert not re.findall(r"<(?:script|link|img)[^>]+(?:src|href)=[\"']?https?:", page)


def test_without_evidently_the_extra_is_named(retailer: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    these = _compared(_learnt(retailer), retailer)
    monkeypatch.setitem(sys.modules, "evidently", None)
    with pytest.raises(UsageError, match=re.escape(install_command("evidently"))):
        _drift(these)


def test_a_history_with_nothing_to_compare_with_is_no_drift(tmp_path: Path) -> None:
    panel = _retailer(n_days=91)
    found = _drift(_compared(_learnt(panel), panel))
    assert (column_findings(found), found.table.height, found.snapshot) == ([], 0, None)
    found.write(tmp_path, column_findings(found))
    assert [each.name for each in tmp_path.iterdir()] == ["drift.json"]


def test_the_sample_is_drawn_evenly_and_again(retailer: Panel) -> None:
    rows = drawn(retailer, retailer.series, LEVELS, 40, 7)
    assert len(set(rows.tolist())) == 40
    assert (rows == drawn(retailer, retailer.series, LEVELS, 40, 7)).all()
    assert (rows != drawn(retailer, retailer.series, LEVELS, 40, 8)).any()
    shops = retailer.series[rows]["shop"].value_counts()["count"].to_list()
    assert shops == [10] * SHOPS  # shops are the finest level with enough series
    strong = np.argsort(np.argsort(retailer.units[:, -56:].mean(axis=1)))[rows] >= retailer.n_series / 2
    assert 15 <= strong.sum() <= 25
    these = _compared(_learnt(retailer), retailer, sample=160)
    assert these.current.height == 160
    assert these.reference.group_by("window").len()["len"].max() == 160


def test_columns_that_name_series_or_days_are_no_mix() -> None:
    n = 60
    series = pl.DataFrame(
        {
            "item": [f"item {each}" for each in range(n)],
            "shop": [f"shop {each % 3}" for each in range(n)],
            "city": [f"city {each % 3}" for each in range(n)],  # says no more than the shop
            "opened": ["2020-01-01", "2021-01-01"] * (n // 2),
            "brand": ["a", "b"] * (n // 2),
            "size": np.linspace(0, 1, n),
        }
    )
    assert attributes(series) == ["shop", "brand", "size"]


def _forecasts(panel: Panel, cutoffs: list[int], factor: float = 1.0, width: float = 1.0) -> list[Forecast]:
    """Forecasts of what was sold a year before, 10 % more; the last times `factor`, its ranges `width` as wide."""
    made = []
    for cutoff in cutoffs:
        mean = 1.1 * panel.units[:, cutoff + 1 - YEAR : cutoff + 1 - YEAR + WINDOW] + 0.1
        last = cutoff == cutoffs[-1]
        mean, half = (mean * factor, mean * width) if last else (mean, mean)
        ends = np.stack([np.maximum(mean - half, 0), mean + half])
        dates = panel.dates[0] + np.arange(cutoff + 1, cutoff + 1 + WINDOW)
        made.append(
            Forecast(panel.series, panel.keys, panel.dates[cutoff].astype(object), dates, mean, (0.05, 0.95), ends)
        )
    return made


@pytest.mark.parametrize(
    ("factor", "width", "drifted"), [(1, 1, set()), (3, 1, {"forecast", "range_width"}), (1, 6, {"range_width"})]
)
def test_forecasts_unlike_the_backtest_are_found(
    retailer: Panel, factor: float, width: float, drifted: set[str]
) -> None:
    last = retailer.n_days - 1
    *tested, newest = _forecasts(retailer, [last - WINDOW * each for each in (4, 3, 2, 1, 0)], factor, width)
    these = compare_forecasts(retailer, tested, newest, levels=LEVELS, sample=50_000, seed=1)
    both = _compared(_learnt(retailer), retailer).joined_with(these)
    found = _drift(both)
    assert {each.where for each in column_findings(found) if each.code == "predictions-drifted"} == drifted
    assert {each.where for each in column_findings(found) if each.code == "drifted-input"} == set()
    row = found.table.row(by_predicate=(pl.col("column") == "forecast") & (pl.col("segment") == ALL), named=True)
    assert row["now"] / row["before"] == pytest.approx(factor, rel=0.1)
