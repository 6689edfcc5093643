"""Sales history into forecasts, and forecasts into decisions.

    import polars as pl
    import foresell as fs

    sales = pl.read_csv("sales.csv", try_parse_dates=True)
    panel = fs.Panel.from_frame(sales, keys=("store", "item"))
    tested = fs.backtest(panel, models=["seasonal_naive", "lightgbm"], horizon=28, levels=[("store",)])
    print(tested.leaderboard())
    forecasts = fs.forecast(panel, horizon=28, levels=[("store",)], tested=tested)
    forecasts.to_frame().write_parquet("forecasts.parquet")

    fs.Project("my-project").run()  # the same as `foresell run`, for a folder with a foresell.yaml

Names are imported when they are first used, so that `import foresell` itself takes no time.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from foresell.core.version import VERSION as __version__  # noqa: N811

if TYPE_CHECKING:
    from foresell.core.dates.reading import read_dates as read_dates
    from foresell.core.errors import ForesellError as ForesellError
    from foresell.core.errors import ForesellWarning as ForesellWarning
    from foresell.core.forecast import Forecast as Forecast
    from foresell.core.forecasts import Forecasts as Forecasts
    from foresell.core.hierarchy import Hierarchy as Hierarchy
    from foresell.core.panel import Panel as Panel
    from foresell.pipeline.in_memory import backtest as backtest
    from foresell.pipeline.in_memory import forecast as forecast
    from foresell.pipeline.project import Project as Project


_DOOR = {
    "ForesellError": "foresell.core.errors",
    "ForesellWarning": "foresell.core.errors",
    "Forecast": "foresell.core.forecast",
    "Forecasts": "foresell.core.forecasts",
    "Hierarchy": "foresell.core.hierarchy",
    "Panel": "foresell.core.panel",
    "Project": "foresell.pipeline.project",
    "backtest": "foresell.pipeline.in_memory",
    "forecast": "foresell.pipeline.in_memory",
    "read_dates": "foresell.core.dates.reading",
}

__all__ = [*_DOOR, "__version__"]


def __getattr__(name: str) -> Any:
    if name not in _DOOR:
        raise AttributeError(f"module 'foresell' has no attribute '{name}'")
    return getattr(import_module(_DOOR[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
