"""The costs of ledgers, span by span, by hand and from a replay."""

from __future__ import annotations

from dataclasses import astuple
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.decide.replay import Window, replay
from foresell.decide.replayed_costs import compared_policies
from foresell.decide.stock import LostSalesPaths, NormalSafetyStock
from foresell.decide.stock.contract import CostRates, Situation


def ledger(costs: dict[str, list[float]], **more: object) -> pl.DataFrame:
    """One series; the holding costs of each policy by day from 1 January."""
    frames = [
        pl.DataFrame(
            {
                "item": "A",
                "date": [date(2024, 1, 1) + timedelta(days=day) for day in range(len(daily))],
                "policy": policy,
                "holding": daily,
                "lost_sales": 0.5,
                "waste": 0.25,
                "expedite": 0.0,
                "fixed": 1.0,
            }
        )
        for policy, daily in costs.items()
    ]
    return pl.concat(frames).with_columns(**more)


def test_the_costs_of_two_policies_worked_by_hand() -> None:
    compared = compared_policies(ledger({"normal": [3.0, 5.0], "better": [1.0, 2.0]}), 1.0)
    (span,) = compared.spans
    assert astuple(span.before) == (8.0, 1.0, 0.5, 0.0, 2.0)  # what placing orders costs is labour
    assert astuple(span.after) == (3.0, 1.0, 0.5, 0.0, 2.0)
    assert (compared.days, compared.n_series, compared.chosen_on) == (2, 1, 0)
    assert span.yearly_savings.total == pytest.approx(5 * 364 / 2)


def test_spans_are_four_weeks_where_there_are_no_windows() -> None:
    compared = compared_policies(ledger({"normal": [1.0] * 70, "better": [0.0] * 70}), 1.0)
    assert [(span.days, span.before.holding) for span in compared.spans] == [(28, 28.0), (42, 42.0)]
    weekly = compared_policies(ledger({"normal": [1.0] * 8, "better": [0.0] * 8}), 7.0)
    assert [span.days for span in weekly.spans] == [28, 28]


def test_windows_are_spans_in_order_of_time() -> None:
    rows = ledger({"normal": [1.0, 1.0, 9.0], "better": [0.0] * 3})
    named = rows.with_columns(
        window=pl.when(pl.col("date") > date(2024, 1, 2)).then(pl.lit("a")).otherwise(pl.lit("b"))
    )
    compared = compared_policies(named, 7.0)
    assert [(span.days, span.before.holding) for span in compared.spans] == [(14, 2.0), (7, 9.0)]


def test_of_several_policies_the_earlier_half_chooses_and_the_later_judges() -> None:
    early, late = [1.0] * 28, [4.0] * 28
    costs = {"normal": [2.0] * 56, "first": early + late, "second": late + early}
    compared = compared_policies(ledger(costs), 1.0)
    assert (compared.after, compared.chosen_on, len(compared.spans)) == ("first", 1, 1)
    assert compared.spans[0].yearly_savings.total < 0  # the luck of the earlier half does not count
    assert compared.saved_earlier == 28
    worse = compared_policies(ledger({**costs, "normal": [0.5] * 56}), 1.0)
    assert worse.saved_earlier == -14  # nothing cost less than the rule of today, and `roi` says so
    assert compared_policies(ledger(costs), 1.0, after="second").spans[1].yearly_savings.total > 0


@pytest.mark.parametrize(
    ("changed", "options", "message"),
    [
        (lambda rows: rows.drop("waste"), {}, "has no column waste"),
        (lambda rows: rows.clear(), {}, "has no rows"),
        (lambda rows: rows.with_columns(holding=-1.0), {}, "missing or below 0"),
        (lambda rows: rows.with_columns(waste=pl.lit(None, pl.Float64)), {}, "missing or below 0"),
        (lambda rows: rows.with_columns(waste=pl.lit(float("nan"))), {}, "missing or below 0"),
        (lambda rows: rows.head(5), {}, "do not have one row of each"),
        (lambda rows: pl.concat([rows, rows.tail(1)]), {}, "do not have one row of each"),
        (lambda rows: rows.filter(policy="normal"), {}, "nothing to compare"),
        (lambda rows: rows.filter(policy="better"), {}, "Name the one that stands for the rule of today"),
        (lambda rows: rows, {"before": "best"}, "no policy 'best'; it has better, normal"),
        (lambda rows: rows, {"after": "best"}, "no policy 'best'"),
        (lambda rows: rows, {"after": "normal"}, "Both policies are normal"),
    ],
)
def test_a_ledger_that_cannot_be_compared_is_refused(changed, options, message) -> None:
    rows = ledger({"normal": [3.0] * 3, "better": [1.0] * 3})
    with pytest.raises(UsageError, match=message):
        compared_policies(changed(rows), 1.0, **options)


def test_one_span_cannot_choose_between_several() -> None:
    with pytest.raises(UsageError, match="Name one with --after: a, b"):
        compared_policies(ledger({"normal": [1.0], "a": [0.0], "b": [0.0]}), 1.0)


def test_the_ledger_of_a_replay_adds_up() -> None:
    generator, n_series, n_periods = np.random.default_rng(1), 20, 10
    demand = generator.poisson(4, (n_series, n_periods)).astype(float)
    paths = generator.poisson(4, (50, n_series, 3)).astype(np.float32)
    rates = CostRates.of(n_series, holding=0.2, lost_margin=1.0, fixed=0.3)
    start = Situation.of(paths, np.full(n_series, 6.0), rates, lead_periods=1)
    window = Window("w", start, demand, lambda decision: paths, range(n_periods))
    keys = pl.DataFrame({"item": [f"i{row}" for row in range(n_series)]})
    dates = [date(2024, 1, 1) + timedelta(days=day) for day in range(n_periods)]
    ledgers = {"normal": replay(NormalSafetyStock(), window), "lost_sales": replay(LostSalesPaths(), window)}
    rows = [each.to_frame(keys, dates).with_columns(policy=pl.lit(name)) for name, each in ledgers.items()]
    compared = compared_policies(pl.concat(rows), 1.0)
    assert compared.n_series == n_series
    (span,) = compared.spans
    assert span.before.total == pytest.approx(ledgers["normal"].cost().sum())
    assert span.after.total == pytest.approx(ledgers["lost_sales"].cost().sum())
    assert span.after.labour == pytest.approx(ledgers["lost_sales"].fixed.sum())
