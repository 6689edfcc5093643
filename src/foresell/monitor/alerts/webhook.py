"""A webhook: an address that takes a JSON body by POST.

Whoever knows such an address may write to it, so all of it but scheme and host is a secret: it is never shown. It may
name environment variables, ``https://hooks.example/${TOKEN}``, and be one, ``${SLACK_WEBHOOK}``. Certificates are
verified (``SSL_CERT_FILE`` names further authorities), proxies are those of the environment, and no redirect is
followed.
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
from foresell.monitor.alerts.sending import Failure, Letter
from foresell.store.address import from_environment

EXPECTED = "expected http(s)://host/path"
MOST_READ = 2000  # bytes of an answer
LEAST_SECRET = 6  # characters: a shorter piece of a path is not blotted out wherever it occurs


@dataclass(frozen=True)
class Webhook:
    """Takes letters at `url`; `shown` is what may be seen of it."""

    url: str = field(repr=False)
    shown: str
    authorization: str | None = field(default=None, repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @classmethod
    def at(cls, address: str) -> Webhook:
        """The webhook at `address`. Raises UsageError where it cannot be one, without showing it."""
        what = "webhook's address"
        if re.fullmatch(r"\$\{\w+\}", address.strip()):
            address = from_environment(address.strip(), what)
        try:
            parts = urlsplit(address.strip())
            host, port = from_environment(parts.hostname or "", what), parts.port
        except ValueError:  # the cause quotes the piece that it could not read
            raise UsageError(f"The webhook's address cannot be read; {EXPECTED}.") from None
        if parts.scheme not in ("http", "https") or not re.fullmatch(r"[\w.:-]+", host, flags=re.ASCII):
            raise UsageError(f"The webhook's address is not one of a web server; {EXPECTED}.")
        place = f"{f'[{host}]' if ':' in host else host}{f':{port}' if port else ''}"
        path, query = (from_environment(each, what) for each in (parts.path or "/", parts.query))
        rest = quote(path, safe="/%:@!$&'()*+,;=~") + (f"?{quote(query, safe='/%:@!$&()*+,;=?~')}" if query else "")
        user, password = (from_environment(unquote(each or ""), what) for each in (parts.username, parts.password))
        token = base64.b64encode(f"{user}:{password}".encode()).decode() if user or password else ""
        pieces = [rest, path, query, *path.split("/"), password, token]
        secrets = tuple(each for each in pieces if len(each) >= LEAST_SECRET or (each and each == password))
        shown = f"{parts.scheme}://{place}" + ("/***" if rest != "/" else "")
        return cls(f"{parts.scheme}://{place}{rest}", shown, f"Basic {token}" if token else None, secrets)

    @property
    def receiver(self) -> str:
        return f"webhook {self.shown}"

    def hand_over(self, letters: Sequence[Letter], timeout: float) -> dict[int, Failure]:
        """Posts the body of each letter; why those that were not taken were not."""
        tried = {place: self._post(letter.body, timeout) for place, letter in enumerate(letters)}
        return {place: failure for place, failure in tried.items() if failure is not None}

    def _post(self, body: Mapping[str, Any], timeout: float) -> Failure | None:
        headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "foresell"}
        if self.authorization:
            headers["Authorization"] = self.authorization
        request = Request(self.url, msgspec.json.encode(body), headers, method="POST")
        try:
            with _opener().open(request, timeout=timeout) as answer:
                answer.read(MOST_READ)
        except HTTPError as error:
            return self._refused(error)
        except TimeoutError:
            return Failure(f"no answer within {timeout:.2g} seconds")
        except URLError as error:
            return self._unreached(error.reason, timeout)
        except (OSError, HTTPException) as error:
            return self._unreached(error, timeout)
        return None

    def _refused(self, error: HTTPError) -> Failure:
        """What an answer other than 2xx means. Those that say the request is wrong are final, save 429."""
        with error:
            if 300 <= error.code < 400:
                return Failure(f"it answers {error.code}, a redirect, and none is followed", final=True)
            try:
                told = error.read(MOST_READ).decode("utf-8", "replace")
            except (OSError, HTTPException):
                told = ""
        line = self.scrub(" ".join(told.split()))[:200]
        reason = f"it answers {error.code}" + (f": {line}" if line and "<" not in line else "")
        return Failure(reason, error.code < 500 and error.code != 429, _asked(error.headers))

    def _unreached(self, error: object, timeout: float) -> Failure:
        if isinstance(error, TimeoutError):
            return Failure(f"no answer within {timeout:.2g} seconds")
        if isinstance(error, ssl.SSLCertVerificationError):
            return Failure(f"its certificate cannot be trusted: {error.verify_message}", final=True)
        said = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return Failure(f"it cannot be reached: {self.scrub(said)}")

    def scrub(self, text: str) -> str:
        """`text` without any part of the address that is a secret."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


class _NoRedirects(HTTPRedirectHandler):
    def redirect_request(self, *args: object, **kwargs: object) -> None:
        """None makes an error of the redirect: what we tell is for the one address that was named."""


def _opener() -> OpenerDirector:
    return build_opener(_NoRedirects(), HTTPSHandler(context=ssl.create_default_context()))


def _asked(headers: Message) -> float:
    """Seconds that ``Retry-After`` asks to wait, given as such or as a date; 0 where it does not say."""
    asked = headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return float(asked)
    try:
        moment = parsedate_to_datetime(asked)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
