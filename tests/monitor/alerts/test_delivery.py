"""Alerts of a project, received by real servers of web and mail on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread

import pytest

from foresell.core.finding import Finding, Severity
from foresell.core.settings import Alerts
from foresell.monitor.alerts.channels import AlertOutcome, RetryLimits
from foresell.monitor.alerts.delivery import send_alerts, send_trial_alerts

DAY = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
QUICK = RetryLimits(seconds=60, attempt=30, wait=0.01)
SECRET = "T00000000/sEcReT-tOkEn"
WORSE = Finding("accuracy-worse", Severity.ERROR, "store north", 40, "WAPE has doubled", ("item 3",), "Look at prices.")
DRIFT = Finding("drift", Severity.WARNING, "price", 12, "it moved by 14 %")


@pytest.fixture
def say(tmp_path: Path) -> Callable[..., list[AlertOutcome]]:
    """Tells what is found on a day, from a project in ``shop/``."""

    def say(alerts: Alerts, day: float, *findings: Finding, **options: object) -> list[AlertOutcome]:
        options = {"limits": QUICK, "now": DAY + timedelta(days=day), **options}
        return send_alerts(findings, alerts, tmp_path / "shop", **options)  # type: ignore[arg-type]

    return say


def state(tmp_path: Path) -> str:
    return (tmp_path / "shop" / "results" / "alerts.json").read_text(encoding="utf-8")


def codes(body: dict) -> list[str]:
    return [f"{each['news']} {each['code']}" for each in body["findings"]]


def test_a_webhook_hears_what_changes_and_nothing_else(say, web_receiver, tmp_path):
    alerts = Alerts(webhook=f"{web_receiver.address}/services/{SECRET}")
    [sent] = say(alerts, 0, DRIFT, WORSE, link="https://shop.example/report.html")
    assert (sent.receiver, sent.delivered, sent.error) == (f"webhook {web_receiver.address}/***", True, None)
    assert sent.subject == "foresell shop: new error accuracy-worse in store north; 1 error, 1 warning in all"
    assert say(alerts, 1, WORSE, DRIFT) == []
    assert say(alerts, 1, WORSE, DRIFT) == []
    assert len(say(alerts, 2, WORSE)) == 1
    assert say(alerts, 3, WORSE) == []
    assert len(say(alerts, 9, WORSE)) == 1
    assert len(say(alerts, 10)) == 1
    first, second, third, fourth = web_receiver.bodies
    assert codes(first) == ["new accuracy-worse", "new drift"]
    assert (codes(second), [each["code"] for each in second["resolved"]]) == (["unchanged accuracy-worse"], ["drift"])
    assert codes(third) == ["again accuracy-worse"]
    assert (codes(fourth), [each["code"] for each in fourth["resolved"]]) == ([], ["accuracy-worse"])
    assert first["link"] == "https://shop.example/report.html"
    assert len({body["id"] for body in web_receiver.bodies}) == 4
    assert "sEcReT" not in state(tmp_path)


def test_slack_hears_blocks(say, web_receiver):
    say(Alerts(webhook=f"{web_receiver.address}/{SECRET}", format="slack"), 0, WORSE)
    [body] = web_receiver.bodies
    assert set(body) == {"text", "blocks"}
    assert body["blocks"][1]["text"]["text"].startswith(":red_circle: *error accuracy-worse*\n- store north: WAPE has")


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # on loopback it may
def test_each_mail_receiver_hears_and_remembers_alone(say, make_mail_receiver, monkeypatch, tmp_path):
    server = make_mail_receiver(log_in=("planner", "sEcReT/1"))
    monkeypatch.setenv("MAIL_PASSWORD", "sEcReT/1")
    alerts = Alerts(
        smtp=f"smtp://planner:${{MAIL_PASSWORD}}@127.0.0.1:{server.port}", sender="f@shop.example",
        receivers=("a@shop.example", "b@shop.example", "a@shop.example"),
    )  # fmt: skip
    server.refusals = ["550 unknown"]
    first, second = say(alerts, 0, WORSE)
    assert (first.receiver, first.delivered, second.receiver, second.delivered) == (
        "a@shop.example", False, "b@shop.example", True,
    )  # fmt: skip
    assert [(sent.receiver, sent.delivered) for sent in say(alerts, 1, WORSE)] == [("a@shop.example", True)]
    assert server.to == [["b@shop.example"], ["a@shop.example"]]
    assert "- store north: WAPE has doubled" in server.mails[1].get_content()
    assert "since 2026-11-20" not in server.mails[0].get_content()
    assert "sEcReT" not in state(tmp_path) + repr((first, second))


def test_who_cannot_be_reached_hears_it_the_next_time_and_the_others_now(say, make_web_receiver, make_mail_receiver):
    web, mail = make_web_receiver(), make_mail_receiver()
    alerts = Alerts(webhook=web.address, smtp=f"smtp://127.0.0.1:{mail.port}", sender="f@b.de", receivers=("a@b.de",))
    web.answers = [500] * 4
    results = {sent.receiver: sent for sent in say(alerts, 0, WORSE)}
    assert results["a@b.de"].delivered
    assert results[f"webhook {web.address}"].error == "it answers 500: no, / is not right, after 4 attempts"
    # It is over by the next day; who could not be told then hears that it was.
    assert {sent.receiver for sent in say(alerts, 1)} == {f"webhook {web.address}", "a@b.de"}
    assert [each["code"] for each in web.bodies[0]["missed"]] == ["accuracy-worse"]
    assert "over: accuracy-worse" in mail.mails[1]["Subject"]
    assert say(alerts, 2) == []


def test_what_is_reported_by_others_stays(say, web_receiver):
    alerts = Alerts(webhook=web_receiver.address, severity="info")
    promoted = Finding("model-promoted", Severity.INFO, "version 3", 1, "WRMSSE 0.6 against 0.7")
    say(alerts, 0, WORSE)
    assert len(say(alerts, 0, promoted, about="retrain")) == 1
    assert say(alerts, 1, WORSE) == []
    assert say(alerts, 1, about="retrain") == []
    assert web_receiver.bodies[1]["about"] == "retrain"


def test_what_was_not_looked_at_is_not_over(say, web_receiver):
    alerts = Alerts(webhook=web_receiver.address)
    say(alerts, 0, WORSE)
    assert say(alerts, 1, whole=False) == []
    assert len(say(alerts, 2)) == 1


def test_nobody_to_tell_and_nothing_to_tell(say, web_receiver, tmp_path):
    assert say(Alerts(), 0, WORSE) == []
    assert say(Alerts(webhook=web_receiver.address), 0) == []
    assert say(Alerts(webhook=web_receiver.address, severity="error"), 0, DRIFT) == []
    assert web_receiver.seen == []
    assert not (tmp_path / "shop" / "results" / "alerts.json").exists()


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        (Alerts(webhook="hooks.example/sEcReT"), "expected http"),
        (Alerts(webhook="https://h/${FORESELL_NO_SUCH}"), "FORESELL_NO_SUCH, which is not set"),
        (Alerts(smtp="smtp://h", sender="a@b.de"), "'monitoring.alerts.receivers' is empty"),
        (Alerts(smtp="smtp://h", sender="a@b.de", receivers=("all",)), "Found 'all'"),
        (Alerts(smtp="smtp://h", receivers=("a@b.de",)), "'monitoring.alerts.sender'"),
        (Alerts(smtp="h", sender="a@b.de", receivers=("a@b.de",)), "expected smtp://"),
    ],
)
def test_settings_that_cannot_be_used_are_told_and_stop_nobody(say, web_receiver, alerts, expected):
    [sent] = say(alerts, 0, WORSE)
    assert not sent.delivered
    assert expected in str(sent.error)
    assert "sEcReT" not in repr(sent)
    if alerts.smtp:
        both = Alerts(webhook=web_receiver.address, smtp=alerts.smtp, sender=alerts.sender, receivers=alerts.receivers)
        assert [each.delivered for each in say(both, 0, WORSE)] == [False, True]


def test_two_at_once_tell_once(say, web_receiver):
    alerts = Alerts(webhook=web_receiver.address)
    web_receiver.answers = [(500, {"Retry-After": "1"})]  # so that the first is at it for a while
    outcomes: list[list[AlertOutcome]] = []
    threads = [Thread(target=lambda: outcomes.append(say(alerts, 0, WORSE))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(len, outcomes)) == [0, 1]
    assert len(web_receiver.bodies) == 1


def test_who_waits_too_long_for_another_run_gives_up(say, web_receiver, tmp_path, monkeypatch):
    from foresell.monitor.alerts import delivery
    from foresell.store.lock import file_lock

    monkeypatch.setattr(delivery, "GRACE", 0.0)
    lock = tmp_path / "shop" / "results" / ".alerts.lock"
    with file_lock(lock, 0) as acquired:
        assert acquired
        [sent] = say(Alerts(webhook=web_receiver.address), 0, WORSE, limits=RetryLimits(0.1, 0.1, 0.01))
    assert "another run is sending alerts" in str(sent.error)
    assert web_receiver.seen == []
    assert len(say(Alerts(webhook=web_receiver.address), 0, WORSE)) == 1


KILLED = """
import os, signal, sys
from pathlib import Path
from foresell.core.finding import Finding, Severity
from foresell.core.settings import Alerts
from foresell.monitor.alerts import delivery

def killed(*args):
    os.kill(os.getpid(), signal.SIGKILL)

delivery._write_state = killed
delivery.send_alerts([Finding("a", Severity.ERROR, "b", 1, "c")], Alerts(webhook=sys.argv[1]), Path(sys.argv[2]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_before_it_was_written_down_it_is_told_again(say, web_receiver, tmp_path):
    folder = str(tmp_path / "shop")
    done = subprocess.run([sys.executable, "-c", KILLED, web_receiver.address, folder], env=os.environ, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(web_receiver.bodies) == 1
    finding = Finding("a", Severity.ERROR, "b", 1, "c")
    assert [sent.delivered for sent in say(Alerts(webhook=web_receiver.address), 0, finding)] == [True]
    assert codes(web_receiver.bodies[1]) == codes(web_receiver.bodies[0]) == ["new a"]
    assert say(Alerts(webhook=web_receiver.address), 0, finding) == []


@pytest.mark.parametrize(
    "content", [b"", b"{", b"\xff\xfe", b'{"receivers": [1]}', b'{"receivers": {}, "version": "x"}']
)
def test_a_memory_that_cannot_be_read_is_begun_anew(say, web_receiver, tmp_path, content):
    place = tmp_path / "shop" / "results"
    place.mkdir(parents=True)
    (place / "alerts.json").write_bytes(content)
    alerts = Alerts(webhook=web_receiver.address)
    assert len(say(alerts, 0, WORSE)) == 1
    assert say(alerts, 1, WORSE) == []
    assert json.loads(state(tmp_path))["version"] == 1


def test_where_nothing_can_be_written_it_is_told_all_the_same(say, web_receiver, tmp_path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "results").write_text("a file where the folder should be")
    [sent] = say(Alerts(webhook=web_receiver.address), 0, WORSE)
    assert sent.delivered
    assert "could not be written" in str(sent.error)


def test_a_trial_reaches_all_and_is_not_remembered(web_receiver, make_mail_receiver):
    mail = make_mail_receiver()
    alerts = Alerts(
        webhook=web_receiver.address, smtp=f"smtp://127.0.0.1:{mail.port}", sender="f@b.de", receivers=("a@b.de",)
    )
    assert [sent.delivered for sent in send_trial_alerts(alerts, "shop", limits=QUICK)] == [True, True]
    assert web_receiver.bodies[0]["about"] == "trial"
    assert mail.mails[0]["Subject"] == "foresell shop: a trial of alerts"
    assert "This is a trial" in mail.mails[0].get_content()
    assert send_trial_alerts(Alerts(), "shop") == []
