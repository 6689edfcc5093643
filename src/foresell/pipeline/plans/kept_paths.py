"""The sample paths of today's forecast, kept among the results: a plan reads them several times, and so does the next.

The key has the forecast, the seed and the code that draws, so that a new forecast draws anew.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from foresell.adjust.paths.sample_paths import SamplePaths
from foresell.pipeline.code_fingerprint import code_fingerprint
from foresell.pipeline.plans.kept_past import FOLDER
from foresell.pipeline.results import Results
from foresell.store.array_cache import ArrayCache, smallest
from foresell.store.step_results import fingerprint

_NAME = "paths"
_CODE = ("core", "adjust", "models.closed_days", "store.array_cache")


class KeptPaths:
    """The draws of a `sampler` of the forecasts of `results`; files of at most `most` blocks of series are kept."""

    def __init__(self, results: Results, sampler: SamplePaths, most: int):
        self.results, self.sampler, self.most = results, sampler, most
        self._cache = ArrayCache(results.root / FOLDER)

    def draw(self, n_paths: int, rows: np.ndarray, n_steps: int) -> np.ndarray:
        """The first steps of the paths of the series `rows`: float32 [path, series, step]."""
        if self._key is None:
            return self.sampler.draw(n_paths, rows)[:, :, :n_steps]
        key = fingerprint(self._key, n_paths, rows.tolist(), n_steps)
        kept = self._cache.read(_NAME, key)
        if kept is None:
            kept = {"units": smallest(self.sampler.draw(n_paths, rows)[:, :, :n_steps])}
            self._cache.write(_NAME, key, kept, self.most)
        return kept["units"].astype(np.float32)

    @cached_property
    def _key(self) -> str | None:
        """The fingerprint of what the draws depend on; None where no step made the forecast."""
        records = [self.results.record(step) for step in ("check", "forecast")]
        if any(record is None for record in records):
            return None
        made_from = [record.fingerprint for record in records if record is not None]
        return fingerprint(made_from, self.sampler.seed, code_fingerprint(_CODE))
