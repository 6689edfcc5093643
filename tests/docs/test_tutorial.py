"""The tutorial can be followed: its commands run as they stand, and print what it shows but for the numbers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TUTORIAL = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "first-forecast.md"
BLOCK = re.compile(r'^```(\w+)(?: title="([^"]+)")?\n(.*?)^```', flags=re.DOTALL | re.MULTILINE)


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """The language, the file and the text of each block after the section on installing."""
    return ((found[1], found[2], found[3]) for found in BLOCK.finditer(page.partition("## Get a file of sales")[2]))


def masked(text: str) -> str:
    """The text without its numbers, and in one line: they may differ from machine to machine, the words may not."""
    text = re.sub(r"\(up to date\)|\((?:< )?[\d.]+ s\)", "(time)", text)
    return " ".join(re.sub(r"[─┆│┌┐└┘╞╡═╪┬┴]|[<−+-]?\s*\d[\d,.]*", " ", text).split())


def run(command: str, folder: Path, path: Path) -> str:
    """What a command of the tutorial prints on a terminal; elsewhere, what it did has a timestamp before it.

    The command `foresell` is the one in `path`.
    """
    program, *arguments = command.split()
    start = {"foresell": path / "foresell", "python": sys.executable}[program]
    environment = os.environ | {"COLUMNS": "100", "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run(
        [start, *arguments], cwd=folder, env=environment, capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return re.sub(r"^\d{4}-\d\d-\d\dT[\d:.+]+ ", "", done.stdout, flags=re.MULTILINE)


def edit(file: Path, change: str) -> None:
    """Makes the change of a diff, whose lines stand once in the file, whatever follows on them."""
    old, new = (line[1:] for line in change.splitlines())
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.slow
def test_the_tutorial_can_be_followed(tmp_path, folder_of_command):
    for language, file, text in blocks(TUTORIAL.read_text(encoding="utf-8")):
        if language == "diff":
            edit(tmp_path / file, text)
        elif language == "python":
            (tmp_path / file).write_text(text, encoding="utf-8")
        elif language == "console":
            command, _, shown = text.removeprefix("$ ").partition("\n")
            printed = masked(run(command, tmp_path, folder_of_command))
            for part in re.split(r"^\s*…\s*$|…$", shown, flags=re.MULTILINE):
                assert masked(part) in printed, part
    for page in ("report/report.html", "monitor/monitor.html"):
        assert (tmp_path / "shop" / "results" / page).exists()
