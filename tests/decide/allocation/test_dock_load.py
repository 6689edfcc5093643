"""The load of centres against a count by hand of one path."""

from __future__ import annotations

import numpy as np

from foresell.decide.allocation.dock_load import DockLoad, dock_load


def by_hand(demand: np.ndarray, allocated: float, short: float, pack: float, review: int) -> list[float]:
    """The loads of one series on one path."""
    loads, sent, need = [allocated], allocated, short
    for step in range(1, len(demand)):
        need += demand[step - 1]
        load = 0.0
        if step % review == 0:
            while sent + load < need - 1e-9:
                load += pack
        sent += load
        loads.append(load)
    return loads


def test_the_load_is_what_stores_order_to_replace_their_sales() -> None:
    rng = np.random.default_rng(2)
    n = 30
    paths = rng.poisson(3, (40, n, 6)).astype(np.float32)
    pack = rng.integers(1, 5, n).astype(float)
    review = rng.integers(1, 4, n)
    allocated = rng.integers(0, 4, n) * pack
    short = np.round(rng.uniform(-8, 8, n))
    centre = rng.integers(-1, 3, n)
    load = dock_load(paths, centre, 3, allocated=allocated, short=short, pack=pack, review_periods=review)
    expected = np.zeros((40, 3, 6))
    for path in range(40):
        for row in np.flatnonzero(centre >= 0):
            # Today's allocation is in whole packs, so that what follows fills up to whole packs too.
            expected[path, centre[row]] += by_hand(
                paths[path, row], allocated[row], short[row], pack[row], int(review[row])
            )
    np.testing.assert_allclose(load.paths, expected)
    parts = [
        dock_load(
            paths[:, rows], centre[rows], 3,
            allocated=allocated[rows], short=short[rows], pack=pack[rows], review_periods=review[rows],
        )
        for rows in (slice(0, 11), slice(11, n))
    ]  # fmt: skip
    np.testing.assert_allclose(DockLoad.joined(parts).paths, expected)


def test_the_probability_of_overload_is_the_share_of_paths() -> None:
    load = DockLoad(np.array([[[5.0, 8.0]], [[5.0, 12.0]], [[5.0, 20.0]], [[5.0, 10.0]]]))
    assert load.overload(np.array([10.0])).tolist() == [[0.0, 0.5]]
    assert load.mean().tolist() == [[5.0, 12.5]]
    assert np.isnan(load.overload(np.array([np.nan]))).all()
