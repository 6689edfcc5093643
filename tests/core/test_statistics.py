import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.statistics import Statistics


def test_a_series_of_no_group_comes_after_the_last(make_panel):
    shops = Statistics.of(make_panel(), [("shop",)]).levels["shop",]
    assert len(shops) == 2
    others = pl.DataFrame({"shop": ["south", "west", None, "north"]})
    assert shops.rows(others).tolist() == [1, 2, 2, 0]


def test_the_total_is_one_group_of_all(make_panel):
    panel = make_panel()
    total = Statistics.of(panel, [()]).levels[()]
    assert total.n_series.tolist() == [8]
    assert total.rows(panel.series).tolist() == [0] * 8


def test_only_what_is_asked_for_is_summed(make_panel):
    statistics = Statistics.of(make_panel(), [()], units_of=[("shop",)])
    assert statistics.levels[()].units is None
    assert statistics.levels["shop",].units.total.shape == (2, 150)
    assert statistics.levels["shop",].known == {}


def test_a_level_needs_its_columns(make_panel):
    with pytest.raises(UsageError, match="needs the column region"):
        Statistics.of(make_panel(), [("region",)])
