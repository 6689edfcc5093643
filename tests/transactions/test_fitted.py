"""The regression of single sales: later days do not leak, it beats the means, is written and read, and refuses."""

from __future__ import annotations

import json
import sys

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UnreadableFile, UsageError
from foresell.transactions import learners
from foresell.transactions.fitted import RECIPE, FittedTransactions
from foresell.transactions.ranges import Ranges
from foresell.transactions.trial import RegressionTask, parts, scores_of, try_learners

INPUTS = ("date", "item", "customer", "price")


def task(sales: pl.DataFrame, **changes) -> RegressionTask:
    return RegressionTask(
        **{"sales": sales, "target": "revenue", "date": "date", "inputs": INPUTS, "key": ("item",)} | changes
    )


@pytest.fixture(scope="module", params=["forest", "xgboost"])
def trial(request, make_sales):
    if request.param == "xgboost":
        pytest.importorskip("xgboost")
    return try_learners(task(make_sales()), [request.param])


def test_it_beats_the_means_and_its_range_holds_on_days_kept_aside(trial):
    model, mean, median = trial.scores.iter_rows(named=True)
    assert (mean["model"], median["model"]) == ("mean by item", "median by item")
    assert model["rmse"] < 0.8 * mean["rmse"]
    assert model["wape"] < min(mean["wape"], median["wape"])
    # Nothing could tell more than price times the mean pieces of the kind of customer does.
    assert model["r2"] > 0.5
    assert 0.86 <= trial.coverage <= 0.99
    assert trial.fitted.drivers()["feature"][0] in ("customer", "price", "item")


def test_predictions_follow_the_truth(trial):
    rows = pl.DataFrame(
        {"date": ["2025-05-02"] * 2, "item": ["item 4"] * 2, "customer": ["private", "trade"], "price": [6.0, 6.0]}
    )
    answer = trial.fitted.predict(rows)
    assert answer["value"].to_numpy() == pytest.approx([6 * 1.5, 6 * 6.0], rel=0.2)
    assert (answer["low"] <= answer["value"]).all()
    assert (answer["value"] <= answer["high"]).all()
    assert (answer["low"] >= 0).all()
    assert answer["assumed"].to_list() == [[], []]
    assert answer["error"].to_list() == [None, None]


def test_rows_are_answered_alone_as_together_and_bad_ones_say_why(trial, make_sales):
    rows = make_sales(300, seed=5).with_columns(pl.col("price").cast(pl.String))
    rows = rows.with_columns(price=pl.when(pl.int_range(pl.len()) == 7).then(pl.lit("?")).otherwise("price"))
    together = trial.fitted.predict(rows)
    alone = pl.concat([trial.fitted.predict(rows[place]) for place in range(20)])
    assert together[:20].equals(alone)
    assert together["error"].null_count() == 299
    assert together.row(7)[:3] == (None, None, None)
    assert together["error"][7] == "price '?' is no number"


def test_new_values_and_missing_columns_are_answered_and_named(trial):
    answer = trial.fitted.predict(pl.DataFrame({"item": ["item 4", "never seen"]}))
    assert answer["value"].null_count() == 0
    assert any("'never seen' was not in the training sales" in text for text in answer["assumed"][1])
    assert [text.split(" is ")[0] for text in answer["assumed"][0]] == ["date", "customer", "price"]


def test_no_rows_give_no_rows(trial):
    assert trial.fitted.predict(pl.DataFrame(schema={"item": pl.String})).height == 0


def test_what_was_saved_answers_the_same(trial, make_sales, tmp_path):
    trial.fitted.save(tmp_path)
    read = FittedTransactions.load(tmp_path)
    rows = make_sales(200, seed=9)
    assert read.predict(rows).equals(trial.fitted.predict(rows))
    assert read.about() == trial.fitted.about()
    assert not list(tmp_path.glob("*.pkl"))


def test_a_damaged_or_foreign_file_is_refused(trial, tmp_path):
    trial.fitted.save(tmp_path)
    trees = next(tmp_path.glob("trees.*"))
    whole = trees.read_bytes()
    trees.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableFile, match=r"is not the file that transactions\.json was written with"):
        FittedTransactions.load(tmp_path)
    trees.unlink()
    with pytest.raises(UnreadableFile, match="cannot be read"):
        FittedTransactions.load(tmp_path)
    trees.write_bytes(whole)
    recipe = (tmp_path / RECIPE).read_bytes()
    for wrong in (recipe[:-100], b"{}", recipe.replace(b'"transactions"', b'"lightgbm"'), b"\x80\x04K\x01."):
        (tmp_path / RECIPE).write_bytes(wrong)
        with pytest.raises(UnreadableFile, match="Train it again"):
            FittedTransactions.load(tmp_path)
    elsewhere = json.loads(recipe) | {"file": "../../etc/passwd"}
    (tmp_path / RECIPE).write_text(json.dumps(elsewhere))
    with pytest.raises(UnreadableFile, match="it names the file"):
        FittedTransactions.load(tmp_path)


def test_the_parts_are_whole_days_in_order():
    days = np.repeat(np.datetime64("2025-01-01") + np.arange(20), 20)
    first, second, third = parts(pl.Series(days))
    assert [int(part.sum()) for part in (first, second, third)] == [280, 60, 60]
    assert days[first].max() < days[second].min() <= days[second].max() < days[third].min()
    assert (first | second | third).all()


def test_later_sales_change_nothing_that_was_learnt_before_them(make_sales):
    sales = make_sales()
    _, _, last = parts(sales["date"])
    turned = sales.with_columns(revenue=pl.when(pl.Series(last)).then(pl.col("revenue") * 7 + 3).otherwise("revenue"))
    one, other = (try_learners(task(table), ["forest"]) for table in (sales, turned))
    assert one.wape_by_learner == other.wape_by_learner
    # The score of a model that had seen the turned sales would not be so bad.
    assert other.scores["r2"][0] < 0 < one.scores["r2"][0]
    shift = (turned.filter(pl.Series(last))["revenue"] - sales.filter(pl.Series(last))["revenue"]).mean()
    assert other.scores["mae"][0] == pytest.approx(shift, rel=0.1)


def test_outliers_of_the_days_kept_aside_are_not_treated(make_sales):
    sales = make_sales()
    row = sales.height - 5
    typo = sales.with_columns(revenue=pl.when(pl.int_range(pl.len()) == row).then(1e6).otherwise("revenue"))
    trial = try_learners(task(typo), ["forest"])
    assert trial.scores["rmse"][0] > 1e6 / np.sqrt(trial.rows) * 0.9
    assert trial.outliers.count == 1
    assert trial.fitted.predict(sales[row])["value"][0] < 1e3


def test_too_few_sales_are_said(make_sales):
    with pytest.raises(UsageError, match="100 single sales on"):
        try_learners(task(make_sales(100)), ["forest"])


def test_without_the_extra_the_forest_is_left(monkeypatch):
    monkeypatch.setitem(sys.modules, "xgboost", None)
    assert learners.available(("xgboost", "forest"))[0] == ["forest"]
    assert "the extra 'xgboost' is not installed" in learners.available(("xgboost",))[1]
    with pytest.raises(UsageError, match="names 'lasso'"):
        learners.available(("lasso",))


def test_ranges_widen_with_what_is_predicted_where_errors_do():
    random = np.random.default_rng(3)
    predicted = np.exp(random.normal(3, 1, 4000))
    actual = predicted * (1 + 0.2 * random.standard_normal(4000))
    ranges = Ranges.learn(actual, predicted, 0.8)
    assert ranges.power == 1.0
    low, high = ranges.of(np.array([10.0, 100.0]))
    assert (high - low)[1] == pytest.approx(10 * (high - low)[0], rel=1e-6)
    fresh = predicted * (1 + 0.2 * random.standard_normal(4000))
    ends = ranges.of(predicted)
    assert 0.79 <= ((fresh >= ends[0]) & (fresh <= ends[1])).mean() <= 0.87


def test_the_ends_are_those_of_the_worst_quarter():
    errors = np.concatenate([np.linspace(-1, 1, 199), np.linspace(-3, 2, 199), np.linspace(-1, 1, 398)])
    ranges = Ranges.learn(100 + errors, np.full(796, 100.0), 0.9)
    # The second quarter: of 199 errors the 190th and the 10th smallest, in steps of 5 / 198.
    low, high = ranges.of(np.array([100.0]))
    assert low[0] == pytest.approx(100 - 3 + 9 * 5 / 198)
    assert high[0] == pytest.approx(100 - 3 + 189 * 5 / 198)


def test_scores_worked_by_hand():
    scores = scores_of(np.array([2.0, 4.0, 9.0]), np.array([3.0, 4.0, 5.0]))
    assert scores["mae"] == pytest.approx(5 / 3)
    assert scores["rmse"] == pytest.approx(np.sqrt(17 / 3))
    assert scores["wape"] == pytest.approx(5 / 15)
    assert scores["r2"] == pytest.approx(1 - 17 / 26)
