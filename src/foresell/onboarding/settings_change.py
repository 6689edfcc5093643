"""Changes the options of one model in the text of a `foresell.yaml`; every other character stays as it is."""

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
"""The comment above a tuned model begins with it, and says what was gained; the next tuning replaces the comment."""

Edit = tuple[int, int, str]
"""Start and stop of a part of the text, and the text that replaces it."""


def change(
    path: Path, settings: Settings, models: Sequence[Model], place: int, options: Mapping[str, Any], why: str
) -> None:
    """Sets `options` of the model at `place` of `models` in the settings file, with the line ``# tuned WHY`` above it.

    `settings` are those that the caller read from the file. `models` are the models that they name; where they name
    none, the default ones, which are then written out. The new text is parsed before it replaces the file.

    Raises SettingsError, and leaves the file alone, where it holds other settings by now, or where its models are
    written in a way that cannot be changed one by one (with YAML aliases, for example).
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
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(new.encode("utf-8"))
        shutil.copymode(path, part)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _holds(text: str, settings: Settings, models: Sequence[Model]) -> bool:
    """Whether the text holds `settings` with these models in place of theirs."""
    try:
        written = parse_settings(yaml.safe_load(text))
    except (yaml.YAMLError, SettingsError):
        return False
    expected = msgspec.structs.replace(settings, models=tuple(models))
    return msgspec.to_builtins(written) == msgspec.to_builtins(expected)


def changed(text: str, models: Sequence[Model], place: int, options: Mapping[str, Any], why: str) -> str:
    """The text of the settings with `options` set for the model at `place`; see `change`.

    >>> print(changed("models:\\n  - {name: lightgbm}  # good\\n", [], 0, {"trees": 9}, "today"), end="")
    models:
      # tuned today
      - {name: lightgbm, options: {trees: 9}}  # good
    """
    end = "\r\n" if "\r\n" in text else "\n"
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    model_list = _value(root, "models")
    if not isinstance(model_list, yaml.SequenceNode):
        return _written_out(text, model_list, models, place, options, why, end)
    item = model_list.value[place]
    edits = _option_edits(text, item, options, end)
    # A comment cannot stand within a list on one line.
    begin = text.rfind("\n", 0, (model_list if model_list.flow_style else item).start_mark.index) + 1
    indent = re.match(r" *", text[begin:])
    assert indent
    former = re.search(rf"(?<![^\n]) *{MARK}[^\n]*\n\Z", text[:begin])
    edits.append((former.start() if former else begin, begin, f"{indent.group()}{MARK}{why}{end}"))
    return _edited(text, edits)


def _option_edits(text: str, item: yaml.Node, options: Mapping[str, Any], end: str) -> list[Edit]:
    """The edits that set the options of one model."""
    present = _value(item, "options")
    if present is None:
        return [_added(text, item, {"options": dict(options)}, end)]
    if not isinstance(present, yaml.MappingNode) or not present.value:
        return [(present.start_mark.index, _last(present), _spaced(text, present, flow(dict(options))))]
    edits, new = [], {}
    for name, value in options.items():
        old = _value(present, name)
        if old is None:
            new[name] = value
        else:
            edits.append((old.start_mark.index, _last(old), _spaced(text, old, flow(value))))
    return [*edits, *([_added(text, present, new, end)] if new else [])]


def _added(text: str, mapping: yaml.Node, pairs: Mapping[str, Any], end: str) -> Edit:
    """The edit that adds pairs at the end of a mapping, on its line or on lines of their own as the others stand."""
    if mapping.flow_style:
        close = mapping.end_mark.index - 1
        at = len(text[:close].rstrip())
        added = ", ".join(f"{name}: {flow(value)}" for name, value in pairs.items())
        return at, at, (", " if mapping.value else "") + added
    last = _last(mapping)
    line = text.find("\n", last)
    indent = " " * mapping.value[0][0].start_mark.column
    added = "".join(f"{indent}{name}: {flow(value)}{end}" for name, value in pairs.items())
    return (len(text), len(text), end + added) if line < 0 else (line + 1, line + 1, added)


def _written_out(
    text: str, empty: yaml.Node | None, models: Sequence[Model], place: int, options: Mapping[str, Any], why: str,
    end: str,
) -> str:  # fmt: skip
    """The text, which names no models, with all of them written out: below the example of them, else at the end."""
    lines = ["models:"] if empty is None else []
    for number, model in enumerate(models):
        with_options = {**model.options, **options} if number == place else model.options
        lines += [f"  {MARK}{why}"] if number == place else []
        lines += [f"  - {flow({'name': model.name, **({'options': with_options} if with_options else {})})}"]
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
    """The value of a key of a mapping; None where there is no such key."""
    if not isinstance(mapping, yaml.MappingNode):
        return None
    return next((value for name, value in mapping.value if name.value == key), None)


def _last(node: yaml.Node) -> int:
    """Where the text of a node ends. PyYAML's own mark lies behind the comments and empty lines that follow a block."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        tail = node.value[-1]
        return _last(tail[1] if isinstance(tail, tuple) else tail)
    return node.end_mark.index


def _spaced(text: str, node: yaml.Node, value: str) -> str:
    """The value, with a space before it where the node that it replaces has none, such as an empty one."""
    before = text[node.start_mark.index - 1 : node.start_mark.index]
    return value if before in (" ", "\n") else " " + value


def _edited(text: str, edits: Sequence[Edit]) -> str:
    for start, stop, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[stop:]
    return text
