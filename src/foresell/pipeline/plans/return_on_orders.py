"""The return on better orders in a project: its ledger of the replay, and the terms of the investment."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from foresell.core.errors import UsageError
from foresell.core.settings import InvestmentTerms
from foresell.decide.replayed_costs import ComparedPolicies, compared_policies
from foresell.decide.roi import (
    Investment,
    ReplayedCosts,
    Return,
    ReturnRange,
    YearlyCosts,
    mean_of_year,
    return_of_replays,
)
from foresell.decide.terms import DAYS_A_YEAR
from foresell.pipeline.demand import ForecastProject
from foresell.store.tables import read_table

LEDGER = "replay/ledger.parquet"
"""Where `foresell replay` leaves its ledger, below the results."""


@dataclass(frozen=True)
class Appraisal:
    """What better decisions return.

    - `before`, `after`: what a year costs under each rule. `stated`: the savings of a year that the user states.
    - `result`: the return, with its range where there are several spans.
    - `compared`: the policies of the replay; None where the costs are stated in full.
    """

    before: YearlyCosts
    after: YearlyCosts
    stated: YearlyCosts
    investment: Investment
    result: ReturnRange
    compared: ComparedPolicies | None = None

    def to_dict(self) -> dict[str, Any]:
        """The appraisal as plain data."""
        names = ("expected", "low", "high")
        results = {name: getattr(self.result, name) for name in names}
        compared = self.compared
        return {
            "before": asdict(self.before),
            "after": asdict(self.after),
            "stated_savings": asdict(self.stated),
            "investment": asdict(self.investment),
            "return": {name: None if result is None else _plain(result) for name, result in results.items()},
            "replay": None
            if compared is None
            else {
                "before": compared.before,
                "after": compared.after,
                "series": compared.n_series,
                "spans": len(compared.spans),
                "days": compared.days,
                "chosen_on": compared.chosen_on,
            },
        }


def _plain(result: Return) -> dict[str, Any]:
    return {**asdict(result), "total_savings": result.savings.total}


def appraise(
    project: ForecastProject, terms: InvestmentTerms | None = None, ledger: str | Path | None = None
) -> Appraisal:
    """The return of the better policy of a replay, by `terms`, those of the project's settings where not given.

    `ledger` is the file of a ledger in place of the project's own. Raises UsageError where there is none, or where it
    cannot be compared (`decide.replayed_costs`).
    """
    results = project.results
    terms = terms or project.settings.roi
    path = Path(ledger) if ledger else Path(results.root) / LEDGER
    if not path.exists():
        raise UsageError(f"There is no ledger at {path}. Make one with: foresell replay {project.folder}")
    period_days = DAYS_A_YEAR / results.panel.frequency.year
    return appraisal_of(read_table(str(path)), period_days, terms)


def appraisal_of(ledger: pl.DataFrame, period_days: float, terms: InvestmentTerms) -> Appraisal:
    """The return by a ledger whose periods have `period_days` days. Raises UsageError as `compared_policies`."""
    compared = compared_policies(ledger, period_days, terms.before, terms.after)
    investment = Investment(terms.one_time_cost, terms.yearly_cost, terms.discount_rate, terms.years)
    stated = YearlyCosts(expedite=terms.stated.expedite, labour=terms.stated.labour)
    spans = [_with_stated(span, stated) for span in compared.spans]
    days = [span.days for span in compared.spans]
    before = mean_of_year([span.before for span in compared.spans], days)
    after = mean_of_year([span.after for span in compared.spans], days)
    return Appraisal(before, after, stated, investment, return_of_replays(spans, investment), compared)


def _with_stated(span: ReplayedCosts, stated: YearlyCosts) -> ReplayedCosts:
    """The span with the part of a year's stated savings that falls into it."""
    return replace(span, before=span.before + stated.times(span.days / DAYS_A_YEAR))
