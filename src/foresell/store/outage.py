"""Something that fails for a while and is tried again: why, since when, and how long to wait until the next attempt."""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime

FIRST_WAIT, LONGEST_WAIT = 0.5, 10.0  # seconds between attempts: doubled at each failure

log = logging.getLogger("foresell.store")


class Trouble:
    """What is known of the failures of `what` (a verb phrase); logged once when they begin and once when they end."""

    def __init__(self, what: str):
        self.what = what
        self.error: str | None = None
        self.since: datetime | None = None
        self.attempts = 0

    def failed(self, error: Exception) -> float:
        """Notes a failure; the seconds to wait before the next attempt.

        They double from one failure to the next, with some chance in them, so that many processes do not all knock at
        once when a store is back.
        """
        self.error = str(error).strip() or type(error).__name__
        if self.since is None:
            self.since = datetime.now(UTC)
            log.warning("Cannot %s, and goes on trying: %s", self.what, self.error)
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(self.attempts, 16))
        self.attempts += 1
        return wait * random.uniform(0.5, 1.0)

    def over(self) -> None:
        """Notes a success."""
        if self.since is not None:
            seconds = (datetime.now(UTC) - self.since).total_seconds()
            log.warning("Can %s again, after %.0f seconds.", self.what, seconds)
        self.error, self.since, self.attempts = None, None, 0
