"""The leakage test: sales after a cutoff must not change the features and forecasts made at it.

The test uses the project's own data. Two panels with the same sales up to the cutoff and different sales after it must
yield the same features and the same forecasts. Covariates that are known ahead (prices, promotions, the calendar) stay
the same, because models may use them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from foresell.core.errors import UsageError
from foresell.core.frequency import date_text
from foresell.core.panel import Panel
from foresell.features.question import Context, Feature
from foresell.features.training_rows import all_questions
from foresell.models.contract import Model

SERIES = 200  # series that are drawn at random for the test, where there are more


@dataclass(frozen=True)
class LeakageTrial:
    """The result for one feature or model: `leaks` of its `values` changed with the sales after the cutoff.

    `kind` is ``feature`` or ``model``. `cutoff` is the one at which most values changed. `spoiled` is true where the
    feature or model wrote to the history, which is an error too. `example` names the first value that changed.
    """

    kind: str
    name: str
    cutoff: date
    values: int
    leaks: int
    spoiled: bool = False
    example: str = ""

    @property
    def passed(self) -> bool:
        """Whether no value changed and the history was not written to."""
        return not self.leaks and not self.spoiled

    def to_dict(self) -> dict[str, object]:
        """The trial as plain data for JSON, where ``held`` is `passed`."""
        return {
            "kind": self.kind,
            "name": self.name,
            "held": self.passed,
            "cutoff": self.cutoff.isoformat(),
            "values": self.values,
            "leaks": self.leaks,
            "spoiled": self.spoiled,
            "example": self.example,
        }


def leakage(
    panel: Panel,
    features: Mapping[str, Feature],
    models: Mapping[str, Model],
    horizon: int,
    cutoffs: Sequence[int],
    *,
    seed: int = 1,
    series: int = SERIES,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[LeakageTrial]:
    """Tests every feature and model at each of `cutoffs` (indices of days before the last one).

    The result has one trial for each feature and model, those that leak first. At most `series` series are tested.
    A feature is computed at the cutoff in three panels: the whole history, as in training; the history with scrambled
    sales after the cutoff; and the history that ends at the cutoff, as in forecasting. The three results must agree. A
    model prepares on the whole history, and on the scrambled one; it is fitted up to the cutoff and forecasts. Both
    forecasts must agree. `progress` is called with the number of tests that are done, the number of all, and a
    description.

    Raises UsageError for a cutoff that has nothing after it.
    """
    beyond = [cutoff for cutoff in cutoffs if not 0 <= cutoff < panel.n_days - 1]
    if beyond or not cutoffs:
        raise UsageError(f"The cutoffs {list(cutoffs)} were given; expected days from 0 to {panel.n_days - 2}.")
    notify = progress or (lambda done, total, activity: None)
    random = np.random.default_rng(seed)
    drawn = panel
    if panel.n_series > series:
        drawn = panel.part(np.sort(random.choice(panel.n_series, series, replace=False)))
    # The copy protects the caller's panel from features that write to it.
    drawn = replace(drawn, units=np.array(drawn.units))
    total = len(cutoffs) * (1 + len(models))
    trials: dict[tuple[str, str], LeakageTrial] = {}
    for number, cutoff in enumerate(cutoffs):
        scrambled = scramble(drawn, cutoff, random)
        notify(number * (1 + len(models)), total, f"{len(features)} features at {date_text(panel.dates[cutoff])}")
        at_cutoff = _try_features(drawn, scrambled, features, horizon, cutoff)
        for place, (name, model) in enumerate(models.items()):
            notify(number * (1 + len(models)) + place + 1, total, f"{name} at {date_text(panel.dates[cutoff])}")
            at_cutoff.append(_try_model(drawn, scrambled, name, model, horizon, cutoff))
        for trial in at_cutoff:
            before = trials.get((trial.kind, trial.name))
            if before is None or (trial.spoiled, trial.leaks) > (before.spoiled, before.leaks):
                trials[trial.kind, trial.name] = trial
    notify(total, total, "done")
    return sorted(trials.values(), key=lambda trial: trial.passed)


def scramble(panel: Panel, cutoff: int, random: np.random.Generator) -> Panel:
    """The panel with other units on every day after `cutoff`; a tenth of them become unknown."""
    units = np.array(panel.units)
    after = units[:, cutoff + 1 :]
    most = float(np.nanmax(after, initial=1.0))
    other = np.nan_to_num(after) + random.integers(1, int(most) + 10, after.shape)
    units[:, cutoff + 1 :] = np.where(random.random(after.shape) < 0.1, np.nan, other)
    return replace(panel, units=units)


def _try_features(
    panel: Panel, scrambled: Panel, features: Mapping[str, Feature], horizon: int, cutoff: int
) -> list[LeakageTrial]:
    """One trial for each feature at one cutoff."""
    steps = min(horizon, panel.n_days - 1 - cutoff)
    histories = (panel, scrambled, panel.until(cutoff))
    blocks = [Context.of(history, horizon, features).block(history) for history in histories]
    questions = [all_questions(block, cutoff, steps) for block in blocks]
    checksums = [_checksum(history) for history in (panel, scrambled)]
    trials = []
    for name, feature in features.items():
        first, *others = [np.array(feature.of(question), np.float32) for question in questions]
        changed = np.logical_or.reduce([_differ(first, other) for other in others]).reshape(-1, steps)
        spoiled = [_checksum(history) for history in (panel, scrambled)] != checksums
        trials.append(_trial("feature", name, panel, cutoff, changed, spoiled))
        checksums = [_checksum(history) for history in (panel, scrambled)] if spoiled else checksums
    return trials


def _try_model(panel: Panel, scrambled: Panel, name: str, model: Model, horizon: int, cutoff: int) -> LeakageTrial:
    """One trial of a model at one cutoff."""
    checksums, means = [_checksum(history) for history in (panel, scrambled)], []
    for history in (panel, scrambled):
        prepared = model.prepare(history, horizon, [cutoff, history.n_days - 1])
        past = history.until(cutoff)
        means.append(np.array(model.fit(past, horizon, prepared).forecast(past).mean))
    spoiled = [_checksum(history) for history in (panel, scrambled)] != checksums
    return _trial("model", name, panel, cutoff, _differ(means[0], means[1]), spoiled)


def _trial(kind: str, name: str, panel: Panel, cutoff: int, changed: np.ndarray, spoiled: bool) -> LeakageTrial:
    when, example = panel.until(cutoff).cutoff, ""
    if changed.any():
        row, step = np.argwhere(changed)[0]
        names = " ".join(map(str, panel.series.select(panel.keys).row(int(row))))
        example = f"{names}, step {step + 1} after {when}"
    return LeakageTrial(kind, name, when, changed.size, int(changed.sum()), spoiled, example)


def _differ(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where two arrays differ by more than rounding; NaN equals NaN."""
    return ~np.isclose(first, second, rtol=1e-5, atol=1e-6, equal_nan=True)


def _checksum(panel: Panel) -> bytes:
    """A checksum of the units, which changes where they are written to."""
    return hashlib.blake2b(np.ascontiguousarray(panel.units).view(np.uint8).data, digest_size=16).digest()
