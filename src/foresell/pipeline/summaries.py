"""What came of each step, as a typed record, and the sentence that the command line prints about it.

A step leaves its summary as ``results/<step>/summary.json``; the names there are those of the fields.
"""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any, ClassVar, Self

import msgspec

from foresell.core.words import blend, change, listed, many, number, ways
from foresell.evaluate.search_record import SearchRecord

FILE = "summary.json"


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a step; `step` is its name. A field with a default is left out of the JSON where it has that value.

    `warnings_found` are texts for whoever runs the step, where it has any.
    """

    step: ClassVar[str]

    def sentence(self) -> str:
        """What came of the step, in words."""
        raise NotImplementedError

    @property
    def warning_texts(self) -> list[str]:
        """What whoever runs the step should know."""
        warnings: list[str] = getattr(self, "warnings_found", [])
        return warnings

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain data, for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def write(self, folder: Path) -> None:
        """Writes it as ``summary.json`` of the folder, readable."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False)
        (folder / FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What a step left in its folder; None where it left none, or one that is not whole."""
        try:
            return msgspec.convert(json.loads((folder / FILE).read_bytes()), cls)
        except (FileNotFoundError, ValueError):
            return None


class CheckSummary(Summary, frozen=True, kw_only=True):
    """What `check` read: how much, of which days, and how many findings of each severity.

    `panel` is the digest of the panel; `period` the noun of a period, such as ``day``; `quarantined` counts bad rows.
    """

    step: ClassVar[str] = "check"
    days_stocked_out: int
    units_lost: float
    rows: int
    series: int
    periods: int
    period: str
    first: str
    last: str
    panel: str
    errors: int
    warnings: int
    remarks: int
    warnings_found: list[str]
    quarantined: int

    def sentence(self) -> str:
        counts = {"error": self.errors, "warning": self.warnings, "remark": self.remarks}
        findings = [many(count, noun) for noun, count in counts.items() if count]
        size = f"{self.rows:,} rows read, {many(self.series, 'series', 'series')}, {many(self.periods, self.period)}"
        bad = f"; {many(self.quarantined, 'bad row')} put aside" if self.quarantined else ""
        days, units = self.days_stocked_out, number(self.units_lost)
        lost = f"; some {units} units lost on {many(days, 'day')} out of stock" if days else ""
        findings_text = ", ".join(findings) or "nothing found to mend"
        return f"{size} from {self.first} to {self.last}; {findings_text}{bad}{lost}"


class FeaturesSummary(Summary, frozen=True, kw_only=True):
    """How many features there are and how many are used; `unread` are covariates that none of those reads."""

    step: ClassVar[str] = "features"
    features: int
    used: int
    unread: list[str]

    def sentence(self) -> str:
        unread = f"; none reads {listed(self.unread)}" if self.unread else ""
        return f"{self.used} of {self.features} in use{unread}"


class BacktestSummary(Summary, frozen=True, kw_only=True):
    """Which models were tried, the levels whose totals were, and the cutoffs of the windows."""

    step: ClassVar[str] = "backtest"
    models: list[str]
    totals: list[list[str]]
    windows: list[str]

    def sentence(self) -> str:
        sums = f", and totals on {many(len(self.totals), 'level')}" if self.totals else ""
        return f"{many(len(self.models), 'model')}{sums} tried from {', '.join(self.windows)}"


class CombineSummary(Summary, frozen=True, kw_only=True):
    """The ensemble: its `weights` by segment, its `reconciliation` as shares of ways; and tables as rows.

    `leaderboard` are the rows of `Backtest.leaderboard`, `ranges` those of `range_backtest.coverage_by_segment`.
    """

    step: ClassVar[str] = "combine"
    best: str
    ranges: list[dict[str, Any]]
    leaderboard: list[dict[str, Any]]
    weights: list[dict[str, Any]]
    reconciliation: dict[str, float]

    def sentence(self) -> str:
        return f"the ensemble is {blend(self.weights)}; reconciled by {ways(self.reconciliation)}"


class SingleSalesScore(msgspec.Struct, frozen=True, kw_only=True):
    """How a model of single sales did on the last of them; `r2` is None where it is not known."""

    model: str
    mae: float
    rmse: float
    wape: float
    r2: float | None


class SingleSalesTest(msgspec.Struct, frozen=True, kw_only=True):
    """The single sales that were kept aside: how many, from when to when."""

    first: str
    last: str
    rows: int


class SingleSales(msgspec.Struct, frozen=True, kw_only=True):
    """What was learnt of single sales, see `FittedTransactions.about`.

    Of `rows` sales so many were drawn to learn from (`learnt_from`); `untold` are without date or target. `compared` is
    the WAPE of each learner on earlier sales; `refused` are columns that are no input, with the reason; `without` says
    which learner is not installed. `coverage` is how often the range of probability `range` held.
    """

    target: str
    model: str
    inputs: list[str]
    range: float
    rows: int
    learnt_from: int
    untold: int
    returned: int
    first: str
    last: str
    drivers: list[str]
    refused: dict[str, str]
    outliers: int
    far_out: int
    compared: dict[str, float]
    scores: list[SingleSalesScore]
    coverage: float
    width: float
    tested: SingleSalesTest
    without: str


class RevenueTest(msgspec.Struct, frozen=True, kw_only=True):
    """How daily revenue did in later windows: WAPE of all days and of four weeks, beside the week before, repeated;
    `coverage` is how often its range of 90 % held."""

    windows: int
    wape: float | None
    wape_month: float | None
    naive: float | None
    naive_month: float | None
    coverage: float | None


class Revenue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Daily revenue ahead, see `DailyRevenue.about`; or only the `reason` why there is none.

    `of` says revenue of what, `form` which SARIMA; `tested` is None for a history too short to try it.
    """

    reason: str = ""
    of: str = ""
    cutoff: str = ""
    first: str = ""
    last: str = ""
    form: str = ""
    tested: RevenueTest | msgspec.UnsetType | None = msgspec.UNSET


class TrainSummary(Summary, frozen=True, kw_only=True, omit_defaults=True):
    """What was fitted: the name of the ensemble, its `models`, the last day they learnt from, what they go by most."""

    step: ClassVar[str] = "train"
    model: str
    models: list[str]
    cutoff: date
    drivers: list[str]
    warnings_found: list[str]
    revenue: Revenue
    transactions: SingleSales | None = None

    def sentence(self) -> str:
        drivers = f"; they go most by {', '.join(self.drivers)}" if self.drivers else ""
        return f"{listed(self.models)}, fitted on all sales up to {self.cutoff}{drivers}"


class ForecastSummary(Summary, frozen=True, kw_only=True):
    """Who forecast, and what: days, levels, series, units in all.

    `version` is None where the newest training forecasts; `training` is its fingerprint, `learnt_to` the last day that
    it learnt from, `age_days` how many days there are since. `bundle` is where the files of the version lie, relative
    to the project. `units_a_year_ago` is None where they are not all known.
    """

    step: ClassVar[str] = "forecast"
    model: str
    version: str | None
    training: str
    trained: str
    learnt_to: date
    age_days: int
    bundle: str | None
    cutoff: date
    first: str
    last: str
    levels: int
    series: int
    rows: int
    units: float
    units_a_year_ago: float | None
    table: str
    warnings_found: list[str]

    def sentence(self) -> str:
        size = f"{many(self.series, 'series', 'series')} on {many(self.levels, 'level')}"
        ago = self.units_a_year_ago
        compared = f", {change(self.units / ago - 1)} against the same days a year ago" if ago else ""
        return f"{self.first} to {self.last}, {size}: {number(self.units)} units in all{compared}{self._by()}"

    def _by(self) -> str:
        """Which version forecasts, where it is a registered one, and from what it learnt."""
        if self.version is None:
            return ""
        old = f", {many(self.age_days, 'day')} before the last" if self.age_days else ", the last day"
        return f"; by version {self.version}, the champion, which learnt from sales up to {self.learnt_to}{old}"


class ReportSummary(Summary, frozen=True, kw_only=True):
    """Where the page is, and how many series it draws."""

    step: ClassVar[str] = "report"
    page: str
    stories: int

    def sentence(self) -> str:
        return self.page


class RecordSummary(Summary, frozen=True, kw_only=True, omit_defaults=True):
    """What MLflow has of the backtest: the id of the `run`, the `store`, the `name` of the experiment.

    `recorded` is None where tracking is switched off, and False where it could not be; `why` says why.
    """

    step: ClassVar[str] = "record"
    recorded: bool | None
    why: str = ""
    run: str = ""
    store: str = ""
    name: str = ""
    warnings_found: list[str] = []

    def sentence(self) -> str:
        if not self.recorded:
            return self.not_recorded()
        return f"the backtest is run {self.run} of {self.name} in {self.store}"

    @property
    def is_left_out(self) -> bool:
        """Whether nothing was recorded because MLflow is not installed, where nobody named a store."""
        return self.recorded is False and not self.warnings_found

    def not_recorded(self) -> str:
        """Why there is no run; where that is a warning, it stands below."""
        if self.recorded is None:
            return "tracking is switched off"
        return "not recorded" if self.warnings_found else f"not recorded: {self.why}"


class RegisterSummary(RecordSummary, frozen=True, kw_only=True, omit_defaults=True):
    """The same of the training, and the `version` of its model in the registry; `same_as` is an earlier version that
    was trained on the same data and came to the same models and score."""

    step: ClassVar[str] = "register"
    version: str | None = None
    same_as: str | None = None

    def sentence(self) -> str:
        if not self.recorded:
            return self.not_recorded()
        same = f"; it comes to the same as version {self.same_as}, from the same sales" if self.same_as else ""
        return f"the model is version {self.version} of {self.name} in {self.store}{same}"


class DeliverySummary(Summary, frozen=True, kw_only=True, omit_defaults=True):
    """Where the forecasts were handed to: the `database`, its `place` in short, the `table`; `copy` is another file."""

    step: ClassVar[str] = "delivery"
    database: str
    place: str
    table: str
    rows: int
    replaced: int
    copy: str | None = None

    def sentence(self) -> str:
        copy = "" if self.copy is None else f"; a copy in {self.copy}"
        return f"{self.rows:,} rows to the table {self.table} of {self.place}{copy}"


class TuneSummary(Summary, SearchRecord, frozen=True, kw_only=True):
    """What a search for options came to; it is no step of a run. `tracking` is what MLflow has of it."""

    step: ClassVar[str] = "tune"
    tracking: RecordSummary | msgspec.UnsetType = msgspec.UNSET

    def sentence(self) -> str:
        return f"{many(self.trials, 'trial')} of {self.model}"


SUMMARIES: dict[str, type[Summary]] = {
    kind.step: kind
    for kind in (
        CheckSummary,
        FeaturesSummary,
        BacktestSummary,
        CombineSummary,
        TrainSummary,
        ForecastSummary,
        ReportSummary,
        RecordSummary,
        RegisterSummary,
        DeliverySummary,
    )
}
"""The type of the summary of each step."""
