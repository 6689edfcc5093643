"""Outages: work that fails for a while and is tried again, with the cause, the start and the next wait."""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime

FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0  # seconds between attempts, doubled at each failure

log = logging.getLogger("foresell.store")


class Outage:
    """The failures of `what`, which is a verb phrase. The log has one warning when they begin and one when they end."""

    def __init__(self, what: str):
        self.what = what
        self.error: str | None = None
        self.since: datetime | None = None
        self.attempts = 0

    def failed(self, error: Exception) -> float:
        """Records a failure. Returns the seconds to wait before the next attempt.

        The wait doubles from one failure to the next. It is drawn at random from its upper half, so that many processes
        do not all call a store at the moment it is back.
        """
        self.error = str(error).strip() or type(error).__name__
        if self.since is None:
            self.since = datetime.now(UTC)
            log.warning("Cannot %s, and will keep trying: %s", self.what, self.error)
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(self.attempts, 16))
        self.attempts += 1
        return wait * random.uniform(0.5, 1.0)

    def ended(self) -> None:
        """Records a success, which ends the outage."""
        if self.since is not None:
            seconds = (datetime.now(UTC) - self.since).total_seconds()
            log.warning("Can %s again, after %.0f seconds.", self.what, seconds)
        self.error, self.since, self.attempts = None, None, 0
