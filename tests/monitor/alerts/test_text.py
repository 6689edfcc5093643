"""How messages read, and that they fit where they go."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from foresell.core.finding import Finding, Severity
from foresell.monitor.alerts.digest import AlertItem, AlertMessage, KnownFinding, MissedFinding, Novelty
from foresell.monitor.alerts.text import as_json, as_slack, as_text, subject

NOW = datetime(2026, 11, 20, 2, 5, tzinfo=UTC)
BEFORE = datetime(2026, 11, 13, 2, 5, tzinfo=UTC)
ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

WORSE = Finding("accuracy-worse", ERROR, "store north", 1340, "WAPE 41 %, usual are 22 to 29 %.",
                ("item 3", "item 7", "item 9", "item 10"), "Look at prices.")  # fmt: skip
ALSO = Finding("accuracy-worse", ERROR, "store south", 20, "WAPE 33 %, usual are 20 to 30 %", (), "Look at prices.")
DRIFT = Finding("drift", WARNING, "price", 12, "moved by 14 %", (), "See the report.")
MISSED = MissedFinding("monitor", Finding("gaps", WARNING, "sales", 2, "2 days have no row"), BEFORE)
OVER = KnownFinding("monitor", "bias", "total", WARNING, 5, BEFORE, BEFORE)

FULL = AlertMessage(
    "shop", "monitor", NOW,
    (
        AlertItem(WORSE, Novelty.UNCHANGED, BEFORE),
        AlertItem(ALSO, Novelty.NEW, NOW),
        AlertItem(DRIFT, Novelty.WORSE, BEFORE),
    ),
    (MISSED,), (OVER,), "https://shop.example/report?a=1&b=2",
)  # fmt: skip


def many_items(count: int, codes: int, text: str = "x") -> tuple[AlertItem, ...]:
    def one(number: int) -> Finding:
        return Finding(f"code-{number % codes}", ERROR, f"{text} {number}", number, text, (text,) * 5, text)

    return tuple(AlertItem(one(number), Novelty.NEW, NOW) for number in range(count))


def test_the_text_says_all_in_groups_the_worst_first():
    assert (
        as_text(FULL)
        == """\
monitor of shop, 2026-11-20 02:05 UTC.

error accuracy-worse (2 places, 1 new or worse)
- store south: WAPE 33 %, usual are 20 to 30 % (count 20; new).
- store north: WAPE 41 %, usual are 22 to 29 % (count 1,340; unchanged, since 2026-11-13). For example item 3; item 7; \
item 9.
What to do: Look at prices.

warning drift
- price: moved by 14 % (count 12; worse, since 2026-11-13).
What to do: See the report.

found before, when you could not be reached:
- 2026-11-13: warning gaps in sales: 2 days have no row

over:
- bias in total, since 2026-11-13

More: https://shop.example/report?a=1&b=2. What does not change is not sent again for some days.
"""
    )


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (FULL, "new error accuracy-worse in store south; 2 errors, 1 warning in all"),
        (AlertMessage("shop", "m", NOW, (AlertItem(DRIFT, Novelty.AGAIN, BEFORE),)), "still warning drift in price"),
        (AlertMessage("shop", "m", NOW, (AlertItem(WORSE, Novelty.UNCHANGED, BEFORE),), (), (OVER, OVER)),
         "over: bias in total and 1 more; 1 error left"),
        (AlertMessage("shop", "m", NOW, (), (), (OVER,)), "over: bias in total; nothing is left"),
        (AlertMessage("shop", "m", NOW, (), (MISSED, MISSED), (OVER,)), "missed warning gaps in sales and 1 more"),
        (AlertMessage("shop", "trial", NOW, trial=True), "a trial of alerts"),
    ],
)  # fmt: skip
def test_the_subject_says_the_worst_news(message, expected):
    assert subject(message) == f"foresell shop: {expected}"


def test_a_subject_is_one_line_and_not_too_long():
    item = AlertItem(Finding("a", ERROR, "x\r\nBcc: all@shop.example " + "y" * 300, 1, ""), Novelty.NEW, NOW)
    said = subject(AlertMessage("shop", "m", NOW, (item,)))
    assert len(said) == 150
    assert "\n" not in said
    assert "\r" not in said


def test_the_body_keeps_its_fields():
    body = json.loads(json.dumps(as_json(FULL)))
    assert {name: body[name] for name in body if name not in ("findings", "missed", "resolved")} == {
        "format": "foresell-alert",
        "version": 1,
        "project": "shop",
        "about": "monitor",
        "when": "2026-11-20T02:05:00+00:00",
        "subject": "foresell shop: new error accuracy-worse in store south; 2 errors, 1 warning in all",
        "worst": "error",
        "link": "https://shop.example/report?a=1&b=2",
        "left_out": 0,
    }
    assert body["findings"][2] == {
        "code": "drift", "severity": "warning", "where": "price", "count": 12, "message": "moved by 14 %",
        "examples": [], "advice": "See the report.", "news": "worse", "since": "2026-11-13T02:05:00+00:00",
    }  # fmt: skip
    assert body["missed"][0]["found"] == "2026-11-13T02:05:00+00:00"
    assert body["resolved"] == [
        {"code": "bias", "severity": "warning", "where": "total", "since": "2026-11-13T02:05:00+00:00"}
    ]


def test_a_body_that_would_be_too_long_says_how_much_is_left_out():
    body = as_json(AlertMessage("shop", "monitor", NOW, many_items(700, 7), (), (OVER,) * 501))
    assert (len(body["findings"]), len(body["resolved"]), body["left_out"]) == (500, 500, 201)


def test_slack_is_given_blocks():
    blocks = as_slack(FULL)["blocks"]
    assert [block["type"] for block in blocks] == ["header", *["section"] * 4, "context"]
    assert blocks[1]["text"]["text"].splitlines()[0] == ":red_circle: *error accuracy-worse (2 places, 1 new or worse)*"
    assert blocks[2]["text"]["text"].startswith(":large_orange_circle: *warning drift*\n- price: moved by 14 %")
    assert "a=1&amp;b=2" in blocks[-1]["elements"][0]["text"]


@pytest.mark.parametrize("text", ["plain", "<!channel> R&D <https://evil.example|here>", "&" * 400, "ä" * 3000])
@pytest.mark.parametrize(("count", "codes"), [(1, 1), (200, 3), (300, 120)])
def test_slack_takes_it(text, count, codes):
    blocked(AlertMessage(text, "monitor", NOW, many_items(count, codes, text), (MISSED,) * 30, (OVER,) * 30, text))


@settings(max_examples=50)
@given(st.text(max_size=80).map(lambda text: text * 20), st.integers(1, 60))
def test_slack_takes_any_text(text, codes):
    blocked(AlertMessage(text, "monitor", NOW, many_items(60, codes, text), (), (), text))


def blocked(message: AlertMessage) -> None:
    """Asserts that Slack would take the message: https://docs.slack.dev/reference/block-kit/blocks"""
    body = as_slack(message)
    assert len(body["blocks"]) <= 50
    header, *sections, context = body["blocks"]
    assert header["text"]["type"] == "plain_text"
    assert 0 < len(header["text"]["text"]) <= 150
    texts = [body["text"], header["text"]["text"], context["elements"][0]["text"]]
    for section in sections:
        assert 0 < len(section["text"]["text"]) <= 3000
        texts.append(section["text"]["text"])
    for text in texts:
        # Nothing is left that Slack would read as a control character, and no entity is cut.
        rest = text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
        assert not set("&<>") & set(rest)


def test_what_is_left_out_of_slack_is_said():
    blocks = as_slack(AlertMessage("shop", "monitor", NOW, many_items(60, 60)))["blocks"]
    assert len(blocks) == 50
    assert blocks[-2]["text"]["text"] == "*and 13 more kinds of findings*"
