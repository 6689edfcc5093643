"""Days out of stock, by group and block, as `monitor.checks.stockouts` looks at them."""

from __future__ import annotations

import numpy as np

from foresell.core.hierarchy import level_name
from foresell.models.lost_demand import cells_of
from foresell.monitor.accuracy import ALL
from foresell.monitor.checks.stockouts import Shelves
from foresell.pipeline.matured_forecasts import named
from foresell.pipeline.results import Results
from foresell.store.tables import read_table


def shelves(results: Results, size: int, first: int) -> dict[str, Shelves]:
    """By level, the days of the newest `size` periods, and of as many blocks of them as lie within the year before the
    period `first`, where the newest periods that are looked at begin. Nothing where no stock-out is known.

    The levels are the total and those of few groups.
    """
    lost, panel = read_table(results.folder("check") / "lost_demand.parquet"), results.panel
    if lost.is_empty():
        return {}
    out = np.zeros(panel.units.shape, bool)
    out[cells_of(panel, lost)] = True
    there = out | ~np.isnan(panel.units)
    blocks = min(first, panel.frequency.year) // size
    starts = [*range(first - blocks * size, first, size), panel.n_days - size]
    counts = [np.stack([cells[:, day : day + size].sum(axis=1) for day in starts], axis=1) for cells in (out, there)]
    groups = results.hierarchy.all_groups(panel.series)
    names = {level_name(()): [ALL], **named(groups)}
    return {
        level: Shelves(names[level], each.sum(counts[0]), each.sum(counts[1]))
        for each in groups
        if (level := level_name(each.level)) in names
    }
