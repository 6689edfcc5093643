"""E-mail by SMTP: ``smtp://user:${PASSWORD}@host:587`` or ``smtps://`` for TLS from the start.

The default port is 465 for smtps, 587 with a user, else 25. With ``smtp``, TLS begins where the server offers it
(STARTTLS). Certificates are verified; ``SSL_CERT_FILE`` names further authorities. A password is sent only over TLS or
to this machine itself, never in clear over a network.
"""

from __future__ import annotations

import base64
import re
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime
from ipaddress import ip_address
from urllib.parse import quote, unquote, urlsplit

from foresell.core.errors import UsageError
from foresell.monitor.alerts.channels import Failure, Notification
from foresell.store.address import from_environment

EXPECTED = "expected smtp://user:${PASSWORD}@host:587, or smtps:// for TLS from the start"
PORTS = {"smtps": 465, "smtp": 25}
SUBMISSION = 587


@dataclass(frozen=True)
class Mail:
    """Sends notifications over one server, one message for each receiver; `shown` is safe to print."""

    scheme: str
    host: str
    port: int
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def over(cls, address: str, sender: str | None) -> Mail:
        """Mail over the server at `address`. Raises UsageError where the address or the sender is not valid."""
        what = "mail server's address"
        if re.fullmatch(r"\$\{\w+\}", address.strip()):
            address = from_environment(address.strip(), what)
        try:
            parts = urlsplit(address.strip())
            port = parts.port
        except ValueError:  # its text quotes the part that could not be read, which may be the password
            raise UsageError(f"The mail server's address cannot be read; {EXPECTED}.") from None
        pieces = (parts.hostname, parts.username, parts.password)
        host, user, password = (from_environment(unquote(piece or ""), what) for piece in pieces)
        if parts.scheme not in PORTS or not host:
            raise UsageError(f"The mail server's address names no mail server; {EXPECTED}.")
        port = port or (SUBMISSION if user and parts.scheme == "smtp" else PORTS[parts.scheme])
        sender = checked(sender or user, "'monitoring.alerts.sender'")
        return cls(parts.scheme, host, port, sender, user, password)

    @property
    def shown(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}"

    def hand_over(self, notifications: Sequence[Notification], timeout: float) -> dict[int, Failure]:
        """Sends all notifications in one session. Returns a failure for each that was not accepted, by its index."""
        outcomes: list[Failure | None] = []
        try:
            with self._session(timeout) as session:
                for notification in notifications:
                    outcomes.append(self._send(session, notification))
        except (smtplib.SMTPException, OSError) as error:
            failure = self._failure(error, timeout)
            outcomes += [failure] * (len(notifications) - len(outcomes))
        return {place: failure for place, failure in enumerate(outcomes) if failure is not None}

    def _session(self, timeout: float) -> smtplib.SMTP:
        """A session that is ready for notifications. Raises SMTPException and OSError."""
        trusted = ssl.create_default_context()
        if self.scheme == "smtps":
            session: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=timeout, context=trusted)
        else:
            session = smtplib.SMTP(self.host, self.port, timeout=timeout)
        try:
            session.ehlo_or_helo_if_needed()
            private = self.scheme == "smtps"
            if not private and session.has_extn("starttls"):
                session.starttls(context=trusted)
                session.ehlo()
                private = True
            if self.password:
                if not (private or _is_this_machine(self.host)):
                    raise _NoTls(f"{self.shown} offers no TLS, and the password is not sent in clear; use smtps://")
                session.login(self.user, self.password)
        except BaseException:
            session.close()
            raise
        return session

    def _send(self, session: smtplib.SMTP, notification: Notification) -> Failure | None:
        try:
            session.send_message(self._message(notification), self.sender, [notification.receiver])
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPRecipientsRefused as error:
            code, text = error.recipients[notification.receiver]
            return self._refusal(code, text)
        except (smtplib.SMTPResponseException, smtplib.SMTPNotSupportedError) as error:
            return self._failure(error, 0)
        return None

    def _message(self, notification: Notification) -> EmailMessage:
        message = EmailMessage()
        message["From"], message["To"] = self.sender, notification.receiver
        message["Subject"] = notification.subject
        message["Date"] = format_datetime(notification.when)
        message["Message-ID"] = f"<{notification.id}@{self.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # so that out-of-office replies do not answer it
        message.set_content(notification.text)
        return message

    def _failure(self, error: Exception, timeout: float) -> Failure:
        if isinstance(error, smtplib.SMTPServerDisconnected):
            if not isinstance(error.__context__, TimeoutError):
                return Failure(f"{self.shown} breaks off")
            error = error.__context__
        if isinstance(error, _NoTls):
            return Failure(str(error), final=True)
        if isinstance(error, smtplib.SMTPResponseException):
            return self._refusal(error.smtp_code, error.smtp_error)
        if isinstance(error, smtplib.SMTPException):  # the server lacks what is needed, such as a log-in
            return Failure(f"{self.shown} cannot be used: {self.scrub(str(error))}", final=True)
        if isinstance(error, TimeoutError):
            return Failure(f"{self.shown} does not answer within {timeout:.2g} seconds")
        if isinstance(error, ssl.SSLCertVerificationError):
            return Failure(f"the certificate of {self.shown} cannot be trusted: {error.verify_message}", final=True)
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Failure(f"{self.shown} cannot be reached: {self.scrub(reason)}")

    def _refusal(self, code: int, reply: bytes | str) -> Failure:
        """The failure that an SMTP reply means: 4xx is temporary, 5xx is permanent (RFC 5321, 4.2.1)."""
        text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
        line = self.scrub(" ".join(text.split()))[:200]
        return Failure(f"{self.shown} answers {code} {line}".rstrip(), final=code >= 500)

    def scrub(self, text: str) -> str:
        """`text` without the password, in each form in which it is sent."""
        if not self.password:
            return text
        plain = base64.b64encode(f"\0{self.user}\0{self.password}".encode()).decode()
        for secret in (plain, base64.b64encode(self.password.encode()).decode(), quote(self.password), self.password):
            text = text.replace(secret, "***")
        return text


class _NoTls(smtplib.SMTPException):
    """The server offers no TLS, but a password has to be sent."""


def checked(address: str, what: str) -> str:
    """`address`, if it can be an e-mail address; else raises UsageError. `what` names the setting."""
    if not re.fullmatch(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+", address):
        raise UsageError(f"Found {address!r} in {what}; expected an e-mail address such as planning@example.com.")
    return address


def _is_this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
