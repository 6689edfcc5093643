"""What policies cost in the windows of the backtest, kept among the results: a second plan need not replay them.

Windows depend on the forecasts of the backtest, replays on the terms too. The keys have these and the code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cached_property

import numpy as np

from foresell.decide.contest import Contest
from foresell.decide.replay import BUCKETS, LedgerSums, Window, played
from foresell.decide.stock.contract import CostRates, Policy
from foresell.decide.stock.perishable import PerishablePaths
from foresell.decide.terms import Terms
from foresell.pipeline.code_fingerprint import code_fingerprint
from foresell.pipeline.plans.order_contest import (
    PATHS_OF_CONTEST,
    DrawnWindow,
    Tell,
    contest_in,
    drawn_windows,
    series_of_contest,
    silent,
)
from foresell.pipeline.results import Results
from foresell.store.array_cache import ArrayCache
from foresell.store.step_results import fingerprint

FOLDER = "plan/kept"
"""Where it is kept, below the results."""

_WINDOWS, _REPLAYS = "windows", "replays"
_MOST = {_WINDOWS: 2, _REPLAYS: 8}  # files of each name, for a few terms or settings in turn
_KINDS = (*BUCKETS, "fixed")
_DRAWING = (
    "core",
    "adjust",
    "ensemble.backtest_ensemble",
    "models.closed_days",
    "pipeline.plans.order_contest",
    "pipeline.plans.supply",
    "store.array_cache",
)


class KeptPast:
    """The windows of the backtest of `results`, as orders by these `terms` would have been made in them.

    Nothing is read or played before it is asked for.
    """

    def __init__(self, results: Results, terms: Terms, tell: Tell = silent):
        self.results, self.terms, self.tell = results, terms, tell
        self._cache = ArrayCache(results.root / FOLDER)
        self._new = False

    @cached_property
    def rows(self) -> np.ndarray:
        """The series that are played: int64 [series]."""
        results = self.results
        return series_of_contest(results.panel, results.hierarchy, self.terms, results.settings.horizon)

    @property
    def labels(self) -> tuple[str, ...]:
        """The windows that can be played, each by its cutoff, in order of time."""
        return tuple(self._drawn)

    @cached_property
    def windows(self) -> dict[str, Window]:
        """The windows by their labels."""
        terms = self.terms.part(self.rows)
        return {label: drawn.window(self.results.panel, self.rows, terms) for label, drawn in self._drawn.items()}

    def contest(self, names: Sequence[str], service: float | None, least_fill: float | None) -> Contest | None:
        """The contest of the policies `names`, see `contest_in`; None where fewer than two windows can be played."""
        if len(self.labels) < 2:
            return None
        result = contest_in(self.labels, names, service, least_fill, self.play)
        self.keep()
        return result

    def play(self, policies: Sequence[Policy], label: str) -> list[LedgerSums]:
        """What the policies cost in a window, from what is kept as far as it is there."""
        missing = {_name(policy): policy for policy in policies if (label, _name(policy)) not in self._replays}
        if missing:
            self.tell(self.labels.index(label), len(self.labels), f"replaying {len(missing)} rules after {label}")
            of_policies = played(list(missing.values()), self.windows[label])
            self._replays.update({(label, name): of for name, of in zip(missing, of_policies, strict=True)})
            self._new = True
        return [self._replays[label, _name(policy)] for policy in policies]

    def keep(self) -> None:
        """Keeps what was replayed, for later plans."""
        if not self._new or self._key is None:
            return
        labels, names = zip(*self._replays, strict=True)
        sums = list(self._replays.values())
        arrays = {
            "label": np.array(labels),
            "name": np.array(names),
            "cost": np.stack([of.cost for of in sums]),
            "spent": np.array([[of.spent[kind] for kind in _KINDS] for of in sums]),
            "units": np.array([[of.sold, of.lost] for of in sums]),
        }
        self._cache.write(_REPLAYS, self._key_of_replays, arrays, _MOST[_REPLAYS])
        self._new = False

    @cached_property
    def _drawn(self) -> dict[str, DrawnWindow]:
        kept = None if self._key is None else self._cache.read(_WINDOWS, self._key)
        if kept is not None:
            return {
                str(label): DrawnWindow(str(label), kept[f"paths {label}"], kept[f"actual {label}"])
                for label in kept["labels"]
            }
        drawn = {each.label: each for each in drawn_windows(self.results, self.rows, self.tell)}
        if self._key is not None:
            arrays = {"labels": np.array(list(drawn), dtype=str)}
            for label, each in drawn.items():
                arrays |= {f"paths {label}": each.paths, f"actual {label}": each.actual}
            self._cache.write(_WINDOWS, self._key, arrays, _MOST[_WINDOWS])
        return drawn

    @cached_property
    def _replays(self) -> dict[tuple[str, str], LedgerSums]:
        kept = None if self._key is None else self._cache.read(_REPLAYS, self._key_of_replays)
        if kept is None:
            return {}
        columns = (kept["label"].tolist(), kept["name"].tolist(), kept["cost"], kept["spent"].tolist(), kept["units"])
        return {
            (label, name): LedgerSums(cost, dict(zip(_KINDS, spent, strict=True)), float(units[0]), float(units[1]))
            for label, name, cost, spent, units in zip(*columns, strict=True)
        }

    @cached_property
    def _key(self) -> str | None:
        """The key of the windows; None where the backtest was not made by a step."""
        results, settings = self.results, self.results.settings
        record = results.record("combine")
        if record is None:
            return None
        parts = (settings.horizon, settings.seed, settings.levels, PATHS_OF_CONTEST, self.rows.tolist())
        return fingerprint(record.fingerprint, *parts, code_fingerprint(_DRAWING))

    @cached_property
    def _key_of_replays(self) -> str:
        terms = self.terms.part(self.rows)
        rates = {rate.name: getattr(terms.costs, rate.name).tolist() for rate in fields(CostRates)}
        names = ("lead_periods", "review_periods", "pack", "minimum")
        shelf = None if terms.shelf_periods is None else terms.shelf_periods.tolist()
        columns = [getattr(terms, name).tolist() for name in names]
        return fingerprint(self._key, rates, columns, shelf, code_fingerprint(("decide.replay", "decide.stock")))


def _name(policy: Policy) -> str:
    """What tells a policy from all others. With a fractile, the weight of a lost sale does not count."""
    if isinstance(policy, PerishablePaths) and policy.probability is not None:
        policy = replace(policy, lost_weight=1.0)
    return repr(policy)
