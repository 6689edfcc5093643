from __future__ import annotations

from foresell.store.outage import FIRST_WAIT, LONGEST_WAIT, Outage


def test_attempts_become_rarer_up_to_a_bound_and_soon_again_after_a_success() -> None:
    outage = Outage("reach the store")
    waits = [outage.failed(OSError("gone")) for _ in range(30)]
    for attempt, wait in enumerate(waits):
        longest = min(LONGEST_WAIT, FIRST_WAIT * 2**attempt)
        assert longest / 2 <= wait <= longest
    since = outage.since
    assert since is not None
    assert outage.error == "gone"
    outage.failed(OSError())
    assert (outage.error, outage.since) == ("OSError", since)
    outage.ended()
    assert (outage.error, outage.since) == (None, None)
    assert outage.failed(OSError("gone")) <= FIRST_WAIT
