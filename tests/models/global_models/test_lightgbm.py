"""What is LightGBM's own, beside what `tests/contracts` and `tests/models/pooled` ask."""

import numpy as np
import pytest

from foresell.core.errors import UnreadableFile, UsageError
from foresell.core.frequency import Frequency
from foresell.models.global_models.lightgbm import LightGBM, check_text

HORIZON = 14


@pytest.mark.parametrize("loss", ["tweedie", "poisson", "squared"])
def test_it_finds_the_week_and_the_promotion_at_every_size(make_shop, loss):
    panel, truth = make_shop(n_days=400)
    mean = LightGBM(trees=80, share=0.3, loss=loss).fit(panel, HORIZON).forecast(panel).mean
    assert np.abs(mean / truth - 1).mean() < 0.12
    assert abs(mean.sum() / truth.sum() - 1) < 0.03


@pytest.mark.parametrize("frequency", Frequency)
def test_sums_bear_longer_training_on_a_longer_history(frequency):
    model = LightGBM.of_sums(frequency, use=["window"], trees=7)
    assert (model.trees, model.leaves, model.learning_rate, model.power) == (7, 63, 0.08, 1.5)
    assert model.use == ("window",)
    plain = LightGBM()
    assert (model.feature_fraction, model.share >= 0.35) == (0.3, True)
    assert model.days == {"H": 10920, "D": 1820, "W": 325, "M": 150, "Q": 75, "Y": 50}[frequency]
    assert (plain.days, plain.share) == (None, None)


def test_l2_draws_forecasts_to_the_recent_level(make_shop):
    panel, _ = make_shop(n_days=300)
    base, spread = None, []
    for l2 in (0.0, 1e5):
        why = LightGBM(trees=20, every=7, share=0.3, l2=l2).fit(panel, HORIZON).explain(panel)
        base = why.base if base is None else base
        np.testing.assert_array_equal(why.base, base)
        spread.append(np.abs(why.mean / why.base - 1).mean())
    assert spread[1] < 0.2 * spread[0]


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(UsageError, match="'learning_rate' of the model 'lightgbm' is 0; expected a number above 0"):
        LightGBM(learning_rate=0)
    with pytest.raises(UsageError, match="'l2' of the model 'lightgbm' is -1; expected a number from 0"):
        LightGBM(l2=-1)


def test_a_truncated_booster_is_refused(make_shop, tmp_path):
    panel, _ = make_shop(n_days=300)
    LightGBM(trees=5, share=0.2).fit(panel, HORIZON).save(tmp_path)
    path = tmp_path / "booster_0_0.txt"
    path.write_text(path.read_text()[:200])
    with pytest.raises(UnreadableFile, match="foresell train"):
        LightGBM.load(tmp_path)


def test_a_text_that_would_abort_the_process_is_refused_wherever_it_was_cut(make_shop, tmp_path):
    panel, _ = make_shop(n_days=300)
    LightGBM(trees=5, share=0.5).fit(panel, HORIZON).save(tmp_path)
    path = tmp_path / "booster_0_0.txt"
    text = path.read_text()
    check_text(path)
    first = text.index("\nTree=1")
    for end in {*range(0, text.index("end of parameters"), len(text) // 200), first, first + 1, first + 30}:
        path.write_text(text[:end])
        with pytest.raises(ValueError, match="not a whole model of LightGBM"):
            check_text(path)


@pytest.mark.parametrize(
    ("field", "value"),
    [("left_child", "99999"), ("split_feature", "99999"), ("right_child", "-99999"), ("num_leaves", "99999")],
)
def test_a_tree_that_points_outside_itself_is_refused(make_shop, tmp_path, field, value):
    panel, _ = make_shop(n_days=300)
    LightGBM(trees=5, share=0.5).fit(panel, HORIZON).save(tmp_path)
    path = tmp_path / "booster_0_0.txt"
    text = path.read_text()
    begin = text.index(f"\n{field}=") + len(field) + 2
    end = min(place for place in (text.index(" ", begin), text.index("\n", begin)) if place > 0)
    changed = text[:begin] + value + text[end:]
    sizes = text[text.index("tree_sizes=") + 11 :].split("\n", 1)[0].split()
    longer = str(int(sizes[0]) + len(value) - (end - begin))
    path.write_text(changed.replace("tree_sizes=" + " ".join(sizes), "tree_sizes=" + " ".join([longer, *sizes[1:]])))
    with pytest.raises(ValueError, match="its tree 0 is damaged"):
        check_text(path)
