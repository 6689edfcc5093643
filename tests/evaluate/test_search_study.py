"""The search: it finds, it stops what is behind, and it goes on where it was left."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from foresell.core.errors import StoreError, UsageError
from foresell.evaluate.search_space import Option
from foresell.evaluate.search_study import Study, should_prune

pytest.importorskip("optuna")

OPTIONS = (
    Option("x", 0.0, 10.0),
    Option("y", 1, 100, log=True, step=1),
    Option("kind", choices=("good", "bad")),
    Option("power", 1.0, 2.0, when=("kind", "good")),
)
START = {"x": 9.0, "y": 50, "kind": "good", "power": 1.5}
WINDOWS = 3


def parabola(number: int, values: dict[str, Any]) -> Iterator[float]:
    """Three windows, each a bit harder than the one before; least at x = 2 and kind good."""
    for window in range(WINDOWS):
        yield 1 + window + (values["x"] - 2) ** 2 + (values["kind"] == "bad") * 5


def done(path: Path, count: int, seed: int = 1, name: str = "one") -> Study:
    study = Study(path, name, OPTIONS, START, seed)
    while len(study.trials) < count:
        study.run(parabola, WINDOWS)
    return study


def plain(study: Study) -> list[tuple]:
    return [(trial.number, trial.state, dict(trial.values), trial.errors) for trial in study.trials]


def test_the_first_trial_is_the_start_and_the_search_finds_better_ones(tmp_path):
    study = done(tmp_path / "study.db", 30)
    assert study.trials[0].values == START
    assert study.trials[0].errors == (50.0, 51.0, 52.0)
    best = study.best()
    assert best.error < 3
    assert best.error == min(trial.error for trial in study.trials)
    assert study.importance()["x"] == max(study.importance().values())
    assert sum(study.importance().values()) == pytest.approx(1)


def test_values_are_of_the_space_as_they_are_written(tmp_path):
    for trial in done(tmp_path / "study.db", 15).trials[1:]:
        assert isinstance(trial.values["y"], int)
        assert 1 <= trial.values["y"] <= 100
        assert trial.values["x"] == float(f"{trial.values['x']:.3g}")
        assert ("power" in trial.values) == (trial.values["kind"] == "good")


def test_the_same_seed_makes_the_same_trials_and_another_one_others(tmp_path):
    first, second, other = (done(tmp_path / f"{place}.db", 14, seed) for place, seed in enumerate([5, 5, 6]))
    assert plain(first) == plain(second)
    assert plain(first)[1:] != plain(other)[1:]


def test_a_search_that_was_cut_short_tries_the_same_as_one_that_was_not(tmp_path):
    whole = done(tmp_path / "whole.db", 16)

    def cut(number: int, values: dict[str, Any]) -> Iterator[float]:
        yield 0.0
        raise KeyboardInterrupt

    for upto in (0, 1, 7, 12):
        study = done(tmp_path / "cut.db", upto)
        with pytest.raises(KeyboardInterrupt):
            study.run(cut, WINDOWS)
    assert plain(done(tmp_path / "cut.db", 16)) == plain(whole)


def test_what_is_behind_is_stopped_and_its_other_windows_are_never_asked_for(tmp_path):
    windows_asked: dict[int, int] = {}

    def counted(number: int, values: dict[str, Any]) -> Iterator[float]:
        for error in parabola(number, values):
            windows_asked[number] = windows_asked.get(number, 0) + 1
            yield error

    study = Study(tmp_path / "study.db", "one", OPTIONS, START)
    for _ in range(25):
        study.run(counted, WINDOWS)
    states = {trial.state for trial in study.trials}
    assert states == {"complete", "pruned"}
    for trial in study.trials:
        assert windows_asked[trial.number] == len(trial.errors)
        assert (len(trial.errors) == WINDOWS) == (trial.state == "complete")
        assert math.isinf(trial.error) == (trial.state == "pruned")
    assert all(trial.state == "complete" for trial in study.trials[:5])  # nobody to be measured by yet


def test_the_best_third_is_of_the_means_over_the_same_windows():
    others = [(0.5,), (0.6, 0.9), (0.7, 0.7), (0.8, 0.6), (0.9, 0.9)]
    assert not should_prune([0.63], others)  # a third of the way from 0.5 to 0.9: 0.633
    assert should_prune([0.64], others)
    assert not should_prune([0.9, 0.9], others)  # four only have seen two windows
    assert not should_prune([0.7, 0.7], [*others, (0.6, 0.6)])  # means 0.75, 0.7, 0.7, 0.9, 0.6: a third is 0.7
    assert should_prune([0.71, 0.71], [*others, (0.6, 0.6)])


def test_an_error_that_is_no_number_fails_the_trial_and_not_the_search(tmp_path):
    study = Study(tmp_path / "study.db", "one", OPTIONS, START)
    study.run(lambda number, values: iter([1.0, math.nan, 1.0]), WINDOWS)
    study.run(parabola, WINDOWS)
    assert [trial.state for trial in study.trials] == ["failed", "complete"]
    assert study.best().number == 1
    assert [trial.state for trial in done(tmp_path / "study.db", 2).trials] == ["failed", "complete"]


def test_another_name_is_another_search_in_the_same_file(tmp_path):
    done(tmp_path / "study.db", 3)
    other = Study(tmp_path / "study.db", "two", OPTIONS, START)
    assert other.trials == []
    assert other.others == {"one": 3}
    assert len(done(tmp_path / "study.db", 3).trials) == 3


def test_a_file_that_is_no_study_is_said(tmp_path):
    (tmp_path / "study.db").write_text("no database " * 1000)
    with pytest.raises(StoreError, match=r"study\.db cannot be read or written.*Put the file away"):
        Study(tmp_path / "study.db", "one", OPTIONS, START)


def test_optuna_that_is_not_there_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(UsageError, match="Install the extra 'tune' with"):
        Study(tmp_path / "study.db", "one", OPTIONS, START)


def test_importance_waits_until_there_is_something_to_tell(tmp_path):
    assert done(tmp_path / "study.db", 4).importance() == {}
