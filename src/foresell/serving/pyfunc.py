"""The served model as an MLflow pyfunc: it takes a pandas frame of series and days, and returns units with a range.

MLflow calls `_load_pyfunc` with the folder of the bundle, in a process that need not have the project. The bundle is
checked there, and a damaged or foreign one raises UnreadableFile.

    mlflow.pyfunc.load_model("models:/shop@champion").predict(frame)

`frame` has the keys of the series and ``date``, and optionally price, promotion and other covariates known ahead.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from foresell.core.frequency import Frequency
from foresell.core.panel import Panel
from foresell.core.settings import Settings
from foresell.core.version import VERSION
from foresell.registry.portable_model import PortableModel, SchemaColumn

if TYPE_CHECKING:
    import pandas as pd

    from foresell.serving.service import Service

OUTPUTS = (
    *(SchemaColumn(f"{what}{end}", "double", False) for what in ("units", "revenue") for end in ("", "_low", "_high")),
    SchemaColumn("basis", "string", False),
    SchemaColumn("assumed", "strings", False),
    SchemaColumn("error", "string", False),
)
"""The columns that `Service.predict` returns."""

EXAMPLES = 3
EXTRAS = {
    **{name: name for name in ("xgboost", "sklearn")},
    **dict.fromkeys(("sarima", "sarimax", "ets", "theta"), "statistical"),
}
"""The extra of foresell that a model needs, by the name of the model."""


class PyfuncModel:
    """The object that MLflow asks for predictions."""

    def __init__(self, service: Service):
        self.service = service

    def predict(self, model_input: pd.DataFrame, params: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Units, revenue and their ranges, a row for each row of `model_input`, in its order; see `Service.predict`."""
        import pandas as pd

        answer = self.service.predict(_polars(model_input, self.service.panel.frequency))
        return pd.DataFrame({name: answer[name].to_list() for name in answer.columns}, index=model_input.index)


def _load_pyfunc(folder: str) -> PyfuncModel:
    """Loads the model for MLflow. Raises UnreadableFile for a bundle that is damaged or foreign."""
    from foresell.serving.service import Service

    return PyfuncModel(Service.load(Path(folder)))


def _polars(frame: pd.DataFrame, frequency: Frequency) -> pl.DataFrame:
    """The frame in Polars: missing values are null, and times are dates, but for those of hours."""
    missing = frame.isna()
    columns = []
    for name in frame.columns:
        cells = zip(frame[name].tolist(), missing[name].tolist(), strict=True)
        column = pl.Series(str(name), [None if is_missing else value for value, is_missing in cells], strict=False)
        dated = isinstance(column.dtype, pl.Datetime) and frequency != Frequency.HOUR
        columns.append(column.dt.date() if dated else column)
    return pl.DataFrame(columns)


def portable(bundle: Path, panel: Panel, settings: Settings) -> PortableModel:
    """The bundle in a folder as a model for the registry, with signature and example."""
    attributes = [name for name in panel.series.columns if name not in panel.keys]
    inputs = [SchemaColumn(key, _kind(panel.series.schema[key])) for key in panel.keys]
    inputs += [SchemaColumn("date", "datetime")]
    inputs += [SchemaColumn(name, "double", False) for name in panel.known]
    inputs += [
        SchemaColumn(name, _kind(panel.series.schema[name]), False) for name in attributes if name not in panel.known
    ]
    return PortableModel(bundle, __name__, inputs, OUTPUTS, _example(panel), _requirements(settings))


def _kind(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "long"
    if dtype.is_numeric():
        return "double"
    return "boolean" if dtype == pl.Boolean else "string"


def _example(panel: Panel) -> pl.DataFrame:
    """The first series on the first day after the cutoff, with the covariates known of that day."""
    rows = panel.series.head(EXAMPLES).select(panel.keys)
    known = [
        pl.Series(name, np.asarray(of.on(min(panel.n_days, of.values.shape[1] - 1))[:EXAMPLES], np.float64))
        for name, of in panel.known.items()
    ]
    when = panel.ahead(1)[0].astype(object)
    return rows.with_columns(pl.lit(when).alias("date"), *(column.fill_nan(None) for column in known))


def _requirements(settings: Settings) -> tuple[str, ...]:
    """The packages that the model needs for its predictions."""
    from foresell.ensemble.configured_models import wanted_models

    models = [*wanted_models(settings), *(settings.totals.models or ())]
    extras = sorted({"mlflow", *(EXTRAS[model.name] for model in models if model.name in EXTRAS)})
    if settings.transactions is not None and "xgboost" in settings.transactions.models:
        extras = sorted({*extras, "xgboost"})
    return (f"foresell[{','.join(extras)}]=={VERSION}",)
