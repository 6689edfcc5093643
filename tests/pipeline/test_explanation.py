"""Why this forecast, and what if, asked of a project with a model that looks at prices and promotions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.pipeline.explanation import explain, what_if
from foresell.pipeline.project import Project
from foresell.store.panels import digest


@pytest.fixture(scope="module")
def trained(trained_shop: Path) -> Project:
    return Project(trained_shop)


@pytest.fixture(scope="module")
def one(trained: Project) -> dict[str, str]:
    """A series that was promoted often."""
    panel = trained.panel
    often = np.nan_to_num(panel.known["promotion"].on(slice(0, panel.n_days))).sum(axis=1)
    return dict(zip(panel.keys, panel.series.select(panel.keys).row(int(often.argmax())), strict=True))


def test_the_reasons_add_up_to_the_forecast_that_was_delivered(trained: Project, one) -> None:
    explanation = explain(trained, one)
    kept = trained.forecasts.filter(pl.col("level") == " x ".join(trained.panel.keys))
    kept = kept.filter(pl.col(key) == value for key, value in one.items()).sort("date")
    assert explanation.days["date"].to_list() == kept["date"].to_list()
    np.testing.assert_allclose(explanation.days["forecast"], kept["mean"], rtol=1e-4, atol=1e-4)
    codes = [reason.code for reason in explanation.reasons]
    np.testing.assert_allclose(explanation.days.select(codes).sum_horizontal(), explanation.days["forecast"], atol=1e-6)
    assert sum(reason.shown for reason in explanation.reasons) == pytest.approx(explanation.shown)
    assert {"level", "weekday", "price", "promotion"} <= set(codes)


def test_what_is_trained_is_explained_beside_another_run_and_without_writing(trained: Project, one) -> None:
    with Project(trained.folder).locked():
        assert explain(trained, one).units > 0


def test_days_and_groups_of_series(trained: Project) -> None:
    ahead = trained.panel.ahead(trained.settings.horizon)
    store = trained.panel.series["store"][0]
    whole = explain(trained, {"store": store})
    some = explain(trained, {"store": store}, ahead[2], str(ahead[3]))
    assert some.days["date"].to_list() == ahead[2:4].astype(object).tolist()
    assert some.units == pytest.approx(whole.days["forecast"][2:4].sum())
    kept = trained.forecasts.filter(level="store", store=store)["mean"].sum()
    assert whole.units == pytest.approx(kept, rel=1e-4)
    assert whole.count == trained.panel.series.filter(store=store).height


def test_a_promotion_moves_the_forecast_of_its_days_and_changes_no_result(trained: Project, one) -> None:
    ahead = trained.panel.ahead(trained.settings.horizon)
    before = (digest(trained.panel), trained.forecasts)
    scenario = what_if(trained, one, {"promotion": "on", "price": "-20%"}, ahead[1], ahead[4])
    assert scenario.after[1:5].sum() > scenario.before[1:5].sum()
    assert scenario.before.sum() == pytest.approx(explain(trained, one).units, rel=1e-4)
    assert [str(change) for change in scenario.changes] == ["promotion 1", "price -20 %"]
    assert (digest(trained.panel), trained.forecasts.equals(before[1])) == (before[0], True)
    assert f"{scenario.series} is forecast to sell" in scenario.sentences()[0]
    content = scenario.to_dict()
    assert sum(day["after"] for day in content["days"]) == pytest.approx(content["after"])


def test_what_changes_nothing_is_said(trained: Project, one) -> None:
    scenario = what_if(trained, one, {"price": "+0%"})
    assert np.array_equal(scenario.before, scenario.after)
    assert scenario.others == 0
    assert len(scenario.sentences()) == 1
    assert "stays as it is" in scenario.sentences()[0]


def test_a_model_that_only_repeats_the_past_has_one_reason(done_shop: Path) -> None:
    project = Project(done_shop)
    explanation = explain(project, {})
    assert [reason.code for reason in explanation.reasons] == ["level"]
    total = project.forecasts.filter(level="total")["mean"].sum()
    assert explanation.units == pytest.approx(total, rel=1e-5)
    assert "has not learnt that price matters" in what_if(project, {}, {"price": "-50%"}).sentences()[0]


def test_what_cannot_be_answered(trained: Project, one) -> None:
    panel = trained.panel
    with pytest.raises(UsageError, match=r"The forecast is for the 7 days from .*not for 2020-01-01 to"):
        explain(trained, one, "2020-01-01")
    with pytest.raises(UsageError, match="The forecast is for the 7 days"):
        what_if(trained, one, {"price": 1}, panel.ahead(8)[7], panel.ahead(8)[7])
    with pytest.raises(UsageError, match="no covariate 'weather'"):
        what_if(trained, one, {"weather": 1})
    with pytest.raises(UsageError, match="There is no change"):
        what_if(trained, one, {})
    with pytest.raises(UsageError, match="No series has 'store'"):
        explain(trained, {"store": "nowhere"})
