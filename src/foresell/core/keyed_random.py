"""Random numbers by key: a draw for a series depends on its key and a few counters only.

A sequential generator draws other numbers for the rows of a table once a row is added, left out or moved. Here a
number is a hash of everything that it may depend on (a counter-based generator: Salmon et al., "Parallel random
numbers: as easy as 1, 2, 3", SC 2011). So it is the same for every block that the series is in, on every machine and in
every version.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import polars as pl

_FNV_OFFSET, _FNV_PRIME = np.uint64(0xCBF29CE484222325), np.uint64(0x100000001B3)
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_BETWEEN, _NULL = "\x1f", "\x1e"  # between two values of a key, and for a null


def key_hashes(table: pl.DataFrame, keys: Sequence[str] | None = None) -> np.ndarray:
    """A 64-bit hash of each row's values of `keys`, all columns where not given, written as text: uint64 [row].

    FNV-1a over the UTF-8 bytes (draft-eastlake-fnv), mixed once more so that all bits are random.

    >>> key_hashes(pl.DataFrame({"shop": ["a", "b", "a"], "size": [1, 1, 1]}), ["shop", "size"]).tolist()
    [11772392365670595657, 16155989008662208219, 11772392365670595657]
    """
    return mix(fnv1a(_texts(table, table.columns if keys is None else keys)))


def _texts(table: pl.DataFrame, keys: Sequence[str]) -> list[bytes]:
    """The values of the keys as one text for each row."""
    columns = [pl.col(key).cast(pl.String).fill_null(_NULL) for key in keys]
    if not columns:
        return [b""] * table.height
    return [text.encode() for text in table.select(pl.concat_str(columns, separator=_BETWEEN)).to_series()]


def fnv1a(texts: Sequence[bytes]) -> np.ndarray:
    """The 64-bit FNV-1a hash of each text: uint64 [text].

    >>> [hex(value) for value in fnv1a([b"", b"a", b"foobar"])]
    ['0xcbf29ce484222325', '0xaf63dc4c8601ec8c', '0x85944171f73967e8']
    """
    lengths = np.array([len(text) for text in texts], np.int64)
    width = max(int(lengths.max(initial=0)), 1)
    letters = np.array(texts, f"S{width}").view(np.uint8).reshape(len(texts), width)
    hashes = np.full(len(texts), _FNV_OFFSET)
    for place in range(width):
        hashes = np.where(place < lengths, (hashes ^ letters[:, place]) * _FNV_PRIME, hashes)
    return hashes


def random_bits(seed: int, hashes: np.ndarray, *counters: np.ndarray | int) -> np.ndarray:
    """64 random bits for a seed, keys and counters that broadcast against each other: uint64 of their shape."""
    bits = hashes ^ mix(np.array(seed, np.uint64))
    for counter in counters:
        bits = mix(bits + np.asarray(counter).astype(np.uint64) * _GOLDEN)
    return bits


def uniform(seed: int, hashes: np.ndarray, *counters: np.ndarray | int) -> np.ndarray:
    """Random numbers from 0 (inclusive) to 1 for a seed, keys and counters: float64 of their shape.

    >>> uniform(1, np.array([5, 6], np.uint64), 7).round(4).tolist()
    [0.8038, 0.4437]
    """
    return (random_bits(seed, hashes, *counters) >> np.uint64(11)) * 2.0**-53


def share_of(bits: np.ndarray, share: float) -> np.ndarray:
    """Which of these random bits fall into a `share` (0 to 1) of all: bool of their shape.

    >>> share_of(np.array([0, 2**63, 2**64 - 1], np.uint64), 0.5).tolist()
    [True, False, False]
    """
    return np.ones(bits.shape, bool) if share >= 1 else bits < np.uint64(share * 2.0**64)


def mix(bits: np.ndarray) -> np.ndarray:
    """The finaliser of SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014."""
    with np.errstate(over="ignore"):
        bits = bits + _GOLDEN
        bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
        bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
        return bits ^ (bits >> np.uint64(31))


def normals(seed: int, hashes: np.ndarray, n_paths: int, n_steps: int) -> np.ndarray:
    """Standard normal numbers for a seed and keys: float32 [key, path, step]. More paths or steps change no other.

    Each 64 random bits give four numbers, of 16 bits each: a number is one of 65,536 equally likely quantiles of the
    normal distribution, the outermost of which are 4.3.

    >>> normals(1, np.array([5], np.uint64), 2, 3).astype(float).round(3).tolist()
    [[[-1.865, 1.028, -0.072], [-0.803, -0.218, -0.208]]]
    """
    fours = np.arange(-(-n_steps // 4))
    bits = random_bits(seed, hashes[:, None, None], np.arange(n_paths)[:, None], fours)
    places = bits.astype("<u8", copy=False).view("<u2").reshape(len(hashes), n_paths, -1)[:, :, :n_steps]
    return _normal_quantiles()[places]


@cache
def _normal_quantiles() -> np.ndarray:
    """The quantiles of 65,536 equally likely classes of the normal distribution, at the middle of each: float32."""
    from scipy.special import ndtri

    return ndtri((np.arange(1 << 16) + 0.5) / (1 << 16)).astype(np.float32)
