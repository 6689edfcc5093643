from __future__ import annotations

from foresell.store.outage import FIRST_WAIT, LONGEST_WAIT, Trouble


def test_attempts_become_rarer_up_to_a_bound_and_soon_again_after_a_success() -> None:
    trouble = Trouble("reach the store")
    waits = [trouble.failed(OSError("gone")) for _ in range(30)]
    for attempt, wait in enumerate(waits):
        longest = min(LONGEST_WAIT, FIRST_WAIT * 2**attempt)
        assert longest / 2 <= wait <= longest
    since = trouble.since
    assert since is not None
    assert trouble.error == "gone"
    trouble.failed(OSError())
    assert (trouble.error, trouble.since) == ("OSError", since)
    trouble.over()
    assert (trouble.error, trouble.since) == (None, None)
    assert trouble.failed(OSError("gone")) <= FIRST_WAIT
