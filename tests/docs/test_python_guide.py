"""The page on Python can be followed: its code runs in order, and prints what it shows but for the numbers."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "python.md"
BLOCK = re.compile(r"^```(python|text)\n(.*?)^```", flags=re.DOTALL | re.MULTILINE)


def words(text: str) -> str:
    """The text without its numbers, which may differ from machine to machine."""
    return " ".join(re.sub(r"[−+-]?\d[\d,.]*", "0", text).split())


@pytest.mark.slow
def test_the_page_on_python_can_be_followed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = PAGE.read_text(encoding="utf-8").partition("## Get a table of sales")[2]
    blocks = BLOCK.findall(text)
    assert len(blocks) > 8
    names: dict[str, object] = {}
    printed = ""
    for language, block in blocks:
        if language == "text":
            assert words(block) == words(printed)
            continue
        with contextlib.redirect_stdout(io.StringIO()) as output:
            exec(compile(block, str(PAGE), "exec"), names)
        printed = output.getvalue()
    for chart in ("sales.html", "backtest.html", "forecast.html"):
        assert "vega" in (tmp_path / chart).read_text(encoding="utf-8")


def test_the_charts_that_the_text_names_are_asked_for_rightly():
    """Code in the running text is Python at least, and calls methods that there are."""
    import foresell as fs

    text = BLOCK.sub("", PAGE.read_text(encoding="utf-8"))
    calls = re.findall(r"`((panel|tested|forecasts)\.(\w+)[^`]*)`", text)
    assert len(calls) >= 4
    owners = {"panel": fs.Panel, "forecasts": fs.Forecasts}
    for code, owner, method in calls:
        compile(code, "page", "eval")
        assert owner == "tested" or hasattr(owners[owner], method)
