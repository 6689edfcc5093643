"""Which kept forecasts may be removed, because nothing reads them any more.

A night's forecast has a row for each series, level and day. It is read while its days are among the newest, those that
`monitor` looks at. After that only its day sums are of use, which stay in the table ``accuracy`` for good. It is kept
for `monitoring.keep` days all the same, because people look things up.
"""

from __future__ import annotations

from foresell.pipeline.monitoring.history_update import last_days
from foresell.pipeline.monitoring.snapshot import Snapshot
from foresell.store.history import Kept


def expired(snapshot: Snapshot) -> list[Kept]:
    """The forecasts whose last day lies more than `monitoring.keep` days before the last sale.

    A forecast stays as long as a day of it is among the newest, or the history does not have all of its days.
    """
    keep = snapshot.settings.monitoring.keep
    if keep is None:
        return []
    last, newest = snapshot.panel.cutoff, snapshot.panel.dates[snapshot.first].astype(object)
    recorded = last_days(snapshot.daily)
    old = []
    for forecast in snapshot.kept:
        until = recorded.get((forecast.model, forecast.cutoff))
        if until is not None and until < newest and (last - until).days > keep and until == forecast.last:
            old.append(forecast)
    return old
