from __future__ import annotations

import numpy as np

from foresell.models.upper_levels.parents import levels_of, parents
from foresell.models.upper_levels.totals import panel_of_sums


def test_a_parent_is_the_finest_coarser_group_that_holds_it(make_panel):
    sums = panel_of_sums(make_panel(), ((), ("shop",), ("category",), ("shop", "category")))
    assert [len(rows) for rows in levels_of(sums)] == [1, 2, 2, 4]
    parent = parents(sums)
    assert parent[0] == -1
    assert parent[1:5].tolist() == [0, 0, 0, 0]
    for row in range(5, 9):
        holder = sums.series.row(int(parent[row]), named=True)
        assert holder["level"] in ("shop", "category")
        assert holder[holder["level"]] == sums.series.row(row, named=True)[holder["level"]]


def test_levels_without_a_total_are_roots(make_panel):
    sums = panel_of_sums(make_panel(), (("shop",), ("category",)))
    assert parents(sums).tolist() == [-1] * 4


def test_some_sums_keep_the_parents_that_are_there(make_panel):
    sums = panel_of_sums(make_panel(), ((), ("shop",), ("shop", "category")))
    assert parents(sums.part(np.array([1, 3, 4]))).tolist() == [-1, 0, 0]
