"""Monitoring of a project: forecasts kept, joined with later sales, judged; quiet weeks and planted shifts."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.finding import Severity
from foresell.monitor.checks import cusum, input_drift, stock_outs
from foresell.pipeline.graph import BESIDE, HISTORY, MONITOR
from foresell.pipeline.matured_forecasts import history_of, matured
from foresell.pipeline.monitoring.monitor import monitor
from foresell.pipeline.project import Project

pytestmark = pytest.mark.usefixtures("drift_only_where_asked")

LAST = date(2025, 12, 28)  # of the sample's sales
CUTOFF = LAST - timedelta(days=14)
NOT_ALWAYS = ("baseline.json", "drift.html", "drift.json", "runs.parquet", "versions.parquet", "promotions.parquet")


def codes(result) -> dict[tuple[str, str], Severity]:
    return {(finding.code, finding.where): finding.severity for finding in result.findings}


def accuracy_codes(result) -> set[str]:
    of = {"bias-shifted", "error-grew", "no-better-than-naive", "ranges-narrow", "ranges-wide", "slow-drift"}
    return {finding.code for finding in result.findings} & of


def test_forecasts_are_kept_once_with_naive_and_quantiles(watched):
    project = Project(watched)
    history = history_of(project.results)
    (kept,) = history.forecasts()
    assert kept.cutoff == CUTOFF
    assert kept.model == project.results.record("train").fingerprint
    frame, forecasts = kept.read(), project.forecasts
    names = ("level", "store", "item", "date", "mean")
    assert frame.select(names).equals(forecasts.select(names))
    # Rounded as they are handed out, the quantiles are those of the forecast.
    for name in ("q050", "q500", "q950"):
        assert np.array_equal(np.maximum(np.floor(frame[name].to_numpy() + 0.5), 0), forecasts[name].to_numpy())
    bottom = frame.filter(pl.col("level") == "store x item")
    panel = project.panel
    assert bottom["naive"].to_numpy().reshape(panel.n_series, 7)[0].tolist() == pytest.approx(
        np.nan_to_num(panel.units[0, -7:]).tolist()
    )
    written = kept.path.stat().st_mtime_ns
    project.run("forecast")
    assert kept.path.stat().st_mtime_ns == written
    project.run("forecast", again=("forecast",))
    assert len(history.forecasts()) == 1


def test_a_forecast_that_was_lost_is_made_again(watched):
    project = Project(watched)
    (kept,) = history_of(project.results).forecasts()
    kept.path.unlink()
    project.run("forecast")
    assert kept.path.exists()


def test_nothing_has_matured_and_it_says_when(come_in):
    result = monitor(come_in(CUTOFF))
    (nothing,) = [finding for finding in result.findings if finding.code == "nothing-matured"]
    assert (CUTOFF + timedelta(days=7)).isoformat() in nothing.message
    assert not result.severe
    assert result.summary.to_dict()["judged"] is None
    with pytest.raises(UsageError, match="nothing to keep as a baseline"):
        monitor(come_in(CUTOFF), baseline=True)


def test_a_quiet_week_raises_no_alarm(come_in):
    project = come_in()
    result = monitor(project)
    assert accuracy_codes(result) == set()
    assert not result.severe
    assert result.summary.to_dict()["judged"]["cutoff"] == CUTOFF.isoformat()
    for name in (*BESIDE[MONITOR], *BESIDE[HISTORY]):
        folder = result.folder if name in BESIDE[MONITOR] else history_of(project.results).root
        assert name in NOT_ALWAYS or (folder / name).exists() or (result.folder / name).exists(), name
    written = json.loads((result.folder / "findings.json").read_text())
    assert written == [finding.to_dict() for finding in result.findings]


@pytest.mark.usefixtures("evidently")
def test_all_that_a_look_asks_shares_one_rate_of_false_alarms(come_in, monkeypatch, change_settings):
    spent: dict[str, float] = {}
    slow, inputs, stock = cusum.cusum_chart, input_drift.detect_drift, stock_outs.rises
    monkeypatch.setattr(stock_outs, "rises", lambda *of: spent.update(stock_outs=of[1]) or stock(*of))
    monkeypatch.setattr(cusum, "cusum_chart", lambda *of: spent.update(slow=of[2]) or slow(*of))
    monkeypatch.setattr(
        input_drift, "detect_drift", lambda *of, **by: spent.update(inputs=by["false_alarms"]) or inputs(*of, **by)
    )
    project = come_in()
    change_settings(project.folder, monitoring={"false_alarms": 0.04})
    checks = monitor(Project(project.folder)).summary.to_dict()["checks"]
    families = pl.DataFrame(checks).group_by("family").agg(of=pl.len() * pl.col("below").min())  # by Holm
    assert sum(families["of"]) + sum(spent.values()) == pytest.approx(0.04)
    assert set(spent) == {"slow", "inputs", "stock_outs"}


@pytest.mark.parametrize("factor", [0.3, 3.0])
def test_a_real_shift_raises_a_severe_one(come_in, factor):
    result = monitor(come_in(factor=factor))
    assert codes(result)["bias-shifted", "total"] == Severity.ERROR
    assert result.severe
    kept = pl.read_parquet(history_of(Project(result.folder.parent.parent).results).root / "findings.parquet")
    assert "bias-shifted" in kept["code"]
    assert kept["as_of"].unique().to_list() == [CUTOFF + timedelta(days=7)]


def test_the_figures_are_those_of_an_independent_join(come_in):
    project = come_in()
    result = monitor(project)
    sales = pl.read_csv(project.folder.parent / "data" / "sales.csv", try_parse_dates=True)
    # Known is what has a row and was not out of stock; see the settings of the shop.
    known = sales.filter(~pl.col("stocked_out").cast(pl.Boolean)).select("date", "store", "item", "units")
    bottom = history_of(project.results).forecasts()[0].read().filter(pl.col("level") == "store x item")
    both = bottom.join(known, on=["date", "store", "item"], how="inner")
    error = (both["mean"] - both["units"]).abs().sum()
    (row,) = result.tables["accuracy"].filter((pl.col("part") == "level") & (pl.col("of") == "store x item")).to_dicts()
    assert row["units"] == both["units"].sum()
    assert row["wape"] == pytest.approx(error / both["units"].sum(), rel=1e-5)
    assert row["bias"] == pytest.approx(both["mean"].sum() / both["units"].sum() - 1, rel=1e-4)
    naive = (both["naive"] - both["units"]).abs().sum()
    assert row["wape_naive"] == pytest.approx(naive / both["units"].sum(), rel=1e-5)
    # By shop and day first: what is too much in one item makes up for what is too little in another.
    shops = both.group_by("date", "store").agg(pl.col("mean", "units").sum())
    (level,) = result.tables["accuracy"].filter((pl.col("part") == "level") & (pl.col("of") == "store")).to_dicts()
    assert level["wape"] == pytest.approx((shops["mean"] - shops["units"]).abs().sum() / shops["units"].sum(), rel=1e-5)
    assert row["rmsse"] > 0
    assert row["wape_backtest"] > 0


@pytest.mark.usefixtures("evidently")
def test_drift_that_cannot_be_looked_for_leaves_none_of_an_earlier_look(come_in):
    result = monitor(come_in())
    drift = [result.folder / "drift.json", result.folder / "drift.html"]
    assert all(file.exists() for file in drift)
    assert 'href="drift.html"' in result.page.read_text(encoding="utf-8")
    sales = result.folder.parents[1].parent / "data" / "sales.csv"
    whole = sales.read_text(encoding="utf-8")
    known = pl.read_csv(whole.encode(), try_parse_dates=True)
    known.filter(pl.col("date") > CUTOFF - timedelta(days=40)).write_csv(sales)  # 47 days: too few to tell
    again = monitor(Project(result.folder.parents[1]))
    assert "at least" in again.summary.to_dict()["inputs"]["why"]
    assert not any(file.exists() for file in drift)
    assert 'href="drift.html"' not in again.page.read_text(encoding="utf-8")
    assert [file.name for file in result.folder.iterdir() if file.name.startswith(".")] == []
    sales.write_text(whole, encoding="utf-8")
    monitor(Project(result.folder.parents[1]))
    assert all(file.exists() for file in drift)
    sales.write_text("no,sales\n1,2\n", encoding="utf-8")
    assert monitor(Project(result.folder.parents[1])).summary.to_dict()["stopped"]
    assert not any(file.exists() for file in drift)


def test_twice_changes_nothing(come_in):
    project = come_in(factor=0.4)

    def state() -> dict[str, bytes]:
        roots = project.results.folder("monitor"), history_of(project.results).root
        files = [path for root in roots for path in sorted(root.rglob("*")) if path.is_file()]
        # What Evidently draws has names of its own each time.
        return {str(path): path.read_bytes() for path in files if not path.name.startswith("drift.")}

    first = monitor(project)
    before = state()
    second = monitor(Project(project.folder))
    assert state() == before
    assert second.findings == first.findings


def test_a_baseline_accepts_what_is_now(come_in):
    project = come_in(factor=0.3)
    assert monitor(project, baseline=True).severe
    again = monitor(Project(project.folder))
    assert "bias-shifted" not in accuracy_codes(again)
    assert again.summary.to_dict()["baseline"] == (CUTOFF + timedelta(days=7)).isoformat()


def test_a_version_is_judged_by_its_own_forecasts_only(come_in):
    """Two models have forecast the same days, the later one badly: it is judged, and the first one's are kept apart."""
    project = come_in()
    history = history_of(project.results)
    (kept,) = history.forecasts()
    good = monitor(project).tables["accuracy"]
    bad = kept.read().with_columns(pl.col("^(mean|q\\d{3})$") * 3)
    history.keep_forecast(bad, kept.cutoff, "another")
    history.keep_backtest(history.backtest(kept.model), "another")
    result = monitor(Project(project.folder))
    assert result.summary.to_dict()["judged"]["model"] == "another"
    assert ("bias-shifted", "total") in codes(result)
    own = result.tables["accuracy"].filter(pl.col("model") == kept.model)
    assert own.equals(good)


def test_what_has_not_come_in_changes_nothing(come_in):
    """The panel until a day says of a forecast what the whole panel says of its days up to then."""
    project = come_in(LAST)
    project.run("check")
    panel, hierarchy = project.panel, project.results.hierarchy
    (kept,) = history_of(project.results).forecasts()
    from foresell.evaluate.weights import compute_weights

    day = panel.day_of(kept.cutoff)
    weights = compute_weights(panel, hierarchy, [day])[0]
    whole = matured(kept, panel, hierarchy, day + 1, weights)
    part = matured(kept, panel.until(day + 4), hierarchy, day + 1, weights)
    assert part.daily.height * 7 == whole.daily.height * 4
    same = whole.daily.filter(pl.col("step") <= 4)
    assert part.daily.sort(pl.all()).equals(same.sort(pl.all()))


def test_days_without_a_forecast_are_said(come_in):
    result = monitor(come_in(LAST))
    of_days = [finding for finding in result.findings if finding.where == "days"]
    (missing,) = [finding for finding in of_days if finding.code == "forecasts-missing"]
    assert missing.count == 7
    assert LAST.isoformat() in missing.message


def test_data_that_cannot_be_used_are_findings_too(come_in):
    project = come_in()
    path = project.folder.parent / "data" / "sales.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("units", "pieces", 1), encoding="utf-8")
    result = monitor(project)
    assert result.severe
    assert "missing-columns" in {finding.code for finding in result.findings}
    assert result.summary.to_dict()["judged"] is None


def test_the_history_keeps_days_that_are_no_longer_looked_at(come_in, change_settings):
    project = come_in()
    monitor(project)
    change_settings(project.folder, monitoring={"days": 3})
    change_settings(project.folder, data={"until": LAST.isoformat()})
    monitor(Project(project.folder))
    kept = history_of(project.results).table("accuracy")
    assert kept["date"].min() == CUTOFF + timedelta(days=1)
    assert kept.filter(pl.col("of") == "total")["date"].n_unique() == 7
