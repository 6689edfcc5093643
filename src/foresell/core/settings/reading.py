"""Reads settings from plain data or a YAML file, with errors that name the place and the nearest correct key."""

from __future__ import annotations

import difflib
import re
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from foresell.core.errors import SettingsError
from foresell.core.settings.base import Strict
from foresell.core.settings.models import Model, SeriesModel
from foresell.core.settings.root import Settings

MOST_BYTES, MOST_VALUES = 1_000_000, 100_000  # of a settings file


def _explain(error: msgspec.ValidationError, source: str) -> str:
    """The error with the nearest correct key, where one was misspelled."""
    message = str(error)
    unknown = re.search(r"unknown field `(.+?)`", message)
    hint = ""
    if unknown:
        of_model = re.search(r"\bmodels\[\.*\d*\]`", message)
        of_series = re.search(r"\bseries_models\[\.*\d*\]`", message)
        kinds = [Model] if of_model else [SeriesModel] if of_series else Strict.__subclasses__()
        known = {name for kind in kinds for name in kind.__struct_fields__}
        near = difflib.get_close_matches(unknown.group(1), sorted(known), n=1)
        own = f" A model's own options stand below 'options', as in options: {{{unknown.group(1)}: ...}}."
        hint = f" Did you mean '{near[0]}'?" if near else own if of_model else ""
    where = message.replace("$.", "").replace("Object contains", "it contains")
    return f"The settings in {source} cannot be used: {where}.{hint}"


def parse_settings(tree: object, source: str = "the settings") -> Settings:
    """Settings from plain data, such as a parsed YAML file. Raises SettingsError with the place and the reason."""
    try:
        return msgspec.convert(tree, Settings)
    except msgspec.ValidationError as error:
        raise SettingsError(_explain(error, source)) from error


def read_settings(path: str | Path) -> Settings:
    """Settings from a YAML file. Raises SettingsError when it is missing, not YAML, or does not fit."""
    import yaml

    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise SettingsError(
                f"{path} has {size:,} bytes, and settings at most {MOST_BYTES:,}. Is it the right file?"
            )
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        _count_values(node, {})
        _require_distinct_keys(node, path, set())
        tree = None if node is None else loader.construct_document(node)
    except FileNotFoundError as error:
        raise SettingsError(
            f"There is no settings file {path}. Make one with: foresell init FOLDER --data SALES_FILE"
        ) from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{path} is not UTF-8 ({error.reason} at byte {error.start}). Save it as UTF-8.") from error
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f" in line {place.line + 1}" if place else ""
        raise SettingsError(f"{path} is not valid YAML{line}: {getattr(error, 'problem', error)}.") from error
    except (_TooManyValues, RecursionError) as error:
        raise SettingsError(
            f"{path} has more than {MOST_VALUES:,} values once its aliases (*name) are filled in, or they never end. "
            "Write the values out instead."
        ) from error
    return parse_settings(_dates_as_text(tree), str(path))


def _count_values(node: Any, counts: dict[int, int]) -> int:
    """How many values a node of YAML has where those behind aliases, which share a node, count each time.

    `counts` has those of its parts by identity, so that each is walked once. Raises _TooManyValues.
    """
    if node is None or isinstance(node.value, str):
        return 1
    if id(node) not in counts:
        parts = [part for entry in node.value for part in (entry if isinstance(entry, tuple) else (entry,))]
        counts[id(node)] = 1 + sum(_count_values(part, counts) for part in parts)
    if counts[id(node)] > MOST_VALUES:
        raise _TooManyValues
    return counts[id(node)]


def _require_distinct_keys(node: Any, path: Path, seen: set[int]) -> None:
    """Raises SettingsError where a key stands twice beside others: YAML would take the last without a word."""
    if node is None or isinstance(node.value, str) or id(node) in seen:
        return
    seen.add(id(node))
    lines: dict[str, int] = {}
    for entry in node.value:
        key, value = entry if isinstance(entry, tuple) else (None, entry)
        if key is not None:
            line = key.start_mark.line + 1
            if key.value in lines:
                raise SettingsError(
                    f"{path} has '{key.value}' twice, in line {lines[key.value]} and in line {line}. Make one of them."
                )
            lines[str(key.value)] = line
        _require_distinct_keys(value, path, seen)


class _TooManyValues(Exception):
    pass


def _dates_as_text(tree: Any) -> Any:
    """The tree with dates as text: YAML reads a date without quotes as a date, and the settings hold text."""
    if isinstance(tree, dict):
        return {key: _dates_as_text(value) for key, value in tree.items()}
    if isinstance(tree, list):
        return [_dates_as_text(value) for value in tree]
    return tree.isoformat() if isinstance(tree, date) else tree
