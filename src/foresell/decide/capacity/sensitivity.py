"""How much a wrong forecast costs: plans made by forecasts with bias and noise, judged by the demand as it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from foresell.decide.capacity.deliveries import simulate
from foresell.decide.capacity.linear_programme import capacity_plan
from foresell.decide.capacity.problem import CapacityProblem

BIASES = (-0.2, -0.1, 0.0, 0.1, 0.2)
NOISES = (0.0, 0.2, 0.4)


def sensitivity(
    problem: CapacityProblem,
    biases: Sequence[float] = BIASES,
    noises: Sequence[float] = NOISES,
    *,
    seed: int = 1,
    largest: int = 4_000,
) -> pl.DataFrame:
    """What plans cost that were made by a wrong forecast: one row for each bias and noise.

    The forecast of a plan is the demand of all paths times 1 + bias, and times a random factor for each part and
    period, whose logarithm has the deviation `noise` and which is 1 on average; the same draws serve all noises. The
    plan is then judged on the paths of `problem`. Minimum lots are left out, because a search over them would take long
    for so many plans. Columns: ``bias``, ``noise``, ``cost``, ``extra_cost`` as a share of
    what the right forecast costs, ``delivered``, ``utilisation`` of the manufacturers that have capacity.
    """
    no_lots = np.zeros_like(problem.lanes.minimum_lot)
    problem = replace(problem, lanes=replace(problem.lanes, minimum_lot=no_lots))
    draws = np.random.default_rng(seed).standard_normal((problem.n_parts, problem.n_periods))
    right = simulate(problem, capacity_plan(problem, largest).quantity, seed).cost.mean()
    rows = []
    for noise in noises:
        factor = np.exp(noise * draws - noise**2 / 2)
        for bias in biases:
            forecast = problem.with_demand(problem.demand * (1 + bias) * factor)
            outcome = simulate(problem, capacity_plan(forecast, largest).quantity, seed)
            cost = float(outcome.cost.mean())
            rows.append(
                {
                    "bias": float(bias), "noise": float(noise), "cost": cost,
                    "extra_cost": cost / right - 1 if right > 0 else 0.0,
                    "delivered": float(outcome.delivered.mean()),
                    "utilisation": float(outcome.utilisation[problem.capacity > 0].mean()),
                }
            )  # fmt: skip
    return pl.DataFrame(rows)
