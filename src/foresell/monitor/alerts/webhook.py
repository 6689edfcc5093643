"""A webhook: an address that takes a JSON body by POST.

Anyone who knows such an address may write to it. So all of it but scheme and host is a secret that is never shown. The
address may contain environment variables, ``https://hooks.example/${TOKEN}``, or be one, ``${SLACK_WEBHOOK}``.
Certificates are verified (``SSL_CERT_FILE`` names further authorities). The proxies are those of the environment.
Redirects are not followed.
"""

from __future__ import annotations

import base64
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import HTTPRedirectHandler, HTTPSHandler, OpenerDirector, Request, build_opener

import msgspec

from foresell.core.errors import UsageError
from foresell.monitor.alerts.channels import Failure, Notification
from foresell.store.address import from_environment

EXPECTED = "expected http(s)://host/path"
MOST_READ = 2000  # bytes of a response
LEAST_SECRET = 6  # characters; shorter pieces of a path are not hidden in messages


@dataclass(frozen=True)
class Webhook:
    """Posts notifications to `url`; `shown` is the part of it that is not secret."""

    url: str = field(repr=False)
    shown: str
    authorization: str | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def at(cls, address: str) -> Webhook:
        """The webhook at `address`. Raises UsageError where the address is not valid; the message does not show it."""
        what = "webhook's address"
        if re.fullmatch(r"\$\{\w+\}", address.strip()):
            address = from_environment(address.strip(), what)
        try:
            parts = urlsplit(address.strip())
            host, port = from_environment(parts.hostname or "", what), parts.port
        except ValueError:  # its text quotes the part that could not be read
            raise UsageError(f"The webhook's address cannot be read; {EXPECTED}.") from None
        if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.:-]+", host, flags=re.ASCII):
            raise UsageError(f"The webhook's address is not one of a web server; {EXPECTED}.")
        place = f"{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"
        path, query = (from_environment(part, what) for part in (parts.path or "/", parts.query))
        rest = quote(path, safe="/%:@!$&'()*+,;=~") + (f"?{quote(query, safe='/%:@!$&()*+,;=?~')}" if query else "")
        user, password = (from_environment(unquote(part or ""), what) for part in (parts.username, parts.password))
        token = base64.b64encode(f"{user}:{password}".encode()).decode() if user or password else ""
        pieces = [rest, path, query, *path.split("/"), password, token]
        secrets = tuple(piece for piece in pieces if len(piece) >= LEAST_SECRET or (piece and piece == password))
        shown = f"{parts.scheme}://{place}" + ("/***" if rest != "/" else "")
        return cls(f"{parts.scheme}://{place}{rest}", shown, f"Basic {token}" if token else None, secrets)

    @property
    def receiver(self) -> str:
        return f"webhook {self.shown}"

    def hand_over(self, notifications: Sequence[Notification], timeout: float) -> dict[int, Failure]:
        """Posts the body of each notification. Returns a failure for each one that was not accepted, by its index."""
        outcomes = {place: self._post(notification.body, timeout) for place, notification in enumerate(notifications)}
        return {place: failure for place, failure in outcomes.items() if failure is not None}

    def _post(self, body: Mapping[str, Any], timeout: float) -> Failure | None:
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "foresell"}
        if self.authorization:
            headers["Authorization"] = self.authorization
        request = Request(self.url, msgspec.json.encode(body), headers, method="POST")
        try:
            with _opener().open(request, timeout=timeout) as response:
                response.read(MOST_READ)
        except HTTPError as error:
            return self._refusal(error)
        except TimeoutError:
            return Failure(f"no answer within {timeout:.2g} seconds")
        except URLError as error:
            return self._unreachable(error.reason, timeout)
        except (OSError, HTTPException) as error:
            return self._unreachable(error, timeout)
        return None

    def _refusal(self, error: HTTPError) -> Failure:
        """The failure that a response other than 2xx means. One that blames the request is final, except 429."""
        with error:
            if 300 <= error.code < 400:
                return Failure(f"it answers {error.code}, a redirect, and none is followed", final=True)
            try:
                text = error.read(MOST_READ).decode("utf-8", "replace")
            except (OSError, HTTPException):
                text = ""
        line = self.scrub(" ".join(text.split()))[:200]
        reason = f"it answers {error.code}" + (f": {line}" if line and "<" not in line else "")
        return Failure(reason, error.code < 500 and error.code != 429, _retry_after(error.headers))

    def _unreachable(self, error: object, timeout: float) -> Failure:
        if isinstance(error, TimeoutError):
            return Failure(f"no answer within {timeout:.2g} seconds")
        if isinstance(error, ssl.SSLCertVerificationError):
            return Failure(f"its certificate cannot be trusted: {error.verify_message}", final=True)
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Failure(f"it cannot be reached: {self.scrub(reason)}")

    def scrub(self, text: str) -> str:
        """`text` without the secret parts of the address."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        """Returns None, which makes a redirect an error: alerts are for the address in the settings only."""


def _opener() -> OpenerDirector:
    return build_opener(_NoRedirects(), HTTPSHandler(context=ssl.create_default_context()))


def _retry_after(headers: Message) -> float:
    """The seconds to wait by ``Retry-After``, which has a number of seconds or a date; 0 without it."""
    value = headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
