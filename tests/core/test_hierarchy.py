import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foresell.core.errors import UsageError
from foresell.core.hierarchy import Hierarchy, level_name

SERIES = pl.DataFrame({"item": ["x", "y", "x", "z"], "store": ["a", "a", "b", "b"], "kind": ["f", "g", "f", "f"]})
KEYS = ("item", "store")


def test_the_total_comes_first_and_the_single_series_last():
    hierarchy = Hierarchy.of(KEYS, (("store",), ("store", "item"), (), ("kind",), ("store",)))
    assert hierarchy.levels == ((), ("store",), ("kind",), KEYS)
    assert [level_name(level) for level in hierarchy.levels] == ["total", "store", "kind", "item x store"]


def test_groups_are_numbered_as_they_appear():
    groups = Hierarchy.of(KEYS).groups(SERIES, ("kind",))
    assert groups.frame.rows() == [("f",), ("g",)]
    assert groups.rows.tolist() == [0, 1, 0, 0]
    np.testing.assert_array_equal(groups.sum(np.array([1, 2, 3, 4])), [8, 2])


def test_a_missing_attribute_is_a_group_of_its_own():
    series = SERIES.with_columns(kind=pl.Series(["f", None, "f", None]))
    groups = Hierarchy.of(KEYS).groups(series, ("kind",))
    assert groups.rows.tolist() == [0, 1, 0, 1]


def test_a_level_of_an_unknown_column_is_refused():
    with pytest.raises(UsageError, match="needs the column region"):
        Hierarchy.of(KEYS).groups(SERIES, ("region",))


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("pqr")), min_size=1, unique=True))
def test_sums_agree_with_plain_loops(pairs):
    series = pl.DataFrame(pairs, schema=["item", "store"], orient="row")
    values = np.arange(series.height * 2.0).reshape(-1, 2) + 1
    for groups in Hierarchy.of(KEYS, (("store",), ("item",))).all_groups(series):
        labels = [tuple(row[column] for column in groups.level) for row in series.to_dicts()]
        expected = [
            sum(row for row, label in zip(values, labels, strict=True) if label == group)
            for group in dict.fromkeys(labels)
        ]
        np.testing.assert_allclose(groups.sum(values), expected)
