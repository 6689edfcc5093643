"""Text of users has no markup; numbers and days are written as in the reader's country."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

pytest.importorskip("babel", reason="no dashboard: babel is not installed")

from foresell.apps.dashboard.text import Reader, plain


@pytest.mark.parametrize(
    "text", ["<script>alert(1)</script>", "[a](javascript:b)", "# a", ":red[a]", "$x$", "a\n\n- b"]
)
def test_no_mark_of_a_name_has_a_meaning(text) -> None:
    shown = plain(text)
    assert "\n" not in shown
    for mark in "<>[]()#:$*_`":
        assert shown.count(mark) == shown.count("\\" + mark)


@pytest.mark.parametrize(
    ("tag", "amount", "share"),
    [("en-US", "1,234,568", "12.3%"), ("de-DE", "1.234.568", "12,3\xa0%"), ("xx-?", "1,234,568", "12.3%")],
)
def test_numbers_follow_the_country(tag, amount, share) -> None:
    reader = Reader(tag)
    assert reader.number(1234567.8) == amount
    assert reader.share(0.1234, 1) == share


def test_what_is_not_known_is_no_number() -> None:
    reader = Reader()
    unknown = {reader.number(None), reader.number(float("nan")), reader.share(None), reader.change(None)}
    assert unknown == {"–"}
    assert reader.number(-0.0001) == "0.0"


def test_days_and_ages() -> None:
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert Reader("de-DE").day(date(2016, 5, 2)) == "Mo., 2. Mai 2016"
    assert Reader().age(now - timedelta(hours=3), now) == "3 hours ago"
    assert Reader(zone_name="Asia/Tokyo").time(now).endswith("21:00:00")
