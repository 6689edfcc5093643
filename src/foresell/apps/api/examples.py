"""Examples for the documents, made from the model that is loaded: real keys, real dates, so that they work."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from foresell.apps.api.upload import CSV

if TYPE_CHECKING:
    from foresell.serving.service import Service

RECENT = 28  # days: the series shown is the one that sold most in them
JSON = "application/json"
PRICE, PROMOTION = "price", "promotion"


def examples(service: Service) -> dict[str, dict[str, Any]]:
    """By path: `body` with examples by media type, `parameters` with one by name."""
    series, days = _series(service), _days(service)
    one = {**series, "date": days[0]}
    moved = _moved(service)
    last = days[min(6, len(days) - 1)]
    predict = {
        "a series and day": one,
        **({"with another price or promotion": {**one, **moved}} if moved else {}),
        "an item that nobody has sold yet": {**one, service.manifest.keys[-1]: _unheard_of(service)},
    }
    if service.transactions is not None:
        known = {**one, **moved}
        sale = {name: known[name] for name in service.transactions.inputs if name in known} or one
        predict["a single sale"] = {"transaction": sale}
    forecast = {"a series": {"where": series}, "the total": {"level": [], "quantiles": [0.1, 0.5, 0.9]}}
    if PRICE in moved:
        forecast["what if it cost a tenth less"] = {"where": series, "changes": {PRICE: "-10%"}}
    found: dict[str, dict[str, Any]] = {
        "/predict": {"body": {JSON: _named(predict)}},
        "/predict_batch_csv": {"body": {CSV[0]: _named({"two rows": _table([one, {**one, "date": last}])})}},
        "/forecast": {"body": {JSON: _named(forecast)}},
        "/explain": {"parameters": {"where": series, "first": days[0], "last": last}},
    }
    if service.revenue is not None and service.revenue.first is not None:
        span = {"first": str(service.revenue.first), "last": str(service.revenue.last)}
        found["/forecast_sarima"] = {"body": {JSON: _named({"all days ahead": span})}}
    return found


def _named(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {"summary": name, "value": value} for name, value in values.items()}


def _row(service: Service) -> int:
    """The series that sold most of late."""
    panel = service.panel
    recent = panel.units[:, max(0, panel.n_days - RECENT) : panel.n_days]
    return int(np.nansum(recent, axis=1).argmax())


def _series(service: Service) -> dict[str, Any]:
    panel = service.panel
    return dict(zip(panel.keys, panel.series.select(panel.keys).row(_row(service)), strict=True))


def _days(service: Service) -> list[str]:
    return [str(day) for day in service.panel.ahead(service.manifest.horizon)]


def _moved(service: Service) -> dict[str, Any]:
    """Another price and promotion for the series shown, of those that the data have."""
    panel, row, found = service.panel, np.array([_row(service)]), dict[str, Any]()
    if PRICE in panel.known:
        prices = panel.known[PRICE].part(row).on(slice(0, panel.n_days))[0]
        if (there := prices[~np.isnan(prices)]).size:
            found[PRICE] = round(float(there[-1]), 2)
    if PROMOTION in panel.known:
        found[PROMOTION] = True
    return found


def _unheard_of(service: Service) -> Any:
    """A value of the last key that no series has, of the same kind."""
    values = service.panel.series[service.manifest.keys[-1]]
    return int(values.max()) + 1 if values.dtype.is_integer() else "a-new-one"  # type: ignore[arg-type]


def _table(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
