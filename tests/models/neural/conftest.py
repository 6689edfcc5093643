from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def torch():
    """torch, which is imported by the tests that need it only; they are skipped without it."""
    return pytest.importorskip("torch")
