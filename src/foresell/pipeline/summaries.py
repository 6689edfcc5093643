"""The summary of each step: a typed record, with the sentence that the command line prints.

A step writes its summary to ``results/<step>/summary.json``, whose names are those of the fields.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Self

import msgspec

from foresell.core.dates.records import PeriodDate, record_of
from foresell.core.words import blend, change, listed, many, number, score, set_by_hand, ways
from foresell.evaluate.search_record import SearchRecord

FILE = "summary.json"


class Summary(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of the step of the name `step`.

    Where a summary has a field `warnings_found`, that holds the texts of its warnings.
    """

    step: ClassVar[str]

    def sentence(self) -> str:
        """The outcome of the step in words."""
        raise NotImplementedError

    @property
    def is_left_out(self) -> bool:
        """Whether the step did nothing because packages are not installed, which a run names once for all steps."""
        return False

    @property
    def warning_texts(self) -> list[str]:
        """The warnings of the step."""
        warnings: list[str] = getattr(self, "warnings_found", [])
        return warnings

    def to_dict(self) -> dict[str, Any]:
        """The summary as plain data, for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    def write(self, folder: Path) -> None:
        """Writes the summary as indented JSON to ``summary.json`` in the folder."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False)
        (folder / FILE).write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """The summary in the folder of a step; None where there is none, or only a part of one."""
        try:
            return record_of(json.loads((folder / FILE).read_bytes()), cls)
        except (FileNotFoundError, ValueError):
            return None


class CheckSummary(Summary, frozen=True, kw_only=True):
    """The size of the data, their days, and the number of findings of each severity.

    `panel` is the digest of the panel, `period` the noun of a period, such as ``day``; `quarantined` counts bad rows.
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
        bad = f"; {many(self.quarantined, 'bad row')} in quarantine" if self.quarantined else ""
        days, units = self.days_stocked_out, number(self.units_lost)
        lost = f"; some {units} units lost on {many(days, 'day')} out of stock" if days else ""
        findings_text = ", ".join(findings) or "no findings"
        return f"{size} from {self.first} to {self.last}; {findings_text}{bad}{lost}"


class FeaturesSummary(Summary, frozen=True, kw_only=True):
    """The number of features and of those in use; `unread` are the covariates that no feature in use reads."""

    step: ClassVar[str] = "features"
    features: int
    used: int
    unread: list[str]

    def sentence(self) -> str:
        unread = f"; none reads {listed(self.unread)}" if self.unread else ""
        return f"{self.used} of {self.features} in use{unread}"


class BacktestSummary(Summary, frozen=True, kw_only=True):
    """The models of the backtest, the levels whose totals were forecast, and the cutoffs of the windows."""

    step: ClassVar[str] = "backtest"
    models: list[str]
    totals: list[list[str]]
    windows: list[str]

    def sentence(self) -> str:
        sums = f", and totals on {many(len(self.totals), 'level')}" if self.totals else ""
        return f"{many(len(self.models), 'model')}{sums} tested from {', '.join(self.windows)}"


class CombineSummary(Summary, frozen=True, kw_only=True, omit_defaults=True):
    """The ensemble: its weights by segment, and the share of each way of reconciliation.

    `series_models` counts the series that a model forecasts as set, by its name. `final_wrmsse` is the mean WRMSSE in
    all windows of the combination that was chosen in the end, see `Selection.final_wrmsse`. `leaderboard` has the rows
    of the table `Backtest.leaderboard`, `ranges` those of `range_backtest.coverage_by_segment`, `sums` those of
    `sum_scores.coverage_of_sums`; a table crosses as it is, with its columns as keys.
    """

    step: ClassVar[str] = "combine"
    best: str
    ranges: list[dict[str, Any]]
    leaderboard: list[dict[str, Any]]
    weights: list[dict[str, Any]]
    reconciliation: dict[str, float]
    final_wrmsse: float | None = None
    series_models: dict[str, int] = {}
    sums: list[dict[str, Any]] = []
    warnings_found: list[str] = []

    def sentence(self) -> str:
        as_set = f"; {set_by_hand(self.series_models)}" if any(self.series_models.values()) else ""
        return f"the ensemble is {blend(self.weights)}{as_set}; reconciled by {ways(self.reconciliation)}"

    def about_leaderboard(self) -> str:
        """The meaning of the ensemble's row of the leaderboard, beside the score of what was chosen in the end."""
        if self.final_wrmsse is None:
            return ""
        return (
            "The row of the ensemble is what would have been chosen before each window. The ensemble chosen now, "
            f"from all windows, has a WRMSSE of {score(self.final_wrmsse)} in them."
        )


class SingleSalesScore(msgspec.Struct, frozen=True, kw_only=True):
    """The test scores of a model of single sales; `r2` is None where it is not defined."""

    model: str
    mae: float
    rmse: float
    wape: float
    r2: float | None


class SingleSalesTest(msgspec.Struct, frozen=True, kw_only=True):
    """The test set of single sales: the number of rows, the first and the last day."""

    first: str
    last: str
    rows: int


class SingleSales(msgspec.Struct, frozen=True, kw_only=True):
    """The regression of single sales, see `FittedTransactions.about`.

    `learnt_from` of `rows` sales were drawn as the training set; `untold` have no date or no target. `compared` is the
    WAPE of each learner on earlier sales. `refused` are columns that are no inputs, with the reason. `without` names a
    learner that is not installed. `coverage` is the share of test sales in the range of probability `range`.
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
    """The test of daily revenue in later windows: the WAPE of single days and of four weeks.

    `naive` and `naive_month` are those of the week before, repeated; `coverage` is the share of days in the range of
    90 %.
    """

    windows: int
    wape: float | None
    wape_month: float | None
    naive: float | None
    naive_month: float | None
    coverage: float | None


class Revenue(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The forecast of daily revenue, see `DailyRevenue.about`; or only the `reason` why there is none.

    `of` says what is summed, `form` is the form of the SARIMA; `tested` is None for a history too short for a test.
    """

    reason: str = ""
    of: str = ""
    cutoff: str = ""
    first: str = ""
    last: str = ""
    form: str = ""
    tested: RevenueTest | msgspec.UnsetType | None = msgspec.UNSET


class TrainSummary(Summary, frozen=True, kw_only=True, omit_defaults=True):
    """The fitted ensemble: its name, its models, the last day of their training, and their main drivers."""

    step: ClassVar[str] = "train"
    model: str
    models: list[str]
    cutoff: PeriodDate
    drivers: list[str]
    warnings_found: list[str]
    revenue: Revenue
    transactions: SingleSales | None = None

    def sentence(self) -> str:
        drivers = f"; main drivers: {', '.join(self.drivers)}" if self.drivers else ""
        return f"{listed(self.models)}, fitted on all sales up to {self.cutoff}{drivers}"


class ForecastSummary(Summary, frozen=True, kw_only=True):
    """The forecast: who made it, its days, levels, series and total units.

    `version` is None where the newest training forecasts. `training` is the fingerprint of the training, `learnt_to`
    its last day of sales, `age_days` the days since. `bundle` is the folder of the version's files, relative to the
    project. `units_a_year_ago` is None where they are not all known.
    """

    step: ClassVar[str] = "forecast"
    model: str
    version: str | None
    training: str
    trained: str
    learnt_to: PeriodDate
    age_days: int
    bundle: str | None
    cutoff: PeriodDate
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
        """The version that forecasts, where it is a registered one, and its last day of sales."""
        if self.version is None:
            return ""
        old = f", {many(self.age_days, 'day')} before the last" if self.age_days else ", the last day"
        return f"; by version {self.version}, the champion, which learnt from sales up to {self.learnt_to}{old}"


class ReportSummary(Summary, frozen=True, kw_only=True):
    """The place of the page, and the number of series that it draws."""

    step: ClassVar[str] = "report"
    page: str
    stories: int

    def sentence(self) -> str:
        return self.page


class RecordSummary(Summary, frozen=True, kw_only=True, omit_defaults=True):
    """The MLflow run of the backtest: its id, the store, and the name of the experiment.

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
        """Whether nothing was recorded because MLflow is not installed and the settings name no store."""
        return self.recorded is False and not self.warnings_found

    def not_recorded(self) -> str:
        """Why there is no run; a warning has the reason itself."""
        if self.recorded is None:
            return "tracking is switched off"
        return "not recorded" if self.warnings_found else f"not recorded: {self.why}"


class RegisterSummary(RecordSummary, frozen=True, kw_only=True, omit_defaults=True):
    """The MLflow run of the training, and the version of its model in the registry.

    `same_as` is an earlier version that was trained on the same data, with the same models and the same score.
    """

    step: ClassVar[str] = "register"
    version: str | None = None
    same_as: str | None = None

    def sentence(self) -> str:
        if not self.recorded:
            return self.not_recorded()
        same = f"; it comes to the same as version {self.same_as}, from the same sales" if self.same_as else ""
        return f"the model is version {self.version} of {self.name} in {self.store}{same}"


class DeliverySummary(Summary, frozen=True, kw_only=True, omit_defaults=True):
    """The delivery of the forecasts: the database, its place in short, the table; `copy` is a further file."""

    step: ClassVar[str] = "delivery"
    database: str
    place: str
    table: str
    rows: int
    replaced: int
    copy: str | None = None

    def sentence(self) -> str:
        copy = "" if self.copy is None else f"; a copy in {self.copy}"
        return f"{many(self.rows, 'row')} to the table {self.table} of {self.place}{copy}"


class TuneSummary(Summary, SearchRecord, frozen=True, kw_only=True):
    """The outcome of a search for options, which is no step of a run; `tracking` is its MLflow run."""

    step: ClassVar[str] = "tune"
    tracking: RecordSummary | msgspec.UnsetType = msgspec.UNSET

    def sentence(self) -> str:
        return f"{many(self.trials, 'trial')} of {self.model}"
