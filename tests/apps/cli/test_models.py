"""The verbs promote, rollback and models: what they print, as text and as JSON, and the codes they end with."""

from __future__ import annotations

import json
import re

import pytest
from click.testing import CliRunner

from foresell.apps.cli import main


def run(*words: object):
    return CliRunner().invoke(main, [str(word) for word in words])


def printed(ended) -> str:
    return " ".join(ended.output.split())


@pytest.fixture
def two(tracked_shop, change_settings):
    """Version 1 is champion, version 2 a worse challenger."""
    assert run("promote", tracked_shop, "--quiet").exit_code == 0
    change_settings(tracked_shop, champion="seasonal_naive")
    assert run("train", tracked_shop, "--quiet").exit_code == 0
    return tracked_shop


def test_train_says_which_version_came_of_it(tracked_shop, change_settings):
    change_settings(tracked_shop, champion="seasonal_naive")
    ended = run("train", tracked_shop)
    assert ended.exit_code == 0, ended.output
    assert "register: the model is version 2 of shop in" in printed(ended)


def test_a_promotion_shows_the_figures_it_rests_on(tracked_shop):
    ended = run("promote", tracked_shop)
    assert ended.exit_code == 0, ended.output
    assert "Version 1 of shop is the champion now: there was no champion; WRMSSE" in printed(ended)
    table = [line.split() for line in ended.stdout.splitlines() if line.startswith("  ")]
    assert table[0] == ["level", "figure", "champion", "challenger", "limit"]
    against = next(line for line in table if "against" in line)
    assert (against[:4], against[-1]) == (["all", "WRMSSE", "against", "seasonal_naive"], "ok")
    assert sum("range" in line for line in table) == 4  # one for each range, over all levels
    again = run("promote", tracked_shop)
    assert (again.exit_code, printed(again)) == (0, "Version 1 of shop is the champion already.")


def test_a_refusal_ends_with_1_and_marks_what_was_not_met(two):
    ended = run("promote", two)
    assert ended.exit_code == 1
    assert "Version 2 of shop was refused; version 1 stays the champion: WRMSSE over all levels is" in printed(ended)
    overall = next(line for line in ended.stdout.splitlines() if line.startswith("  all"))
    assert overall.endswith("NOT MET")
    as_json = run("promote", two, "--json")
    assert as_json.exit_code == 1
    content = json.loads(as_json.stdout)
    assert (content["decision"], content["version"], content["before"], content["champion"]) == (
        "refused", "2", "1", False,
    )  # fmt: skip
    assert content["verdict"]["passed"] is False
    assert {"level", "figure", "champion", "challenger", "at_least", "at_most", "ok", "nominal"} == set(
        content["verdict"]["figures"][0]
    )


def test_force_rollback_and_the_list(two):
    forced = run("promote", two, "--force", "a fire sale")
    assert forced.exit_code == 0
    assert "by force: a fire sale (against the verdict:" in printed(forced)
    listed = run("models", two, "--verdicts")
    assert listed.exit_code == 0
    rows = [line.split() for line in listed.stdout.splitlines() if "champion" in line or line.strip()[:1] == "1"]
    assert rows[0][:2] == ["2", "champion"]
    assert "Version 2 is the champion since" in printed(listed)
    assert printed(listed).count("a fire sale") == 2
    back = run("rollback", two, "--reason", "the sale is over")
    assert back.exit_code == 0
    assert "Version 1 of shop is the champion again in the place of version 2: the sale is over." in printed(back)
    assert json.loads(run("models", two, "--json").stdout)["models"][1]["champion"] is True
    gone = run("rollback", two)
    assert gone.exit_code == 2
    assert "nothing to go back to" in printed(gone)


def test_old_versions_are_removed_once_that_is_agreed_to(two, change_settings):
    change_settings(two, champion="moving_average")
    assert run("train", two, "--quiet").exit_code == 0
    refused = CliRunner().invoke(main, ["models", str(two), "--prune", "1"], input="n\n")
    assert refused.exit_code == 1
    assert "Remove version 2 of shop for good?" in printed(refused)
    assert len(json.loads(run("models", two, "--json").stdout)["models"]) == 3
    agreed = CliRunner().invoke(main, ["models", str(two), "--prune", "1"], input="y\n")
    assert agreed.exit_code == 0, agreed.output
    assert re.search(r"1 version removed, which frees [\d.]+ MB\. version trained", printed(agreed))
    left = json.loads(run("models", two, "--prune", "1", "--json").stdout)
    assert ([version["version"] for version in left["models"]], left["removed"]) == (["3", "1"], {})
    assert "There is no version to remove." in printed(run("models", two, "--prune", "1", "--yes"))
    assert run("models", two, "--prune", "0").exit_code == 2


def test_a_server_that_is_down_ends_with_1(tracked_shop, change_settings):
    change_settings(tracked_shop, tracking={"uri": "http://127.0.0.1:9"})
    for verb in ("promote", "rollback", "models"):
        ended = run(verb, tracked_shop)
        assert ended.exit_code == 1
        assert "does not answer" in printed(ended)


def test_before_any_training_models_says_what_to_do(tracked_shop, mlflow_database):
    (tracked_shop / "results" / "mlflow.db").write_bytes(mlflow_database.read_bytes())
    ended = run("models", tracked_shop)
    assert (ended.exit_code, printed(ended)) == (0, "No model is registered yet. Make one with: foresell train")


def test_versions_are_signed_on_request(tracked_shop, monkeypatch):
    ended = run("models", tracked_shop, "--sign", "all")
    assert ended.exit_code == 2
    assert "FORESELL_SIGNING_KEY" in printed(ended)
    monkeypatch.setenv("FORESELL_SIGNING_KEY", "a secret")
    assert "Signed: version 1." in printed(run("models", tracked_shop, "--sign", "all"))
    assert json.loads(run("models", tracked_shop, "--sign", "1", "--json").stdout)["signed"] == ["1"]
    assert run("models", tracked_shop, "--sign", "9").exit_code == 2
