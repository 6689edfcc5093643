"""E-mail, received by a real SMTP server on loopback."""

from __future__ import annotations

import socket
import sys
from contextlib import suppress
from datetime import UTC, datetime
from threading import Thread

import pytest

from foresell.core.errors import UsageError
from foresell.monitor.alerts.channels import AlertOutcome, Notification, RetryLimits, send
from foresell.monitor.alerts.mail import Mail

QUICK = RetryLimits(seconds=60, attempt=30, wait=0.01)
PASSWORD = "pass/w@rd: 100%"


def deliver(address: str, *receivers: str, limits: RetryLimits = QUICK) -> list[AlertOutcome]:
    mail = Mail.over(address, "foresell@shop.example")
    when = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
    receivers = receivers or ("a@b.example",)
    text = "Zeile eins\nund " + "lang " * 300
    notifications = [
        Notification(to, f"id-{place}", when, "neu: größer in Köln", text) for place, to in enumerate(receivers)
    ]
    sent = list(send([(mail, notifications)], limits))
    assert PASSWORD not in repr((sent, mail))
    return sent


def test_a_mail_arrives_for_each_receiver_alone(make_mail_receiver):
    server = make_mail_receiver()
    sent = deliver(f"smtp://127.0.0.1:{server.port}", "a@b.example", "c@d.example")
    assert [(each.receiver, each.delivered) for each in sent] == [("a@b.example", True), ("c@d.example", True)]
    assert server.to == [["a@b.example"], ["c@d.example"]]
    assert server.sessions == 1
    mail = server.mails[0]
    assert (mail["From"], mail["To"]) == ("foresell@shop.example", "a@b.example")
    assert mail["Subject"] == "neu: größer in Köln"
    assert mail["Date"] == "Fri, 20 Nov 2026 09:30:00 +0000"
    assert mail["Message-ID"] == "<id-0@shop.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content().splitlines()[1] == "und " + "lang " * 300


def test_one_receiver_that_is_refused_does_not_stop_the_others(make_mail_receiver):
    server = make_mail_receiver()
    server.refusals = ["550 no such user", "", "451 come back later", "450 not yet"]
    sent = {each.receiver: each for each in deliver(f"smtp://127.0.0.1:{server.port}", "x@b", "y@b", "z@b")}
    assert sent["x@b"].error == f"smtp://127.0.0.1:{server.port} answers 550 no such user"
    assert sent["y@b"].delivered
    assert sent["z@b"].delivered
    assert server.to == [["y@b"], ["z@b"]]
    assert server.sessions == 3


def test_nobody_there_and_one_who_never_answers():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"smtp://127.0.0.1:{closed.getsockname()[1]}"
        [sent] = deliver(address)
        assert sent.error == f"{address} cannot be reached: Connection refused, after 4 attempts"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"smtp://127.0.0.1:{silent.getsockname()[1]}"
        limits = RetryLimits(seconds=0.5, attempt=0.1, wait=0.01)
        assert "does not answer within 0." in str(deliver(address, limits=limits)[0].error)


def test_one_who_breaks_off():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            with suppress(OSError):  # the listener is closed
                while True:
                    client, _ = listener.accept()
                    client.sendall(b"220 hello\r\n")
                    client.recv(1000)
                    client.close()

        Thread(target=hang_up, daemon=True).start()
        address = f"smtp://127.0.0.1:{listener.getsockname()[1]}"
        assert deliver(address)[0].error == f"{address} breaks off, after 4 attempts"


def test_tls_is_begun_where_it_is_offered_and_certificates_are_verified(make_mail_receiver, certificate, monkeypatch):
    for tls, scheme in ((False, "smtp"), (True, "smtps")):
        server = make_mail_receiver(certificate, tls=tls)
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        address = f"{scheme}://127.0.0.1:{server.port}"
        [sent] = deliver(address)
        assert str(sent.error).startswith(f"the certificate of {address} cannot be trusted: self")
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert deliver(address)[0].delivered
        assert server.private == [True]


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # on loopback it may
def test_who_logs_in_and_who_may_not(make_mail_receiver, monkeypatch):
    server = make_mail_receiver(log_in=("plan@ner", PASSWORD))
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    address = f"smtp://plan%40ner:${{MAIL_PASSWORD}}@127.0.0.1:{server.port}"
    assert deliver(address)[0].delivered
    monkeypatch.setenv("MAIL_PASSWORD", "wrong" + PASSWORD)
    [sent] = deliver(address)
    assert str(sent.error).startswith(f"smtp://127.0.0.1:{server.port} answers 535 ")
    assert "attempts" not in str(sent.error)
    [sent] = deliver(f"smtp://127.0.0.1:{server.port}")
    assert "530" in str(sent.error)  # it wants to know who sends
    assert len(server.mails) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # on loopback it may
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux leads 0.0.0.0 to this machine")
def test_a_password_goes_over_a_network_with_tls_only(make_mail_receiver, certificate, monkeypatch):
    """0.0.0.0 is this machine, and is not known to be: it stands for one elsewhere."""
    open_one = make_mail_receiver(log_in=("planner", PASSWORD), host="0.0.0.0")
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    [sent] = deliver(f"smtp://planner:${{MAIL_PASSWORD}}@0.0.0.0:{open_one.port}")
    assert "offers no TLS, and the password is not sent in clear" in str(sent.error)
    private = make_mail_receiver(certificate, log_in=("planner", PASSWORD), host="0.0.0.0")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    assert deliver(f"smtp://planner:${{MAIL_PASSWORD}}@0.0.0.0:{private.port}")[0].delivered
    assert (open_one.mails, private.private) == ([], [True])


def test_ports_where_none_is_named():
    assert Mail.over("smtp://h", "a@b").port == 25
    assert Mail.over("smtp://u:p@h", "a@b").port == 587
    assert Mail.over("smtps://u:p@h", "a@b").port == 465
    assert Mail.over("smtp://u%40v.example:p@h", None).sender == "u@v.example"


@pytest.mark.parametrize("address", ["", "host", "http://h", "smtp://", "smtp://u:sEcReT@", "smtp://u:sE/cReT@h"])
def test_other_addresses_are_wrong_use(address):
    with pytest.raises(UsageError, match="expected smtp") as raised:
        Mail.over(address, "a@b")
    assert "cReT" not in str(raised.value)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("sender", [None, "", "nobody", "a@b\nBcc: c@d", "a@b, c@d", "A <a@b>"])
def test_a_sender_is_one_address(sender):
    with pytest.raises(UsageError, match=r"in 'monitoring.alerts.sender'; expected an e-mail address"):
        Mail.over("smtp://h", sender)


def test_no_form_of_the_password_survives_scrubbing():
    mail = Mail.over(f"smtp://planner:{'sEcReT%2F%401'}@h", "a@b")
    assert mail.password == "sEcReT/@1"
    # AUTH PLAIN sends base64 of \0planner\0sEcReT/@1, AUTH LOGIN that of the password.
    said = "sEcReT/@1 sEcReT/%401 c0VjUmVUL0Ax AHBsYW5uZXIAc0VjUmVUL0Ax"
    assert mail.scrub(said) == "*** *** *** ***"
