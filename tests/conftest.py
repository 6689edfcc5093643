"""Fixtures that several rooms' tests share; they stand in `tests/fixtures`, one subject a file."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # before a library with threads is loaded
if "PYTEST_XDIST_WORKER" in os.environ:
    # Each worker has a core to itself. Threads of OpenMP beyond it would wait for one another in busy loops.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    os.environ.setdefault("POLARS_MAX_THREADS", "1")

collect_ignore = ["fixtures"]  # as the search for doctests would import all that `fixtures.preloaded` does

# How long an example takes says more about what else the machine does than about the code.
settings.register_profile(
    "foresell",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("foresell")

pytest_plugins = [
    "fixtures.certificate",
    "fixtures.mail_receiver",
    "fixtures.object_store",
    "fixtures.panels",
    "fixtures.plans",
    "fixtures.projects",
    "fixtures.shared_folders",
    "fixtures.warm_process",
    "fixtures.web_receiver",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests go first, so that at the end no worker waits for another's long one."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def pytest_collection_finish() -> None:
    """The tests and what they import stay to the end; the garbage collector need not look at them again and again."""
    gc.collect()
    gc.freeze()
