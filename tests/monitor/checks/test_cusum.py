"""The CUSUM for slow drift: by hand, false alarms by simulation, and which forecast was in use."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from foresell.monitor.accuracy import ALL, DAILY, LEVEL
from foresell.monitor.bounds import UsualFigure
from foresell.monitor.checks.cusum import Week, cusum_chart, weeks_in_use

FIRST = date(2024, 1, 1)
USUAL = UsualFigure(mean=0.0, variance=0.01, correlation=0.3, effective_blocks=12.0, freedom=11.0)


def weeks(leans: list[float], every: int = 4) -> list[Week]:
    """Weeks by forecasts made every so many weeks."""
    day = [FIRST + timedelta(days=7 * number) for number in range(len(leans) + 1)]
    return [Week(day[n] + timedelta(1), day[n + 1], day[n - n % every], "a", lean) for n, lean in enumerate(leans)]


def total(
    cutoff: date,
    days: int,
    units: float = 10.0,
    forecast: float = 10.0,
    skip: tuple[int, ...] = (),
    model: str = "a",
) -> pl.DataFrame:
    """The day sums of the total of one forecast; nothing is known of the steps to `skip`."""
    rows = [
        {
            **dict.fromkeys(DAILY, 0.0),
            "model": model,
            "cutoff": cutoff,
            "date": cutoff + timedelta(step),
            "step": step,
            "part": LEVEL,
            "of": "total",
            "name": ALL,
            "units": units,
            "forecast": forecast,
            "points": 0.0 if step in skip else 1.0,
        }
        for step in range(1, days + 1)
    ]
    return pl.DataFrame(rows, schema={"model": pl.String, **DAILY})


def test_sums_by_hand():
    found = cusum_chart(weeks([0.1, 0.2, -0.3, 0.05]), USUAL, 0.01)
    # The usual lean, worth twelve weeks, moves with every week: 0, 0.1 / 13, 0.3 / 14, 0.
    first, second, third = (0.1 - 0) / 0.1, (0.2 - 0.1 / 13) / 0.1, (-0.3 - 0.3 / 14) / 0.1
    up = first - 0.5, first + second - 1.0
    down = -third - 0.5, -third - 0.5 - 0.5 / 1 - 0.5
    assert found.sums == pytest.approx((*up, -down[0], -down[1]))
    assert found.since is None


def test_a_steady_lean_is_found_and_dated():
    leans = [0.0] * 4 + [-0.3] * 6
    found = cusum_chart(weeks(leans, every=16), USUAL, 0.01)
    assert found.since is not None
    assert found.since == FIRST + timedelta(days=4 * 7 + 1)
    assert found.sums[-1] < -found.limits[-1]
    assert cusum_chart(weeks(leans[:6], every=16), USUAL, 0.01).since is None  # two weeks show nothing yet


def test_a_forecast_made_after_the_signal_begins_anew():
    leans = [0.4] * 8
    signal = cusum_chart(weeks(leans, every=8), USUAL, 0.01)
    assert signal.since is not None
    answered = cusum_chart(weeks([*leans, 0.0], every=8), USUAL, 0.01)
    assert answered.since is None
    assert -3 < answered.sums[-1] < 0  # one week's, no more
    again = cusum_chart(weeks([*leans, *[0.6] * 8], every=8), USUAL, 0.01)
    assert again.since == FIRST + timedelta(days=8 * 7 + 1)  # not since what was answered


@pytest.mark.slow
@pytest.mark.parametrize(("every", "least", "most"), [(25, 0.02, 0.085), (4, 0.0, 0.06)])
def test_false_alarms_are_no_more_often_than_was_asked(every, least, most, monkeypatch):
    """At the last of 25 weeks; a forecast made after a signal begins anew, so with several there are fewer.

    A tenth of the usual draws put the rate that is asked at 5.0 % +/- 0.3 %, which is little beside what is tried here.
    """
    monkeypatch.setattr("foresell.monitor.checks.cusum._DRAWS", 4_000)
    random = np.random.default_rng(2)
    alarms = 0
    for _ in range(400):
        window = np.repeat(random.normal(size=-(-25 // every)), every)[:25] * np.sqrt(0.3)
        blocks = window + random.normal(size=25) * np.sqrt(0.7)
        seen = random.normal(size=13)  # what is usual is estimated from thirteen independent blocks
        known = UsualFigure(float(seen.mean()), float(np.var(seen, ddof=1)), 0.3, 13.0, 12.0)
        alarms += cusum_chart(weeks(blocks.tolist(), every=every), known, 0.05).since is not None
    assert least <= alarms / 400 < most


def test_a_week_is_forecast_by_the_newest_that_was_made_before_it():
    old, new = FIRST, FIRST + timedelta(days=10)
    daily = pl.concat([total(old, 28, forecast=10.0), total(new, 28, forecast=20.0)])
    dates = [FIRST + timedelta(days=number) for number in range(29)]
    found = weeks_in_use(daily, dates, 7)
    assert [(week.first - FIRST).days for week in found] == [1, 8, 15, 22]
    assert [week.cutoff for week in found] == [old, old, new, new]  # new was made within the second week
    assert found[0].lean == pytest.approx(0)
    assert found[-1].lean == pytest.approx(np.log(70.5 / 140.5))


def test_weeks_with_unknown_days_or_without_forecast_are_left_out():
    daily = total(FIRST, 14, skip=(3,))
    dates = [FIRST + timedelta(days=number) for number in range(22)]
    assert [(week.first - FIRST).days for week in weeks_in_use(daily, dates, 7)] == [8]


def test_of_two_models_at_one_cutoff_the_one_that_forecast_last_counts_whole():
    dates = [FIRST + timedelta(days=number) for number in range(15)]
    first, last = datetime(2024, 1, 1, 4, tzinfo=UTC), datetime(2024, 1, 1, 9, tzinfo=UTC)
    for made, leans in (((last, first), [0.0, 0.0]), ((first, last), [1.0, 1.0]), ((None, last), [1.0, 1.0])):
        by_a, by_b = total(FIRST, 14, 10.0, 10.0), total(FIRST, 14, 27.6, 10.0, model="b")
        daily = pl.concat([by_a.with_columns(made=made[0]), by_b.with_columns(made=made[1])], how="vertical_relaxed")
        found = weeks_in_use(daily, dates, 7)
        assert [week.lean for week in found] == pytest.approx(leans, abs=0.02)
    # The last reaches less far than the one before: what it lacks is taken from no other within a week.
    daily = pl.concat([by_a.with_columns(made=first), total(FIRST, 9, 27.6, model="b").with_columns(made=last)])
    assert [week.model for week in weeks_in_use(daily, dates, 7)] == ["b", "a"]
