"""Decisions about the champion, as the runs that record them have them.

MLflow's registry has the version with the alias ``champion``, but not the earlier ones. So each change of the champion
is recorded as a run of the kind ``promotion``, with its reason and verdict.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from foresell.registry.tracking import RecordedRun

PROMOTION = "promotion"
VERDICT, VERSION, BEFORE, REASON = "foresell.verdict", "foresell.version", "foresell.before", "foresell.reason"
ASKED = "foresell.asked"
PROMOTED, FORCED, REFUSED, ROLLED_BACK = "promoted", "forced", "refused", "rolled back"


@dataclass(frozen=True)
class ChampionChange:
    """A decision about the champion: a change, or a refused one.

    `verdict` is ``promoted``, ``forced``, ``refused`` or ``rolled back``. `before` was the champion at that time, if
    there was one. `asked` has the reasons for which the version was trained, where it was a retraining.
    """

    run: str
    when: datetime
    verdict: str
    version: str
    before: str | None
    reason: str
    asked: tuple[str, ...] = ()


def champion_lineage(history: Sequence[ChampionChange]) -> list[str]:
    """The champions that led to the current one, oldest first. A rollback removes the last one.

    >>> from datetime import datetime
    >>> def change(verdict, version):
    ...     return ChampionChange("", datetime(2026, 1, 1), verdict, version, None, "")
    >>> steps = [("promoted", "1"), ("refused", "2"), ("promoted", "3"), ("forced", "4"), ("rolled back", "3")]
    >>> champion_lineage([change(*step) for step in steps])
    ['1', '3']
    """
    champions: list[str] = []
    for change in history:
        if change.verdict in (PROMOTED, FORCED):
            champions.append(change.version)
        elif change.verdict == ROLLED_BACK and change.version in champions:
            del champions[len(champions) - champions[::-1].index(change.version) :]
    return champions


def change_of(run: RecordedRun) -> ChampionChange:
    verdict, version, reason = (run.tags.get(name, "") for name in (VERDICT, VERSION, REASON))
    asked = _reasons(run.tags.get(ASKED, "[]"))
    return ChampionChange(run.id, run.made, verdict, version, run.tags.get(BEFORE) or None, reason, asked)


def _reasons(text: str) -> tuple[str, ...]:
    """The reasons in a tag for which a version was trained; none where the tag was clipped, or written by others."""
    try:
        return tuple(map(str, json.loads(text)))
    except (ValueError, TypeError):
        return ()
