"""Writes `foresell.yaml`: what was concluded, why, and what else could be set, as a file that runs as it is."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import Any, get_args

import msgspec
import yaml

from foresell.core.errors import UsageError
from foresell.core.settings import Settings, parse_settings
from foresell.onboarding.proposal import Proposal
from foresell.onboarding.setting_descriptions import SETTINGS

NAME = "foresell.yaml"
WIDTH = 110
FARTHEST = 3  # a path that climbs more folders than this is written out whole

HEADING = (
    "What foresell knows of your sales. Change what you like: every setting is here. A line such as '# seed: 1' "
    "shows a setting that is not set, with its default or an example; take the '# ' away to set it. Paths begin at "
    "this folder. Credentials of buckets and databases come from the environment, never from here."
)


def write(proposal: Proposal, folder: str | Path, data_path: str | Path, *, force: bool = False) -> Path:
    """Writes the proposal as `folder`/foresell.yaml, made from the data at `data_path`, and returns its path.

    Raises UsageError where the file is already there, unless `force` says to replace it.
    """
    path = Path(folder) / NAME
    if path.exists() and not force:
        raise UsageError(
            f"{path} is already there and was left as it is. Change it by hand, name another folder, or replace it "
            "with --force."
        )
    text = text_of(proposal, Path(folder), str(data_path))
    parse_settings(yaml.safe_load(text), str(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def text_of(proposal: Proposal, folder: Path, data_path: str) -> str:
    """The text of the settings file."""
    why = {reason.setting: reason.why for reason in proposal.reasons}
    unused = [reason for reason in proposal.reasons if reason.setting == "(not used)"]
    preset = f" with the preset {proposal.preset}" if proposal.preset else ""
    lines = [*_comment(f"Written by `foresell init` from {data_path}{preset}. {HEADING}"), ""]
    if proposal.doubts:
        lines += ["# Please look at these, which the data leave open:"]
        for doubt in proposal.doubts:
            lines += _comment(doubt, first="- ", rest="  ")
        lines += [""]
    tree = _with_paths(proposal.settings, folder.resolve())
    for name, (words, inner) in SETTINGS.items():
        lines += [*_block(name, tree.get(name), words, inner, why), ""]
        if name == "data" and unused:
            lines += ["# Columns and files that are not used:"]
            lines += [line for r in unused for line in _comment(f"{r.conclusion}: {r.why}", first="- ", rest="  ")]
            lines += [""]
    return "\n".join(lines)


def _block(name: str, value: Any, words: str, inner: Any, why: dict[str, str]) -> list[str]:
    """One setting of the top, with those within it."""
    comment = _comment(_joined(words, why.get(name)))
    if name == "data":
        lines = [*comment, "data:"]
        for key, (about, example) in inner.items():
            lines += ["", *_setting(key, value.get(key), about, example, why.get(f"data.{key}"), _default("data", key))]
        return lines
    if name == "models":
        return _models(value, words, inner)
    if isinstance(inner, dict):
        default = msgspec.to_builtins(_top_default(name)) or {}  # nothing for a part that is left out altogether
        first = next(iter(inner))
        shown = {first: default.get(first), **(value or {})}
        lines = _inner(shown, inner, _kind(Settings, name))
        if all(_unset(each) for each in shown.values()):
            return [*comment, f"# {name}:", *(line.replace("  # ", "#   ", 1) for line in lines)]
        return [*comment, f"{name}:", *lines]
    if _unset(value):
        default = _top_default(name)
        return [*comment, f"# {name}: {flow_text(inner if _unset(default) else default)}"]
    if name == "levels":
        return [*comment, "levels:", *(f"  - {flow_text(level)}" for level in value)]
    return [*comment, f"{name}: {flow_text(value)}"]


def _models(models: list[dict[str, Any]] | None, words: str, inner: dict[str, Any]) -> list[str]:
    comment = _comment(f"{words} Each has " + "; ".join(f"{key}: {about}" for key, (about, _) in inner.items()) + ".")
    if models:
        return [*comment, "models:", *(f"  - {flow_text(model)}" for model in models)]
    return [*comment, "# models:", *(f"#   - {flow_text({'name': name})}" for name in ("seasonal_naive", "lightgbm"))]


def _setting(key: str, value: Any, about: str, example: Any, why: str | None, default: Any) -> list[str]:
    """A setting of `data`, set or as a comment, indented."""
    lines = ["  " + line for line in _comment(_joined(about, why))]
    if isinstance(example, dict):
        kind = _kind(_kind(Settings, "data"), key)
        if value:
            return [*lines, f"  {key}:", *("  " + line for line in _inner(value, example, kind))]
        needed = {name: shown for name, (_, shown) in example.items() if name != "week" or key != "prices"}
        return [*lines, f"  # {key}:", *("  # " + line for line in _inner(needed, example, kind))]
    if _unset(value):
        return [*lines, f"  # {key}: {flow_text(example if _unset(default) else default)}"]
    return [*lines, f"  {key}: {flow_text(value)}"]


def _inner(values: dict[str, Any], described: dict[str, tuple[str, Any]], kind: type) -> list[str]:
    """The settings within a part, each with its words behind it; those without a value as comments."""
    defaults = {field.name: field.default for field in msgspec.structs.fields(kind)}
    lines = []
    for key, (about, example) in described.items():
        unset = _unset(values.get(key))
        fallback = defaults.get(key)
        shown = values.get(key) if not unset else example if _unset(fallback) else fallback
        lines.append(f"  {'# ' if unset else ''}{key}: {flow_text(shown)}  # {about}")
    return lines


def _unset(value: Any) -> bool:
    return value is None or value is msgspec.NODEFAULT or value in ((), [], {})


def _joined(words: str, why: str | None) -> str:
    return f"{words} Here: {why}." if why else words


def _comment(text: str, first: str = "", rest: str = "") -> list[str]:
    return textwrap.wrap(
        " ".join(text.split()), WIDTH, initial_indent=f"# {first}", subsequent_indent=f"# {rest}",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def flow_text(value: Any) -> str:
    """A value on one line of YAML."""
    text = yaml.safe_dump(
        msgspec.to_builtins(value), default_flow_style=True, width=float("inf"), allow_unicode=True, sort_keys=False
    )
    return text.strip().removesuffix("...").strip()


def _kind(parent: type, name: str) -> type:
    """The struct that a field holds."""
    field = next(field for field in msgspec.structs.fields(parent) if field.name == name)
    kinds = [
        kind
        for kind in (field.type, *get_args(field.type))
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct)
    ]
    return kinds[0]


def _default(room: str, name: str) -> Any:
    return next(field.default for field in msgspec.structs.fields(_kind(Settings, room)) if field.name == name)


def _top_default(name: str) -> Any:
    field = next(field for field in msgspec.structs.fields(Settings) if field.name == name)
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default


def _with_paths(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The settings with the paths of `data` as they read from `folder`."""
    data = dict(settings["data"])
    for name in ("sales", "future"):
        if data.get(name):
            data[name] = near(data[name], folder)
    for name in ("items", "stores", "prices", "calendar"):
        if data.get(name):
            data[name] = {**data[name], "path": near(data[name]["path"], folder)}
    return {**settings, "data": data}


def near(path: str, folder: Path) -> str:
    """The path as it reads from `folder`; whole where that would climb far or to the root, as is for a bucket.

    >>> near("/home/a/sales.csv", Path("/home/a/project")), near("/data/sales.csv", Path("/home/a/b/c/project"))
    ('../sales.csv', '/data/sales.csv')
    """
    if "://" in path:
        return path
    relative = Path(os.path.relpath(path, folder))
    climbs = relative.parts.count("..")
    return path if climbs > FARTHEST or climbs >= len(folder.parts) - 1 else relative.as_posix()
