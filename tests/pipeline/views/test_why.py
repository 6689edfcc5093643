"""The reasons of a forecast, and what-ifs, read from finished results."""

from __future__ import annotations

import pytest

from foresell.core.errors import UsageError
from foresell.pipeline.explanation import explain, what_if
from foresell.pipeline.project import Project
from foresell.pipeline.views import explanation, show


@pytest.fixture
def project(done_shop) -> Project:
    return Project(done_shop)


def test_the_reasons_are_those_of_explain(project) -> None:
    item = project.panel.series["item"][0]
    shown = show(project, "why", where=f"store=S001&item={item}")
    expected = explain(project, {"store": "S001", "item": item})
    assert shown.sentences == expected.sentences()
    assert shown.reasons["units"].sum() == pytest.approx(shown.units)
    one = show(project, "why", where=f"store=S001&item={item}", first=str(shown.ends), last=str(shown.ends))
    assert (one.first, one.last, one.days.height) == (shown.ends, shown.ends, 1)


def test_too_many_series_are_refused(project, monkeypatch) -> None:
    monkeypatch.setattr(explanation, "MOST_EXPLAINED", 3)
    with pytest.raises(UsageError, match="at most 3"):
        show(project, "why")


def test_a_what_if_is_that_of_the_verb(project) -> None:
    empty = show(project, "what_if", where="store=S001")
    assert "price" in empty.covariates
    assert empty.days.is_empty()
    shown = show(project, "what_if", where="store=S001", changes="price=-10%25")
    expected = what_if(project, {"store": "S001"}, {"price": "-10%"})
    assert (shown.before, shown.after) == (float(expected.before.sum()), float(expected.after.sum()))
    assert shown.sentences == expected.sentences()


def test_a_plan_is_compared_with_the_one_that_was_made(project) -> None:
    with pytest.raises(UsageError, match="foresell plan orders"):
        show(project, "plan_what_if", lead_days=3)
    assert "Nothing is changed" in show(project, "plan_what_if").sentences[0]
