"""A fall that was planted in a shop with a backtest of three windows is found at its own level; without one, it is
quiet as often as is promised."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest

from foresell.core.finding import Finding, Severity
from foresell.monitor.accuracy import GROUP, SEGMENT, MaturedLevel, SeriesSums, day_sums
from foresell.monitor.bounds import BIAS
from foresell.monitor.check_results import judge, learn_reference
from foresell.monitor.checks import bias
from foresell.monitor.checks.figure_checks import figure_findings
from foresell.monitor.checks.judging import Judgement, Reference
from foresell.monitor.checks.roll_up import roll_up

FIRST, WINDOWS, DAYS, WEEK, RATE = date(2024, 1, 7), 3, 28, 7, 0.01
STORES, DEPARTMENTS, CATEGORIES, ITEMS = 5, 6, 3, 10
STORE, DEPARTMENT, ITEM = (each.ravel() for each in np.indices((STORES, DEPARTMENTS, ITEMS)))
CATEGORY = DEPARTMENT % CATEGORIES
ERRORS = {"window": 0.03, "week": 0.02, "store": 0.02, "category": 0.03, "department": 0.04, "series": 0.15}
"""Standard deviations of the log errors of a good model, drawn anew for each window; as in benchmarks/monitoring.py."""

DIVISIONS = {
    "store": ([f"S{n}" for n in range(STORES)], STORE),
    "category": ([f"C{n}" for n in range(CATEGORIES)], CATEGORY),
    "department": ([f"D{n}" for n in range(DEPARTMENTS)], DEPARTMENT),
    "store x department": (
        [f"S{s} x D{d}" for s in range(STORES) for d in range(DEPARTMENTS)],
        STORE * DEPARTMENTS + DEPARTMENT,
    ),
}
Cut = Callable[[], np.ndarray]


@dataclass(frozen=True, eq=False)
class Window:
    """The day sums of one window, and those of the single series."""

    daily: pl.DataFrame
    series: SeriesSums


def sold(factor: np.ndarray | float, days: int, seed: list[int], errors: dict[str, float]) -> Window:
    """A window in which a factor [series] of the usual sales is sold on its first days, all that are known."""
    random = np.random.default_rng(seed)
    level = np.exp(np.random.default_rng(1).normal(1.2, 0.8, len(STORE)))  # about 5 a day
    forecast = np.repeat(level[:, None], days, axis=1)
    error = random.normal(0, errors["window"]) + np.repeat(random.normal(0, errors["week"], 4), 7)[:days]
    parts = {"store": STORE, "category": CATEGORY, "department": DEPARTMENT, "series": np.arange(len(STORE))}
    own = sum(random.normal(0, errors[name], rows.max() + 1)[rows] for name, rows in parts.items())
    factors = np.broadcast_to(np.asarray(factor, float), (len(STORE),))
    actual = random.poisson(forecast * np.exp(error + own[:, None]) * factors[:, None]).astype(float)
    naive = random.poisson(forecast * np.exp(own[:, None])).astype(float)
    segments = pl.DataFrame({"volume": np.where(level > np.median(level), "high", "low")})
    names = {name: labels for name, (labels, _) in DIVISIONS.items()}
    levels = [MaturedLevel("total", *(of.sum(axis=0, keepdims=True) for of in (actual, forecast, naive)))]
    for name, (labels, rows) in DIVISIONS.items():
        sums = [np.stack([np.bincount(rows, day, len(labels)) for day in of.T], 1) for of in (actual, forecast, naive)]
        levels.append(MaturedLevel(name, *sums))
    levels.append(MaturedLevel("item", actual, forecast, naive))
    cutoff = FIRST + timedelta(days=DAYS * seed[-1])
    daily = day_sums(cutoff, np.datetime64(cutoff) + 1 + np.arange(days), 1, levels, names, segments)
    volume = np.unique(segments["volume"].to_numpy(), return_inverse=True)
    places = {(GROUP, name): of for name, of in DIVISIONS.items()} | {
        (SEGMENT, "volume"): (volume[0].tolist(), volume[1])
    }
    return Window(daily, SeriesSums(actual.sum(axis=1), forecast.sum(axis=1), places))


@cache
def usual(seed: int = 0, errors: tuple[tuple[str, float], ...] = tuple(ERRORS.items())) -> Reference:
    windows = [sold(1.0, DAYS, [seed, number], dict(errors)).daily for number in range(WINDOWS)]
    return learn_reference(pl.concat(windows), WEEK, WINDOWS)


def judged(window: Window, reference: Reference) -> list[Judgement]:
    return roll_up(judge(window.daily, reference, "item", RATE), window.series)


def named(judgements: list[Judgement]) -> set[str]:
    return {judgement.title for judgement in judgements if judgement.alarm and judgement.figure == BIAS}


def found(judgements: list[Judgement]) -> list[Finding]:
    biases = [judgement for judgement in judgements if judgement.figure == BIAS]
    return figure_findings(bias.FIGURE, bias.CHECK.codes, biases, "version 1")


FALLS = {
    "store S1": STORE == 1,
    "department D2": DEPARTMENT == 2,
    "category C0": CATEGORY == 0,
    "store x department S3 x D4": (STORE == 3) & (DEPARTMENT == 4),
}


@pytest.mark.parametrize("left", [0.4, 0.6])
@pytest.mark.parametrize("days", [18, 7])
@pytest.mark.parametrize("title", FALLS)
def test_a_fall_is_found_at_its_own_level(title: str, days: int, left: float):
    for seed in (0, 1):
        window = sold(np.where(FALLS[title], left, 1.0), days, [seed, WINDOWS], ERRORS)
        judgements = judged(window, usual(seed))
        if title.startswith("store x") and (left, days) != (0.4, 18):  # one of thirty small ones: may be chance
            assert named(judgements) <= {title}
            continue
        assert named(judgements) == {title}, seed
        (one,) = [judgement for judgement in judgements if judgement.alarm and judgement.figure == BIAS]
        assert one.shown == pytest.approx(np.log(left), abs=0.25)


def test_what_falls_with_the_store_says_so_and_is_no_alarm():
    judgements = judged(sold(np.where(STORE == 1, 0.4, 1.0), 18, [7, WINDOWS], ERRORS), usual(7))
    of = {judgement.title: judgement for judgement in judgements if judgement.figure == BIAS}
    for department in range(DEPARTMENTS):
        part = of[f"store x department S1 x D{department}"]
        assert (part.alarm, part.explained_by) == (False, ("store S1",))
    # The other stores do not rise, although they stand above a total that fell.
    assert of["store S0"].explained_by == ()
    assert abs(of["store S0"].shown) < 0.1 < of["store S0"].value
    (finding,) = found(judgements)
    assert (finding.code, finding.where, finding.count) == ("bias-shifted", "store", 1)
    assert "S1: " in finding.message
    assert "outside for this reason" in finding.message
    assert finding.severity == Severity.ERROR


def test_a_finding_has_the_sign_of_the_table():
    judgements = judged(sold(np.where(STORE == 1, 0.4, 1.0), 18, [0, WINDOWS], ERRORS), usual())
    (one,) = [judgement for judgement in judgements if judgement.alarm and judgement.figure == BIAS]
    (finding,) = found(judgements)
    shown = bias.FIGURE.scaled(one)
    assert shown.value > 1  # more than twice as much was forecast as sold
    assert f"a bias of {bias.in_words(one.shown)} beside all that is as usual" in finding.message
    assert bias.in_words(one.shown).startswith("+")


def test_two_causes_are_two_names():
    factor = np.where(STORE == 1, 0.4, 1.0) * np.where(DEPARTMENT == 2, 2.5, 1.0)
    assert named(judged(sold(factor, 18, [0, WINDOWS], ERRORS), usual())) == {"store S1", "department D2"}


def test_a_fall_of_everything_is_one_of_the_total():
    judgements = judged(sold(0.2, 18, [0, WINDOWS], ERRORS), usual())
    assert named(judgements) <= {"total all"}


def test_the_departments_of_a_store_that_fall_by_different_amounts_are_the_store():
    left = np.where(STORE == 1, np.array([0.35, 0.4, 0.45, 0.5, 0.6, 0.3])[DEPARTMENT], 1.0)
    assert named(judged(sold(left, 18, [0, WINDOWS], ERRORS), usual())) == {"store S1"}


def test_without_a_fall_it_is_quiet_as_often_as_is_promised():
    """80 shops, each with its own backtest and a fresh window of 7 to 28 days: `RATE` allows fewer than one alarm."""
    alarms = 0
    for seed in range(100, 180):
        window = sold(1.0, (7, 18, 28)[seed % 3], [seed, WINDOWS], ERRORS)
        alarms += any(judgement.alarm for judgement in judged(window, usual(seed)))
    assert alarms <= 2


def test_bounds_that_exclude_nothing_are_blind():
    judgements = judge(sold(1.0, 18, [0, WINDOWS], ERRORS).daily, usual(), "item", RATE)
    for judgement in judgements:
        assert judgement.high is not None
        reach = judgement.high - judgement.expected
        assert judgement.blind == (reach >= np.log(2))
    blind = {(judgement.part, judgement.of) for judgement in judgements if judgement.blind}
    assert {of for part, of in blind if part == GROUP} <= {"store x department"}
    assert blind  # three windows hardly show how much the errors of the whole vary
