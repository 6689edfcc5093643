"""What asks for a retraining, what becomes of it, and that it can be killed anywhere and run again."""

from __future__ import annotations

import shutil
import signal
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from fixtures.projects import sales_until

from foresell.core.errors import StoreError, UsageError
from foresell.core.finding import Finding, Severity
from foresell.monitor.codes import CODES
from foresell.pipeline.lifecycle.promotion import promote, rollback
from foresell.pipeline.lifecycle.retraining import PATIENCE, Situation, retrain, retraining_findings
from foresell.pipeline.project import Project
from foresell.pipeline.results import read_findings
from foresell.registry.champion_changes import PROMOTED, REFUSED, ROLLED_BACK, ChampionChange
from foresell.registry.versions import Version
from foresell.serving.source import registry_of

pytestmark = pytest.mark.usefixtures("drift_only_where_asked")

LAST = date(2025, 12, 28)  # of the shop's sales
SHIFT = Finding("bias-shifted", Severity.ERROR, "total", 28, "sold is 40 % more than forecast")


def version(number: int, last: date, champion: bool = False) -> Version:
    return Version(str(number), datetime.now(UTC), f"run{number}", {"foresell.data_last": last.isoformat()}, champion)


def change(
    number: int, verdict: str = PROMOTED, asked: tuple[str, ...] = (), before: str | None = None
) -> ChampionChange:
    return ChampionChange("", datetime(2025, 12, 1, tzinfo=UTC), verdict, str(number), before, "because", asked)


def situation(
    days: int, *history: ChampionChange, every: int | None = None, versions: tuple[Version, ...] = ()
) -> Situation:
    """Version 1 is champion, and the sales have gone on for `days` since the last that it learnt from."""
    champion = version(1, LAST - timedelta(days=days), champion=True)
    return Situation(LAST, (*versions, champion), champion, history, window_days=28, max_age=35, every=every)


def kinds(of: Situation, *findings: Finding) -> list[str]:
    return [reason.kind for reason in of.reasons(findings)]


def open_kinds(of: Situation, *findings: Finding) -> list[str]:
    return [reason.kind for reason in of.open_reasons(tuple(of.reasons(findings)))]


def test_what_asks_for_it():
    assert kinds(situation(34)) == []
    assert kinds(situation(35)) == ["age"]
    assert kinds(situation(0), SHIFT) == ["finding"]
    assert kinds(situation(35), SHIFT) == ["finding", "age"]
    assert kinds(situation(13, every=14)) == []
    assert kinds(situation(14, every=14)) == ["schedule"]
    assert kinds(Situation(LAST, (), None, (), 28, 35, None), SHIFT) == ["first"]
    text = next(situation(40).reasons([])).text
    assert text == "version 1 learnt from sales until 2025-11-18, 40 days before the last ('monitoring.max_age': 35)"


def finding_of(code: str, severity: Severity) -> Finding:
    return Finding(code, severity, "total", 28, "it is so")


WARNED = [finding_of(code, Severity.WARNING) for code in CODES]
SEVERE = [finding_of(code, Severity.ERROR) for code in CODES]
MENDED = {
    *("bias-shifted", "error-grew", "no-better-than-naive", "ranges-narrow", "ranges-wide", "slow-drift"),
    *("drifted-columns", "drifted-input", "new-values"),
}


@pytest.mark.parametrize(
    ("severity", "warned", "severe"), [("warning", MENDED, MENDED), ("error", set(), MENDED), ("never", set(), set())]
)
def test_only_what_a_training_may_mend_asks_for_it_and_from_which_severity_on_is_set(severity, warned, severe):
    assert {finding.code for finding in retraining_findings(WARNED, severity)} == warned
    assert {finding.code for finding in retraining_findings(SEVERE, severity)} == severe
    of_the_data = finding_of("duplicate-keys", Severity.ERROR)  # a code of validation
    assert retraining_findings([of_the_data, finding_of("bias-shifted", Severity.INFO)], severity) == []


def test_the_schedule_counts_from_the_last_training_that_was_judged():
    refused = version(2, LAST - timedelta(days=10))
    only_trained = version(3, LAST - timedelta(days=1))  # as `foresell run` does every night
    history = (change(1), change(2, REFUSED, before="1"))
    of = situation(30, *history, every=14, versions=(only_trained, refused))
    assert kinds(of) == []
    assert kinds(situation(30, change(1), every=14, versions=(only_trained,))) == ["schedule"]


@pytest.mark.parametrize(("days", "asks"), [(PATIENCE - 1, False), (PATIENCE, True)])
def test_after_a_refusal_it_is_waited_for_new_sales(days, asks):
    refused = version(2, LAST - timedelta(days=days))
    of = situation(50, change(1), change(2, REFUSED, ("age",), before="1"), versions=(refused,))
    assert kinds(of) == ["age"]
    assert open_kinds(of) == (["age"] if asks else [])
    if not asks:
        why = of.why_not(tuple(of.reasons([])))
        assert "version 2 was trained lately and refused" in why
        assert why.endswith(f"when there are sales of {refused_until(refused)}")


def refused_until(refused: Version) -> date:
    return date.fromisoformat(refused.tags["foresell.data_last"]) + timedelta(days=PATIENCE)


def test_after_a_promotion_what_it_was_for_asks_when_all_that_is_looked_at_is_later():
    reasons = ("bias-shifted in total",)
    assert open_kinds(situation(27, change(1, asked=reasons)), SHIFT) == []
    assert open_kinds(situation(28, change(1, asked=reasons)), SHIFT) == ["finding"]
    another = Finding("error-grew", Severity.ERROR, "store", 28, "it grew")
    assert open_kinds(situation(PATIENCE, change(1, asked=reasons)), SHIFT, another) == ["finding"]
    assert open_kinds(situation(PATIENCE - 1, change(1, asked=reasons)), another) == []
    assert open_kinds(situation(1, change(1)), SHIFT) == ["finding"]  # nobody was asked for that one


@pytest.mark.parametrize(("days", "asks"), [(13, False), (14, True)])
def test_what_an_earlier_retraining_was_for_does_not_ask_because_another_came_between(days, asks):
    first, second = version(1, LAST - timedelta(days=14 + days)), version(2, LAST - timedelta(days=days), champion=True)
    history = (change(1, asked=("bias-shifted in total",)), change(2, asked=("new-values in store",), before="1"))
    of = Situation(LAST, (first, second), second, history, window_days=28, max_age=35, every=None)
    assert open_kinds(of, SHIFT) == (["finding"] if asks else [])


def test_a_version_is_judged_once_against_the_same_champion():
    assert situation(10).why_settled("1").endswith("which is the champion")
    assert situation(10).why_settled("2") == ""
    refused = (change(1), change(2, REFUSED, before="1"))
    assert "was refused on 2025-12-01: because" in situation(10, *refused).why_settled("2")
    of_another = (change(2, REFUSED, before="7"),)
    assert situation(10, *of_another).why_settled("2") == ""
    back = (change(2, before="1"), change(1, ROLLED_BACK, before="2"))
    assert "was rolled back" in situation(10, *back).why_settled("2")


RULES = {"promotion": {"margin": 0.005, "tolerance": 1.0, "coverage": 1.0}}


@pytest.fixture(scope="session")
def _stale_shop(_shop: Path, mlflow_database: Path, share_folder, change_settings) -> Path:
    def fill(folder: Path) -> None:
        shutil.copytree(_shop, folder, dirs_exist_ok=True)
        shop = folder / "shop"
        shutil.rmtree(shop / "results")
        (shop / "results").mkdir()
        shutil.copy(mlflow_database, shop / "results" / "mlflow.db")
        change_settings(shop, **RULES, tracking={"enabled": True}, monitoring={"max_age": 10}, backtest={"windows": 6})
        sales_until(shop, LAST - timedelta(days=28))
        project = Project(shop)
        project.run("forecast", "register")
        assert promote(project).version == "1"

    return share_folder("stale", fill)


@pytest.fixture
def stale_shop(_stale_shop: Path, tmp_path: Path) -> Path:
    """A project whose champion, version 1, learnt from sales that end four weeks before the last."""
    shutil.copytree(_stale_shop, tmp_path, dirs_exist_ok=True)
    return tmp_path / "shop"


def state(shop: Path) -> tuple[int, str | None, list[tuple[str, str]]]:
    """How many versions there are, which is champion, and what was decided so far."""
    registry = registry_of(shop, Project(shop).settings)
    champion = registry.champion()
    verdicts = [(change.version, change.verdict) for change in registry.history()]
    return len(registry.versions()), champion and champion.number, verdicts


ONCE = (2, "2", [("1", PROMOTED), ("2", PROMOTED)])


def test_without_new_sales_nothing_is_done(stale_shop):
    done = retrain(Project(stale_shop))
    assert (done.decision, done.reasons, done.findings) == (None, (), [])
    assert done.why.startswith("there is no reason to: version 1 learnt from sales until 2025-11-30, the last day")
    forced = retrain(Project(stale_shop), now="I want to")
    assert forced.decision is None
    assert forced.why == "data and settings are those of version 1, which is the champion"
    assert state(stale_shop) == (1, "1", [("1", PROMOTED)])


def test_an_old_champion_is_compared_as_it_stands_and_gives_way(stale_shop, tmp_path):
    sales_until(stale_shop, LAST)
    project = Project(stale_shop)
    done = retrain(project)
    assert [reason.kind for reason in done.reasons] == ["age"]
    decision = done.decision
    assert (decision.compared, decision.change.asked) == ("as it stands", ("age",))
    assert [str(window) for window in decision.verdict.windows] == ["2025-12-07", "2025-12-14", "2025-12-21"]
    assert "of the champion as it stands" in decision.change.reason
    assert state(stale_shop) == ONCE
    assert [(finding.code, finding.where) for finding in done.findings] == [("challenger-promoted", "version 2")]
    # The champion's models remember nothing of what they were fitted on, so asked anew they do as well as any; only
    # how they are combined was learnt.
    registry = registry_of(stale_shop, project.settings)
    levels = registry.tracking.artifact(decision.change.run, "champion/levels.parquet", tmp_path)
    overall = pl.read_parquet(levels).filter(level="all")
    assert overall["cutoff"].to_list() == list(decision.verdict.windows)
    assert overall["wrmsse"].mean() == pytest.approx(decision.verdict.figures[0].champion)
    again = retrain(Project(stale_shop))
    assert again.decision is None
    assert state(stale_shop) == ONCE


def test_of_a_refresh_with_no_window_since_only_the_plain_model_and_the_ranges_are_asked(stale_shop):
    sales_until(stale_shop, LAST - timedelta(days=23))  # five days more, less than the horizon
    done = retrain(Project(stale_shop), now="the assortment changed")
    assert done.decision.compared == "no window since"
    assert "no window lies wholly after its last day" in done.decision.change.reason
    assert all(figure.champion is None for figure in done.decision.verdict.figures)
    assert state(stale_shop) == ONCE


def test_other_settings_are_tried_on_the_same_windows_and_a_refusal_is_kept(stale_shop, change_settings):
    change_settings(stale_shop, champion="seasonal_naive", promotion={"coverage": 1.0, "margin": 0.3})
    sales_until(stale_shop, LAST)
    done = retrain(Project(stale_shop))
    assert (done.decision.compared, done.decision.serves) == ("tried again", False)
    assert [finding.code for finding in done.findings] == ["challenger-refused"]
    refused = (2, "1", [("1", PROMOTED), ("2", REFUSED)])
    assert state(stale_shop) == refused
    again = retrain(Project(stale_shop))
    assert (again.decision, again.why.partition(";")[2][:40]) == (None, " but version 2 was trained lately and re")
    forced = retrain(Project(stale_shop), now="once more")
    assert "version 2, which was refused on" in forced.why
    assert state(stale_shop) == refused


def test_a_shift_that_monitoring_finds_asks_for_it(stale_shop):
    sales_until(stale_shop, LAST)
    sales = stale_shop.parent / "data" / "sales.csv"
    frame = pl.read_csv(sales, try_parse_dates=True)
    grown = pl.when(pl.col("date") > LAST - timedelta(days=28)).then(pl.col("units") * 8).otherwise("units")
    frame.with_columns(grown.alias("units")).write_csv(sales)
    done = retrain(Project(stale_shop))
    assert "bias-shifted in total" in done.decision.change.asked
    assert done.decision.compared == "as it stands"
    assert done.decision.serves


def test_a_warning_asks_for_it_where_the_settings_say_so(evidently, stale_shop, change_settings):
    sales_until(stale_shop, LAST - timedelta(days=21))  # a week: younger than 'max_age'
    sales = stale_shop.parent / "data" / "sales.csv"
    frame = pl.read_csv(sales, try_parse_dates=True)
    dear = pl.when(pl.col("date") > LAST - timedelta(days=28)).then(pl.col("price") * 3).otherwise("price")
    frame.with_columns(price=dear).write_csv(sales)
    change_settings(stale_shop, monitoring={"retrain_on": "error"})
    done = retrain(Project(stale_shop))
    findings = read_findings(Project(stale_shop).results.folder("monitor"))
    reported = {(finding.code, finding.severity, finding.where) for finding in findings}
    assert ("drifted-input", Severity.WARNING, "price") in reported
    assert not [finding for finding in findings if finding.severity == Severity.ERROR]
    assert (done.decision, done.why.rpartition("; ")[2]) == (None, "no finding is a reason")
    change_settings(stale_shop, monitoring={"retrain_on": "warning"})
    done = retrain(Project(stale_shop))
    assert done.decision.change.asked == ("drifted-input in price",)
    assert state(stale_shop)[:2] == ONCE[:2]


def test_what_was_taken_back_is_not_promoted_again(stale_shop):
    sales_until(stale_shop, LAST)
    project = Project(stale_shop)
    retrain(project)
    rollback(project, "orders too high")
    assert "rolled back" in retrain(project, now="again").why
    assert state(stale_shop)[1] == "1"


def test_the_first_model_is_trained_and_promoted(shop, mlflow_database, change_settings):
    change_settings(shop, tracking={"enabled": True}, **RULES)
    (shop / "results").mkdir()
    shutil.copy(mlflow_database, shop / "results" / "mlflow.db")
    done = retrain(Project(shop))
    assert [reason.kind for reason in done.reasons] == ["first"]
    assert (done.decision.compared, done.decision.serves) == ("nothing", True)


def test_data_that_cannot_be_used_leave_everything_as_it_was(stale_shop):
    before = state(stale_shop)
    (stale_shop.parent / "data" / "sales.csv").write_text("date,store,item,units\n2025-13-99,a,b,many\n")
    with pytest.raises(Exception, match=r"sales\.csv") as stopped:
        retrain(Project(stale_shop), now="I want to")
    assert stopped.type.__module__ == "foresell.core.errors"
    assert state(stale_shop) == before


def test_a_challenger_that_cannot_be_registered_is_said(stale_shop, monkeypatch):
    sales_until(stale_shop, LAST)

    def full(*_: object, **__: object) -> None:
        raise StoreError("the disk is full.")

    monkeypatch.setattr("foresell.registry.versions.Registry.register", full)
    with pytest.raises(StoreError, match=r"could not be registered\. the disk is full"):
        retrain(Project(stale_shop))
    monkeypatch.undo()
    retrain(Project(stale_shop))
    assert state(stale_shop) == ONCE


def test_with_tracking_switched_off_it_says_so(shop):
    with pytest.raises(UsageError, match="tracking is switched off"):
        retrain(Project(shop))


PLACES = (
    "foresell.pipeline.steps.combine:ensemble@before",  # half trained
    "foresell.registry.versions:save@before",  # a run begun, and no version yet
    "mlflow:MlflowClient.create_model_version@after",  # a version whose run is not ended
    "mlflow:MlflowClient.set_registered_model_alias@before",  # judged, not promoted
    "mlflow:MlflowClient.set_registered_model_alias@after",  # promoted, and not in the history
    "foresell.pipeline.lifecycle.retraining:promote@after",  # promoted, and nobody told
)


QUICK = {"without": ("evidently",)}
"""The search for drift is most of the time of a look, and no reason here."""


@pytest.mark.slow
@pytest.mark.parametrize("places", [PLACES[:5], PLACES[4:5], PLACES[5:]], ids=["in turn", "untold", "unheard"])
def test_killed_anywhere_and_run_again_there_is_one_new_version_and_one_promotion(stale_shop, start_foresell, places):
    sales_until(stale_shop, LAST)
    for place in places:
        killed = start_foresell("retrain", stale_shop, "--quiet", kill_at=place, **QUICK).end()
        assert killed.code == -signal.SIGKILL, (place, killed)
    for _ in range(2):
        last = start_foresell("retrain", stale_shop, "--quiet", **QUICK).end()
        assert last.code == 0, last.err
    assert "Nothing to do" in last.out
    assert state(stale_shop) == ONCE
    tracking = registry_of(stale_shop, Project(stale_shop).settings).tracking
    assert len(tracking.runs("training")) == 2
    assert [change.asked for change in registry_of(stale_shop, Project(stale_shop).settings).history()][-1] == ("age",)


@pytest.mark.slow
def test_of_two_at_once_one_promotes(stale_shop, start_foresell):
    sales_until(stale_shop, LAST)
    both = [start_foresell("retrain", stale_shop, "--quiet", **QUICK) for _ in range(2)]
    ended = [process.end() for process in both]
    codes = sorted(process.code for process in ended)
    assert codes in ([0, 2], [0, 0]), ended
    if codes == [0, 2]:
        assert any("Another run is at work" in process.err for process in ended)
    assert state(stale_shop) == ONCE
