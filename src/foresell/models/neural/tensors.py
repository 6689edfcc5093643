"""Weights in a file of the format safetensors: names, shapes and plain numbers, which runs nothing when it is read.

The format is a length, a header in JSON, and the bytes of all arrays (https://huggingface.co/docs/safetensors). These
few lines read and write it, so that forecasts need no package for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

KIND = "F32"


def write_tensors(tensors: Mapping[str, np.ndarray], path: Path) -> None:
    """Writes arrays of float32 by name."""
    header: dict[str, object] = {}
    begin = 0
    for name, values in tensors.items():
        header[name] = {"dtype": KIND, "shape": list(values.shape), "data_offsets": [begin, begin + values.nbytes]}
        begin += values.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    data = [np.ascontiguousarray(values, "<f4").tobytes() for values in tensors.values()]
    path.write_bytes(b"".join([len(text).to_bytes(8, "little"), text, *data]))


def read_tensors(path: Path) -> dict[str, np.ndarray]:
    """The arrays of float32 by name. Raises OSError, or ValueError for a file that is damaged or has other numbers."""
    content = path.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    tensors = {}
    for name, each in header.items():
        if name == "__metadata__":
            continue
        begin, end = each["data_offsets"]
        if each["dtype"] != KIND or end > len(data):
            raise ValueError(f"{path.name} does not hold whole arrays of float32")
        tensors[name] = np.frombuffer(data[begin:end], "<f4").reshape(each["shape"])
    return tensors
