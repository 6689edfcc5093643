"""Fingerprints of foresell's own code, so that results are made again where the code that they depend on has changed.

The code counts, not its text: comments, docstrings, blank lines and formatting change nothing. To parse hundreds of
files takes a second, so the digests of their texts are kept where Python keeps what it has compiled.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]

NO_RESULT = {
    "core.errors": "what an error says is in no result",
    "core.settings": "the values of the settings that a step reads are in its fingerprint themselves",
    "core.version": "the number of a version changes nothing by itself",
    "core.words": "numbers and dates as people read them, in messages and on pages",
}
"""Modules that no fingerprint of a package covers, and why."""


_MOST_KEPT = 5000  # digests, for some versions of each file


def code_fingerprint(parts: Iterable[str] = ("",), package: Path = PACKAGE) -> str:
    """A fingerprint of the code in some packages and modules of foresell, such as ``models`` or ``store.panels``; of
    all of it where none is named.

    Modules of `NO_RESULT` are left out of a package that they lie in; one that is named itself counts. That of this
    foresell is read once, for a process works by the code that it began with.
    """
    return _of_this_process(tuple(parts)) if package == PACKAGE else _fingerprint(parts, package)


@cache
def _of_this_process(parts: tuple[str, ...]) -> str:
    return _fingerprint(parts, PACKAGE)


def _fingerprint(parts: Iterable[str], package: Path) -> str:
    files = {file for part in parts for file in _files(package, part)}
    digest, known = hashlib.sha256(), _known_digests()
    before = len(known)
    for file in sorted(files):
        source = file.read_bytes()
        text = hashlib.sha256(source).hexdigest()
        known[text] = known.get(text) or _code_of(source)
        digest.update(f"{file.relative_to(package).as_posix()} {known[text]}\n".encode())
    if len(known) > before:
        _keep(known)
    return digest.hexdigest()[:16]


def _kept() -> Path:
    """The file of the digests, of this version of Python and of this file, which makes them."""
    made_by = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    return Path(cache_from_source(__file__)).with_suffix(f".{made_by}.json")


@cache
def _known_digests() -> dict[str, str]:
    """The digests of code by those of its text, which are kept on disk."""
    with suppress(OSError, ValueError):
        known = json.loads(_kept().read_bytes())
        if isinstance(known, dict):
            return known
    return {}


def _keep(known: dict[str, str]) -> None:
    """Keeps the digests where that folder can be written to."""
    newest = dict(list(known.items())[-_MOST_KEPT:])
    with suppress(OSError):
        temporary = _kept().with_suffix(f".{os.getpid()}.part")
        temporary.parent.mkdir(exist_ok=True)
        temporary.write_text(json.dumps(newest))
        temporary.replace(_kept())


def _files(package: Path, part: str) -> Iterator[Path]:
    place = package.joinpath(*part.split(".")) if part else package
    if place.with_suffix(".py").is_file():
        yield place.with_suffix(".py")
        return
    for file in place.rglob("*.py"):
        module = ".".join(file.relative_to(package).with_suffix("").parts)
        if not any(module == name or module.startswith(f"{name}.") for name in NO_RESULT):
            yield file


def _code_of(source: bytes) -> str:
    """The digest of the syntax tree of a file, without docstrings and positions."""
    tree = ast.parse(source)
    for node in _blocks(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_docstring(statement)]
    return hashlib.sha256(ast.dump(tree).encode()).hexdigest()


def _blocks(node: ast.AST) -> Iterator[ast.AST]:
    """A node and the statements in it at any depth; expressions, which are most of the nodes, have no docstrings."""
    yield node
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        inner = getattr(node, field, ())
        for statement in inner if isinstance(inner, list) else ():
            yield from _blocks(statement)


def _is_docstring(statement: ast.stmt) -> bool:
    """Whether a statement is a text that stands by itself: the docstring of what it is in, or of the name before it."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)
