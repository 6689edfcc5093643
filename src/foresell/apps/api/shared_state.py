"""What the endpoints share: the model, the threads that ask it, the log and the counts of predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from foresell.apps.api.current_model import Served
from foresell.apps.api.metrics import Metrics
from foresell.apps.api.micro_batching import Together

if TYPE_CHECKING:
    from foresell.serving.service import Service


def _threads(name: str, count: int) -> Callable[[], ThreadPoolExecutor]:
    return lambda: ThreadPoolExecutor(count, thread_name_prefix=name)


@dataclass(frozen=True)
class Desk:
    """Three sorts of questions have threads of their own, so that none waits behind a longer one.

    `single` predictions are answered in one thread, those that wait together; `batches` in one, chunk after chunk of
    the uploads that are under way; `others` (forecasts, reasons) in two.
    """

    served: Served
    metrics: Metrics
    single: ThreadPoolExecutor = field(default_factory=_threads("single", 1))
    batches: ThreadPoolExecutor = field(default_factory=_threads("batch", 1))
    others: ThreadPoolExecutor = field(default_factory=_threads("other", 2))
    together: Together = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "together", Together(self.single))

    def close(self) -> None:
        """Ends the threads once what they do is done, then writes the log out."""
        for pool in (self.single, self.batches, self.others):
            pool.shutdown(wait=True, cancel_futures=True)
        self.served.log.close()

    def note(
        self, endpoint: str, service: Service, request_id: str, seconds: float, inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Counts a single prediction and hands it to the log."""
        self.metrics.predictions(endpoint, 1, 0)
        self.served.log.write(
            {"id": request_id, **_common(endpoint, service, seconds), "inputs": inputs, "outputs": outputs}
        )

    def note_rows(
        self, endpoint: str, service: Service, request_id: str, seconds: float, asked: pl.DataFrame,
        found: pl.DataFrame, lines: Sequence[int],
    ) -> None:  # fmt: skip
        """Counts the predictions of a chunk and hands them to the log, one record for each row that was answered."""
        answered = found["error"].is_null()
        count = int(answered.sum())
        self.metrics.predictions(endpoint, count, found.height - count)
        ids = pl.concat_str(pl.lit(f"{request_id}/"), pl.Series("id", lines).cast(pl.String))
        rows = pl.select(id=ids, inputs=asked.to_struct(), outputs=found.drop("error").to_struct())
        self.served.log.write_frame(_common(endpoint, service, seconds), rows.filter(answered))


def _common(endpoint: str, service: Service, seconds: float) -> dict[str, Any]:
    return {
        "time": datetime.now(UTC),
        "endpoint": endpoint,
        "model": service.manifest.name,
        "version": service.version,
        "latency_ms": round(1000 * seconds, 3),
    }
