"""The sections ``features``, ``models`` and ``totals``: what is learnt, from what, and by which models."""

from __future__ import annotations

from typing import Annotated, Any

from foresell.core.settings.base import Columns, Strict, about


class Features(Strict, frozen=True):
    """Which features: `use` names features or groups of the catalogue (``default``, ``all``), less those of `drop`."""

    use: Annotated[Columns, about("features or groups of them that `foresell features` lists; all takes every one")] = (
        "default",
    )
    drop: Annotated[Columns, about("less these", ["last_year_7"])] = ()


class Model(Strict, frozen=True):
    """A model by its name in the registry, with its options."""

    name: Annotated[str, about("as `foresell train --help` lists them", "lightgbm")]
    options: Annotated[dict[str, Any], about("the model's own options", {})] = {}


Value = str | int | float | bool


class SeriesModel(Strict, frozen=True):
    """A model that forecasts some series in place of the ensemble."""

    where: Annotated[
        dict[str, Value | tuple[Value, ...]],
        about("keys or attributes of the series: a value or several for each", {"category": ["toys", "garden"]}),
    ]
    model: Annotated[str, about("one of the models to try, or mean or weighted for all of them", "smoothing")]


class Totals(Strict, frozen=True):
    """Models of the upper levels, and how the forecasts of all levels are reconciled."""

    levels: Annotated[
        tuple[Columns, ...] | None,
        about(
            "the levels that have models; where not given, those of large groups; [] is the total alone", [["store"]]
        ),
    ] = None
    models: Annotated[
        tuple[Model, ...] | None, about("as above, or gaussian_process; they are averaged", [{"name": "lightgbm"}])
    ] = None
    reconciliation: Annotated[
        str | None,
        about(
            "bottom_up, top_down, middle_out LEVEL, mint or combined; where not given, the best of the backtest", "mint"
        ),
    ] = None
