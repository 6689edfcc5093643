import numpy as np
import polars as pl

from foresell.core.keyed_random import key_hashes, random_bits, share_of, uniform


def test_a_hash_does_not_depend_on_the_other_rows():
    table = pl.DataFrame({"shop": ["a", "much longer", "ü", None, ""], "item": [1, 2, 3, 4, 5]})
    whole = key_hashes(table, ["shop", "item"])
    assert len(set(whole.tolist())) == 5
    for row in range(5):
        assert key_hashes(table[row], ["shop", "item"])[0] == whole[row]


def test_hashes_tell_columns_and_nulls_apart():
    table = pl.DataFrame({"a": ["x", "xy", None, ""], "b": ["yz", "z", "", None]})
    assert len(set(key_hashes(table).tolist())) == 4
    assert key_hashes(table.clear()).shape == (0,)


def test_numbers_are_uniform_and_independent():
    hashes = key_hashes(pl.DataFrame({"item": range(2000)}))
    numbers = uniform(1, hashes[:, None], 5, np.arange(20))
    assert abs(numbers.mean() - 0.5) < 0.005
    assert abs(numbers.std() - np.sqrt(1 / 12)) < 0.005
    between = np.corrcoef(numbers.T)[np.triu_indices(20, 1)]
    assert np.abs(between).max() < 0.1
    assert abs(np.corrcoef(numbers[:-1, 0], numbers[1:, 0])[0, 1]) < 0.1


def test_the_same_number_on_every_machine():
    assert random_bits(1, np.array([7], np.uint64), 3, 4).tolist() == [12951097798785964873]


def test_the_bounds_of_a_share():
    bits = np.array([0, 2**64 - 1], np.uint64)
    assert share_of(bits, 1.0).tolist() == [True, True]
    assert share_of(bits, 2.0).tolist() == [True, True]
    assert share_of(bits, 0.0).tolist() == [False, False]
