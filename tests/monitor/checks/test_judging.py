"""Checks and findings: a planted shift in day sums, severities, the baseline, and what stays quiet."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UnreadableFile
from foresell.core.finding import Severity
from foresell.core.words import change
from foresell.monitor.accuracy import MaturedLevel, day_sums
from foresell.monitor.baseline import Baseline, read_baseline
from foresell.monitor.bounds import BIAS, COVERAGE, UsualFigure, limit
from foresell.monitor.check_results import judge, learn_reference
from foresell.monitor.checks import bias, cusum, slow_drift, stock_outs
from foresell.monitor.checks.catalogue import CHECKS, FIGURES
from foresell.monitor.checks.figure_checks import figure_findings
from foresell.monitor.checks.judging import PARTS, WHOLE, Judgement, Reference
from foresell.monitor.false_alarms import rate_of
from foresell.monitor.few_windows import few_windows

SIDES = {figure.name: figure.sides for figure in FIGURES}

FIRST = date(2024, 1, 7)
SHOPS, WINDOWS, DAYS = 6, 10, 14
NAMES = [f"S{number}" for number in range(SHOPS)]


def window(number: int, factor: np.ndarray | float = 1.0, covered: float = 0.9, seed: int = 0) -> pl.DataFrame:
    """The day sums of one window: six shops that sell about 200 a day, times `factor`; 4 % error of the window."""
    random = np.random.default_rng([seed, number])
    forecast = np.full((SHOPS, DAYS), 200.0)
    lean = random.normal(0, 0.04) + random.normal(0, 0.02, (SHOPS, 1)) + random.normal(0, 0.02, (SHOPS, DAYS))
    actual = random.poisson(forecast * np.exp(lean) * factor).astype(float)
    naive = actual * np.exp(random.normal(0, 0.15, actual.shape))
    inside = (random.random(actual.shape) < covered).astype(float)
    cutoff = FIRST + timedelta(days=DAYS * number)
    dates = np.datetime64(cutoff) + 1 + np.arange(DAYS)
    levels = [
        MaturedLevel("total", *(each.sum(axis=0, keepdims=True) for each in (actual, forecast, naive)), inside[:1]),
        MaturedLevel("shop", actual, forecast, naive, inside),
        MaturedLevel("item", actual, forecast, naive, inside),
    ]
    return day_sums(cutoff, dates, 1, levels, {"shop": NAMES}, pl.DataFrame({"volume": ["low", "high"] * (SHOPS // 2)}))


@pytest.fixture(scope="module")
def reference() -> Reference:
    return learn_reference(pl.concat([window(number) for number in range(WINDOWS)]), 7, WINDOWS)


def raised(
    reference: Reference, daily: pl.DataFrame, rate: float = 0.01, **known
) -> dict[tuple[str, str, str], Judgement]:
    return {(c.figure, c.of, c.name): c for c in judge(daily, reference, "item", rate, **known) if c.alarm}


def all_findings(judgements, about: str, worst=()) -> list:
    """The findings of all figures."""
    return [
        finding
        for check in CHECKS.values()
        if check.figure is not None
        for finding in figure_findings(
            check.figure, check.codes, [one for one in judgements if one.figure == check.figure.name], about, worst
        )
    ]


def told(reference: Reference, daily: pl.DataFrame) -> dict[tuple[str, str], object]:
    judgements = judge(daily, reference, "item", 0.01)
    found = all_findings(judgements, "version 1", ["a: 1 sold, 9 forecast"])
    return {(each.code, each.where): each for each in found}


def test_quiet_windows_are_quiet(reference):
    alarms = [bool(raised(reference, window(number, seed=1))) for number in range(40)]
    assert sum(alarms) <= 2


def test_a_level_shift_is_found_at_the_total_and_is_severe(reference):
    found = told(reference, window(WINDOWS, 0.8))
    total = found["bias-shifted", "total"]
    assert total.severity == Severity.ERROR
    assert "version 1" in total.message
    assert total.examples == ("a: 1 sold, 9 forecast",)
    # Every shop leans alike: beside the total none of them does.
    assert ("bias-shifted", "shop") not in found


def test_one_shop_is_found_beside_the_total(reference):
    factor = np.where(np.arange(SHOPS) == 2, 1.4, 1.0)[:, None]
    found = told(reference, window(WINDOWS, factor))
    shop = found["bias-shifted", "shop"]
    assert "S2" in shop.examples[0]
    checks = raised(reference, window(WINDOWS, factor))
    assert checks[BIAS, "shop", "S2"].value > 0.2


def test_ranges_that_hold_too_little_are_found(reference):
    found = told(reference, window(WINDOWS, covered=0.4))
    assert found["ranges-narrow", "item"].severity == Severity.ERROR


def test_wide_ranges_are_a_warning_only():
    tight = learn_reference(pl.concat([window(number, covered=0.3) for number in range(WINDOWS)]), 7, WINDOWS)
    assert told(tight, window(WINDOWS, covered=1.0))["ranges-wide", "item"].severity == Severity.WARNING


def test_bounds_are_where_the_alarm_begins(reference):
    for check in judge(window(WINDOWS), reference, "item", 0.01):
        known = reference.usual[(check.figure, *check.node)]
        sides = SIDES[check.figure]
        now = known if check.figure == COVERAGE else known.for_size(check.forecast / 2)
        reach = limit(check.below, known.freedom, sides) * now.spread(check.days / 7)
        assert check.high == pytest.approx(known.mean + reach)
        assert (check.low is None) == (sides == 1)
        if sides == 2:
            assert check.alarm == (not check.low < check.value < check.high)


def test_the_rate_is_divided_between_the_whole_and_its_parts(reference):
    checks = judge(window(WINDOWS), reference, "item", 0.01)
    for family in (WHOLE, PARTS):
        members = [each for each in checks if each.family == family]
        assert min(each.below for each in members) == pytest.approx(rate_of(family, 0.01) / len(members))
    assert {(each.figure, each.of) for each in checks if each.family == WHOLE} >= {
        ("bias", "total"),
        ("error", "item"),
        ("skill", "item"),
        ("coverage", "total"),
    }


def test_nothing_is_judged_before_a_whole_block_has_come_in(reference):
    assert judge(window(WINDOWS, 0.5).filter(pl.col("step") <= 6), reference, "item", 0.01) == []
    assert raised(reference, window(WINDOWS, 0.5).filter(pl.col("step") <= 7))


def test_skill_is_no_alarm_while_naive_errs_more(reference):
    better = Reference(
        {key: known.centred_on(-3.0) if key[0] == "skill" else known for key, known in reference.usual.items()},
        7,
        WINDOWS,
    )
    assert not [key for key in raised(better, window(WINDOWS)) if key[0] == "skill"]


def test_what_is_like_the_baseline_is_no_alarm(reference, tmp_path):
    shifted = window(WINDOWS, 0.8)
    checks = judge(shifted, reference, "item", 0.01)
    baseline = Baseline(FIRST, "3", {(one.figure, *one.node): one.value for one in checks})
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(baseline.to_dict()), encoding="utf-8")
    read = read_baseline(path)
    assert read == baseline
    assert (BIAS, "total", "all") in raised(reference, shifted)
    assert (BIAS, "total", "all") not in raised(reference, window(WINDOWS + 1, 0.8), baseline=read.known)
    assert (BIAS, "total", "all") in raised(reference, window(WINDOWS + 1, 0.6), baseline=read.known)
    # What the backtest has is good as well.
    assert not raised(reference, window(WINDOWS + 1), baseline=read.known)


def test_a_file_that_is_no_baseline_is_said_to_be_none(tmp_path):
    assert read_baseline(tmp_path / "none.json") is None
    (tmp_path / "baseline.json").write_text('{"as_of": "2024-01-01"}', encoding="utf-8")
    with pytest.raises(UnreadableFile, match="holds no baseline"):
        read_baseline(tmp_path / "baseline.json")


def check(figure: str = BIAS, part: str = "group", of: str = "shop", name: str = "S1", far: bool = False) -> Judgement:
    return Judgement(
        figure, part, of, name, PARTS,
        value=-0.2, expected=0.0, low=-0.1, high=0.1, score=-5.0, freedom=9.0, chance=1e-5, below=1e-3, spread=0.02,
        alarm=True, far=far, days=14, units=80.0, forecast=100.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("checks", "severity"),
    [
        ([check()], Severity.WARNING),
        ([check(), check(name="S2")], Severity.WARNING),
        ([check(), check(name="S2"), check(name="S3")], Severity.ERROR),
        ([check(far=True)], Severity.ERROR),
    ],
)
def test_several_groups_or_one_far_outside_are_severe(checks, severity):
    (found,) = all_findings(checks, "version 1")
    assert (found.code, found.where, found.count) == ("bias-shifted", "shop", len(checks))
    assert found.severity == severity
    assert found.advice


def test_a_finding_says_its_figures():
    (found,) = all_findings([check()], "version 1")
    assert "80 units were sold where 100 were forecast" in found.message
    assert "a bias of +22 % beside the total; usual is −9.5 % to +11 %" in found.message
    assert found.examples == ("S1 bias +22 %",)
    narrow = check(COVERAGE, "level", "total", "all")
    (one,) = all_findings([narrow], "version 1")
    assert one.code == "ranges-narrow"


def test_few_windows_are_said():
    few = Reference({}, 7, 2)
    assert [each.code for each in few_windows(few, [])] == ["few-windows"]
    assert not list(few_windows(Reference({}, 7, 6), []))


def test_few_windows_say_what_they_leave_open_and_what_more_would():
    known = UsualFigure(0.0, 0.01, correlation=0.5, effective_blocks=4.0, freedom=3.0, size=700.0)
    total = replace(check(part="level", of="total", name="all"), days=7, forecast=700.0, below=0.001)
    (found,) = few_windows(Reference({(BIAS, "level", "total", "all"): known}, 7, 3), [total])
    # Student's t with 3 degrees of freedom leaves 0.001 outside 12.924, with 7 outside 5.408.
    now, then = 12.924 * 0.1 * np.sqrt(1 + 1 / 4), 5.408 * 0.1 * np.sqrt(1 + 1 / 8)
    assert f"a bias of {shares(now)} over 7 days stays unnoticed" in found.message
    assert found.message.endswith(f"with 6 windows that vary as much, {shares(then)}")


def shares(reach: float) -> str:
    return f"{change(np.expm1(-reach))} to {change(np.expm1(reach))}"


BEFORE = json.loads((Path(__file__).parent / "judgements.json").read_text(encoding="utf-8"))
"""What came of the same fixtures before; these figures change only where bounds are meant to."""
FACTOR = np.where(np.arange(SHOPS) == 2, 1.4, 0.9)[:, None]


@pytest.fixture(scope="module")
def promised():
    return learn_reference(pl.concat([window(number) for number in range(WINDOWS)]), 7, WINDOWS, 0.9)


@pytest.fixture(scope="module")
def judgements(promised) -> list[Judgement]:
    return judge(window(WINDOWS, FACTOR, 0.5), promised, "item", 0.01)


def row(judgement: Judgement) -> list:
    return json.loads(json.dumps(list(judgement.to_dict().values())))


def assert_same(rows: list[list], before: list[list]) -> None:
    assert len(rows) == len(before)
    for now, then in zip(rows, before, strict=True):
        for one, other in zip(now, then, strict=True):
            assert one == (pytest.approx(other, rel=1e-12) if isinstance(other, float) else other)


def test_judgements_are_as_before(promised, judgements):
    assert_same([row(one) for one in judgements], BEFORE["judged"])
    before = judge(window(WINDOWS + 2, FACTOR, 0.5), promised, "item", 0.01)
    accepted = {(one.figure, *one.node): one.value for one in before}
    again = judge(window(WINDOWS, FACTOR, 0.5), promised, "item", 0.01, accepted)
    assert_same([row(one) for one in again if one.of in ("total", "volume")], BEFORE["judged_with_baseline"])


def test_findings_are_as_before(judgements):
    findings = all_findings(judgements, "version 1", ["a: 1 sold, 9 forecast"])
    in_order = sorted(findings, key=lambda finding: finding.code)
    told = [{**one.to_dict(), "examples": list(one.examples)} for one in in_order]
    assert told == BEFORE["findings"]


def test_few_windows_are_as_before():
    few = learn_reference(pl.concat([window(number) for number in range(3)]), 7, 3, 0.9)
    (finding,) = few_windows(few, judge(window(3), few, "item", 0.01))
    assert finding.message == BEFORE["few_windows"][0]["message"]


def test_slow_drift_is_as_before(promised):
    weeks = [
        cusum.Week(
            FIRST + timedelta(7 * n),
            FIRST + timedelta(7 * n + 6),
            FIRST + timedelta(28 * (n // 4) - 1),
            "m",
            -0.012 * n,
        )
        for n in range(12)
    ]
    drift = cusum.cusum_chart(weeks, promised.usual[bias.TOTAL], rate_of("slow drift", 0.01))
    before = BEFORE["slow_drift"]
    assert (list(drift.sums), list(drift.limits)) == (pytest.approx(before["sums"]), pytest.approx(before["limits"]))
    assert str(drift.since) == before["since"]
    assert slow_drift.finding(drift).message == before["finding"]["message"]


def test_stock_outs_are_as_before():
    random = np.random.default_rng(6)

    def counts(share: float, now: float, groups: int) -> stock_outs.DayCounts:
        out = random.poisson(share * 700, (groups, 40)).astype(float)
        out[:, -1] = random.poisson(now * 700, groups)
        return stock_outs.DayCounts([f"g{n}" for n in range(groups)], out, np.full((groups, 40), 700.0))

    levels = {"total": counts(0.02, 0.1, 1), "store": counts(0.02, 0.3, 2)}
    rises = stock_outs.rises(levels, rate_of("stock-outs", 0.01))
    assert_same([[rise.level, rise.name, rise.now, rise.before, rise.most] for rise in rises], BEFORE["stockouts"])
    finding = stock_outs.finding(rises, "in the 7 days to 2025-08-10")
    assert finding.message == BEFORE["stockouts_finding"]["message"]
