"""The model that answers requests, and its replacement by a new one without interruption."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, time
from time import monotonic
from typing import TYPE_CHECKING

from foresell.apps.api.problems import Problem
from foresell.core.errors import ForesellError

if TYPE_CHECKING:
    from foresell.serving.prediction_log.writer import PredictionLog
    from foresell.serving.service import Service
    from foresell.serving.source import Source

LOG = logging.getLogger("foresell.api")
NO_CHAMPION = (
    "There is no champion to serve yet. Train and promote one with: foresell run, then foresell promote; then POST "
    "/reload, or start the server again."
)


class CurrentModel:
    """Holds the service. A request takes the service once, at its beginning, and keeps it to its end.

    - `service` is None while no model is loaded; `reason` then says why.
    - `after_load` is called in a thread after a new service is in place.
    """

    def __init__(self, source: Source, log: PredictionLog):
        self.source = source
        self.log = log
        self.service: Service | None = None
        self.reason = "The model is being loaded."
        self.loaded: datetime | None = None
        self.started = datetime.now(UTC)
        self.after_load: Callable[[], None] = lambda: None
        self._reloading: asyncio.Task[dict[str, object]] | None = None

    def now(self) -> Service:
        """The service. Raises the problem 503 where none is loaded."""
        if self.service is None:
            raise Problem(503, self.reason, headers={"Retry-After": "5"})
        return self.service

    async def reload(self) -> dict[str, object]:
        """Loads the champion while the present model answers, replaces it, and returns the outcome.

        A call during another reload waits for that one and returns its outcome. The present model stays where the
        champion cannot be loaded. Raises whatever stops the loading, and the problem 503 where there is no champion.
        """
        if self._reloading is None or self._reloading.done():
            self._reloading = asyncio.create_task(self._reload())
        return await asyncio.shield(self._reloading)

    async def first_load(self) -> None:
        """Loads the champion when the server starts; a failure is logged, and /ready reports it."""
        try:
            await self.reload()
        except (Problem, ForesellError) as error:
            LOG.warning("no model is loaded: %s", self.reason if self.service is None else error)
        except Exception:
            LOG.exception("no model is loaded: a fault of foresell")

    async def _reload(self) -> dict[str, object]:
        before, begun = self.service, monotonic()
        before_version = before.version if before else None
        try:
            service = await asyncio.to_thread(self._newest, before)
        except Exception as error:
            if before is None:
                self.reason = (
                    str(error)
                    if isinstance(error, ForesellError)
                    else "The model cannot be loaded: see the server's log."
                )
            raise
        if service is None:
            self.reason = NO_CHAMPION
            raise Problem(503, NO_CHAMPION if before is None else f"{NO_CHAMPION} The model that is loaded stays.")
        changed = service is not before
        if changed:
            self.service, self.loaded = service, datetime.now(UTC)
            LOG.info("serving version %s of %s", service.version, service.manifest.name)
            before = None  # so that it is freed after its last request
            await asyncio.to_thread(self.after_load)
        return {
            "changed": changed,
            "before": before_version,
            "version": service.version,
            "seconds": round(monotonic() - begun, 3),
        }

    def _newest(self, loaded: Service | None) -> Service | None:
        """The service of the champion; the loaded one where that is the champion."""
        version = self.source.newest()
        if version is None or (loaded is not None and loaded.version == version):
            return loaded if version is not None else None
        return self.source.load(version)

    def ages(self) -> dict[str, float]:
        """Seconds since the training of the model (`model`) and since the end of its last day of sales (`data`)."""
        if self.service is None:
            return {}
        now, manifest = datetime.now(UTC), self.service.manifest
        trained = manifest.trained if manifest.trained.tzinfo else manifest.trained.replace(tzinfo=UTC)
        cutoff = manifest.cutoff
        hour = time(cutoff.hour, 59, 59) if isinstance(cutoff, datetime) else time.max
        ended = datetime.combine(cutoff, hour, UTC)
        return {"model": (now - trained).total_seconds(), "data": (now - ended).total_seconds()}
