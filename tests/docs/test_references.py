"""Every verb, setting, step, finding, model and public name is documented, and the references hold them all."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click
import pytest
from generators.catalogue_reference import (
    FINDINGS,
    feature_reference,
    finding_reference,
    model_reference,
    python_reference,
)
from generators.command_reference import command_reference
from generators.graph_reference import results_reference, step_reference
from generators.settings_reference import settings_reference
from generators.site_pages import MARK, REFERENCES, ROOT, outside_documents, relinked

import foresell
from foresell.apps.cli import main
from foresell.core.settings import Settings
from foresell.core.settings.descriptions import SettingDescription, describe
from foresell.models import MODELS, MODELS_OF_SUMS
from foresell.monitor.checks.catalogue import CHECKS
from foresell.pipeline.graph import BESIDE, STEPS

CODES = {code: kind for codes in FINDINGS.values() for code, kind in codes.items()}


@pytest.mark.parametrize("name", list(main.commands))
def test_a_verb_its_arguments_and_its_options_are_described(name):
    command = main.commands[name]
    assert command.help
    for option in command.params:
        assert isinstance(option, click.Argument) or option.help, option.name
    assert f"## {name}\n" in command_reference()


def settings(descriptions: dict[str, SettingDescription], path: str = "") -> Iterator[tuple[str, SettingDescription]]:
    for name, description in descriptions.items():
        yield path + name, description
        yield from settings(dict(description.settings), f"{path}{name}.")


def test_every_setting_is_described_and_in_the_reference():
    reference = settings_reference()
    sections = 1
    for path, description in settings(describe(Settings)):
        assert description.text, path
        assert f"`{path.rpartition('.')[2]}`" in reference, path
        if description.settings:
            sections += 1
            assert f"## `{path}`\n" in reference
    assert reference.count("| setting | meaning |") == sections


@pytest.mark.parametrize("code", list(CODES))
def test_a_finding_has_a_meaning_and_unless_for_the_record_an_advice(code):
    assert CODES[code].meaning
    assert CODES[code].advice or CODES[code].severity == "info"
    assert f"| `{code}` |" in finding_reference()


def test_all_codes_of_the_checks_of_monitoring_are_in_the_reference():
    assert {code for check in CHECKS.values() for code in check.codes} <= set(CODES)


def test_every_step_and_file_is_in_the_references():
    steps, results = step_reference(), results_reference()
    for name, step in STEPS.items():
        assert f"### {name}\n" in steps
        for file in step.files:
            assert f"| `{file}` |" in results
    for folder, files in BESIDE.items():
        assert f"## `results/{folder}/`" in results
        for file in files:
            assert f"| `{file}` |" in results


def test_every_model_is_in_the_reference_with_all_its_options():
    reference = model_reference()
    for name in (*MODELS, *MODELS_OF_SUMS):
        assert f"## `{name}`\n" in reference


def test_the_features_have_meanings_and_each_group_has_a_table():
    reference = feature_reference()
    for group in ("calendar", "price", "promotion", "holiday", "event", "attribute", "covariate"):
        assert f"## {group}\n" in reference
    assert "| `lag_1` |" in reference
    assert "|  |  |" not in reference


@pytest.mark.parametrize("name", [name for name in foresell.__all__ if name != "__version__"])
def test_a_public_name_has_a_docstring_and_so_have_its_methods(name):
    item = getattr(foresell, name)
    assert inspect.getdoc(item)
    assert f"{item.__module__}.{item.__qualname__}" in python_reference()


def test_pages_ask_for_references_that_are_made_and_for_all_of_them():
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs").rglob("*.md")]
    assert {name for page in pages for name in MARK.findall(page)} == set(REFERENCES)


def test_links_lead_to_the_pages_of_the_site_and_those_to_other_files_become_their_text():
    pages = {"docs/how-to/serve.md": "how-to/serve.md", "README.md": "index.md"} | outside_documents()
    text = "[a](../../ARCHITECTURE.md#rooms) [b](../../src/foresell/py.typed) [c](https://example.com) [d](#here)"
    assert relinked(text, "docs/how-to/serve.md", pages) == (
        "[a](../project/ARCHITECTURE.md#rooms) b [c](https://example.com) [d](#here)"
    )
    assert relinked("[r](../../README.md)", "benchmarks/m5/TUNE.md", pages) == "[r](../../../index.md)"
