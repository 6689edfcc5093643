"""Every view: its query is checked, and it can be printed as JSON."""

from __future__ import annotations

import json

import pytest

from foresell.core.errors import UsageError
from foresell.pipeline.project import Project
from foresell.pipeline.views import VIEWS, plain, show


@pytest.mark.parametrize("name", sorted(VIEWS))
def test_a_view_is_plain_data(done_shop, name) -> None:
    text = json.dumps(plain(show(Project(done_shop), name)), allow_nan=False)
    assert len(text) > 20


def test_freshness_of_a_project_without_results(shop) -> None:
    shown = show(Project(shop), "freshness")
    assert (shown.name, shown.sales_until, shown.forecast_made, shown.plans_made) == ("shop", None, None, {})


def test_a_wrong_question_says_what_may_be_asked(done_shop) -> None:
    project = Project(done_shop)
    with pytest.raises(UsageError, match="the views are freshness"):
        show(project, "nothing")
    with pytest.raises(UsageError, match="cannot be asked for day"):
        show(project, "trust", day="2024-01-01")


def test_every_view_says_what_it_shows() -> None:
    assert all(view.about for view in VIEWS.values())
