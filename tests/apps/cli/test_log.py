"""What verbs say for a log: lines with a timestamp, or JSON."""

import json
import logging
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from fixtures.log_lines import log_lines

from foresell.apps.cli import log, main
from foresell.core.extras import install_command
from foresell.pipeline.project import Project

TIME = r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}[+-]\d{2}:\d{2}"


def test_json_lines_are_all_that_stderr_has_and_stdout_has_nothing(done_shop):
    ended = CliRunner().invoke(main, ["check", str(done_shop), "--again", "--log", "json"])
    assert ended.exit_code == 0, ended.output
    assert ended.stdout == ""
    lines = log_lines(ended.stderr)
    assert all(re.match(TIME.replace("[+-]", r"\.\d{3}[+-]"), line["time"]) for line in lines)
    check = next(line for line in lines if line["step"] == "check" and "numbers" in line)
    assert check["state"] == "done"
    assert check["numbers"]["series"] == Project(done_shop).panel.n_series
    codes = {line["finding"]["code"] for line in lines if "finding" in line}
    assert codes == {finding.code for finding in Project(done_shop).findings}


def test_a_project_that_is_not_checked_yet_logs_its_findings(shop):
    ended = CliRunner().invoke(main, ["check", str(shop), "--log", "json"])
    assert ended.exit_code == 0, ended.output
    codes = {line["finding"]["code"] for line in log_lines(ended.stderr) if "finding" in line}
    assert codes == {finding.code for finding in Project(shop).findings}


def test_stdout_keeps_its_one_object(done_shop):
    as_it_was = CliRunner().invoke(main, ["check", str(done_shop), "--json"])
    ended = CliRunner().invoke(main, ["check", str(done_shop), "--json"], env={"FORESELL_LOG": "json"})
    assert json.loads(ended.stdout) == json.loads(as_it_was.stdout)
    assert log_lines(ended.stderr)


@pytest.mark.parametrize(
    ("arguments", "kind", "code"),
    [(["nowhere"], "SettingsError", 2), (["nowhere", "--nothing-known"], "UsageError", 2)],
)
def test_an_error_is_a_line_too_and_its_exit_code_stays(arguments, kind, code):
    ended = CliRunner().invoke(main, ["run", *arguments, "--log", "json"])
    assert ended.exit_code == code
    assert [(line["level"], line["error_kind"]) for line in log_lines(ended.stderr)] == [("error", kind)]


def test_a_fault_has_its_traceback_in_the_line(done_shop, monkeypatch):
    def broken(*args: object, **named: object) -> None:
        raise ZeroDivisionError("by design")

    monkeypatch.setattr(Project, "walk", broken)
    ended = CliRunner().invoke(main, ["run", str(done_shop), "--log", "json"])
    assert ended.exit_code == 1
    (line,) = log_lines(ended.stderr)
    assert line["error_kind"] == "Fault"
    assert "ZeroDivisionError: by design" in line["traceback"]
    assert not list(Path(done_shop).rglob("fault-*.txt"))


def test_where_stdout_is_no_terminal_a_step_says_when(done_shop):
    ended = CliRunner().invoke(main, ["features", str(done_shop)])
    assert re.search(rf"^{TIME} features: ", ended.stdout, re.MULTILINE)


def test_what_is_not_installed_is_said_once_with_one_command(done_shop, change_settings, monkeypatch):
    change_settings(done_shop, tracking={"enabled": True})
    monkeypatch.setitem(sys.modules, "mlflow", None)
    for verb in ("run", "status"):
        ended = CliRunner().invoke(main, [verb, str(done_shop)])
        assert ended.exit_code == 0, ended.output
        assert ended.stdout.count("Not installed, so left out: mlflow") == 1
        assert ended.stdout.count(install_command("mlflow")) == 1
        assert "not recorded" not in ended.stdout
    assert re.search(r"record +left out", ended.stdout)


def test_a_handler_that_a_server_left_hears_nothing(capsys, monkeypatch):
    heard = logging.Handler()
    heard.emit = lambda record: pytest.fail(record.getMessage())  # type: ignore[method-assign]
    monkeypatch.setattr(log.LOGGER, "handlers", [heard])
    monkeypatch.setattr(log.LOGGER, "propagate", False)
    with log.json_lines():
        log.event("info", "done")
    assert (log.LOGGER.handlers, log.LOGGER.propagate) == ([heard], False)
    assert [line["message"] for line in log_lines(capsys.readouterr().err)] == ["done"]
