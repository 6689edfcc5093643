"""Options set in the text of a settings file: all else stays, letter by letter."""

from __future__ import annotations

import pytest
import yaml

from foresell.core.errors import SettingsError
from foresell.core.settings import Model, parse_settings, read_settings
from foresell.onboarding.settings_change import change, changed

HEAD = "# mine\ndata: {sales: a.csv, keys: [item]}  # here\n"
NEW = {"trees": 200, "drop": ["price"]}
LISTED = """models:
  # the plain one
  - {name: seasonal_naive}
  - name: lightgbm  # mine
    options:
      trees: 100  # enough
      seed: 4

# after
seed: 2
"""


def write(tmp_path, text: str, place: int, models=None, options=NEW, why="today: it was better"):
    path = tmp_path / "foresell.yaml"
    path.write_bytes(text.encode())
    settings = read_settings(path)
    change(path, settings, models or settings.models, place, options, why)
    return path.read_bytes().decode()


def test_options_in_a_block_are_set_one_by_one_and_comments_stay(tmp_path):
    assert write(tmp_path, HEAD + LISTED, 1) == HEAD + (
        LISTED.replace("  - name: lightgbm", "  # tuned today: it was better\n  - name: lightgbm")
        .replace("trees: 100", "trees: 200")
        .replace("      seed: 4\n", "      seed: 4\n      drop: [price]\n")
    )


FORMS = {
    "a line each": ("models:\n  - {name: lightgbm}\n", "models:\n{}  - {{name: lightgbm, options: {}}}\n"),
    "with options": (
        "models:\n- {name: lightgbm, options: {trees: 9, l2: 1}}  # x\n",
        "models:\n{}- {{name: lightgbm, options: {{trees: 200, l2: 1, drop: [price]}}}}  # x\n",
    ),
    "no options yet": (
        "models:\n  - {name: lightgbm, options: {}}",
        "models:\n{}  - {{name: lightgbm, options: {}}}",
    ),
    "all in one line": ("models: [{name: lightgbm}]\n", "{}models: [{{name: lightgbm, options: {}}}]\n"),
    "a block": ("models:\n  - name: lightgbm\n", "models:\n{}  - name: lightgbm\n    options: {}\n"),
    "a list in a block": (
        "models:\n  - name: lightgbm\n    options:\n      drop:\n        - age\n        - lag\n      trees: 3\n",
        "models:\n{}  - name: lightgbm\n    options:\n      drop:\n        [price]\n      trees: 200\n",
    ),
}


@pytest.mark.parametrize("form", FORMS)
def test_models_may_be_written_in_many_ways(form, tmp_path):
    before, after = FORMS[form]
    indent = "  " if "  - " in before else ""
    mark = f"{indent}# tuned today: it was better\n"
    expected = after.format(mark, "{trees: 200, drop: [price]}")
    assert write(tmp_path, HEAD + before, 0) == HEAD + expected


def test_the_line_of_evidence_takes_the_place_of_the_one_before(tmp_path):
    text = write(tmp_path, HEAD + LISTED, 1, why="monday")
    text = write(tmp_path, text, 1, options={"trees": 300}, why="tuesday")
    assert "monday" not in text
    assert text.count("# tuned tuesday\n  - name: lightgbm") == 1
    assert "# the plain one" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "# The models. Each\n# models:\n#   - {name: seasonal_naive}\n#   - {name: lightgbm}\n\nseed: 1\n",
            "# The models. Each\n# models:\n#   - {name: seasonal_naive}\n#   - {name: lightgbm}\n@\nseed: 1\n",
        ),
        ("seed: 1\n", "seed: 1\n@"),
        ("seed: 1", "seed: 1\n@"),
        ("models:\nseed: 1\n", "@seed: 1\n"),
        ("models: null  # none\nseed: 1\n", "models:   # none\n~seed: 1\n"),
    ],
)
def test_models_that_nobody_named_are_written_out(text, expected, tmp_path):
    models = [Model(name="seasonal_naive"), Model(name="lightgbm", options={"l2": 2})]
    lines = (
        "  - {name: seasonal_naive}\n  # tuned today: it was better\n"
        "  - {name: lightgbm, options: {l2: 2, trees: 200, drop: [price]}}\n"
    )
    expected = expected.replace("@", "models:\n" + lines).replace("~", lines)
    assert write(tmp_path, HEAD + text, 1, models) == HEAD + expected


def test_line_ends_and_letters_of_all_kinds_stay(tmp_path):
    text = "\ufeff" + (HEAD + "# Größe 🛒\n" + LISTED).replace("\n", "\r\n")
    new = write(tmp_path, text, 1)
    assert new.count("\n") == new.count("\r\n")
    assert new.startswith("\ufeff# mine")
    assert "# Größe 🛒\r\n" in new


def test_an_alias_cannot_be_changed_in_one_place_only(tmp_path):
    text = HEAD + "models:\n  - {name: lightgbm, options: &shared {l2: 1}}\n  - {name: xgboost, options: *shared}\n"
    with pytest.raises(SettingsError, match=r"cannot be changed safely.*Set by hand: \{name: xgboost, options: "):
        write(tmp_path, text, 1)
    assert (tmp_path / "foresell.yaml").read_text() == text
    assert [file.name for file in tmp_path.iterdir()] == ["foresell.yaml"]


def test_a_file_that_was_changed_in_the_meantime_is_left_alone(tmp_path):
    path = tmp_path / "foresell.yaml"
    path.write_text(HEAD + LISTED)
    settings = read_settings(path)
    path.write_text(HEAD + LISTED + "horizon: 9\n")
    with pytest.raises(SettingsError, match="was changed in the meantime"):
        change(path, settings, settings.models, 1, NEW, "today")
    assert path.read_text() == HEAD + LISTED + "horizon: 9\n"


def test_the_mode_and_a_link_stay(tmp_path):
    real, link = tmp_path / "real.yaml", tmp_path / "foresell.yaml"
    real.write_text(HEAD + LISTED)
    real.chmod(0o640)
    link.symlink_to(real)
    settings = read_settings(link)
    change(link, settings, settings.models, 1, NEW, "today")
    assert link.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert read_settings(link).models[1].options == {"trees": 200, "seed": 4, "drop": ["price"]}


def test_what_init_writes_can_be_changed():
    text = HEAD + "# models:\n#   - {name: a}\n"
    models = [Model(name="lightgbm")]
    settings = parse_settings(yaml.safe_load(changed(text, models, 0, NEW, "today")))
    assert settings.models[0].options == {"trees": 200, "drop": ["price"]}
