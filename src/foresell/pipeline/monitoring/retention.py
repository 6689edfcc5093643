"""Retention: which of the kept forecasts may be removed, because nothing reads them any more.

A forecast has a row for each series, level and day. It is read while its days are among the newest, the days that
`monitor` judges. After that only its day sums are used, and they stay in the table ``accuracy`` for good. The forecast
itself is kept for `monitoring.keep` days, so that users can look it up.
"""

from __future__ import annotations

from foresell.pipeline.monitoring.history_update import last_days
from foresell.pipeline.monitoring.snapshot import Snapshot
from foresell.store.history import KeptForecast


def expired(snapshot: Snapshot) -> list[KeptForecast]:
    """The forecasts whose last day lies more than `monitoring.keep` days before the last sale.

    A forecast stays while one of its days is among the newest, or the history lacks one of its days.
    """
    keep = snapshot.settings.monitoring.keep
    if keep is None:
        return []
    last, newest = snapshot.panel.cutoff, snapshot.panel.dates[snapshot.first].astype(object)
    recorded = last_days(snapshot.daily)
    removable = []
    for forecast in snapshot.kept:
        until = recorded.get((forecast.model, forecast.cutoff))
        if until is not None and until < newest and (last - until).days > keep and until == forecast.last:
            removable.append(forecast)
    return removable
