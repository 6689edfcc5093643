"""One rerun of a page: who asks, of which project, and the views, which are kept until a result changes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from foresell.apps.dashboard import theme
from foresell.apps.dashboard.text import Reader
from foresell.core.errors import UsageError
from foresell.pipeline import views
from foresell.pipeline.project import Project
from foresell.serving.keys import Role

KEPT_VIEWS = 64  # answers in memory; a filter goes back to one of them without asking again


@dataclass(frozen=True)
class Visitor:
    """Who is signed in: the name of the key, and its role."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Whether the visitor has the rights of a role."""
        return self.role >= role


@dataclass(frozen=True)
class Session:
    """What a page works with."""

    folder: Path
    visitor: Visitor
    reader: Reader
    palette: theme.Palette
    is_still: Callable[[Visitor], bool] = lambda visitor: True
    """Whether the visitor may still come in: a button is run before the page asks, when the key may be gone."""

    @property
    def project(self) -> Project:
        """The project as it is now."""
        return Project(self.folder)

    def view(self, name: str, **query: Any) -> Any:
        """The view of `pipeline.views.VIEWS`. It is kept until a result changes, and must not be changed."""
        return _kept_view(str(self.folder), state_of(self.folder), name, tuple(sorted(query.items())))

    def require(self, role: Role) -> None:
        """Raises UsageError where the visitor has not the rights of a role. Whatever writes asks here first."""
        if not self.is_still(self.visitor):
            raise UsageError(f"The key {self.visitor.name} was taken away or changed. Sign in again.")
        if not self.visitor.may(role):
            raise UsageError(
                f"This needs the role {role}; the key {self.visitor.name} has the role {self.visitor.role}."
            )


@st.cache_resource(max_entries=KEPT_VIEWS, show_spinner="Reading the results …")
def _kept_view(folder: str, state: str, name: str, query: tuple[tuple[str, Any], ...]) -> Any:
    return views.show(Project(folder), name, **dict(query))


def state_of(folder: Path) -> str:
    """A digest that changes whenever the settings, a result or what people wrote down changes."""
    results = folder / "results"
    places: list[Iterable[Path]] = [
        [folder / "foresell.yaml"],
        folder.glob("*.jsonl"),
        results.glob("*/step.json"),
        results.glob("*/summary.json"),
        results.glob("plan/*.parquet"),
    ]
    found = hashlib.sha256()
    for file in sorted(file for place in places for file in place if file.exists()):
        state = file.stat()
        found.update(f"{file.relative_to(folder)} {state.st_size} {state.st_mtime_ns}\n".encode())
    return found.hexdigest()
