"""Answers as JSON, and the threads in which they are made."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, TypeVar

import msgspec
import numpy as np
from starlette.responses import Response

T = TypeVar("T")


def encoded(content: object) -> Response:
    """The content as JSON; NaN becomes null, and a number of NumPy one of Python."""
    return Response(msgspec.json.encode(content, enc_hook=_python_number), media_type="application/json")


def _python_number(value: Any) -> Any:
    if isinstance(value, np.generic):
        return value.item()
    raise NotImplementedError(f"{type(value).__name__} has no form in JSON")


async def run_in(pool: Executor, function: Callable[[], T]) -> T:
    """What the function returns, from a thread of the pool."""
    return await asyncio.get_running_loop().run_in_executor(pool, function)
