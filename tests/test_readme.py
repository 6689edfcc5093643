"""What the documents say is so: their commands, options, targets and links."""

from __future__ import annotations

import inspect
import re
import shlex
from pathlib import Path

import click
import pytest

import foresell
from foresell.apps.cli import main
from foresell.core.errors import ForesellError
from foresell.core.settings import parse_settings
from foresell.ensemble.configured_models import models_of
from foresell.onboarding.presets import PRESETS

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(page.relative_to(ROOT).as_posix() for page in (ROOT / "docs").rglob("*.md"))
DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", *PAGES]
README = (ROOT / "README.md").read_text(encoding="utf-8")
ALL = README + "".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)


def blocks(text: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[str]:
    """What is typed at a prompt, and what make echoes, in the console blocks."""
    typed = [line for block in blocks(text, "console") for line in block.splitlines()]
    return [
        line.removeprefix("$ ").removeprefix(".venv/bin/") for line in typed if line.startswith(("$ ", ".venv/bin/"))
    ]


def of_foresell(text: str) -> list[str]:
    return [line for line in commands(text) if line.startswith("foresell ")]


def parsed(line: str) -> click.Context:
    """The command line as click takes it, without doing anything; raises what click raises for wrong use."""
    verb, *arguments = shlex.split(line)[1:]
    if verb.startswith("-"):
        return main.make_context("foresell", [verb, *arguments])
    assert verb in main.commands, f"there is no verb '{verb}'"
    return main.commands[verb].make_context(verb, arguments)


@pytest.mark.parametrize("line", of_foresell(ALL))
def test_a_command_of_the_readme_is_one_that_foresell_takes(line):
    if "--help" in line:
        with pytest.raises(click.exceptions.Exit):
            parsed(line)
    else:
        parsed(line)


def test_the_readme_shows_commands_and_wrong_ones_would_be_noticed():
    assert len(of_foresell(ALL)) >= 10
    with pytest.raises(click.NoSuchOption):
        parsed("foresell init shop --data sales.csv --no-such-option")
    with pytest.raises(AssertionError):
        parsed("foresell no-such-verb shop")


def test_every_option_named_in_the_text_exists():
    known = {option for command in main.commands.values() for parameter in command.params for option in parameter.opts}
    elsewhere = {"--help", "--require-hashes", "--check", "--data-binary"} | options_of_the_benchmarks()
    for document in DOCUMENTS:
        text = (ROOT / document).read_text(encoding="utf-8")
        named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", text))
        assert named <= known | elsewhere, document


def options_of_the_benchmarks() -> set[str]:
    sources = [script.read_text(encoding="utf-8") for script in (ROOT / "benchmarks").rglob("*.py")]
    return {option for source in sources for option in re.findall(r'add_argument\(\s*"(--[a-z-]+)"', source)}


def test_the_table_of_verbs_is_that_of_the_command_line():
    table = README.partition("## Verbs")[2].partition("## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", table, flags=re.MULTILINE) == list(main.commands)


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_the_make_targets_exist(document):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    named = set(
        re.findall(r"(?:^\$ |`)(?:\w+=\S+ )?make ([a-z-]+)", (ROOT / document).read_text(encoding="utf-8"), re.M)
    )
    assert {"demo", "test"} & named
    assert named <= targets


@pytest.mark.parametrize("document", DOCUMENTS)
def test_links_lead_to_files_and_headings_that_are_there(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if "://" in link:
            continue
        file, _, heading = link.partition("#")
        target = (ROOT / document).parent / file if file else ROOT / document
        assert target.exists(), link
        if heading:
            headings = re.findall(r"^#+ (.+)$", target.read_text(encoding="utf-8"), flags=re.MULTILINE)
            assert heading in [re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings], link


@pytest.mark.parametrize("document", ["ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_modules_and_folders_that_are_named_exist(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    paths = re.findall(r"`((?:src|tests|benchmarks|apps|data|features|pipeline|models|core|onboarding)/[\w/.]+)`", text)
    to_come = {"apps/api", "apps/dashboard", "benchmarks/LOG.md"}
    for path in set(paths) - to_come:
        assert (ROOT / path).exists() or (ROOT / "src" / "foresell" / path).exists(), path


def test_the_python_of_the_guide_is_that_of_the_package():
    shown = blocks((ROOT / "docs" / "how-to" / "python.md").read_text(encoding="utf-8"), "python")[0]
    assert shown.strip() in inspect.cleandoc(foresell.__doc__).replace("\n    ", "\n")


def test_the_yaml_of_the_documents_is_settings():
    import yaml

    for block in blocks(ALL, "yaml"):
        tree = {"data": {"sales": "sales.csv", "keys": ["item"]}} | yaml.safe_load(block)
        settings = parse_settings(tree)
        assert settings.models is None or len(models_of(settings)) == len(settings.models)


def test_the_exit_codes_are_those_of_the_errors():
    from foresell.apps.cli.command import INTERRUPTED, SEVERE

    kinds, codes = [ForesellError], {0, SEVERE, INTERRUPTED}
    while kinds:
        kind = kinds.pop()
        codes.add(kind.exit_code)
        kinds += kind.__subclasses__()
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", ALL, flags=re.MULTILINE)} == codes


def test_the_presets_and_their_files_are_named():
    table = ALL.partition("## Known layouts")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \|(.*)$", table, flags=re.MULTILINE))
    assert list(rows) == list(PRESETS)
    for name, preset in PRESETS.items():
        for stem in (*preset.sales, *preset.needs):
            assert f"`{stem}`" in rows[name]


def test_every_package_says_what_it_is():
    for file in (ROOT / "src").rglob("__init__.py"):
        first = file.read_text(encoding="utf-8").partition("\n")[0]
        assert re.match(r'"""[A-Z].{20,}\.(""")?$', first), file
