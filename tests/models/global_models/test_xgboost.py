"""What is XGBoost's own, beside what `tests/contracts` and `tests/models/pooled` ask."""

import sys
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.models import load, options
from foresell.models.global_models.xgboost import XGBoost

HORIZON = 14


@pytest.mark.parametrize("loss", ["tweedie", "poisson", "squared"])
def test_it_finds_the_week_and_the_promotion_at_every_size(make_shop, loss):
    pytest.importorskip("xgboost")
    panel, truth = make_shop(n_days=400)
    mean = XGBoost(trees=50, share=0.3, leaves=16, loss=loss).fit(panel, HORIZON).forecast(panel).mean
    assert np.abs(mean / truth - 1).mean() < 0.12
    assert abs(mean.sum() / truth.sum() - 1) < 0.03


def test_events_are_names_and_a_new_one_is_no_stumbling_block(make_shop, tmp_path):
    pytest.importorskip("xgboost")
    panel, _ = make_shop()
    dates = panel.dates[10:800:30]
    events = pl.DataFrame({"date": dates, "event": ["fair", "feast"] * (len(dates) // 2) + ["fair"] * (len(dates) % 2)})
    panel = replace(panel, events=events, units=np.where(np.isin(panel.dates[:800], dates), 3, 1) * panel.units)
    fitted = XGBoost(trees=20, share=0.3, leaves=16).fit(panel, HORIZON)
    assert "event" in fitted.drivers()["feature"][:6]
    fitted.save(tmp_path)
    back = load(tmp_path)
    np.testing.assert_array_equal(back.forecast(panel).mean, fitted.forecast(panel).mean)
    np.testing.assert_allclose(back.explain(panel).mean, fitted.forecast(panel).mean, rtol=1e-4)
    new = pl.DataFrame({"date": panel.dates[[802]], "event": ["opening"]})
    other = replace(panel, events=pl.concat([events, new]))
    assert np.isfinite(back.forecast(other).mean).all()


def test_min_rows_are_rows_whatever_the_units(make_shop):
    pytest.importorskip("xgboost")
    panel, _ = make_shop(n_days=400)
    leaves = []
    for times in (1, 1000):
        fitted = XGBoost(trees=5, share=0.3, loss="squared", min_rows=200).fit(
            replace(panel, units=panel.units * np.float32(times)), HORIZON
        )
        leaves.append(sum("leaf" in line for tree in fitted.boosters[0, 0].booster.get_dump() for line in tree.split()))
    assert leaves[0] > 10
    assert abs(leaves[1] / leaves[0] - 1) < 0.1


def test_it_is_listed_where_its_library_is_not_installed(make_shop, monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    assert {"trees", "by", "learning_rate"} <= set(options("xgboost"))
    with pytest.raises(UsageError, match=r"The package 'xgboost' is not installed"):
        XGBoost(trees=5).fit(make_shop(n_days=300)[0], HORIZON)
