"""What lies outside of what is usual, by monitoring or without it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from foresell.monitor.checks.judging import Judgement
from foresell.pipeline.exceptions.deviations import deviations, monitored
from foresell.pipeline.exceptions.outlook import outlook
from foresell.pipeline.exceptions.sales_exceptions import one_a_group, sales_exceptions


def test_without_sales_since_nothing_is_known(make_results) -> None:
    assert deviations(make_results()) is None


def test_a_fallen_store_is_named_without_monitoring(make_results, panel) -> None:
    units = np.array(panel.units)
    units[2:, -7:] *= 0.4
    results = make_results(earlier=(10.0, 40, 20, 30), panel=replace(panel, units=units))
    seen = deviations(results)
    assert seen is not None
    assert not seen.monitored
    assert [(one.of, one.name) for one in seen.alarms] == [("store", "b")]
    (fallen,) = sales_exceptions(results, seen, outlook(results))
    assert fallen.where == {"store": "b"}
    assert fallen.units == 210
    assert fallen.sentence == ("store b: 140 units were sold on 28 Jan to 3 Feb 2025 where 350 were forecast (−60 %).")


def test_a_rise_of_all_is_no_deviation_of_a_store(make_results, panel) -> None:
    units = np.array(panel.units)
    units[:, -7:] *= 1.5
    seen = deviations(make_results(earlier=(10.0, 40, 20, 30), panel=replace(panel, units=units)))
    assert seen is not None
    assert [one.of for one in seen.alarms] == ["total"]


def test_monitoring_goes_first_and_old_summaries_can_be_read(make_results, tmp_path) -> None:
    folder = make_results().folder("monitor")
    folder.mkdir()
    row = {
        "figure": "bias", "part": "group", "of": "store", "name": "b", "family": "parts", "value": -0.9,
        "expected": 0.0, "low": -0.2, "high": 0.2, "score": 9.0, "freedom": 5.0, "chance": 0.0, "below": 0.01,
        "spread": 0.1, "alarm": True, "far": True, "days": 7, "units": 140.0, "forecast": 350.0,
    }  # fmt: skip
    judged = {"first": "2025-01-28", "last": "2025-02-03"}
    summary = {"as_of": "2025-02-03", "judged": judged, "checks": [row, {"figure": "bias"}]}
    (folder / "summary.json").write_text(json.dumps(summary))
    assert monitored(folder) is None  # the findings are missing
    (folder / "findings.json").write_text("[]")
    seen = monitored(folder)
    assert seen is not None
    assert seen.monitored
    assert [one.title for one in seen.alarms] == ["store b"]


def test_a_group_is_named_once_by_its_bias() -> None:
    def alarm(figure: str, part: str, of: str, name: str, units: float) -> Judgement:
        return Judgement(
            figure, part, of, name, "parts", 0.5, 0.0, -0.1, 0.1, 5.0, 9.0, 0.0, 0.01, 0.1, True, False, 7, units, 100.0
        )

    error, bias = alarm("error", "group", "store", "b", 40.0), alarm("bias", "group", "store", "b", 40.0)
    kind, wide = alarm("bias", "segment", "volume", "high", 10.0), alarm("error", "level", "item", "all", 90.0)
    assert one_a_group([error, kind, bias, wide]) == [bias, wide]
    assert one_a_group([kind]) == [kind]  # where no group is named, a kind of series is
