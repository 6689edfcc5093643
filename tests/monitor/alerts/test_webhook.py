"""Webhooks, received by a real web server on loopback."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foresell.core.errors import UsageError
from foresell.monitor.alerts import channels
from foresell.monitor.alerts.channels import AlertOutcome, Notification, RetryLimits, send
from foresell.monitor.alerts.webhook import Webhook

SECRET = "T00000000/B11111111/sEcReT-tOkEn"
QUICK = RetryLimits(seconds=60, attempt=30, wait=0.01)


def post(address: str, limits: RetryLimits = QUICK) -> AlertOutcome:
    """What became of a notification to the webhook at `address`; nothing of its secret path may be told."""
    webhook = Webhook.at(address)
    notification = Notification(
        webhook.receiver, "1", datetime(2026, 11, 20, tzinfo=UTC), "a subject", "a text", {"said": "größer"}
    )
    [sent] = send([(webhook, [notification])], limits)
    told = repr((sent, webhook))
    assert not any(piece in told for piece in SECRET.split("/"))
    return sent


def test_a_body_of_json_arrives(web_receiver):
    sent = post(f"{web_receiver.address}/services/{SECRET}?thread=9")
    assert (sent.delivered, sent.error) == (True, None)
    assert sent.receiver == f"webhook {web_receiver.address}/***"
    assert web_receiver.bodies == [{"said": "größer"}]
    path, headers = web_receiver.seen[0]
    assert path == f"/services/{SECRET}?thread=9"
    assert headers["Content-Type"] == "application/json; charset=utf-8"


def test_what_fails_for_a_while_is_tried_again(web_receiver):
    web_receiver.answers = [500, 503, 0.0]
    assert post(f"{web_receiver.address}/{SECRET}").delivered
    assert (len(web_receiver.seen), len(web_receiver.bodies)) == (4, 1)


def test_no_more_than_four_attempts_are_made(web_receiver):
    web_receiver.answers = [500] * 9
    sent = post(f"{web_receiver.address}/{SECRET}")
    assert sent.error == "it answers 500: no, *** is not right, after 4 attempts"
    assert len(web_receiver.seen) == 4


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_what_is_refused_is_not_tried_again(web_receiver, status):
    web_receiver.answers = [status]
    assert post(f"{web_receiver.address}/{SECRET}").error == f"it answers {status}: no, *** is not right"
    assert len(web_receiver.seen) == 1


def test_who_asks_for_time_is_given_it_within_bounds(web_receiver):
    web_receiver.answers = [(429, {"Retry-After": "1"})]
    assert post(f"{web_receiver.address}/{SECRET}").delivered
    web_receiver.answers = [(429, {"Retry-After": "600"})]
    sent = post(f"{web_receiver.address}/{SECRET}")
    assert sent.error == "it answers 429: no, *** is not right (it asks to wait 600 seconds)"
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    web_receiver.answers = [(503, {"Retry-After": in_an_hour})]
    assert "it asks to wait 3" in str(post(f"{web_receiver.address}/{SECRET}").error)
    assert len(web_receiver.seen) == 4


def test_who_never_answers_is_given_up(web_receiver):
    web_receiver.answers = [60.0] * 4
    sent = post(f"{web_receiver.address}/{SECRET}", RetryLimits(seconds=0.5, attempt=0.2, wait=0.01))
    assert str(sent.error).startswith("no answer within 0.")
    assert web_receiver.bodies == []


def test_who_answers_a_drop_at_a_time_is_given_up(monkeypatch):
    """Each drop comes in time, so that no timeout of a socket ever ends it."""
    monkeypatch.setattr(channels, "GRACE", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        over = Event()

        def drip() -> None:
            client, _ = listener.accept()
            with client:
                client.sendall(b"HTTP/1.1 200 OK\r\n")
                while not over.wait(0.05):
                    client.sendall(b"X")

        Thread(target=drip, daemon=True).start()
        sent = post(f"http://127.0.0.1:{listener.getsockname()[1]}/", RetryLimits(seconds=2, attempt=30, wait=0.01))
        over.set()
    assert sent.error == "not finished after 2 seconds"


def test_nobody_there():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        sent = post(f"http://127.0.0.1:{closed.getsockname()[1]}/{SECRET}")
    assert sent.error == "it cannot be reached: Connection refused, after 4 attempts"


def test_no_redirect_is_followed(make_web_receiver):
    here, there = make_web_receiver(), make_web_receiver()
    here.answers = [(status, {"Location": f"{there.address}/{SECRET}"}) for status in (301, 302, 303, 307, 308)]
    for status in (301, 302, 303, 307, 308):
        assert post(f"{here.address}/x").error == f"it answers {status}, a redirect, and none is followed"
    assert there.seen == []


def test_only_certificates_that_are_trusted_do(make_web_receiver, certificate, monkeypatch):
    receiver = make_web_receiver(certificate)
    sent = post(f"{receiver.address}/{SECRET}")
    assert str(sent.error).startswith("its certificate cannot be trusted: self")
    assert "attempts" not in str(sent.error)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert post(f"{receiver.address}/{SECRET}").delivered


def test_secrets_come_from_the_environment(web_receiver, monkeypatch):
    monkeypatch.setenv("TOKEN", SECRET)
    monkeypatch.setenv("HOOK", f"{web_receiver.address}/services/{SECRET}")
    for address in (f"{web_receiver.address}/services/${{TOKEN}}", "${HOOK}"):
        assert post(address).delivered
    assert [path for path, _ in web_receiver.seen] == [f"/services/{SECRET}"] * 2
    with pytest.raises(UsageError, match="names the environment variable FORESELL_NO_SUCH, which is not set"):
        Webhook.at("${FORESELL_NO_SUCH}")


def test_a_user_and_a_password_are_sent_and_never_shown(web_receiver, monkeypatch):
    monkeypatch.setenv("PW", "p/w@1")
    webhook = Webhook.at(web_receiver.address.replace("//", "//planner:${PW}@"))
    assert not webhook.hand_over([Notification("a", "1", datetime.now(UTC), "", "")], 1)
    assert web_receiver.seen[0][1]["Authorization"] == "Basic cGxhbm5lcjpwL3dAMQ=="
    assert webhook.shown == web_receiver.address
    assert "p/w@1" not in repr(webhook) + webhook.scrub("with p/w@1 or cGxhbm5lcjpwL3dAMQ==")


@pytest.mark.parametrize(
    "address", ["", "hooks.example/x", "ftp://h/sEcReT", "file:///etc/sEcReT", "https://", "https://h:sEcReT/x",
                "https://sEcReT:@/x", "http://a b/sEcReT"],
)  # fmt: skip
def test_other_addresses_are_wrong_use(address):
    with pytest.raises(UsageError, match="expected http") as raised:
        Webhook.at(address)
    assert "sEcReT" not in str(raised.value)
    assert raised.value.__cause__ is None


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=("Cc", "Zs")), min_size=6, max_size=40))
def test_no_path_survives_scrubbing(path):
    webhook = Webhook.at("https://hooks.example/" + path.replace("$", "S").replace("#", "_"))
    for shown in (webhook.shown, repr(webhook), webhook.scrub(f"cannot open {webhook.url}")):
        assert webhook.url.removeprefix("https://hooks.example/") not in shown
