"""Sums of paths over days and groups, and their quantiles."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from foresell.adjust.paths.sums import path_sums, quantiles_of_sums
from foresell.core.hierarchy import Hierarchy


def test_groups_and_spans_are_sums_of_the_paths():
    random = np.random.default_rng(0)
    series = pl.DataFrame({"item": range(9), "shop": list("abacabaca")})
    paths = random.poisson(3, (5, 9, 6)).astype(np.float32)  # [path, series, step]
    hierarchy = Hierarchy.of(("item",), (("shop",),))
    levels = hierarchy.all_groups(series)
    blocks = [(start, paths[:, start : start + 4].transpose(1, 0, 2)) for start in (0, 4, 8)]
    spans = [slice(0, 2), slice(1, 6)]
    known = random.random((9, 6)) < 0.7
    sums = path_sums(blocks, levels, spans, (5, 6), known)
    for groups, of_level in zip(levels, sums, strict=True):
        assert of_level.shape == (len(groups), 2, 5)
        for number, span in enumerate(spans):
            for path in range(5):
                expected = groups.sum((paths[path] * known)[:, span]).sum(axis=1)
                assert of_level[:, number, path].tolist() == expected.tolist()


def test_quantiles_of_whole_sums_spread_equal_ones_over_their_unit():
    """Of 99 paths 33 sold 0, 33 sold 1 and 33 sold 2: a third of the unit from -1/2 is a third of a third."""
    sums = np.repeat([0.0, 1.0, 2.0], 33)[np.random.default_rng(0).permutation(99)]
    low, middle, high = quantiles_of_sums(sums[None], (0.11, 0.5, 0.89), whole=True)[:, 0]
    assert low == pytest.approx(-0.5 + 1 / 3, abs=0.2)
    assert middle == pytest.approx(1, abs=0.2)
    assert high == pytest.approx(2.5 - 1 / 3, abs=0.2)


def test_sums_that_are_always_0_have_quantiles_that_are_rounded_to_0():
    quantiles = quantiles_of_sums(np.zeros((1, 50)), (0.05, 0.5, 0.95), whole=True)
    assert quantiles[1].item() == pytest.approx(0, abs=0.02)
    assert (np.abs(quantiles) < 0.5).all()


def test_weights_are_no_whole_numbers():
    sums = np.arange(1, 100) / 10.0
    assert quantiles_of_sums(sums[None], (0.25, 0.5), whole=False)[:, 0].tolist() == pytest.approx([2.5, 5.0])
