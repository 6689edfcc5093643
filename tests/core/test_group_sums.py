import numpy as np

from foresell.core.group_sums import GroupSums


def test_sums_are_those_of_a_slow_loop(monkeypatch):
    monkeypatch.setattr("foresell.core.group_sums._BLOCK", 3)
    random = np.random.default_rng(1)
    values = np.where(random.random((10, 4)) < 0.4, np.nan, random.random((10, 4))).astype(np.float32)
    rows = random.integers(0, 3, 10)
    sums = GroupSums.of(values, rows, 4)
    for group in range(4):
        for day in range(4):
            known = [float(value) for value in values[rows == group, day] if not np.isnan(value)]
            assert sums.count[group, day] == len(known)
            np.testing.assert_allclose(sums.total[group, day], sum(known))
            np.testing.assert_allclose(sums.mean()[group, day], np.mean(known) if known else np.nan, rtol=1e-6)


def test_sums_of_disjoint_series_add_up():
    values = np.arange(12, dtype=np.float32).reshape(6, 2)
    whole = GroupSums.of(values, np.array([0, 0, 1, 1, 2, 2]), 3)
    first = GroupSums.of(values[:4], np.array([0, 0, 1, 1]), 2)
    rest = GroupSums.of(values[4:], np.array([0, 0]), 1)
    both = first.add(rest, np.array([2]), 3)
    np.testing.assert_array_equal(both.total, whole.total)
    np.testing.assert_array_equal(both.count, whole.count)
