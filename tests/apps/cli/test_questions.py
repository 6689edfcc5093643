"""The questions of `foresell init --ask`."""

from __future__ import annotations

import os
import pty
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from foresell.apps.cli import main
from foresell.apps.cli.questions import settle
from foresell.onboarding.proposal import Question
from foresell.onboarding.roles import infer


@pytest.fixture
def unclear(tmp_path: Path) -> Path:
    """Sales whose dates may have the day or the month first."""
    rows = [f"{day:02d}/{month:02d}/2023,A,{day}" for month in range(1, 13) for day in range(1, 13)]
    path = tmp_path / "sales.csv"
    path.write_text("\n".join(["date,item,qty", *rows]) + "\n", encoding="utf-8")
    return path


def answering(answers: dict[str, list[Any]], asked: list[str]):
    """Answers each question with the next of its answers; without one, with what was taken."""

    def ask(question: Question, taken: Any) -> Any:
        asked.append(question.option)
        left = answers.get(question.option, [])
        return left.pop(0) if left else taken

    return ask


def test_an_answer_settles_its_question_and_no_other_is_lost(unclear):
    asked: list[str] = []
    answers = {"date_format": ["%m/%d/%Y"], "horizon": [14], "country": ["DE"]}
    proposal = settle(partial(infer, str(unclear), Path(), None), {}, answering(answers, asked))
    assert asked == ["date_format", "horizon", "country"]
    data = proposal.settings["data"]
    assert (data["date_format"], data["country"], proposal.settings["horizon"]) == ("%m/%d/%Y", "DE", 14)
    assert not proposal.questions


def test_what_an_option_settles_is_not_asked(unclear):
    asked: list[str] = []
    given = {"date_format": "%d/%m/%Y", "horizon": 7, "keys": None}
    settle(partial(infer, str(unclear), Path(), None), given, answering({}, asked))
    assert asked == ["country"]


def test_an_answer_that_does_not_fit_is_asked_for_again(unclear, capsys):
    asked: list[str] = []
    answers = {"date_format": ["%Y-%m-%d", "%d/%m/%Y"]}
    proposal = settle(partial(infer, str(unclear), Path(), None), {}, answering(answers, asked))
    assert asked[:2] == ["date_format", "date_format"]
    assert proposal.settings["data"]["date_format"] == "%d/%m/%Y"
    assert "%Y-%m-%d" in capsys.readouterr().out


def test_without_a_terminal_it_says_so(unclear, tmp_path):
    result = CliRunner().invoke(main, ["init", str(tmp_path / "p"), "--data", str(unclear), "--ask"])
    assert result.exit_code == 2
    assert "needs a terminal" in result.output
    assert not (tmp_path / "p").exists()


def test_on_a_terminal(unclear, tmp_path):
    """Each answer is typed when its prompt has come."""
    child, terminal = pty.fork()
    if child == 0:
        command = [sys.executable, "-m", "foresell", "init", str(tmp_path / "p"), "--data", str(unclear), "--ask"]
        os.execv(sys.executable, command)
    shown = b""
    for prompt, answer in ((b"date_format [1]: ", b"2\n"), (b"horizon [28]: ", b"\n"), (b"country: ", b"DE\n")):
        while not shown.endswith(prompt):
            part = os.read(terminal, 1000)
            assert part, shown.decode()
            shown += part
        os.write(terminal, answer)
    while True:
        try:
            os.read(terminal, 1000)
        except OSError:  # the terminal is closed when the program has ended
            break
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    settings = yaml.safe_load((tmp_path / "p" / "foresell.yaml").read_text(encoding="utf-8"))
    assert (settings["data"]["date_format"], settings["horizon"], settings["data"]["country"]) == ("%m/%d/%Y", 28, "DE")
