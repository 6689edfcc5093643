"""The script as a whole: who may come in, what stands in the navigation, what an error looks like."""

from __future__ import annotations

import socket
import sys

import pytest

pytest.importorskip("streamlit", reason="no dashboard: streamlit is not installed")

from streamlit.testing.v1 import AppTest

from foresell.apps.dashboard.launch import SCRIPT, arguments, require_port
from foresell.core.errors import UsageError
from foresell.serving.keys import new_key


def test_without_a_key_nothing_of_the_project_is_shown(done_shop, tmp_path, monkeypatch) -> None:
    text, key = new_key("predict", "ann")
    file = tmp_path / "keys"
    file.write_text(key.line())
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(done_shop), "--keys", str(file)])
    app = AppTest.from_file(str(SCRIPT), default_timeout=60).run()
    assert [field.label for field in app.text_input] == ["API key"]
    assert not app.dataframe

    app.text_input[0].set_value(text[:-1])
    app.button[0].click().run()
    assert "no such key" in app.error[0].value
    assert not app.dataframe

    app.text_input[0].set_value(text)
    app.button[0].click().run()
    assert not app.exception
    assert any("ann" in caption.value for caption in app.sidebar.caption)

    file.write_text(new_key("read")[1].line())  # the key is taken away
    later = AppTest.from_file(str(SCRIPT), default_timeout=60)
    later.session_state["signed_in_with"] = app.session_state["signed_in_with"]
    assert [field.label for field in later.run().text_input] == ["API key"]


def test_a_button_of_a_key_that_was_taken_away_writes_nothing(tmp_path) -> None:
    key = new_key("admin", "ann")[1]
    file = tmp_path / "keys"
    file.write_text(key.line())

    def script(file: str, digest: str) -> None:
        from functools import partial
        from pathlib import Path

        import streamlit as st

        from foresell.apps.dashboard import theme
        from foresell.apps.dashboard.script.main import is_still
        from foresell.apps.dashboard.session import Session, Visitor
        from foresell.apps.dashboard.text import Reader
        from foresell.core.errors import UsageError
        from foresell.serving.keys import Role

        st.session_state["signed_in_with"] = digest
        session = Session(Path(), Visitor("ann", Role.ADMIN), Reader(), theme.LIGHT, partial(is_still, file))
        try:
            session.require(Role.ADMIN)
            st.text("may")
        except UsageError as error:
            st.text(str(error))

    app = AppTest.from_function(script, args=(str(file), key.digest)).run()
    assert app.text[0].value == "may"
    file.write_text(new_key("read")[1].line())
    assert "was taken away" in app.run().text[0].value
    file.write_text(key.line().replace("admin", "read"))
    assert "was taken away or changed" in app.run().text[0].value


def test_without_keys_the_visitor_of_this_computer_is_in(done_shop, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(done_shop)])
    app = AppTest.from_file(str(SCRIPT), default_timeout=60).run()
    assert not app.exception
    captions = " ".join(caption.value for caption in app.sidebar.caption)
    assert "this computer" in captions
    assert "Forecast made" in captions


def test_an_error_stands_in_the_place_of_the_page(shop, open_page) -> None:
    app = open_page(shop, "trust")
    assert [error.value for error in app.error] == ["The page cannot be shown."]
    assert "foresell run" in app.text[0].value


def test_settings_that_break_while_the_server_runs_are_explained(done_shop, monkeypatch) -> None:
    path = done_shop / "foresell.yaml"
    path.write_text("data: [}")
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(done_shop)])
    app = AppTest.from_file(str(SCRIPT), default_timeout=60).run()
    assert not app.exception
    assert "The page cannot be shown." in [error.value for error in app.error]
    assert any(str(path) in text.value for text in app.text)


def test_nobody_comes_in_when_the_file_of_keys_is_gone(done_shop, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(done_shop), "--keys", str(tmp_path / "gone")])
    app = AppTest.from_file(str(SCRIPT), default_timeout=60).run()
    assert not app.exception
    assert [error.value[:27] for error in app.error] == ["The keys cannot be read, so"]
    assert not app.dataframe
    assert not app.text_input


def test_a_fault_says_what_to_do_and_leaves_a_traceback() -> None:
    def script() -> None:
        from foresell.apps.dashboard.script.main import errors_in_place

        with errors_in_place("The page"):
            raise KeyError("mean")

    app = AppTest.from_function(script).run()
    assert not app.exception
    assert [error.value for error in app.error] == ["The page cannot be shown."]
    assert "KeyError: 'mean'" in app.text[0].value
    assert "foresell run" in app.text[0].value


def test_the_server_watches_no_files_and_reports_to_nobody() -> None:
    line = arguments("127.0.0.1", 8501, browser=False)
    assert "--logger.hideWelcomeMessage=true" in line
    assert {"--server.fileWatcherType=none", "--browser.gatherUsageStats=false", "--server.headless=true"} <= set(line)


def test_a_port_that_is_taken_is_said_with_another_one() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"{port}: Address already in use.*--port {port + 1}"):
            require_port("127.0.0.1", port)
    require_port("127.0.0.1", port)
