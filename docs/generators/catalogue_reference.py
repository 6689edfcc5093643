"""The references of findings, models, features and of the Python interface, from their catalogues."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from importlib import import_module
from typing import Any

import polars as pl

import foresell
from foresell.core.finding import Code
from foresell.core.panel import Panel
from foresell.data.finding_codes import CODES as DATA_CODES
from foresell.decide.codes import CODES as DECISION_CODES
from foresell.evaluate.diagnosis_findings import CODES as DIAGNOSIS_CODES
from foresell.features.catalogue import all_features, catalogue
from foresell.models import MODELS, MODELS_OF_SUMS
from foresell.monitor.codes import CODES as MONITOR_CODES
from generators.markdown import sentence, table, value

FINDINGS: dict[str, Mapping[str, Code]] = {
    "Reading and validation": DATA_CODES,
    "The backtest": DIAGNOSIS_CODES,
    "Monitoring": MONITOR_CODES,
    "Orders": DECISION_CODES,
}


def finding_reference() -> str:
    """A table of the codes of findings, by where they come from."""
    return "\n\n".join(f"## {where}\n\n{_codes(codes)}" for where, codes in FINDINGS.items())


def _codes(codes: Mapping[str, Code]) -> str:
    rows = [
        [
            f"`{code}`",
            str(kind.severity) + (", row to quarantine" if kind.bad_row else ""),
            sentence(kind.meaning),
            kind.advice,
        ]
        for code, kind in codes.items()
    ]
    return table(["code", "severity", "meaning", "advice"], rows)


def model_reference() -> str:
    """A section for each model, with its options and their defaults; options that several share come last."""
    parts, shared = [], {}
    for name in MODELS | MODELS_OF_SUMS:
        kind = _model_class(name)
        bases = [base for base in kind.__mro__[1:] if _own_doc(base)]
        shared |= dict.fromkeys(bases)
        also = f"It also has the options of [{bases[0].__name__}](#{bases[0].__name__.lower()})." if bases else ""
        parts.append("\n\n".join(filter(None, [f"## `{name}`", _prose(kind), also, _options(kind)])))
    parts.append("## Shared options")
    parts += [f"### {base.__name__}\n\n{_prose(base)}" for base in shared]
    return "\n\n".join(parts)


def _model_class(name: str) -> type:
    module, _, kind = (MODELS | MODELS_OF_SUMS)[name].partition(":")
    return getattr(import_module(module), kind)


def _own_doc(base: type) -> bool:
    public = base.__module__.startswith("foresell.") and not base.__name__.startswith("_")
    return public and bool(base.__dict__.get("__doc__"))


def _prose(kind: type) -> str:
    """The docstring without its examples."""
    paragraphs = (inspect.getdoc(kind) or "").split("\n\n")
    return "\n\n".join(paragraph for paragraph in paragraphs if not paragraph.startswith(">>>"))


def _options(kind: Any) -> str:
    options = [option for option in inspect.signature(kind).parameters.values() if option.name != "name"]
    rows = [[f"`{option.name}`", _default(option)] for option in options]
    return table(["option", "default"], rows) if rows else "It has no options."


def _default(option: inspect.Parameter) -> str:
    """The default in words; that of a mutable option is made anew for each model, and is empty."""
    if not isinstance(option.default, str | int | float | tuple | None):
        return "none"
    return value(option.default) or "not set"


def feature_reference() -> str:
    """A table of the features of each group that a panel of days with every kind of column has."""
    panel = _example_panel()
    chosen = catalogue(panel, (("region",),))
    groups: dict[str, list[list[str]]] = {}
    for name, feature in all_features(panel, (("region",),)).items():
        used = "yes" if chosen[name].default else ""
        groups.setdefault(feature.group, []).append([f"`{name}`", sentence(feature.meaning), feature.reads, used])
    heads = ["feature", "meaning", "reads", "default"]
    return "\n\n".join(f"## {group}\n\n{table(heads, rows)}" for group, rows in groups.items())


def _example_panel() -> Panel:
    """Two series of two days, with a price, a promotion, another covariate, events and an attribute."""
    sales = pl.DataFrame(
        {
            "item": ["a", "a", "b", "b"],
            "date": ["2025-01-01", "2025-01-02"] * 2,
            "units": [1.0, 2.0, 3.0, 4.0],
            "price": [1.0] * 4,
            "promotion": [0.0] * 4,
            "school_holiday": [0.0] * 4,
        }
    ).with_columns(pl.col("date").str.to_date())
    attributes = pl.DataFrame({"item": ["a", "b"], "region": ["north", "south"]})
    known = ("price", "promotion", "school_holiday")
    panel = Panel.from_frame(sales, ("item",), known_ahead=known, attributes=attributes, country="DE")
    return replace(panel, events=pl.DataFrame({"date": [date(2025, 1, 2)], "event": ["fair"]}))


def python_reference() -> str:
    """What mkdocstrings documents: every public name of the package."""
    return "\n\n".join(_documented(name) for name in foresell.__all__ if name != "__version__")


def _documented(name: str) -> str:
    item = getattr(foresell, name)
    options = f"    options:\n      heading: foresell.{name}\n      toc_label: {name}"
    return f"::: {item.__module__}.{item.__qualname__}\n{options}"
