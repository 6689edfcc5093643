"""Changes the options of one model in the text of a `foresell.yaml`, and leaves every other letter as it is."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import yaml

from foresell.core.errors import SettingsError
from foresell.core.settings import Model, Settings, parse_settings, read_settings
from foresell.onboarding.settings_file import flow_text as flow

MARK = "# tuned "
"""What the line of evidence begins with; the next one takes its place."""

Edit = tuple[int, int, str]
"""From which letter to which, and what shall stand there."""


def change(
    path: Path, settings: Settings, models: Sequence[Model], place: int, options: Mapping[str, Any], why: str
) -> None:
    """Sets `options` of the model at `place` of `models` in the settings file, with the line ``# tuned WHY`` above it.

    `settings` are those that the file is thought to hold, and `models` the ones they name, or those that are tried
    where they name none: these are then written out. The file is read back before it takes the place of the old one.

    Raises SettingsError, and leaves the file alone, where it holds other settings by now, or where it is written in a
    way that cannot be changed piecemeal.
    """
    path = path.resolve()  # a link stays a link
    if read_settings(path) != settings:
        raise SettingsError(f"{path} was changed in the meantime and is left as it is. Run the same command again.")
    text = path.read_bytes().decode("utf-8")
    new = changed(text, models, place, options, why)
    wanted = list(models)
    wanted[place] = Model(name=models[place].name, options={**models[place].options, **options})
    if not _holds(new, settings, wanted):
        raise SettingsError(
            f"The models in {path} are written in a way that cannot be changed safely, so the file is left as it is. "
            f"Set by hand: {flow(msgspec.to_builtins(wanted[place]))}"
        )
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        beside.write_bytes(new.encode("utf-8"))
        shutil.copymode(path, beside)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _holds(text: str, settings: Settings, models: Sequence[Model]) -> bool:
    """Whether the text gives the settings with these models, and nothing else changed."""
    try:
        found = parse_settings(yaml.safe_load(text))
    except (yaml.YAMLError, SettingsError):
        return False
    expected = msgspec.structs.replace(settings, models=tuple(models))
    return msgspec.to_builtins(found) == msgspec.to_builtins(expected)


def changed(text: str, models: Sequence[Model], place: int, options: Mapping[str, Any], why: str) -> str:
    """The text of the settings with these options of the model at `place`; see `change`.

    >>> print(changed("models:\\n  - {name: lightgbm}  # good\\n", [], 0, {"trees": 9}, "today"), end="")
    models:
      # tuned today
      - {name: lightgbm, options: {trees: 9}}  # good
    """
    end = "\r\n" if "\r\n" in text else "\n"
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    listed = _value(root, "models")
    if not isinstance(listed, yaml.SequenceNode):
        return _written_out(text, listed, models, place, options, why, end)
    item = listed.value[place]
    edits = _options(text, item, options, end)
    begin = text.rfind("\n", 0, item.start_mark.index) + 1
    if listed.flow_style:  # a comment cannot stand within its line
        begin = text.rfind("\n", 0, listed.start_mark.index) + 1
    indent = re.match(r" *", text[begin:])
    assert indent
    former = re.search(rf"(?<![^\n]) *{MARK}[^\n]*\n\Z", text[:begin])
    edits.append((former.start() if former else begin, begin, f"{indent.group()}{MARK}{why}{end}"))
    return _edited(text, edits)


def _options(text: str, item: yaml.Node, options: Mapping[str, Any], end: str) -> list[Edit]:
    """What sets the options of one model."""
    there = _value(item, "options")
    if there is None:
        return [_added(text, item, {"options": dict(options)}, end)]
    if not isinstance(there, yaml.MappingNode) or not there.value:
        return [(there.start_mark.index, _last(there), _spaced(text, there, flow(dict(options))))]
    edits, new = [], {}
    for name, value in options.items():
        old = _value(there, name)
        if old is None:
            new[name] = value
        else:
            edits.append((old.start_mark.index, _last(old), _spaced(text, old, flow(value))))
    return [*edits, *([_added(text, there, new, end)] if new else [])]


def _added(text: str, mapping: yaml.Node, pairs: Mapping[str, Any], end: str) -> Edit:
    """What adds pairs at the end of a mapping, in the way it is written."""
    if mapping.flow_style:
        close = mapping.end_mark.index - 1
        at = len(text[:close].rstrip())
        said = ", ".join(f"{name}: {flow(value)}" for name, value in pairs.items())
        return at, at, (", " if mapping.value else "") + said
    last = _last(mapping)
    line = text.find("\n", last)
    indent = " " * mapping.value[0][0].start_mark.column
    said = "".join(f"{indent}{name}: {flow(value)}{end}" for name, value in pairs.items())
    return (len(text), len(text), end + said) if line < 0 else (line + 1, line + 1, said)


def _written_out(
    text: str, empty: yaml.Node | None, models: Sequence[Model], place: int, options: Mapping[str, Any], why: str,
    end: str,
) -> str:  # fmt: skip
    """The text with all models written out, where it names none: below the example of them, else at the end."""
    lines = ["models:"] if empty is None else []
    for number, model in enumerate(models):
        of = {**model.options, **options} if number == place else model.options
        lines += [f"  {MARK}{why}"] if number == place else []
        lines += [f"  - {flow({'name': model.name, **({'options': of} if of else {})})}"]
    if empty is not None:
        at = text.find("\n", _last(empty))
        at = len(text) if at < 0 else at
        block = "".join(end + line for line in lines)
        return _edited(text, [(empty.start_mark.index, _last(empty), ""), (at, at, block)])
    block = "".join(line + end for line in lines)
    example = re.search(r"^# models:[^\n]*\n(?:#   - [^\n]*(?:\n|\Z))*", text, flags=re.MULTILINE)
    at = example.end() if example else len(text)
    return text[:at] + (end if at and text[at - 1] != "\n" else "") + block + text[at:]


def _value(mapping: yaml.Node | None, key: str) -> yaml.Node | None:
    """The value of a key of a mapping; None where it is not there."""
    if not isinstance(mapping, yaml.MappingNode):
        return None
    return next((value for name, value in mapping.value if name.value == key), None)


def _last(node: yaml.Node) -> int:
    """Where the node ends. YAML lets a block reach to what comes next, over comments and empty lines."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        tail = node.value[-1]
        return _last(tail[1] if isinstance(tail, tuple) else tail)
    return node.end_mark.index


def _spaced(text: str, node: yaml.Node, value: str) -> str:
    """The value, after a space where an empty node has none before it; a block becomes one line behind its key."""
    before = text[node.start_mark.index - 1 : node.start_mark.index]
    return value if before in (" ", "\n") else " " + value


def _edited(text: str, edits: Sequence[Edit]) -> str:
    for start, stop, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[stop:]
    return text
