"""The state that the endpoints share: the model, its threads, the prediction log and the counts of predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from foresell.apps.api.current_model import CurrentModel
from foresell.apps.api.metrics import Metrics
from foresell.apps.api.micro_batching import MicroBatcher

if TYPE_CHECKING:
    from foresell.serving.service import Service


def _threads(name: str, count: int) -> Callable[[], ThreadPoolExecutor]:
    return lambda: ThreadPoolExecutor(count, thread_name_prefix=name)


@dataclass(frozen=True)
class SharedState:
    """The model, the metrics, and one pool of threads for each kind of request, so that none waits for a longer one.

    `single` has one thread for single predictions, which `batcher` groups; `batches` has one for the chunks of
    uploads; `others` has two for forecasts and explanations; `plans` has one for the plans of the `project` in
    that folder, None where only a model is served.
    """

    model: CurrentModel
    metrics: Metrics
    project: Path | None = None
    single: ThreadPoolExecutor = field(default_factory=_threads("single", 1))
    batches: ThreadPoolExecutor = field(default_factory=_threads("batch", 1))
    others: ThreadPoolExecutor = field(default_factory=_threads("other", 2))
    plans: ThreadPoolExecutor = field(default_factory=_threads("plan", 1))
    batcher: MicroBatcher = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "batcher", MicroBatcher(self.single))

    def close(self) -> None:
        """Waits for the threads to end, then flushes and closes the log."""
        for pool in (self.single, self.batches, self.others, self.plans):
            pool.shutdown(wait=True, cancel_futures=True)
        self.model.log.close()

    def log_prediction(
        self, endpoint: str, service: Service, request_id: str, seconds: float, inputs: Mapping[str, Any],
        outputs: Mapping[str, Any],
    ) -> None:  # fmt: skip
        """Counts and logs a single prediction."""
        self.metrics.predictions(endpoint, 1, 0)
        self.model.log.write(
            {"id": request_id, **_common(endpoint, service, seconds), "inputs": inputs, "outputs": outputs}
        )

    def log_chunk(
        self, endpoint: str, service: Service, request_id: str, seconds: float, inputs: pl.DataFrame,
        outputs: pl.DataFrame, lines: Sequence[int],
    ) -> None:  # fmt: skip
        """Counts the predictions of a chunk of an upload, and logs one record for each row without an error."""
        answered = outputs["error"].is_null()
        count = int(answered.sum())
        self.metrics.predictions(endpoint, count, outputs.height - count)
        ids = pl.concat_str(pl.lit(f"{request_id}/"), pl.Series("id", lines).cast(pl.String))
        rows = pl.select(id=ids, inputs=inputs.to_struct(), outputs=outputs.drop("error").to_struct())
        self.model.log.write_frame(_common(endpoint, service, seconds), rows.filter(answered))


def _common(endpoint: str, service: Service, seconds: float) -> dict[str, Any]:
    return {
        "time": datetime.now(UTC),
        "endpoint": endpoint,
        "model": service.manifest.name,
        "version": service.version,
        "latency_ms": round(1000 * seconds, 3),
    }
