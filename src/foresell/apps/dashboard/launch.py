"""Starts Streamlit with the dashboard's script and settings."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from foresell.apps.dashboard import theme
from foresell.core.errors import UsageError

SCRIPT = Path(__file__).with_name("script") / "main.py"
UPLOAD_MEGABYTES = 1000


def run(folder: Path, host: str, port: int, keys: str | None, browser: bool) -> None:
    """Serves the dashboard of the project in `folder` until it is interrupted."""
    from streamlit.web import cli

    # Streamlit reads settings from the user's folders too; what is given here goes first.
    cli.main([*arguments(host, port, browser), "--", str(folder), *(["--keys", keys] if keys else [])], "streamlit")


def require_port(host: str, port: int) -> None:
    """Raises UsageError where the address cannot be listened on, such as when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as trial:
            if os.name != "nt":  # there it would share the port of another server
                trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except OSError as error:
        raise UsageError(
            f"The dashboard cannot listen on {host}:{port}: {error.strerror or error}. Where another dashboard has the "
            f"port, choose one that is free, such as: --port {port + 1 if port < 65535 else port - 1}"
        ) from error


def arguments(host: str, port: int, browser: bool) -> list[str]:
    """The command line of Streamlit, without its program."""
    settings = {
        "server.address": host,
        "server.port": port,
        "server.headless": not browser,
        "server.fileWatcherType": "none",
        "server.runOnSave": False,
        "server.enableXsrfProtection": True,
        "server.maxUploadSize": UPLOAD_MEGABYTES,
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "minimal",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
        "runner.magicEnabled": False,
        "logger.level": "warning",
        "logger.hideWelcomeMessage": True,
        **theme.SETTINGS,
    }
    return ["run", str(SCRIPT), *(f"--{name}={_text(value)}" for name, value in settings.items())]


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def has_browser() -> bool:
    """Whether a browser can be opened: there is a display, or the system is not one of servers."""
    return os.name == "nt" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
