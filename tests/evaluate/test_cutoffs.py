from __future__ import annotations

import pytest

from foresell.core.errors import UsageError
from foresell.evaluate.cutoffs import cutoffs


def test_the_last_window_ends_with_the_history(make_panel):
    assert cutoffs(make_panel(100), horizon=7, windows=3) == [78, 85, 92]
    assert cutoffs(make_panel(100), horizon=7, windows=2, every=30) == [62, 92]
    assert cutoffs(make_panel(14), horizon=7, windows=1) == [6]


def test_too_short_a_history_says_what_would_fit(make_panel):
    with pytest.raises(UsageError, match=r"takes 112\. Ask for 2 'windows'"):
        cutoffs(make_panel(111), horizon=28, windows=3)
    assert len(cutoffs(make_panel(112), horizon=28, windows=3)) == 3
    assert len(cutoffs(make_panel(111), horizon=28, windows=2)) == 2
    with pytest.raises(UsageError, match="shorter 'horizon', or bring a longer history"):
        cutoffs(make_panel(20), horizon=28, windows=1)


@pytest.mark.parametrize("wrong", [{"horizon": 0}, {"windows": 0}, {"every": 0}])
def test_nothing_below_one(make_panel, wrong):
    with pytest.raises(UsageError, match="expected at least 1"):
        cutoffs(make_panel(100), **{"horizon": 7, "windows": 2, **wrong})
