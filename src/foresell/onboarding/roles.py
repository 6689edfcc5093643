"""What each column of a sales file is: found from its name and its values together, with the reason in words.

Nothing is guessed in silence: where the data leave a choice, the proposal says what was chosen and what else it
could be; where nothing fits, the error names the columns and how to say by hand which is which.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from foresell.core.errors import UsageError, first_five
from foresell.data.input_files import find_files
from foresell.onboarding import presets, wide_table
from foresell.onboarding.proposal import Draft, Proposal, Reason
from foresell.onboarding.table_inference import COLUMN_ROLES, LISTS, Look
from foresell.onboarding.table_sample import Peek, look, sales_among

__all__ = ["Proposal", "Reason", "infer"]

PLAIN = ("layout", "frequency", "absent", "country", "separator", "decimal", "encoding", "date_format", "day_prefix")


def infer(
    sales: str, base: Path = Path(), preset: str | None = None, overrides: Mapping[str, Any] | None = None
) -> Proposal:
    """Settings for the sales at `sales` (a file, folder, pattern or s3:// address, relative to `base`).

    `preset` (m5, favorita, rossmann) takes a known layout instead of looking at columns; a folder that has such a
    layout takes it by itself. `overrides` says by hand what a setting of ``data`` is (``date``, ``quantity``, ``keys``
    and others) or the ``horizon``.

    Raises UsageError where no file, no date or no quantity is found, or an override does not fit the file;
    UnreadableFile for a file that is no table.
    """
    said = _checked(overrides or {})
    if preset:
        return presets.apply(preset, sales, base, said)
    local = base / Path(sales).expanduser()
    fitting = presets.detect(local)
    if fitting and local.is_dir():
        proposal = presets.apply(fitting, sales, base, said)
        hint = (
            f"The folder is laid out like {fitting}, so that preset was used. To have the columns looked at instead, "
        )
        return replace(proposal, doubts=(*proposal.doubts, hint + "name the sales file with --data."))
    proposal = _look_and_conclude(sales, base, said)
    if fitting:
        hint = f"The files are those of {fitting}: --preset {fitting} knows more of them than a look can find."
        return replace(proposal, doubts=(*proposal.doubts, hint))
    return proposal


def _checked(overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Overrides that say something; a list may be given as one string with commas."""
    said = {name: value for name, value in overrides.items() if value not in (None, "", (), [])}
    known = (*COLUMN_ROLES, *LISTS, *PLAIN, "horizon")
    unknown = [name for name in said if name not in known]
    if unknown:
        raise UsageError(f"'{first_five(unknown)}' cannot be set by hand here; what can is {', '.join(known)}.")
    for name in LISTS:
        if isinstance(said.get(name), str):
            said[name] = [part.strip() for part in said[name].split(",") if part.strip()]
        elif name in said:
            said[name] = list(said[name])
    return said


def _look_and_conclude(sales: str, base: Path, said: dict[str, Any]) -> Proposal:
    files = find_files(sales, base)
    where = sales if files[0].remote else os.path.abspath(base / Path(sales).expanduser())
    if not files[0].remote and Path(where).is_dir():
        files, path = sales_among(Path(where), files)
        where = str(path)
    peek = look(files, fixed={name: said[name] for name in ("separator", "encoding") if name in said})
    draft = Draft()
    draft.conclude("data.sales", where, _how_much(peek))
    if said.get("layout") == "wide" or (
        "layout" not in said and (wide_table.day_columns(peek.columns) or wide_table.dated_columns(peek.columns))
    ):
        wide_table.conclude(draft, peek, said)
    else:
        Look(draft, peek, said).conclude()
    return draft.finished()


def _how_much(peek: Peek) -> str:
    rows = (
        f"{peek.frame.height:,} rows" if peek.whole else f"the first {peek.frame.height:,} rows and samples of the rest"
    )
    return f"{rows} of {len(peek.columns)} columns looked at"
