"""The site of the documents is built without a warning, with its notebooks executed, and fetches nothing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(notebook):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)


@pytest.mark.slow
def test_the_site_is_built_with_every_notebook_executed_and_fetches_nothing(tmp_path):
    """A cell of a notebook that raises, or a link that leads nowhere, ends the build."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    for notebook in NOTEBOOKS:
        page = (tmp_path / "notebooks" / f"{notebook.stem}.html").read_text(encoding="utf-8")
        assert page.count("jp-OutputArea-output") >= 4
    pages = [*tmp_path.rglob("*.html"), *tmp_path.rglob("*.css")]
    assert len(pages) > 20
    for page in pages:
        assert not fetched(page.read_text(encoding="utf-8")), page.relative_to(tmp_path)


def fetched(text: str) -> list[str]:
    """What a browser would fetch from another host to show a page, or to apply a style sheet."""
    found = re.findall(r"<(?:script|img|iframe|source)\b[^>]*\ssrc=[\"']?(?:https?:)?//[^>]*>", text)
    found += re.findall(r"<link\b(?![^>]*rel=[\"']?canonical)[^>]*\shref=[\"']?(?:https?:)?//[^>]*>", text)
    return found + re.findall(r"@import[^;]*//|url\([\"']?(?:https?:)?//[^)]*\)", text)


def test_what_would_be_fetched_is_noticed():
    assert fetched('<script async src="https://example.com/a.js"></script>')
    assert fetched('<link rel="stylesheet" href="//example.com/a.css">')
    assert fetched("@font-face { src: url(https://example.com/a.woff2); }")
    assert not fetched(
        '<a href="https://example.com">text</a><script src="../a.js"></script><style>a { b: url(c.svg) }</style>'
    )
