from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import StoreError
from foresell.core.forecast import Forecast
from foresell.core.frequency import Frequency
from foresell.core.hierarchy import Hierarchy
from foresell.core.panel import Panel
from foresell.report import Report, data_summary, render, write
from foresell.report.contents import LostSales
from foresell.report.monitor_contents import ApiAccuracy, InputDrift, MonitorPage
from foresell.report.page import render_monitor_page
from foresell.report.series_examples import series_examples

VOID = {"meta", "br", "link", "img", "hr", "input"}


class Page(HTMLParser):
    """What stands on a page: elements with their attributes, text; fails on a tag that is closed wrongly."""

    def __init__(self, source: str):
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(source)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes something else near {self.getpos()}"

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_everything_is_on_the_page(report: Report) -> None:
    text = Page(render(report)).text
    for words in (
        "Sales until 16 Jan 2024, forecast for the 7 days after",
        "Made 20 Jan 2024 at 09:05 with foresell 1.2.3",
        "Error against seasonal naive −25 %",
        "the error of gbm is 25 % below that of seasonal naive; it is better in 1 of them.",
        "the error of the forecast is 50 % of the units sold; in sum it is 2.0 % too low",
        "Upper levels",
        "hammer · B",
        "units a week ago lag_7 75 %",
        "2,222",
        "1,234 rows lack a date. Mend.",
        "results/forecast/forecasts.parquet",
        "Nothing was left out.",
        "all levels together 9 0.600 0.800 −25 %",
        "Steadiness",
    ):
        assert words in text


def test_what_comes_from_data_is_escaped(report: Report) -> None:
    source = render(report)
    page = Page(source)
    assert page.all("script") == [{"type": "application/json", "id": "series-data"}, {}]
    assert page.all("nails") == []
    assert page.all("b") == []
    assert "<script> · B" in page.text
    assert "<b>31.13.</b>" in page.text
    labels = [svg.get("aria-label") or "" for svg in page.all("svg")]
    assert any(label.startswith("<script> · B: sales until") for label in labels)


def test_the_page_allows_its_own_script_and_no_other(report: Report) -> None:
    source = render(report)
    script = re.findall(r"<script>(.*?)</script>", source, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script[0].encode()).digest()).decode()
    assert len(script) == 1
    assert f"script-src 'sha256-{digest}'" in source
    without = render(replace(report, series=None))
    assert "<script" not in without
    assert "script-src" not in without


def test_the_next_week_stands_beside_the_last_and_last_year(report: Report) -> None:
    text = Page(render(report)).text
    assert "The next 7 days, by level" in text
    assert "store: units store Next 7 days Last 7 days Change A year ago Change B 168 168 ±0 % 154 +9.1 %" in text
    assert "On this page are 9 series and groups" in text


def test_the_pages_need_nothing_from_outside(report: Report, look: MonitorPage) -> None:
    needs_nothing(render(report))
    needs_nothing(render_monitor_page(replace(look, inputs=None)))
    beside = {link["href"] for link in Page(render_monitor_page(look)).all("a")} - {None}
    assert {link for link in beside if not link.startswith("#")} == {"drift.html"}


def needs_nothing(source: str) -> None:
    page = Page(source)
    assert not re.search(r"https?:|url\(|@import|<script[^>]*src|<link|<img|<iframe", source)
    for _, attributes in page.elements:
        assert all((attributes.get(name) or "#").startswith("#") for name in ("href", "src", "xlink:href"))
        assert not any(name.startswith("on") for name in attributes)
    targets = {attributes.get("id") for _, attributes in page.elements}
    assert all((link["href"] or "")[1:] in targets for link in page.all("a"))


def test_headings_tables_and_charts_can_be_read_aloud(report: Report, look: MonitorPage) -> None:
    can_be_read_aloud(render(report))
    page = can_be_read_aloud(render_monitor_page(look))
    assert len(page.all("caption")) == len(page.all("table"))


def can_be_read_aloud(source: str) -> Page:
    page = Page(source)
    depths = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert depths[0] == 1
    assert depths.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(depths))
    assert page.all("html")[0]["lang"] == "en"
    assert all(header.get("scope") in ("col", "row") for header in page.all("th"))
    for svg in page.all("svg"):
        assert svg.get("aria-hidden") == "true" or (svg["role"] == "img" and svg["aria-label"])
    return page


def bare(report: Report) -> Report:
    """The report with nothing but what was found."""
    plain = Report(
        title=report.title,
        made=report.made,
        version=report.version,
        horizon=report.horizon,
        champion=report.champion,
        data=replace(report.data, rows=None, revenue=None, levels={}, shares={}, history=np.empty(0)),
    )
    return plain


def test_what_is_missing_is_left_out(report: Report) -> None:
    text = Page(render(bare(report))).text
    for absent in (
        "Revenue",
        "The forecast",
        "How accurate it is",
        "What drives the forecast",
        "Rows read",
        "None",
        "nan",
    ):
        assert absent not in text
    assert "The checks of the data found no problems." in text


@pytest.mark.parametrize(
    "part", ["examples", "findings", "leaderboard", "levels", "segments", "steps", "drivers", "settings", "places"]
)
def test_any_part_may_be_missing(report: Report, part: str) -> None:
    empty = type(getattr(report, part))() if part in ("examples", "findings", "settings", "places") else None
    assert "Tools & <nails>" in Page(render(replace(report, **{part: empty}))).text
    if isinstance(getattr(report, part), pl.DataFrame):
        Page(render(replace(report, **{part: getattr(report, part).clear()})))


def test_a_benchmark_that_wins_or_is_absent(report: Report) -> None:
    winner = Page(render(replace(report, champion="seasonal_naive"))).text
    assert "no model was better than seasonal naive" in winner
    assert report.leaderboard is not None
    assert report.levels is not None
    alone = replace(
        report,
        leaderboard=report.leaderboard.filter(pl.col("model") == "gbm").with_columns(
            improvement=pl.lit(None, pl.Float64)
        ),
        levels=report.levels.filter(pl.col("model") == "gbm"),
        segments=None,
    )
    text = Page(render(alone)).text
    assert "Seasonal naive was not among the models" in text
    assert "Difference" not in text


@pytest.mark.parametrize("frequency", list(Frequency))
def test_one_series_of_a_few_periods_and_one_step(report: Report, frequency: Frequency) -> None:
    panel = Panel.from_frame(
        pl.DataFrame({"item": ["a", "a"], "date": ["2024-01-01", "2026-01-01"], "units": [3.0, 4.0]}).with_columns(
            pl.col("date").str.to_date()
        ),
        ("item",),
        frequency=frequency,
        absent="unknown",
        ahead=1,
    )
    hierarchy = Hierarchy.of(panel.keys)
    mean = np.array([[3.5]], np.float32)
    one = Forecast(panel.series, panel.keys, panel.cutoff, panel.ahead(1), mean)
    forecasts = {(): one.with_quantiles((0.1, 0.9), np.stack([mean - 1, mean + 1])), ("item",): one}
    content = replace(
        bare(report),
        horizon=1,
        frequency=frequency,
        data=data_summary(panel, hierarchy),
        examples=series_examples(panel, hierarchy, forecasts),
    )
    text = Page(render(content)).text
    assert f"Next 1 {frequency.noun}" in text
    assert "80 % range" in text


def test_the_page_is_written_whole_or_not_at_all(report: Report, tmp_path: Path) -> None:
    place = tmp_path / "out" / "report.html"
    write(place, report)
    assert place.read_text(encoding="utf-8") == render(report)
    assert [file.name for file in place.parent.iterdir()] == ["report.html"]
    with pytest.raises(StoreError, match="could not be written"):
        write(place / "below-a-file.html", report)


def test_a_year_ahead_for_many_series_stays_light(report: Report) -> None:
    rng = np.random.default_rng(1)
    series = pl.DataFrame({"item": [f"item {number}" for number in range(40)], "store": ["A", "B", "C", "D"] * 10})
    dates = np.datetime64("2020-01-01") + np.arange(1500 + 365)
    panel = Panel(series, ("item", "store"), dates, rng.poisson(300, (40, 1500)).astype(np.float32))
    hierarchy = Hierarchy.of(panel.keys, (("store",),))
    shares = np.array([0.9, 0.95, 1, 1.05, 1.1], np.float32)[:, None, None]
    forecasts = {}
    for groups in hierarchy.all_groups(series):
        mean = groups.sum(rng.gamma(30, 10, (40, 365))).astype(np.float32)
        plain = Forecast(groups.frame, groups.level or ("total",), panel.cutoff, panel.ahead(365), mean)
        forecasts[groups.level] = plain.with_quantiles((0.05, 0.25, 0.5, 0.75, 0.95), shares * mean)
    told = series_examples(panel, hierarchy, forecasts)
    assert len(told) == 1 + 4 + 4 + 4
    page = render(replace(bare(report), horizon=365, examples=told))
    assert len(page.encode()) < 2_000_000


def test_what_was_lost_out_of_stock_is_said_where_there_was_some(report: Report) -> None:
    assert "LostSales, estimated" not in Page(render(replace(report, lost=None))).text
    assert "1,234 units on 56 days out of stock" in Page(render(replace(report, lost=LostSales(56, 1234.4)))).text


def test_everything_is_on_the_page_of_accuracy(look: MonitorPage) -> None:
    text = Page(render_monitor_page(look)).text
    for words in (
        "Accuracy of forecasts: <b>A&B</b>",
        "Sales until 26 Oct 2025",
        "Do not plan by these forecasts unseen",
        "compared with the sales of 6 to 19 Oct 2025 (14 days): 1 error. 80 units were sold.",
        "can be judged itself when the sales of 2 Nov 2025 are known",
        "What to do: foresell retrain.",
        "Bias of all sales +25 % More was forecast than sold; usual is ±0 %. ▲▲ far outside",
        "8 windows of its backtest, and from the baseline of 1 Sep 2025",
        "total +25 % ±0 % −10 % to +12 % ▲▲ far outside",
        "<b>A&B</b> 20 % 18 % at most 30 % ✓ as usual",
        "<b>A&B</b> 10 % 20 % – · not judged",
        "<b>A&B</b> 0 ✓ as usual −2.0 % −30 % to +40 % 20 % 18 % 8 10",
        "The other 2",
        "19 Oct 2025 <b>A&B</b> 90 % 10 % −20 % to 40 % ◆ outside",
        "Since 12 Oct 2025 the weeks lean to one side",
        "▲ 50 % of the columns have drifted; more than 30 % is an error.",
        "<b>A&B</b> (<b>A&B</b>) ▲ drifted 1 3 <b>A&B</b>",
        "12,345",
        "<b>A&B</b> 321 14 30 % 40 % −10 % 80 % 90 %",
        "7 others were what-ifs",
        "13 Oct 2025 <b>A&B</b> promoted <b>A&B</b>",
    ):
        assert words in text, words


def test_what_comes_from_data_is_escaped_on_the_page_of_accuracy(look: MonitorPage) -> None:
    source = render_monitor_page(look)
    page = Page(source)
    assert page.all("b") == []
    assert "&B" not in source.replace("&amp;B", "")
    assert "version <b>A&B</b>" in page.text
    assert any("<b>A&B</b>" in (svg.get("aria-label") or "") for svg in page.all("svg"))


EMPTY = {
    "accuracy": (), "data": (), "newest": None, "nominal": None, "divisions": (), "steps": (), "days": None,
    "marks": (), "weeks": {}, "slow": None, "slow_since": None, "inputs": None, "arrived": None, "asked": (),
    "left_out": 0, "decided": (), "places": {},
}  # fmt: skip


@pytest.mark.parametrize("part", EMPTY)
def test_any_part_of_the_page_of_accuracy_may_be_missing(look: MonitorPage, part: str) -> None:
    text = Page(render_monitor_page(replace(look, **{part: EMPTY[part]}))).text  # type: ignore[arg-type]
    assert "How to read this page" in text
    assert "None" not in text
    assert "nan" not in text


def test_a_page_of_accuracy_with_nothing_judged(look: MonitorPage) -> None:
    bare = MonitorPage(look.title, look.version, look.as_of, waiting="sales are known up to 1 May; judged on 8 May")
    text = Page(render_monitor_page(bare)).text
    assert "… Not to be judged yet Sales are known up to 1 May; judged on 8 May." in text
    for absent in ("Figures by level", "Over time", "Slow drift", "Where it is off", "Asked over", "None", "nan"):
        assert absent not in text


def test_a_figure_that_is_not_known_is_a_dash(look: MonitorPage) -> None:
    nobody = ApiAccuracy("1", 3, 1, None, None, None, None, None)
    why = InputDrift(why="Evidently is <not> installed.")
    text = Page(render_monitor_page(replace(look, asked=(nobody,), inputs=why))).text
    assert "1 3 1 – – – – –" in text
    assert "Not looked for: Evidently is <not> installed." in text
    assert "None" not in text
