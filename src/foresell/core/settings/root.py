"""The whole tree of settings, as it stands in ``foresell.yaml``."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from foresell.core.settings.allocation import AllocationTables
from foresell.core.settings.backtest import Backtest
from foresell.core.settings.base import Columns, NotNegative, Positive, Strict, about
from foresell.core.settings.capacity import CapacityTables
from foresell.core.settings.data import Data
from foresell.core.settings.labour import LabourTables
from foresell.core.settings.models import Features, Model, SeriesModel, Totals
from foresell.core.settings.monitoring import Monitoring
from foresell.core.settings.orders import OrderTables
from foresell.core.settings.output import Output
from foresell.core.settings.pricing import Campaigns, Markdown
from foresell.core.settings.registry import Promotion, Tracking
from foresell.core.settings.roi import InvestmentTerms
from foresell.core.settings.serving import Serving
from foresell.core.settings.sharing import Sharing
from foresell.core.settings.transactions import Transactions


class Settings(Strict, frozen=True):
    """Everything a project needs to know, as read from ``foresell.yaml``."""

    data: Annotated[Data, about("Where the sales are and what their columns mean.")]
    horizon: Annotated[Positive, about("How many periods (days, weeks, months) to forecast.")] = 28
    levels: Annotated[
        tuple[Columns, ...],
        about("Levels to forecast and score, between the total and the single series.", [["store"], ["category"]]),
    ] = ()
    features: Annotated[Features, about("The features that the models may use.")] = field(default_factory=Features)
    quality: Annotated[
        Literal["fast", "best"],
        about("Which models to try where none are named: fast, or best, which takes some ten times as long.", "best"),
    ] = "fast"
    models: Annotated[
        tuple[Model, ...] | None, about("The models to try.", [{"name": "seasonal_naive"}, {"name": "lightgbm"}])
    ] = None
    totals: Annotated[
        Totals, about("Models of the upper levels, and how the forecasts of all levels are reconciled.")
    ] = field(default_factory=Totals)
    champion: Annotated[
        str | None,
        about(
            "The model to forecast with, or mean or weighted for all of them. Where not given, the best of the "
            "backtest.",
            "lightgbm",
        ),
    ] = None
    series_models: Annotated[
        tuple[SeriesModel, ...],
        about(
            "Models for some series, in place of the champion; of several entries that fit a series, the first counts."
        ),
    ] = ()
    backtest: Annotated[Backtest, about("How the models are tested on the past.")] = field(default_factory=Backtest)
    output: Annotated[Output, about("What a forecast holds, and where it is delivered besides this folder.")] = field(
        default_factory=Output
    )
    orders: Annotated[OrderTables, about("What orders are decided from, beside the forecast: foresell plan.")] = field(
        default_factory=OrderTables
    )
    allocation: Annotated[
        AllocationTables, about("Distribution centres, what they have and whom they supply: foresell plan allocation.")
    ] = field(default_factory=AllocationTables)
    labour: Annotated[
        LabourTables, about("What people, shifts and equipment are planned from: foresell plan labour.")
    ] = field(default_factory=LabourTables)
    capacity: Annotated[
        CapacityTables, about("What orders to manufacturers are planned from: foresell plan capacity.")
    ] = field(default_factory=CapacityTables)
    sharing: Annotated[Sharing, about("What vendors are told of the orders ahead: foresell plan sharing.")] = field(
        default_factory=Sharing
    )
    roi: Annotated[
        InvestmentTerms,
        about("What better orders take, and what they save beside what a replay measures: foresell roi."),
    ] = field(default_factory=InvestmentTerms)
    markdown: Annotated[
        Markdown, about("When stock sells too slowly, and its lower prices: foresell plan markdown.")
    ] = field(default_factory=Markdown)
    promotions: Annotated[
        Campaigns, about("How campaigns are measured, and what the next may cost: foresell plan promotions.")
    ] = field(default_factory=Campaigns)
    tracking: Annotated[Tracking, about("Where runs and versions of the model are kept, by MLflow.")] = field(
        default_factory=Tracking
    )
    promotion: Annotated[Promotion, about("What a new version must show to become champion.")] = field(
        default_factory=Promotion
    )
    transactions: Annotated[
        Transactions | None, about("A number of single sales to predict too, such as their revenue.")
    ] = None
    serving: Annotated[Serving, about("How the champion answers over HTTP.")] = field(default_factory=Serving)
    monitoring: Annotated[
        Monitoring, about("How forecasts are compared with sales, and when a new model is trained.")
    ] = field(default_factory=Monitoring)
    seed: Annotated[NotNegative, about("The same seed gives the same forecasts.")] = 1
