"""What is kept over time makes room when nothing reads it any more.

A night's forecast has a row for each series, level and day. It is read while its days are among the newest, those that
`monitor` looks at; after that all that is asked of it is its day sums, which stay in the table ``accuracy`` for good.
So it may go without loss to foresell, and is kept for `monitoring.keep` days all the same: people look things up.
"""

from __future__ import annotations

from foresell.pipeline.monitoring.snapshot import Watch, last_days
from foresell.store.history import Kept


def prune(watch: Watch) -> list[Kept]:
    """Removes the forecasts whose last day lies more than `monitoring.keep` days before the last sale; those removed.

    One stays as long as a day of it is among the newest, or the history does not have all of its days.
    """
    keep = watch.settings.monitoring.keep
    if keep is None:
        return []
    last, newest = watch.panel.cutoff, watch.panel.dates[watch.first].astype(object)
    recorded = last_days(watch.daily)
    gone = []
    for each in watch.kept:
        until = recorded.get((each.model, each.cutoff))
        if until is not None and until < newest and (last - until).days > keep and until == each.last:
            watch.history.drop_forecast(each)
            gone.append(each)
    if gone:
        del watch.kept
    return gone
