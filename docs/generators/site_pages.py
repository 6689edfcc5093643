"""The hooks that MkDocs calls: they fill in what is made from the code, and bring the project's other documents in.

A page says where a reference goes with a line such as ``<!-- generated: settings -->``. Documents that stand outside of
``docs/`` become pages under ``project/``, so that links to them work on the site as they do in the repository.
"""

from __future__ import annotations

import posixpath
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from generators import catalogue_reference, command_reference, graph_reference, settings_reference  # noqa: E402

REFERENCES = {
    "settings": settings_reference.settings_reference,
    "commands": command_reference.command_reference,
    "step overview": graph_reference.step_overview,
    "steps": graph_reference.step_reference,
    "results": graph_reference.results_reference,
    "findings": catalogue_reference.finding_reference,
    "models": catalogue_reference.model_reference,
    "features": catalogue_reference.feature_reference,
    "python": catalogue_reference.python_reference,
}
"""What makes the Markdown of each reference, by the name that pages call it."""

MARK = re.compile(r"^<!-- generated: ([a-z ]+) -->$", flags=re.MULTILINE)
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\((?!\w+:)([^)#\s]+)(#[^)\s]*)?\)")


def outside_documents() -> dict[str, str]:
    """The documents outside of ``docs/``: the path in the repository, and that of the page made of it."""
    files = [*ROOT.glob("[A-Z]*.md"), *(ROOT / "benchmarks").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    names = sorted(
        file.relative_to(ROOT).as_posix() for file in files if file.name != "README.md" or file.parent != ROOT
    )
    return {name: f"project/{name.replace('README', 'index')}" for name in names}


def filled_in(markdown: str) -> str:
    """The page with the references that it asks for. Raises KeyError for one that nothing makes."""
    return MARK.sub(lambda mark: REFERENCES[mark[1]](), markdown)


def relinked(markdown: str, page: str, pages: dict[str, str]) -> str:
    """The page with its links to documents of the repository turned into links to their pages.

    `page` is the page's path in the repository; `pages` are those of the site by path in the repository. A link to a
    file that is no page, such as a module, becomes its text.
    """

    def link(found: re.Match[str]) -> str:
        text, target, anchor = found[1], found[2], found[3] or ""
        path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
        if path not in pages:
            return text
        return f"[{text}]({posixpath.relpath(pages[path], posixpath.dirname(pages[page]) or '.')}{anchor})"

    return LINK.sub(link, markdown)


def on_files(files: Any, config: Any) -> Any:
    """Adds the documents outside of ``docs/``."""
    from mkdocs.structure.files import File

    for name, page in outside_documents().items():
        files.append(File.generated(config, page, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Fills in the references of a page and mends its links."""
    outside = outside_documents()
    inside = {f"docs/{file.src_uri}": file.src_uri for file in files if not file.src_uri.startswith("project/")}
    pages = {"README.md": "index.md"} | inside | outside
    path = next(name for name, uri in pages.items() if uri == page.file.src_uri and name != "README.md")
    return relinked(filled_in(markdown), path, pages)
