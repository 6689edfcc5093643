"""POST /view: what `foresell show` prints."""

from __future__ import annotations

import json

from click.testing import CliRunner

from foresell.apps.cli import main
from foresell.serving.keys import Keys, new_key


def test_api_and_command_line_show_the_same(serve, project) -> None:
    text, key = new_key("read")
    with serve(keys=Keys((key,))) as client:
        answer = client.post("/view", json={"view": "freshness"}, headers={"X-API-Key": text})
    assert answer.status_code == 200, answer.text
    shown = CliRunner().invoke(main, ["show", "freshness", str(project.folder), "--json"])
    assert json.loads(shown.stdout) == answer.json()["shows"]


def test_an_unknown_view_or_question_says_what_there_is(serve) -> None:
    with serve() as client:
        unknown = client.post("/view", json={"view": "no"})
        question = client.post("/view", json={"view": "freshness", "ask": {"colour": "red"}})
    assert (unknown.status_code, question.status_code) == (422, 422)
    assert "freshness" in unknown.json()["detail"]
    assert "colour" in question.json()["detail"]


def test_a_model_alone_has_no_pages(serve) -> None:
    with serve(planning=None) as client:
        answer = client.post("/view", json={"view": "freshness"})
    assert (answer.status_code, "project" in answer.json()["detail"]) == (422, True)
