"""The record of a search for better options: what was searched, the best trial, whether it held in later windows."""

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

    `windows` are the cutoffs; `settings` and `tuned` the mean WRMSSE of the two, `by_window` that of each window;
    `better_in` counts the windows in which the best trial is better. `holds` is whether it is better on the mean.
    """

    windows: list[str]
    series: int
    settings: float
    tuned: float
    better_in: int
    holds: bool
    by_window: dict[str, list[float]] = {}


class SearchRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a search came to.

    - `model` is the model searched for, `study` the name of the search in its file.
    - `trials` are all trials, `new` those of the last call, of which so many were `pruned` (stopped early) or
      `failed`; `former` are trials of searches on other data or settings, which count no more.
    - `series` of `of_series` series were drawn, which gave `rows` training rows; `windows` are the cutoffs.
    - `start` is the trial of the settings and `best` the best one; both are None before they are complete.
    - `changed` is what the best trial changes, by option; `confirmed` is its comparison in the backtest's windows.
    - `written` is whether the last call changed foresell.yaml; `in_settings` whether that has the best options.
    - `importance` is the share of each option in what makes a trial one of the best.
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
