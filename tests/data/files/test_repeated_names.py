"""Names of columns that come again."""

from __future__ import annotations

import pytest

from foresell.core.errors import UnreadableFile
from foresell.data.files.repeated_names import distinct_names, require_distinct


def test_series_with_one_name_are_refused():
    names = distinct_names(["Tea", "Milk", "Tea", "Tea", "Milk"])
    with pytest.raises(UnreadableFile, match=r"2 names that several columns have: Tea, Milk\. .*'S1 Tea'"):
        require_distinct(names, "sales.csv")


def test_a_name_that_only_ends_so_is_another_name():
    require_distinct(["Tea", "Milk_duplicated_0"], "sales.csv")
