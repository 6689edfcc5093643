"""Writes `foresell.yaml`: the proposed settings with their reasons, and all others as comments."""

from __future__ import annotations

import os
import textwrap
from pathlib import Path
from typing import Any

import msgspec
import yaml

from foresell.core.errors import UsageError
from foresell.core.settings import Settings, parse_settings
from foresell.core.settings.descriptions import SettingDescription, describe
from foresell.onboarding.dates import periods
from foresell.onboarding.proposal import NOT_USED, Proposal
from foresell.onboarding.supply.plan_tables import PLAN_TABLES
from foresell.onboarding.supply.supply_tables import TABLES

NAME = "foresell.yaml"
WIDTH = 110
MOST_CLIMBS = 3  # a path with more ".." than this is written as an absolute one

HEADING = (
    "What foresell knows of your sales. Every setting is here, and each may be changed. A line such as '# seed: 1' "
    "shows a setting that is not set, with its default or an example; take the '# ' away to set it. Paths begin at "
    "this folder. Credentials of buckets and databases come from the environment, never from this file."
)


def write(proposal: Proposal, folder: str | Path, data_path: str | Path, *, force: bool = False) -> Path:
    """Writes the proposal as `folder`/foresell.yaml, made from the data at `data_path`, and returns its path.

    Raises UsageError where the file is already there, unless `force` says to replace it, and where it cannot be
    written.
    """
    path = require_place(folder, force=force)
    text = text_of(proposal, Path(folder), str(data_path))
    parse_settings(yaml.safe_load(text), str(path))
    beside = _period_table(proposal, path.parent)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for other, content in beside.items():
            other.write_bytes(content)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{path} cannot be written: {error.strerror}. Choose a folder that can be written to."
        ) from error
    return path


def _period_table(proposal: Proposal, folder: Path) -> dict[Path, bytes]:
    """The table of periods that goes with the settings, by its path; empty where there is none.

    Raises UsageError where another table is there already, which may have been corrected by hand.
    """
    if proposal.periods is None:
        return {}
    path = folder / periods.NAME
    content = periods.text_of(proposal.periods).encode(proposal.settings["data"].get("encoding") or "utf-8")
    if path.exists() and path.read_bytes() != content:
        raise UsageError(
            f"{path} is already there and differs from the table of periods that the sales show. Use it with "
            f"--periods {path}, or move it away."
        )
    return {path: content}


def require_place(folder: str | Path, *, force: bool) -> Path:
    """Where the settings of a project in `folder` are written. Raises UsageError where they are already there."""
    path = Path(folder) / NAME
    if path.exists() and not force:
        raise UsageError(
            f"{path} is already there and was left as it is. Edit it, name another folder, or replace it with --force."
        )
    return path


def text_of(proposal: Proposal, folder: Path, data_path: str) -> str:
    """The text of the settings file."""
    why = {reason.setting: reason.why for reason in proposal.reasons}
    unused = [reason for reason in proposal.reasons if reason.setting == NOT_USED]
    preset = f" with the preset {proposal.preset}" if proposal.preset else ""
    lines = [*_comment(f"Written by `foresell init` from {data_path}{preset}. {HEADING}"), ""]
    if proposal.doubts:
        lines += ["# Please look at these, which the data leave open:"]
        for doubt in proposal.doubts:
            lines += _comment(doubt, first="- ", rest="  ")
        lines += [""]
    tree = _with_paths(proposal.settings, folder.resolve())
    for name, setting in describe(Settings).items():
        lines += [*_block(name, tree.get(name), setting, why), ""]
        if name == "data" and unused:
            lines += ["# Columns and files that are not used:"]
            lines += [line for r in unused for line in _comment(f"{r.conclusion}: {r.why}", first="- ", rest="  ")]
            lines += [""]
    return "\n".join(lines)


def _block(name: str, value: Any, setting: SettingDescription, why: dict[str, str]) -> list[str]:
    """The lines of one setting at the top of the file, with the settings within it."""
    comment = _comment(_with_reason(setting.text, why.get(name)))
    if name == "data":
        lines = [*comment, "data:"]
        for key, column in setting.settings.items():
            lines += ["", *_setting(key, value.get(key), column, why.get(f"data.{key}"))]
        return lines
    if setting.is_list:
        comment = _comment(_with_reason(_list_text(setting), why.get(name)))
        return [*comment, *_entries(name, value, setting)]
    if setting.settings:
        first = next(iter(setting.settings))
        shown = {first: setting.settings[first].default, **(value or {})}
        lines = _inner(shown, setting)
        if all(_unset(inner) for inner in shown.values()):
            return [*comment, f"# {name}:", *(line.replace("  # ", "#   ", 1) for line in lines)]
        return [*comment, f"{name}:", *lines]
    if _unset(value):
        return [*comment, f"# {name}: {flow_text(_default_or_example(setting))}"]
    if name == "levels":
        return [*comment, "levels:", *(f"  - {flow_text(level)}" for level in value)]
    return [*comment, f"{name}: {flow_text(value)}"]


def _list_text(setting: SettingDescription) -> str:
    """The description of a list of sections."""
    inner = "; ".join(f"{key}: {option.text}" for key, option in setting.settings.items())
    return f"{setting.text} Each has {inner}."


def _entries(name: str, value: list[dict[str, Any]] | None, setting: SettingDescription) -> list[str]:
    """The lines of a list of sections, one for each; a comment with an example where it is not set."""
    mark = "" if value else "# "
    return [f"{mark}{name}:", *(f"{mark}  - {flow_text(entry)}" for entry in value or setting.example)]


def _setting(key: str, value: Any, setting: SettingDescription, why: str | None) -> list[str]:
    """The lines of a setting of `data`, indented; a comment where it is not set."""
    text = _list_text(setting) if setting.is_list else setting.text
    lines = ["  " + line for line in _comment(_with_reason(text, why))]
    if setting.is_list:
        return [*lines, *("  " + line for line in _entries(key, value, setting))]
    if setting.settings:
        if value:
            return [*lines, f"  {key}:", *("  " + line for line in _inner(value, setting))]
        example = {name: shown for name, shown in setting.example.items() if (key, name) != ("prices", "week")}
        return [*lines, f"  # {key}:", *("  # " + line for line in _inner(example, setting))]
    if _unset(value):
        return [*lines, f"  # {key}: {flow_text(_default_or_example(setting))}"]
    return [*lines, f"  {key}: {flow_text(value)}"]


def _inner(values: dict[str, Any], section: SettingDescription) -> list[str]:
    """The lines of the settings within a section, with their descriptions; a comment where one is not set."""
    lines = []
    for key, setting in section.settings.items():
        unset = _unset(values.get(key))
        example = section.example[key] if _unset(setting.default) else setting.default
        shown = example if unset else values[key]
        lines.append(f"  {'# ' if unset else ''}{key}: {flow_text(shown)}  # {setting.text}")
    return lines


def _default_or_example(setting: SettingDescription) -> Any:
    return setting.example if _unset(setting.default) else setting.default


def _unset(value: Any) -> bool:
    return value is None or value in ((), [], {})


def _with_reason(description: str, why: str | None) -> str:
    return f"{description} Here: {why}." if why else description


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


def _with_paths(settings: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The settings, with the paths of `data` relative to `folder` where `near` makes them so."""
    data = dict(settings["data"])
    for name in ("sales", "future", "periods"):
        if data.get(name) and data[name] != periods.NAME:
            data[name] = near(data[name], folder)
    if data.get("covariates"):
        data["covariates"] = [{**table, "path": near(table["path"], folder)} for table in data["covariates"]]
    for name in ("items", "stores", "prices", "calendar"):
        if data.get(name):
            data[name] = {**data[name], "path": near(data[name]["path"], folder)}
    plans = {}
    for section, names in {"orders": TABLES, **PLAN_TABLES}.items():
        if tree := settings.get(section):
            plans[section] = {name: near(value, folder) if name in names else value for name, value in tree.items()}
    return {**settings, "data": data, **plans}


def near(path: str, folder: Path) -> str:
    """The path relative to `folder`; absolute where that would climb far or to the root; unchanged for a bucket.

    >>> near("/home/a/sales.csv", Path("/home/a/project")), near("/data/sales.csv", Path("/home/a/b/c/project"))
    ('../sales.csv', '/data/sales.csv')
    """
    if "://" in path:
        return path
    relative = Path(os.path.relpath(path, folder))
    climbs = relative.parts.count("..")
    return path if climbs > MOST_CLIMBS or climbs >= len(folder.parts) - 1 else relative.as_posix()
