import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from foresell.synth.random_streams import Stream, concatenated_ranges, stream, traits


def test_a_stream_belongs_to_its_seed_kind_and_index():
    def first(*where):
        return stream(*where).random()

    same = first(1, Stream.SERIES, 3, 4)
    assert first(1, Stream.SERIES, 3, 4) == same
    others = [first(2, Stream.SERIES, 3, 4), first(1, Stream.ITEM, 3, 4), first(1, Stream.SERIES, 4, 3)]
    assert same not in others
    assert len(set(others)) == 3


def test_traits_of_a_thing_do_not_depend_on_the_others():
    uniform, normal = traits(1, Stream.ITEM, range(10), 4)
    alone_uniform, alone_normal = traits(1, Stream.ITEM, [7], 4)
    np.testing.assert_array_equal(uniform[7], alone_uniform[0])
    np.testing.assert_array_equal(normal[7], alone_normal[0])
    assert uniform.shape == normal.shape == (10, 4)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 5))))
def test_occasions_are_the_days_of_all_ranges(ranges):
    starts = np.array([start for start, _ in ranges], np.int64)
    lengths = np.array([length for _, length in ranges], np.int64)
    slow = [day for start, length in ranges for day in range(start, start + length)]
    assert concatenated_ranges(starts, lengths).tolist() == slow
