"""Does anything that lies after a cutoff change what is made at it? Tried on the data themselves.

Two panels that agree up to the cutoff and are nothing alike after it must give the same features and the same
forecasts. What is known ahead (prices, promotions, the calendar) stays as it is: it may be looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from foresell.core.errors import UsageError
from foresell.core.panel import Panel
from foresell.features.question import Context, Feature
from foresell.features.training_rows import everything
from foresell.models.contract import Model

SERIES = 200  # series that are tried, drawn at random, where there are more


@dataclass(frozen=True)
class Trial:
    """How one feature or model did: `leaks` is how many of `values` changed with what came after the cutoff.

    `kind` is ``feature`` or ``model``; `cutoff` the one where most changed (any, where none did); `spoiled` says
    that the history was written to, which is as bad; `example` names the first value that changed.
    """

    kind: str
    name: str
    cutoff: date
    values: int
    leaks: int
    spoiled: bool = False
    example: str = ""

    @property
    def held(self) -> bool:
        return not self.leaks and not self.spoiled

    def to_dict(self) -> dict[str, object]:
        """The trial as plain data, for JSON."""
        return {
            "kind": self.kind,
            "name": self.name,
            "held": self.held,
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
) -> list[Trial]:
    """Tries every feature and model at each of `cutoffs` (indices of days before the last one), on at most `series`
    series; one trial each, those that leak first.

    A feature is asked at the cutoff within a history that goes on, as in training, then with that history scrambled
    after the cutoff, then cut off there, as when it forecasts: all three must agree. A model prepares on the whole
    history, scrambled and not, as it does for several windows, fits at the cutoff and forecasts: both forecasts must
    agree.

    Raises UsageError for a cutoff that has nothing after it.
    """
    beyond = [cutoff for cutoff in cutoffs if not 0 <= cutoff < panel.n_days - 1]
    if beyond or not cutoffs:
        raise UsageError(f"The cutoffs {list(cutoffs)} were given; expected days from 0 to {panel.n_days - 2}.")
    tell = progress or (lambda done, total, what: None)
    random = np.random.default_rng(seed)
    drawn = panel
    if panel.n_series > series:
        drawn = panel.part(np.sort(random.choice(panel.n_series, series, replace=False)))
    # A copy of its own: whatever is done to it, the panel of the caller stays whole.
    drawn = replace(drawn, units=np.array(drawn.units))
    total = len(cutoffs) * (1 + len(models))
    trials: dict[tuple[str, str], Trial] = {}
    for number, cutoff in enumerate(cutoffs):
        scrambled = scramble(drawn, cutoff, random)
        tell(number * (1 + len(models)), total, f"{len(features)} features at {panel.dates[cutoff]}")
        found = _try_features(drawn, scrambled, features, horizon, cutoff)
        for place, (name, model) in enumerate(models.items()):
            tell(number * (1 + len(models)) + place + 1, total, f"{name} at {panel.dates[cutoff]}")
            found.append(_try_model(drawn, scrambled, name, model, horizon, cutoff))
        for trial in found:
            before = trials.get((trial.kind, trial.name))
            if before is None or (trial.spoiled, trial.leaks) > (before.spoiled, before.leaks):
                trials[trial.kind, trial.name] = trial
    tell(total, total, "done")
    return sorted(trials.values(), key=lambda trial: trial.held)


def scramble(panel: Panel, cutoff: int, random: np.random.Generator) -> Panel:
    """The panel with other units on every day after `cutoff`: none is what it was, and some are no longer known."""
    units = np.array(panel.units)
    after = units[:, cutoff + 1 :]
    most = float(np.nanmax(after, initial=1.0))
    other = np.nan_to_num(after) + random.integers(1, int(most) + 10, after.shape)
    units[:, cutoff + 1 :] = np.where(random.random(after.shape) < 0.1, np.nan, other)
    return replace(panel, units=units)


def _try_features(
    panel: Panel, scrambled: Panel, features: Mapping[str, Feature], horizon: int, cutoff: int
) -> list[Trial]:
    """One trial for each feature at one cutoff."""
    asked = min(horizon, panel.n_days - 1 - cutoff)
    contexts = [Context(of, horizon) for of in (panel, scrambled, panel.until(cutoff))]
    whole = slice(0, panel.n_series)
    questions = [everything(context.block(whole), cutoff, asked) for context in contexts]
    marks = [_mark(of) for of in (panel, scrambled)]
    trials = []
    for name, feature in features.items():
        first, *others = [np.array(feature.of(question), np.float32) for question in questions]
        changed = np.logical_or.reduce([_differ(first, other) for other in others]).reshape(-1, asked)
        spoiled = [_mark(of) for of in (panel, scrambled)] != marks
        trials.append(_trial("feature", name, panel, cutoff, changed, spoiled))
        marks = [_mark(of) for of in (panel, scrambled)] if spoiled else marks
    return trials


def _try_model(panel: Panel, scrambled: Panel, name: str, model: Model, horizon: int, cutoff: int) -> Trial:
    """One trial of a model at one cutoff."""
    marks, made = [_mark(of) for of in (panel, scrambled)], []
    for of in (panel, scrambled):
        prepared = model.prepare(of, horizon, [cutoff, of.n_days - 1])
        past = of.until(cutoff)
        made.append(np.array(model.fit(past, horizon, prepared).forecast(past).mean))
    spoiled = [_mark(of) for of in (panel, scrambled)] != marks
    return _trial("model", name, panel, cutoff, _differ(made[0], made[1]), spoiled)


def _trial(kind: str, name: str, panel: Panel, cutoff: int, changed: np.ndarray, spoiled: bool) -> Trial:
    when, example = panel.until(cutoff).cutoff, ""
    if changed.any():
        row, step = np.argwhere(changed)[0]
        names = " ".join(map(str, panel.series.select(panel.keys).row(int(row))))
        example = f"{names}, step {step + 1} after {when}"
    return Trial(kind, name, when, changed.size, int(changed.sum()), spoiled, example)


def _differ(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Where two arrays differ by more than rounding; NaN equals NaN."""
    return ~np.isclose(one, other, rtol=1e-5, atol=1e-6, equal_nan=True)


def _mark(panel: Panel) -> bytes:
    """What the units are, in short: another mark means that they were written to."""
    return hashlib.blake2b(np.ascontiguousarray(panel.units).view(np.uint8).data, digest_size=16).digest()
