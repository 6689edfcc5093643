"""A feature and a model that look ahead are caught; honest ones are not."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from foresell.core.errors import UsageError
from foresell.core.forecast import Forecast
from foresell.core.panel import Panel
from foresell.evaluate.leakage import leakage, scramble
from foresell.features.catalogue import catalogue
from foresell.features.question import Feature, Question
from foresell.models import make

CUTOFFS = [90, 120]
HORIZON = 10


def feature(name: str, of) -> Feature:
    return Feature(name, "history", name, "units", 0, of)


def units_on(q: Question, day: np.ndarray) -> np.ndarray:
    units = q.block.panel.units
    there = day < units.shape[1]
    return np.where(there, units[q.series, np.where(there, day, 0)], np.nan).astype(np.float32)


def spoil(q: Question) -> np.ndarray:
    q.block.panel.units[:, 5] = -1
    return np.zeros(len(q), np.float32)


@dataclass(frozen=True)
class Repeats:
    """Forecasts what its panel sold last; `peeks` looks past the cutoff through what was prepared."""

    peeks: bool = False
    name: str = "repeats"
    horizon: int = HORIZON
    mean: np.ndarray = field(default_factory=lambda: np.empty(0))

    def prepare(self, panel: Panel, horizon: int, cutoffs):
        return panel

    def fit(self, panel: Panel, horizon: int, prepared=None, progress=None):
        source = prepared if self.peeks else panel
        return replace(self, mean=np.nan_to_num(source.units[:, -1]), horizon=horizon)

    def forecast(self, panel: Panel) -> Forecast:
        mean = np.repeat(self.mean[:, None], self.horizon, axis=1)
        return Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(self.horizon), mean)


def by_name(trials):
    return {trial.name: trial for trial in trials}


def test_a_feature_that_looks_ahead_is_caught_and_named(make_panel):
    panel = make_panel(150)
    tried = leakage(
        panel,
        {
            "last": feature("last", lambda q: units_on(q, q.cutoff)),
            "tomorrow": feature("tomorrow", lambda q: units_on(q, q.cutoff + 1)),
        },
        {},
        HORIZON,
        CUTOFFS,
    )
    assert [trial.name for trial in tried] == ["tomorrow", "last"]  # what leaks comes first
    leak, honest = tried
    assert not leak.passed
    assert leak.values == panel.n_series * HORIZON
    # Each series' tomorrow was scrambled, and its ten questions all read it; the eighth series is unknown, and so
    # differs too: scrambled, it is known.
    assert leak.leaks == panel.n_series * HORIZON
    assert leak.example.startswith("item 0 north, step 1 after 2022-")
    assert honest.passed
    assert honest.example == ""


def test_a_feature_that_sees_the_end_of_the_history_is_caught(make_panel):
    """It reads nothing after the cutoff by day, but how much history there is."""
    sees = feature("length", lambda q: np.full(len(q), q.block.panel.n_days, np.float32))
    assert not leakage(make_panel(150), {"length": sees}, {}, HORIZON, CUTOFFS)[0].passed


def test_a_feature_that_writes_to_the_history_is_caught_and_alone_is_blamed(make_panel):
    panel = make_panel(150)
    before = panel.units.copy()
    features = {"spoils": feature("spoils", spoil), "fine": feature("fine", lambda q: q.step.astype(np.float32))}
    tried = by_name(leakage(panel, features, {}, HORIZON, [100]))
    assert tried["spoils"].spoiled
    assert not tried["spoils"].passed
    assert tried["fine"].passed
    np.testing.assert_array_equal(panel.units, before)  # the caller's panel is left alone


def test_a_model_that_looks_ahead_through_what_it_prepared_is_caught(make_panel):
    models = {"honest": Repeats(), "peeks": Repeats(peeks=True), "naive": make("seasonal_naive")}
    tried = by_name(leakage(make_panel(150), {}, models, HORIZON, CUTOFFS))
    assert {name for name, trial in tried.items() if not trial.passed} == {"peeks"}
    assert tried["peeks"].kind == "model"
    assert tried["peeks"].to_dict()["held"] is False


def test_every_feature_of_the_catalogue_holds(make_panel):
    panel = make_panel(150)
    features = catalogue(panel, (("shop",), ("category",)))
    tried = leakage(panel, features, {}, HORIZON, CUTOFFS)
    assert len(tried) == len(features) > 50
    assert [trial.name for trial in tried if not trial.passed] == []


def test_only_so_many_series_are_tried(make_panel):
    tried = leakage(make_panel(150), {"step": feature("step", lambda q: q.step)}, {}, HORIZON, CUTOFFS, series=3)
    assert tried[0].values == 3 * HORIZON


def test_the_worst_cutoff_is_told(make_panel):
    """A feature that leaks at one cutoff only is not excused by the other."""

    def of(q: Question) -> np.ndarray:
        return units_on(q, q.cutoff + (q.cutoff == 120))

    trial = leakage(make_panel(150), {"late": feature("late", of)}, {}, HORIZON, CUTOFFS)[0]
    assert (trial.passed, trial.cutoff) == (False, make_panel(150).until(120).cutoff)


def test_scrambling_changes_every_day_after_the_cutoff_and_none_before(make_panel):
    panel = make_panel(80)
    other = scramble(panel, 50, np.random.default_rng(1))
    np.testing.assert_array_equal(other.units[:, :51], panel.units[:, :51])
    was, now = panel.units[:, 51:], other.units[:, 51:]
    assert not np.any(was == now)
    assert np.isnan(now).any()
    assert not np.isnan(now).all()


@pytest.mark.parametrize("days", [[], [149], [-1]])
def test_a_cutoff_with_nothing_after_it_is_refused(make_panel, days):
    with pytest.raises(UsageError, match="expected days from 0 to 148"):
        leakage(make_panel(150), {}, {}, HORIZON, days)


def test_progress_is_told(make_panel):
    reports = []
    leakage(
        make_panel(150),
        {},
        {"naive": make("seasonal_naive")},
        HORIZON,
        CUTOFFS,
        progress=lambda *at: reports.append(at),
    )
    assert [done for done, _, _ in reports] == [0, 1, 2, 3, 4]
    assert all(total == 4 for _, total, _ in reports)
