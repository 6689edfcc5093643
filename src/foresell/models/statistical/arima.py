"""(S)ARIMA of one series, with regressors or without: FPP3, chapters 9 and 10.

The fit is the order and the coefficients. A forecast runs the Kalman filter over the history to its cutoff with these
coefficients. It estimates nothing again and takes milliseconds, also at a later cutoff.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from foresell.models.statistical.history import History
from foresell.models.statistical.series import SeriesFit, SeriesForecast, statsforecast_module

Order = tuple[int, int, int]


@dataclass(frozen=True)
class Form:
    """ARIMA(p,d,q)(P,D,Q)[m] in the notation of FPP3, section 9.9."""

    order: Order
    seasonal: Order
    season: int

    def __str__(self) -> str:
        return f"ARIMA({','.join(map(str, self.order))})({','.join(map(str, self.seasonal))})[{self.season}]"

    @classmethod
    def parse(cls, text: str) -> Form:
        """The form of the notation `text`.

        >>> Form.parse("ARIMA(1,0,2)(0,1,1)[7]")
        Form(order=(1, 0, 2), seasonal=(0, 1, 1), season=7)
        """
        p, d, q, P, D, Q, m = (int(number) for number in re.findall(r"\d+", text))
        return cls((p, d, q), (P, D, Q), m)


def fit_series(history: History, order: Order | None, seasonal: Order | None, approximation: bool | None) -> SeriesFit:
    """The fit of `order` and `seasonal`, or without an order that with the smallest AICc in a stepwise search.

    The search is that of Hyndman and Khandakar (2008), FPP3 section 9.7. The model has a mean where it has no
    differences, and a drift where it has one.
    """
    arima = statsforecast_module("arima")
    names = _useful(history)
    past = _columns(history.past, history.names, names) if names else None
    if order is None:
        fit = arima.auto_arima_f(history.units, period=history.season, xreg=past, approximation=approximation)
    else:
        fit = arima.Arima(
            history.units,
            order=order,
            seasonal={"order": seasonal or (0, 0, 0), "period": history.season},
            xreg=past,
            include_constant=True,
            method="CSS-ML",
        )
    p, q, P, Q, m, d, D = fit["arma"]
    coefficients = {name: float(value) for name, value in fit["coef"].items()}
    for place, name in enumerate(names, 1):
        if f"ex_{place}" in coefficients:
            coefficients[f"x_{name}"] = coefficients.pop(f"ex_{place}")
    return SeriesFit(str(Form((p, d, q), (P, D, Q), m)), coefficients, names)


def forecast_series(history: History, series_fit: SeriesFit) -> SeriesForecast:
    """The mean of the days after the history, and the units that each regressor adds compared with its historical
    mean."""
    arima = statsforecast_module("arima")
    form = Form.parse(series_fit.form)
    n, horizon = len(history.units), history.horizon
    past = _columns(history.past, history.names, series_fit.regressors)
    future = _columns(history.future, history.names, series_fit.regressors)
    history_columns, future_columns = past, future
    if "drift" in series_fit.coefficients:
        history_columns = np.column_stack([np.arange(1.0, n + 1), past])
        future_columns = np.column_stack([np.arange(n + 1.0, n + horizon + 1), future])
    fit = _filtered(arima, history.units, form, series_fit, history_columns)
    mean = arima.predict_arima(fit, horizon, future_columns if future_columns.shape[1] else None, se_fit=False)
    deviation: np.ndarray = future - past.mean(axis=0)  # [step, regressor]
    effects = {
        name: series_fit.coefficients[f"x_{name}"] * deviation[:, place]
        for place, name in enumerate(series_fit.regressors)
    }
    return SeriesForecast(mean, effects)


def _filtered(arima: Any, units: np.ndarray, form: Form, series_fit: SeriesFit, history_columns: np.ndarray) -> Any:
    """The state of the series at the end of the history, with the coefficients of the fit."""
    return arima.arima(
        units,
        order=form.order,
        seasonal={"order": form.seasonal, "period": form.season},
        xreg=history_columns if history_columns.shape[1] else None,
        include_mean="intercept" in series_fit.coefficients,
        transform_pars=False,
        fixed=np.array(list(series_fit.coefficients.values())),
        method="ML",
    )


def _useful(history: History) -> tuple[str, ...]:
    """The regressors that vary in the history and are no linear combination of earlier ones."""
    names: list[str] = []
    basis = np.ones((len(history.units), 1))
    for place, name in enumerate(history.names):
        column = history.past[:, place]
        fitted: np.ndarray = np.linalg.lstsq(basis, column, rcond=None)[0]
        rest = column - basis @ fitted
        if np.linalg.norm(rest) > 1e-6 * max(float(np.linalg.norm(column)), 1e-12):
            names.append(name)
            basis = np.column_stack([basis, column])
    return tuple(names)


def _columns(values: np.ndarray, names: tuple[str, ...], selected: tuple[str, ...]) -> np.ndarray:
    """The columns of the `selected` regressors in `values`, whose columns are `names`: [day, regressor]."""
    return values[:, [names.index(name) for name in selected]]
