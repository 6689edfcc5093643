"""A server of Streamlit as a process of its own, and a browser that waits until a page is done."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from foresell.apps.dashboard.pages import PAGES

START_SECONDS = 60
DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]'


@dataclass(frozen=True)
class Served:
    """A server: the address of its pages, and its process."""

    address: str
    process: subprocess.Popen[bytes]

    def peak_megabytes(self) -> float:
        """The most memory that the process has stood at (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 1000


@contextmanager
def serving(*command: str) -> Iterator[Served]:
    """Runs ``python COMMAND PORT`` until the block ends; `{port}` in a word stands for a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, *(word.replace("{port}", str(port)) for word in command)]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, env={**os.environ, "FORESELL_API_KEYS": ""})
    try:
        address = f"http://127.0.0.1:{port}"
        _wait(f"{address}/_stcore/health", process)
        yield Served(address, process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _wait(address: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(address):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise SystemExit(f"The server did not answer within {START_SECONDS} s.")


@contextmanager
def browser() -> Iterator[Browser]:
    """The Chromium of this machine, without a window."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        raise SystemExit("There is no Chromium on this machine; install the package 'chromium' of the distribution.")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def address_of(server: str, path: str) -> str:
    """The address of a page; the first one stands at the root."""
    return server if path == next(iter(PAGES)) else f"{server}/{path}"


def open_and_wait(page: Page, address: str, seconds: float = 120) -> float:
    """Opens an address; returns the seconds until its heading stands there and the script has ended."""
    begun = time.perf_counter()
    page.goto(address)
    page.wait_for_selector("h1", timeout=1000 * seconds)
    page.wait_for_selector(DONE, timeout=1000 * seconds)
    return time.perf_counter() - begun
