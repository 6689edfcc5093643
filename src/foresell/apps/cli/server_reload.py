"""A request to a running server to load the champion."""

from __future__ import annotations

import json
import os
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

KEY = "FORESELL_API_KEY"
PATIENCE = 120  # seconds for a server to load a model


def reload(server: str) -> dict[str, Any]:
    """Makes the server at the address `server` load the champion; the outcome is in words under ``says``.

    ``reached`` is False where the server did not answer as expected.
    """
    key = os.environ.get(KEY)
    headers = {"X-Requested-With": "foresell", **({"X-API-Key": key} if key else {})}
    try:
        request = Request(f"{server.rstrip('/')}/reload", method="POST", headers=headers)
        with build_opener(_NoRedirects).open(request, timeout=PATIENCE) as answer:
            content = json.load(answer)
        version, changed = content["version"], content["changed"]
    except HTTPError as error:
        return {"reached": False, "says": f"The server {server} did not load the champion: {_problem(error)}"}
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        why = str(getattr(error, "reason", error)).rstrip(".")
        return {"reached": False, "says": f"The server {server} does not answer as it should: {why}. It serves on."}
    now = "now" if changed else "already"
    return {
        "reached": True,
        "version": version,
        "changed": changed,
        "says": f"{server} serves version {version} {now}.",
    }


class _NoRedirects(HTTPRedirectHandler):
    """Follows no redirect, which could send the key to another server."""

    def redirect_request(self, *_: Any) -> None:
        return None


def _problem(error: HTTPError) -> str:
    """The problem that the server reports, in one sentence."""
    try:
        detail = str(json.load(error)["detail"])
    except (OSError, ValueError, KeyError, TypeError):
        detail = error.reason
    need = f" Set {KEY} to a key of the role admin." if error.code in (401, 403) else ""
    return f"{error.code}, {detail.rstrip('.')}.{need}"
