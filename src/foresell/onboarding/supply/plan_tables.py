"""Tables of centres and of work in the folder of supply, by the names of columns that the plans read."""

from __future__ import annotations

from collections.abc import Sequence

from foresell.core.words import listed
from foresell.onboarding.candidate_table import CandidateTable
from foresell.onboarding.proposal import Draft
from foresell.onboarding.series_keys import is_place

PLAN_TABLES = {
    "allocation": ("centres", "centre_stock", "capacity"),
    "labour": ("drivers", "profile", "equipment"),
}
"""By section, the settings that name a table."""


def propose_plan_tables(draft: Draft, tables: Sequence[CandidateTable]) -> list[CandidateTable]:
    """Proposes the sections ``allocation`` and ``labour``, and returns those of `tables` that are none of theirs.

    Of two tables of one kind the first is taken, with a doubt.
    """
    trees: dict[str, dict[str, object]] = {}
    held: dict[str, list[str]] = {}
    rest = []
    for table in tables:
        place = _place(draft, set(table.columns))
        if place is None:
            rest.append(table)
            continue
        section, name = place
        if name in trees.setdefault(section, {}):
            draft.add_doubt(
                f"{table.file.name} may be the table {section}.{name} as well as the one that was taken. If that is "
                "wrong, change the setting."
            )
            continue
        trees[section][name] = table.file.path
        held.setdefault(section, []).append(f"{table.file.name} has {listed(list(table.columns))}")
        if name == "drivers":
            places = [key for key in draft.data["keys"] if is_place(key) and key not in table.columns]
            trees[section] |= {"by": places} if places else {}
    for section, tree in trees.items():
        draft.set(section, tree, "; ".join(held[section]))
    return rest


def _place(draft: Draft, columns: set[str]) -> tuple[str, str] | None:
    """The section and the setting of a table with these columns; None where it is of neither section."""
    if "units_an_hour" in columns:
        return "labour", "equipment" if "equipment" in columns else "drivers"
    if {"hour", "share"} <= columns:
        return "labour", "profile"
    if "centre" not in columns or "centre" in draft.data["keys"]:
        return None
    if "on_hand" in columns:
        return "allocation", "centre_stock"
    if columns == {"centre", "units"}:
        return "allocation", "capacity"
    return ("allocation", "centres") if columns - {"centre"} <= set(draft.data["keys"]) else None
