"""Pages without a browser, by Streamlit's own test of apps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("streamlit", reason="no dashboard: streamlit is not installed")

from streamlit.testing.v1 import AppTest

Open = Callable[..., AppTest]


def _script(folder: str, path: str, role: str) -> None:
    from pathlib import Path

    from foresell.apps.dashboard import theme
    from foresell.apps.dashboard.pages import PAGES
    from foresell.apps.dashboard.script.main import show_page
    from foresell.apps.dashboard.session import Session, Visitor
    from foresell.apps.dashboard.text import Reader
    from foresell.serving.keys import Role

    visitor = Visitor("ann", Role[role.upper()])
    show_page(PAGES[path], Session(Path(folder), visitor, Reader("en-GB"), theme.LIGHT))


@pytest.fixture
def open_page() -> Open:
    """Opens a page by its path, of the project in a folder, as a visitor with a role; nothing on it may have failed."""

    def open_it(folder: Path, path: str, role: str = "admin", address: dict[str, str] | None = None) -> AppTest:
        app = AppTest.from_function(_script, args=(str(folder), path, role), default_timeout=60)
        for name, value in (address or {}).items():
            app.query_params[name] = value
        app.run()
        assert not app.exception, app.exception
        return app

    return open_it
