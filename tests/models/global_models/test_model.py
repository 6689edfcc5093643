from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.core.finding import Severity
from foresell.core.frequency import Frequency
from foresell.core.panel import Known
from foresell.core.statistics import Statistics
from foresell.models import prepare
from foresell.models.global_models.forest import RandomForest
from foresell.models.global_models.lightgbm import LightGBM
from foresell.models.global_models.model import unknown_ahead
from foresell.models.naive import SeasonalNaive

HORIZON = 14
SMALL = {"every": 7, "trees": 20, "share": 0.5, "min_rows": 20}
QUICK = {"trees": 6, "share": 0.3, "min_rows": 20, "leaves": 16}


def mean(model, panel, prepared=None):
    return model.fit(panel, HORIZON, prepared).forecast(panel).mean


# --- options ---------------------------------------------------------------------------------------------------------


def test_lists_as_settings_give_them_are_the_same_as_tuples():
    listed = LightGBM(use=["window"], drop=[], levels=[["kind"]], by=["kind"])
    assert listed == LightGBM(use=("window",), levels=(("kind",),), by=("kind",))
    assert listed == LightGBM(use="window", levels=[["kind"]], by="kind")
    assert len({listed, LightGBM(use="window", levels=(("kind",),), by="kind")}) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"loss": "huber"}, "'loss' of the model 'lightgbm' is 'huber'; expected one of tweedie, poisson, squared"),
        ({"power": 2}, "'power' .* is 2; expected a number above 1 and below 2"),
        ({"trees": "many"}, "'trees' .* is 'many'; expected a whole number from 1"),
        ({"blocks": 0}, "'blocks' .* is 0"),
        ({"every": 0}, "'every' .* is 0"),
        ({"max_rows": 2.5}, "'max_rows' .* is 2.5; expected a whole number from 1"),
        ({"leaves": 1}, "'leaves' .* is 1; expected a whole number from 2"),
        ({"min_rows": True}, "'min_rows' .* is True"),
        ({"share": 0}, "'share' .* is 0; expected a number above 0 and at most 1"),
        ({"row_fraction": 1.5}, "'row_fraction' .* is 1.5"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(UsageError, match=message):
        LightGBM(**options)


@pytest.mark.parametrize(("frequency", "power"), [(Frequency.DAY, 1.1), (Frequency.WEEK, 1.5), (Frequency.MONTH, 1.5)])
def test_the_variance_power_suits_the_periods_unless_it_is_given(frequency, power):
    assert LightGBM().cost(frequency).power == power
    assert LightGBM().suited_to(frequency).power == power
    assert LightGBM(power=1.3).cost(frequency).power == 1.3
    assert LightGBM(power=1.3).suited_to(frequency) == LightGBM(power=1.3)


def test_features_and_drop_choose(make_shop):
    panel, _ = make_shop(n_days=400)
    fitted = LightGBM(**SMALL, use=("window", "weekday"), drop=("skew_7",)).fit(panel, HORIZON)
    assert {"weekday", "skew_28"} <= set(fitted.recipe.features)
    assert "skew_7" not in fitted.recipe.features
    with pytest.raises(UsageError, match="no feature"):
        LightGBM(use=("windows",)).fit(panel, HORIZON)


def test_a_covariate_that_ends_with_the_history_is_left_out(make_shop):
    panel, _ = make_shop(n_days=400)
    assert unknown_ahead(Statistics.of(panel), panel.n_days, HORIZON) == set()
    values = panel.known["promotion"].values.copy()
    values[:, panel.n_days :] = np.nan
    blind = replace(panel, known={"promotion": Known.of_each(values)})
    assert unknown_ahead(Statistics.of(blind), panel.n_days, HORIZON) == {"promotion"}
    fitted = LightGBM(**SMALL).fit(blind, HORIZON)
    assert not [name for name in fitted.recipe.features if "promotion" in name]


def test_a_history_without_sales_is_refused(make_shop):
    panel, _ = make_shop(n_days=400)
    with pytest.raises(UsageError, match="no sales to learn"):
        LightGBM(**SMALL).fit(replace(panel, units=np.zeros_like(panel.units)), HORIZON)


# --- groups and blocks -----------------------------------------------------------------------------------------------


def two_kinds(make_shop):
    """Items of the kinds a and b, of which only b has a week."""
    panel, truth = make_shop(n_days=400)
    day = np.arange(400 + HORIZON)
    week = np.where(np.array(panel.series["kind"] == "b")[:, None], 1 + 1.0 * (day % 7 == 5), 1)
    return replace(panel, units=np.round(panel.units * week[:, :400])), truth * week[:, 400:]


def test_each_group_has_a_booster_that_knows_its_own_series(make_shop):
    panel, truth = two_kinds(make_shop)
    options = SMALL | {"use": ("weekday", "promotion"), "trees": 40}  # nothing that tells the kinds apart
    pooled, by = (mean(LightGBM(**options, by=level), panel) for level in ((), ("kind",)))
    wrong = [np.abs(predicted / truth - 1).mean() for predicted in (pooled, by)]
    assert wrong[1] < 0.8 * wrong[0]


def test_a_group_is_learnt_from_its_own_rows_only(make_shop):
    panel, _ = two_kinds(make_shop)
    a = np.array(panel.series["kind"] == "a")
    other = replace(panel, units=np.where(a[:, None], panel.units, panel.units * 3 + 1))
    options = SMALL | {"use": ("weekday", "window"), "by": ("kind",)}  # no feature looks at other series
    np.testing.assert_array_equal(mean(LightGBM(**options), panel)[a], mean(LightGBM(**options), other)[a])


def test_a_small_group_is_left_to_the_booster_of_all_series_and_told(make_shop):
    panel, _ = make_shop(n_days=400)
    kinds = pl.Series("kind", ["rare", *panel.series["kind"][1:]])
    panel = replace(panel, series=panel.series.with_columns(kinds))
    # 53 cutoffs x 14 steps x half of them makes about 370 rows of each series.
    fitted = LightGBM(**SMALL | {"min_rows": 50}, by="kind").fit(panel, HORIZON)
    assert set(fitted.recipe.groups) == {("a",), ("b",), ()}
    (finding,) = fitted.findings
    assert (finding.code, finding.severity, finding.where) == ("group-too-small", Severity.WARNING, "kind")
    assert (finding.count, finding.examples) == (1, ("rare",))
    assert "1 of 3 groups" in finding.message
    pooled = mean(LightGBM(**SMALL | {"min_rows": 50}), panel)
    predicted = fitted.forecast(panel).mean
    np.testing.assert_array_equal(predicted[0], pooled[0])
    assert not np.array_equal(predicted[1:], pooled[1:])


def test_where_all_groups_are_small_there_is_one_booster(make_shop):
    panel, _ = make_shop(n_days=400)
    fitted = LightGBM(**SMALL | {"min_rows": 50}, by="item").fit(panel, HORIZON)
    assert fitted.recipe.groups == ((),)
    assert fitted.findings[0].count == panel.n_series
    assert len(fitted.findings[0].examples) == 5


def test_a_group_never_seen_is_the_mean_of_what_the_others_say(make_shop):
    panel, _ = two_kinds(make_shop)
    fitted = LightGBM(**SMALL, by="kind", use=("window", "weekday")).fit(panel, HORIZON)
    assert fitted.findings == ()
    means = [
        fitted.forecast(replace(panel, series=panel.series.with_columns(kind=pl.lit(kind)))).mean for kind in "abc"
    ]
    np.testing.assert_allclose(means[2], np.sqrt(means[0] * means[1]), rtol=1e-5)  # the mean of logarithms


def test_a_level_that_the_series_do_not_have_is_refused(make_shop):
    with pytest.raises(UsageError, match="needs the column shop"):
        LightGBM(**SMALL, by="shop").fit(make_shop(n_days=400)[0], HORIZON)


def test_parts_of_the_horizon_are_learnt_apart(make_shop):
    panel, _ = make_shop(n_days=400)
    fitted = LightGBM(**SMALL, blocks=3, use=("weekday", "promotion")).fit(panel, HORIZON)
    assert fitted.recipe.blocks == ((1, 5), (6, 10), (11, 14))
    assert set(fitted.boosters) == {(0, 0), (0, 1), (0, 2)}
    assert LightGBM(**SMALL, blocks=99).fit(panel, 2).recipe.blocks == ((1, 1), (2, 2))


def test_progress_counts_the_trees_of_all_boosters(make_shop):
    reports = []
    model = LightGBM(**SMALL | {"trees": 3}, by="kind", blocks=2)
    model.fit(make_shop(n_days=400)[0], HORIZON, progress=lambda done, total: reports.append((done, total)))
    assert reports == [(done, 12) for done in range(1, 13)]


# --- sharing ---------------------------------------------------------------------------------------------------------


def test_models_that_differ_in_how_they_learn_share_rows_and_features(make_shop):
    panel, _ = make_shop(n_days=150)
    models = {
        "plain": LightGBM(**QUICK),
        "few": LightGBM(**QUICK | {"trees": 3}, use=("weekday", "window"), loss="poisson", learning_rate=0.2),
        "apart": LightGBM(**QUICK, levels=(("kind",),), by=("kind",), blocks=2, power=1.4),
        "forest": RandomForest(**QUICK),
        "other": LightGBM(**QUICK, seed=2),
        "naive": SeasonalNaive(),
    }
    cutoffs = [135, 149]
    prepared = prepare(models, panel, HORIZON, cutoffs)
    assert len({id(prepared[name]) for name in ("plain", "few", "apart", "forest")}) == 1
    assert prepared["other"] is not prepared["plain"]
    assert prepared["naive"] is None
    for name in ("plain", "few", "apart", "forest"):
        for cutoff in cutoffs:
            past = panel.until(cutoff)
            np.testing.assert_array_equal(mean(models[name], past, prepared[name]), mean(models[name], past))


def test_any_model_that_needs_no_more_can_use_what_was_prepared(make_shop):
    panel, _ = make_shop(n_days=250)
    widest = LightGBM(**QUICK, use=("all",))
    prepared = widest.prepare(panel, HORIZON, [249])
    trial = replace(widest, use=("lag", "calendar"), trees=4, loss="squared", blocks=2)
    np.testing.assert_array_equal(mean(trial, panel, prepared), mean(trial, panel))


def test_rows_and_features_that_were_not_prepared_are_refused(make_shop):
    panel, _ = make_shop(n_days=400)
    prepared = LightGBM(**SMALL, use=("weekday",)).prepare(panel, HORIZON, [399])
    with pytest.raises(
        UsageError, match=r"needs .* rows of .*share=0.25.*Share rows among models whose 'rows' are equal"
    ):
        LightGBM(**SMALL | {"share": 0.25}, use=("weekday",)).fit(panel, HORIZON, prepared)
    with pytest.raises(UsageError, match=r"features of the model 'lightgbm' were not prepared: lag_1, .*'prepare'"):
        LightGBM(**SMALL, use=("lag",)).fit(panel, HORIZON, prepared)


def test_a_few_series_are_learnt_from_many_cutoffs(make_shop):
    """With cutoffs a week apart, a few series are learnt by heart; many series would make too many rows."""
    n_series = make_shop(n_days=400)[0].n_series
    assert LightGBM().rows.grid(Frequency.DAY, n_series, HORIZON).every == 1
    grid = LightGBM().rows.grid(Frequency.DAY, 30_000, 28)
    assert grid.every == 7
    assert grid.share * 30_000 * 28 * grid.days / grid.every == pytest.approx(2_000_000)
    assert LightGBM(every=3).rows.grid(Frequency.DAY, n_series, HORIZON).every == 3


def test_many_series_give_as_many_rows_as_are_asked_for(make_shop):
    n_series = make_shop(n_days=400)[0].n_series
    grid = LightGBM(max_rows=1000).rows.grid(Frequency.DAY, n_series, HORIZON)
    drawn = n_series * HORIZON * grid.share * grid.days / grid.every
    assert drawn == pytest.approx(1000)
    most = LightGBM(max_rows=10**9).rows.grid(Frequency.DAY, n_series, HORIZON)
    assert most.share == 0.06  # no more than that of a few series
