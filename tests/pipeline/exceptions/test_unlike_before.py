"""Groups whose forecast is far from last year or from the forecast before, at the level where it shows."""

from __future__ import annotations

from foresell.pipeline.exceptions.outlook import outlook
from foresell.pipeline.exceptions.unlike_before import unlike_before


def places(results, limits=None) -> list[tuple[str, str, str]]:
    ahead = outlook(results)
    assert ahead is not None
    return [(one.kind, one.level, one.group) for one in unlike_before(ahead, limits or {})]


def test_as_before_is_no_exception(make_results) -> None:
    assert places(make_results()) == []


def test_a_store_is_named_and_not_each_of_its_items(make_results) -> None:
    found = places(make_results((5.0, 20, 20, 30)))  # store a sells half, which is a quarter of all sales
    assert found == [("last_year", "store", "a")]


def test_an_item_that_goes_the_other_way_is_named_too(make_results) -> None:
    found = places(make_results((30.0, 4, 20, 30)))
    assert ("last_year", "store x item", "a x x") in found
    assert ("last_year", "store", "a") in found


def test_the_limits_of_a_level_can_be_set(make_results) -> None:
    results = make_results((10.0, 40, 20, 15))  # store b sells 30 % less
    assert places(results) == [("last_year", "store", "b")]
    assert places(results, {"store": 0.4, "total": 0.4}) == []


def test_what_all_share_is_said_of_all(make_results) -> None:
    assert places(make_results((15.0, 60, 30, 45))) == [("last_year", "total", "all sales")]


def test_who_stays_while_others_rise_is_none(make_results) -> None:
    found = places(make_results((10.0, 40, 60, 90)))  # store b sells three times as much, and a what it did
    assert found == [("last_year", "store", "b")]


def test_sentence_units_and_money(make_results) -> None:
    ahead = outlook(make_results((10.0, 40, 20, 60)))
    assert ahead is not None
    store = next(one for one in unlike_before(ahead, {}) if one.level == "store")
    assert store.where == {"store": "b"}
    assert store.units == 210
    assert store.money == 210 * (20 * 2 + 60 * 5) / 80
    assert store.sentence == (
        "store b: 560 units are forecast for 4 to 10 Feb 2025, where 350 were sold a year before (+60 %)."
    )


def test_a_changed_forecast_is_one(make_results) -> None:
    found = places(make_results(earlier=(10.0, 40, 20, 10)))
    assert [(kind, group) for kind, level, group in found if level == "store"] == [("last_forecast", "b")]


def test_ids_are_the_same_in_every_run(make_results) -> None:
    runs = [outlook(make_results((5.0, 20, 20, 30 + more))) for more in (0, 1)]
    ids = [[one.id for one in unlike_before(ahead, {})] for ahead in runs if ahead is not None]
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 1
