"""(S)ARIMA of one series, with regressors or without: FPP3, chapters 9 and 10.

What is learnt is the order and the coefficients. A forecast runs the history to the cutoff through the Kalman filter
with these; nothing is estimated anew, so it takes milliseconds, at any later cutoff too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from foresell.models.statistical.history import History
from foresell.models.statistical.series import Ahead, Learnt, library

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
        """The form that was written as `text`.

        >>> Form.parse("ARIMA(1,0,2)(0,1,1)[7]")
        Form(order=(1, 0, 2), seasonal=(0, 1, 1), season=7)
        """
        p, d, q, P, D, Q, m = (int(number) for number in re.findall(r"\d+", text))
        return cls((p, d, q), (P, D, Q), m)


def learn(history: History, order: Order | None, seasonal: Order | None, approximation: bool | None) -> Learnt:
    """The coefficients of the given order, or of the one with the least AICc that a stepwise search finds.

    The search is that of Hyndman and Khandakar (2008), FPP3 section 9.7. With a mean where nothing is differenced,
    with a drift where something is differenced once.
    """
    arima = library("arima")
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
    return Learnt(str(Form((p, d, q), (P, D, Q), m)), coefficients, names)


def ahead(history: History, learnt: Learnt) -> Ahead:
    """The mean of the days after the history, and what each regressor adds to it against its mean in the history."""
    arima = library("arima")
    form = Form.parse(learnt.form)
    n, horizon = len(history.units), history.horizon
    past = _columns(history.past, history.names, learnt.regressors)
    coming = _columns(history.ahead, history.names, learnt.regressors)
    shown, asked = past, coming
    if "drift" in learnt.coefficients:
        shown = np.column_stack([np.arange(1.0, n + 1), past])
        asked = np.column_stack([np.arange(n + 1.0, n + horizon + 1), coming])
    fit = _filtered(arima, history.units, form, learnt, shown)
    mean = arima.predict_arima(fit, horizon, asked if asked.shape[1] else None, se_fit=False)
    moved: np.ndarray = coming - past.mean(axis=0)  # [step, regressor]
    effects = {name: learnt.coefficients[f"x_{name}"] * moved[:, place] for place, name in enumerate(learnt.regressors)}
    return Ahead(mean, effects)


def _filtered(arima: Any, units: np.ndarray, form: Form, learnt: Learnt, shown: np.ndarray) -> Any:
    """The state of the series at the end of the history, with the coefficients as learnt."""
    return arima.arima(
        units,
        order=form.order,
        seasonal={"order": form.seasonal, "period": form.season},
        xreg=shown if shown.shape[1] else None,
        include_mean="intercept" in learnt.coefficients,
        transform_pars=False,
        fixed=np.array(list(learnt.coefficients.values())),
        method="ML",
    )


def _useful(history: History) -> tuple[str, ...]:
    """The regressors that vary in the history and are no sum of others."""
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


def _columns(values: np.ndarray, there: tuple[str, ...], wanted: tuple[str, ...]) -> np.ndarray:
    """The wanted ones of the regressors that are there: [day, regressor]."""
    return values[:, [there.index(name) for name in wanted]]
