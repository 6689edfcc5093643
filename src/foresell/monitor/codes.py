"""Every code that monitoring may report: what it means, how much it weighs, what to do about it."""

from __future__ import annotations

from functools import partial

from foresell.core.finding import Code, Severity, finding_of

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

_RETRAIN = "Look for what changed (prices, assortment, how sales are recorded), then: foresell retrain"

# Those of accuracy become errors where they hold for the total, for several groups or by far: see `judging`.
CODES: dict[str, Code] = {
    # Matured accuracy.
    "bias-shifted": Code(
        WARNING, "More, or less, is sold than forecast, by more than the backtest's windows ever leave open.", _RETRAIN
    ),
    "error-grew": Code(WARNING, "The error is larger than the backtest's windows leave open.", _RETRAIN),
    "no-better-than-naive": Code(
        WARNING,
        "Seasonal naive errs less than the forecasts, which the backtest's windows do not leave open.",
        "Until it is clear why, plan by what was sold a week (a season) ago. " + _RETRAIN,
    ),
    "ranges-narrow": Code(
        WARNING,
        "Ranges hold less than they promise, by more than the backtest's windows leave open.",
        "Do not set safety stock by these ranges. " + _RETRAIN,
    ),
    "ranges-wide": Code(
        WARNING,
        "Ranges hold more than they promise, by more than the backtest's windows leave open: stock set by them is "
        "larger than it need be.",
        _RETRAIN,
    ),
    "slow-drift": Code(
        WARNING,
        "Week after week the forecasts lean the same way; no week shows it alone, their cumulative sum does.",
        _RETRAIN,
    ),
    "stock-outs-rose": Code(
        WARNING,
        "More days are out of stock than in the weeks of the year before.",
        "What it cost is in results/check/lost_demand.csv. Order more of these; or correct the flag of stock-outs, if "
        "its feed has changed. Such days count as not known, so forecasts do not fall for it.",
    ),
    "forecasts-missing": Code(
        WARNING,
        "Sales have come in for days, or series, that no forecast was made for.",
        "Forecast again with: foresell run",
    ),
    "few-windows": Code(
        INFO,
        "The backtest has too few windows to tell what is usual, so only what lies very far outside is found.",
        "Ask for more windows with 'backtest.windows' (six or more), or keep what is good now as a baseline with: "
        "foresell monitor --baseline",
    ),
    "log-unreadable": Code(
        WARNING, "The log of predictions cannot be read.", "Correct 'serving.log', or see what is wrong with its files."
    ),
    "nothing-matured": Code(INFO, "No sales have come in yet for the days that were forecast.", ""),
    # Drift.
    "drifted-columns": Code(
        ERROR,
        "More columns than 'monitoring.drifted_share' allows look unlike those that the model learnt from, season and "
        "trend aside.",
        "Look at drift.html for what changed. If the data are wrong, correct them; if the business has changed: "
        "foresell retrain",
    ),
    "drifted-input": Code(
        WARNING,
        "Sales, prices, promotions or the assortment look unlike those that the model learnt from, season and trend "
        "aside.",
        "Find out whether the data changed (units of measure, a feed that broke) or the business did. Correct the "
        "data; else: foresell retrain",
    ),
    "predictions-drifted": Code(
        WARNING,
        "The newest forecasts look unlike those before (of the backtest, or of the same model), against the level and "
        "season of the series.",
        "See what in the inputs has changed too, and ask for the reasons of a forecast that looks odd with: "
        "foresell explain",
    ),
    "new-values": Code(
        WARNING,
        "Values of a column are there that the model has not learnt from.",
        "Correct them where they are slips of the pen; else: foresell retrain",
    ),
    # Retraining.
    "challenger-promoted": Code(INFO, "A model was trained anew, and took the champion's place.", ""),
    "challenger-refused": Code(
        WARNING,
        "A model was trained anew, and the gate refused it: the champion stays.",
        "See the figures with: foresell models --verdicts. Where the refusal is not to stand: foresell promote --force",
    ),
}

MENDED = frozenset(
    {
        "bias-shifted",
        "error-grew",
        "no-better-than-naive",
        "ranges-narrow",
        "ranges-wide",
        "slow-drift",
        "drifted-columns",
        "drifted-input",
        "new-values",
    }
)
"""What a new training may mend, and so asks for one: see `pipeline.retraining`."""

finding = partial(finding_of, CODES)
"""A finding of one of these codes, see `core.finding.finding_of`."""
