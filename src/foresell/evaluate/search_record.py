"""The record of a search for better options: its trials, the best one, and its confirmation in later windows."""

from __future__ import annotations

from typing import Any

import msgspec


class TrialRecord(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A trial: its mean WRMSSE, that of each window (the oldest first), and its options as the settings write them.

    Trial 0 is the model as it was set; its options are left out.
    """

    number: int
    wrmsse: float
    by_window: list[float] = []
    options: dict[str, Any] = {}


class OptionChange(msgspec.Struct, frozen=True, kw_only=True):
    """The value of an option in the settings and in the best trial."""

    settings: Any
    tuned: Any


class Confirmation(msgspec.Struct, frozen=True, kw_only=True):
    """The comparison of the settings and the best trial in the windows of the backtest, which the search has not seen.

    `windows` are the cutoffs. `settings` and `tuned` are the mean WRMSSE of the two, and `by_window` has that of each
    window. `better_in` counts the windows in which the best trial is better; `holds` says whether its mean is better.
    """

    windows: list[str]
    series: int
    settings: float
    tuned: float
    better_in: int
    holds: bool
    by_window: dict[str, list[float]] = {}


class SearchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a search.

    - `model` is the model whose options are searched, `study` the name of the search in its file.
    - `trials` is the number of all trials, `new` that of the last call. Of the new trials, `pruned` were stopped early
      and `failed` had an error that is not finite. `former` counts the trials of searches on other data or settings.
    - `series` of `of_series` series were drawn, which gave `rows` training rows. `windows` are the cutoffs.
    - `start` is the trial of the settings and `best` the best one; both are None before they are complete.
    - `changed` is what the best trial changes, by option; `confirmed` is its comparison in the backtest's windows.
    - `written` says whether the last call changed foresell.yaml, and `in_settings` whether that has the best options.
    - `importance` is the share of each option in what sets the best trials apart from the others.
    """

    model: str
    study: str
    trials: int
    new: int
    pruned: int
    failed: int
    former: int
    series: int
    of_series: int
    rows: int
    windows: list[str]
    seconds_in_trials: float
    start: TrialRecord | None = None
    best: TrialRecord | None = None
    changed: dict[str, OptionChange] = {}
    confirmed: Confirmation | None = None
    written: bool = False
    in_settings: bool = False
    importance: dict[str, float] = {}
