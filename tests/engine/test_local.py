"""The local engine keeps the order of the blocks, whatever the number of its threads."""

import threading

import pytest

from foresell.engine.local import LocalEngine


@pytest.fixture(params=[1, 2, 5])
def engine(request):
    return LocalEngine(request.param)


def test_results_come_in_the_order_of_the_blocks(engine):
    assert list(engine.map(lambda block: block * 2, range(20))) == list(range(0, 40, 2))
    assert list(engine.map(str, [])) == []


def test_only_a_few_results_wait(engine):
    begun, lock = [], threading.Lock()

    def work(block):
        with lock:
            begun.append(block)
        return block

    results = engine.map(work, range(100))
    assert next(results) == 0
    assert len(begun) <= engine.threads + 1


def test_an_error_of_the_work_is_raised_where_its_result_is_taken(engine):
    results = engine.map(lambda block: 1 // block, [1, 0, 1])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize("count", range(1, 12))
def test_all_blocks_are_merged_in_order(engine, count):
    letters = "abcdefghijk"[:count]
    assert engine.merge(str.upper, letters, str.__add__) == letters.upper()


def test_nothing_to_merge_is_an_error(engine):
    with pytest.raises(ValueError, match="no block"):
        engine.merge(str, [], str.__add__)
