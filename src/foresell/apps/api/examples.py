"""Examples for the OpenAPI document with real keys and dates of the loaded model, so that they work."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import numpy as np

from foresell.apps.api.upload import CSV
from foresell.core.frequency import date_text

if TYPE_CHECKING:
    from foresell.serving.service import Service

RECENT_DAYS = 28  # the series of the examples is the one that sold most in these
JSON = "application/json"
PRICE, PROMOTION = "price", "promotion"


def examples(service: Service) -> dict[str, dict[str, Any]]:
    """The examples by path: `body` has them by media type and name, `parameters` by name."""
    series, days = _series(service), _days(service)
    one = {**series, "date": days[0]}
    changes = _changes(service)
    last = days[min(6, len(days) - 1)]
    predict = {
        "a series and day": one,
        **({"with another price or promotion": {**one, **changes}} if changes else {}),
        "an item without sales": {**one, service.manifest.keys[-1]: _new_key(service)},
    }
    if service.transactions is not None:
        known = {**one, **changes}
        sale = {name: known[name] for name in service.transactions.inputs if name in known} or one
        predict["a single sale"] = {"transaction": sale}
    forecast = {"a series": {"where": series}, "the total": {"level": [], "quantiles": [0.1, 0.5, 0.9]}}
    if PRICE in changes:
        forecast["what-if: a price 10 % lower"] = {"where": series, "changes": {PRICE: "-10%"}}
    by_path: dict[str, dict[str, Any]] = {
        "/predict": {"body": {JSON: _named(predict)}},
        "/predict_batch_csv": {"body": {CSV[0]: _named({"two rows": _table([one, {**one, "date": last}])})}},
        "/forecast": {"body": {JSON: _named(forecast)}},
        "/explain": {"parameters": {"where": series, "first": days[0], "last": last}},
    }
    if service.revenue is not None and service.revenue.first is not None:
        span = {"first": str(service.revenue.first), "last": str(service.revenue.last)}
        by_path["/forecast_sarima"] = {"body": {JSON: _named({"all days ahead": span})}}
    return by_path


def _named(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {"summary": name, "value": value} for name, value in values.items()}


OF_PROJECT: dict[str, dict[str, Any]] = {
    "/plan": {
        "body": {
            JSON: _named(
                {
                    "the plan of orders": {"lines": 20},
                    "what-if: another lead time and service level": {
                        "kind": "orders",
                        "changes": {"lead_days": 2, "service": 0.98},
                        "lines": 20,
                    },
                }
            )
        }
    },
    "/view": {"body": {JSON: _named({"how old the results are": {"view": "freshness"}})}},
}
"""The examples by path of what any project can answer."""


def _row(service: Service) -> int:
    """The index of the series that sold most recently."""
    panel = service.panel
    recent = panel.units[:, max(0, panel.n_days - RECENT_DAYS) : panel.n_days]
    return int(np.nansum(recent, axis=1).argmax())


def _series(service: Service) -> dict[str, Any]:
    panel = service.panel
    return dict(zip(panel.keys, panel.series.select(panel.keys).row(_row(service)), strict=True))


def _days(service: Service) -> list[str]:
    return [date_text(day) for day in service.panel.ahead(service.manifest.horizon)]


def _changes(service: Service) -> dict[str, Any]:
    """A price and a promotion for the series of the examples, where the data have them."""
    panel, row, changes = service.panel, np.array([_row(service)]), dict[str, Any]()
    if PRICE in panel.known:
        prices = panel.known[PRICE].part(row).on(slice(0, panel.n_days))[0]
        if (known := prices[~np.isnan(prices)]).size:
            changes[PRICE] = round(float(known[-1]), 2)
    if PROMOTION in panel.known:
        changes[PROMOTION] = True
    return changes


def _new_key(service: Service) -> Any:
    """A value of the last key that no series has, of the same type."""
    values = service.panel.series[service.manifest.keys[-1]]
    return int(values.max()) + 1 if values.dtype.is_integer() else "a-new-one"  # type: ignore[arg-type]


def _table(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
