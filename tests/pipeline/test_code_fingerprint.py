"""What code the results of a step depend on: its declaration covers its imports, and only code counts."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from foresell.pipeline import code_fingerprint as digests
from foresell.pipeline.code_fingerprint import NO_RESULT, PACKAGE, code_fingerprint
from foresell.pipeline.graph import STEPS
from foresell.pipeline.step import Reads, Step

NOT_COVERED = NO_RESULT | {
    "store": "it keeps what steps make, and changes nothing of it",
    "registry": "it brings the files of a version, and changes nothing of them",
    "serving": "likewise; what the report shows of it is named by that step",
    "pipeline.choice": "who forecasts is in the fingerprint itself",
    "pipeline.progress": "it says how far a step is",
    "pipeline.results": "it reads what steps left",
    "pipeline.summaries": "the words of what came of a step",
    "pipeline.task": "it hands on what a step is given",
}
"""What a step may import without depending on it, and why."""

OF_STEPS = {
    "features": {"adjust.reconciliation": "the settings name a way by it"},
    "backtest": {
        "adjust.reconciliation": "the settings name a way by it",
        "ensemble.blending": "the settings name a blend by it",
        "ensemble.series_models": "it is asked whether the models that are set for series are there",
        "pipeline.single_sales": "it is asked whether the columns of single sales are there",
    },
    "report": {"decide.plan": "the page of a plan stands in the same room, and is no part of the report of forecasts"},
}
"""The same of single steps."""


def reads_of(step: Step) -> Reads:
    """All that it may depend on, whatever is set."""
    return sum(step.reads_where.values(), step.reads)


def covered_by(module: str, parts: tuple[str, ...]) -> bool:
    return any(module == part or module.startswith(f"{part}.") for part in parts)


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of foresell that a module imports, at any place of it."""
    file = file_of(module)
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("foresell."):
            base = node.module.removeprefix("foresell.")
            names |= {inner if is_module(inner := f"{base}.{alias.name}") else base for alias in node.names}
    return frozenset(names)


def file_of(module: str) -> Path:
    place = PACKAGE.joinpath(*module.split("."))
    return place / "__init__.py" if place.is_dir() else place.with_suffix(".py")


def is_module(name: str) -> bool:
    return file_of(name).is_file()


def modules_in(parts: tuple[str, ...]) -> list[str]:
    """The modules of packages; a package may import some of its own only when it is asked for them."""
    names = []
    for part in parts:
        place = PACKAGE.joinpath(*part.split("."))
        files = place.rglob("*.py") if place.is_dir() else [place.with_suffix(".py")]
        names += [".".join(file.relative_to(PACKAGE).with_suffix("").parts) for file in files]
    return [name.removesuffix(".__init__") for name in names if part_of(name) not in NO_RESULT]


def part_of(name: str) -> str:
    return ".".join(name.split(".")[:2])


def code_behind(step: Step) -> tuple[str, ...]:
    """What the step depends on, itself and through the steps that it always needs; `check` counts by its panel only."""
    always = set(step.needs_of(champion=True)) - {"check"}
    return tuple(part for name in (step.name, *always) for part in reads_of(STEPS[name]).code)


@pytest.mark.parametrize("step", [step for step in STEPS.values() if step.files], ids=lambda step: step.name)
def test_the_declared_code_covers_what_a_step_imports(step: Step):
    parts = code_behind(step)
    free = tuple(NOT_COVERED | OF_STEPS.get(step.name, {}))
    waiting = [step.module.removeprefix("foresell."), *modules_in(reads_of(step).code)]
    seen, missing = set(), set()
    while waiting:
        module = waiting.pop()
        seen.add(module)
        for name in imports(module) - seen:
            if not covered_by(name, parts):
                if covered_by(name, free):
                    continue
                missing.add(name)
            waiting.append(name)
    assert missing == set()


def test_what_is_declared_exists():
    for step in STEPS.values():
        for part in reads_of(step).code:
            assert is_module(part), f"{step.name} names {part}"
    for name in (*NOT_COVERED, *(name for names in OF_STEPS.values() for name in names)):
        assert is_module(name), name


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("code") / "foresell"
    shutil.copytree(PACKAGE, place, ignore=shutil.ignore_patterns("__pycache__"))
    return place


@pytest.fixture
def out_of_date(copy: Path) -> Callable[[str, Callable[[str], str]], set[str]]:
    """The steps that an edit of a file makes out of date, with those that need them."""

    def edited(name: str, edit: Callable[[str], str]) -> set[str]:
        file = copy / name
        text = file.read_text(encoding="utf-8")
        before = fingerprints(copy)
        file.write_text(edit(text), encoding="utf-8")
        after = fingerprints(copy)
        file.write_text(text, encoding="utf-8")
        stale: set[str] = set()
        for step in STEPS.values():  # those after `check` depend on its panel, not on its code
            if before[step.name] != after[step.name] or (stale - {"check"}) & {*step.needs}:
                stale.add(step.name)
        return stale

    return edited


def fingerprints(package: Path) -> dict[str, str]:
    return {
        name: code_fingerprint((*step.reads.code, f"pipeline.steps.{name}"), package) for name, step in STEPS.items()
    }


def add_code(text: str) -> str:
    return text + "\nANOTHER = 1\n"


LEARNT = {"backtest", "combine", "train", "forecast", "report", "record", "register", "delivery"}


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("apps/cli/text.py", set()),
        ("apps/api/app.py", set()),
        ("serving/service.py", set()),
        ("monitor/weekly.py", set()),
        ("registry/versions.py", set()),
        ("core/words.py", {"report"}),
        ("core/settings/root.py", set()),
        ("report/page.py", {"report"}),
        ("evaluate/diagnosis.py", {"report"}),
        ("pipeline/steps/report.py", {"report"}),
        ("models/naive.py", {"features", *LEARNT}),
        ("evaluate/metrics.py", LEARNT),
        ("features/calendar.py", {"features", *LEARNT}),
        ("ensemble/selection.py", LEARNT - {"backtest"}),
        ("adjust/ranges.py", LEARNT - {"backtest"}),
        ("data/sales_rows.py", {"check", "features", "report"}),
        ("core/panel.py", {*STEPS}),
    ],
)
def test_an_edit_makes_out_of_date_what_depends_on_it(out_of_date, copy, file, expected):
    if not (copy / file).exists():
        file = file.removesuffix(".py") + "/__init__.py"
    assert out_of_date(file, add_code) == expected


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: "# a comment\n" + text,
        lambda text: text.replace('"""', '"""Other words. ', 1),
        lambda text: text.replace("\n\n\ndef ", "\n\n\n\n\ndef "),
        lambda text: text.replace("\n    return ", "\n    # why\n    return ", 1),
    ],
    ids=["comment", "docstring", "blank lines", "comment within"],
)
def test_words_and_blank_lines_make_nothing_out_of_date(out_of_date, edit):
    for file in ("models/naive.py", "core/panel.py"):
        assert out_of_date(file, edit) == set()


def test_a_docstring_of_a_field_does_not_count_and_a_value_does(tmp_path: Path):
    file = tmp_path / "part.py"
    prints = []
    for text in ("A = 1\n", 'A = 1\n"""What it is."""\n', "A = (1)  # so\n", "A = 2\n"):
        file.write_text(text, encoding="utf-8")
        prints.append(code_fingerprint(("part",), tmp_path))
    assert prints[0] == prints[1] == prints[2] != prints[3]


def test_kept_digests_change_no_fingerprint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Neither where there are none yet, nor where they are kept, damaged, or cannot be kept."""
    usual, place = digests._fingerprint(("store",), PACKAGE), tmp_path / "digests.json"
    monkeypatch.setattr(digests, "_kept", lambda: place)
    for content in (None, "kept", "no JSON", "[1]"):
        if content not in (None, "kept"):
            place.write_text(content)
        digests._known_digests.cache_clear()
        assert digests._fingerprint(("store",), PACKAGE) == usual
        assert place.read_text().startswith("{")
    monkeypatch.setattr(digests, "_kept", lambda: tmp_path / "digests.json" / "below a file")
    digests._known_digests.cache_clear()
    assert digests._fingerprint(("store",), PACKAGE) == usual
    digests._known_digests.cache_clear()


def test_all_code_has_one_fingerprint():
    assert code_fingerprint() == code_fingerprint()
    assert len(code_fingerprint()) == 16
