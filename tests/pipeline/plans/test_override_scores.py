"""Overrides of issued plans beside the sales that came after them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.decide.overrides import Override
from foresell.pipeline.plans import KINDS
from foresell.pipeline.plans.override_log import Added
from foresell.pipeline.plans.override_scores import SCORED, UNSCORED
from foresell.pipeline.project import Project
from foresell.store import appended_lines


@pytest.mark.parametrize("kind", ["orders", "allocation"])
def test_an_override_is_scored_when_its_days_have_passed(done_shop: Path, kind: str) -> None:
    project = Project(done_shop)
    panel = project.panel
    day = panel.cutoff - timedelta(days=10)
    lines = panel.series.select(panel.keys).with_columns(
        date=pl.lit(day), quantity=pl.lit(1e6), override=pl.lit(1e6), on_hand=pl.lit(0.0), on_order=pl.lit(0.0),
        arrives=pl.lit(day + timedelta(days=2)), covered_until=pl.lit(day + timedelta(days=4)), lost_margin=pl.lit(2.0),
        holding_cost=pl.lit(0.0),
    )  # fmt: skip
    late = lines.with_columns(date=pl.lit(panel.cutoff), covered_until=pl.lit(panel.cutoff + timedelta(days=1)))
    project.results.history.keep_plan(lines, kind, day)
    project.results.history.keep_plan(late.head(1), kind, panel.cutoff)
    override = Override("a", kind, {}, "add", 1e6, day, day, "event", "", "Ann", "")
    appended_lines.append(project.overrides.path, [Added(override)])
    scores = project.override_scores()
    first = panel.day_of(day) + 2  # the day of the arrival
    sold = panel.units[:, first : first + 3].sum(axis=1)
    covered = panel.units[:, first - 1 : first + 3].sum(axis=1)
    known = ~np.isnan(covered)
    assert scores.lines["sold"].to_list() == pytest.approx(sold[known].tolist())
    assert scores.lines["money"].to_list() == pytest.approx((2 * sold[known]).tolist())
    assert (scores.waiting, scores.unknown) == (1, int((~known).sum()))
    by_reason = scores.by("reason")
    assert by_reason["reason"].to_list() == ["event"]
    assert by_reason["money"].item() == pytest.approx(2 * sold[known].sum())
    assert scores.by("who")["who"].to_list() == ["Ann"]
    assert scores.lines["plan"].unique().to_list() == [kind]


def test_overrides_that_sales_cannot_score_are_counted_with_the_reason(done_shop: Path) -> None:
    project = Project(done_shop)
    day = project.panel.cutoff
    for kind in ("labour", "labour", "markdown"):
        override = Override(f"{kind}", kind, {}, "add", 1, day, day, "event", "", "Ann", "")
        appended_lines.append(project.overrides.path, [Added(override)])
    assert project.override_scores().unscored == {"labour": 2, "markdown": 1}


def test_every_kind_is_scored_or_says_why_not() -> None:
    assert {*SCORED, *UNSCORED} == set(KINDS)


def test_without_overrides_there_is_nothing_to_score(done_shop: Path) -> None:
    scores = Project(done_shop).override_scores()
    assert (scores.lines.height, scores.waiting, scores.unknown) == (0, 0, 0)
