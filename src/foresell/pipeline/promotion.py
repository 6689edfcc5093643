"""Which registered model serves: promote a challenger that beats the champion, go back, list them all, remove old ones.

The verdict of every promotion, also of one that was refused, is kept as an MLflow run with the figures and the tables
that they come from.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from foresell.core.errors import ForesellError, UsageError
from foresell.core.words import change, many, score, share
from foresell.evaluate.backtest import BENCHMARK
from foresell.evaluate.evaluation_window import ALL_LEVELS
from foresell.pipeline.comparison import Compared, Comparison
from foresell.pipeline.progress import Progress
from foresell.pipeline.project import Project
from foresell.pipeline.task import write_json
from foresell.registry.gate import AGAINST, Figure, Verdict
from foresell.registry.versions import FORCED, PROMOTED, REFUSED, ROLLED_BACK, Change, Registry, Version
from foresell.serving.source import registry_of

PROMOTE = "promote"


@dataclass(frozen=True)
class Decision:
    """What was decided of a version: the change that was kept, the verdict, and what it was compared with.

    `change` is None where the version is champion already; `verdict` and `compared` are None for a rollback, and where
    a version was promoted by force that cannot be judged.
    """

    name: str
    version: str
    change: Change | None
    verdict: Verdict | None = None
    compared: Compared | None = None

    @property
    def serves(self) -> bool:
        """Whether the version is champion now."""
        return self.change is None or self.change.verdict != REFUSED

    def to_dict(self) -> dict[str, Any]:
        """The decision as plain data, for JSON."""
        made = self.change
        return {
            "name": self.name,
            "version": self.version,
            "champion": self.serves,
            "decision": "champion already" if made is None else made.verdict,
            "before": self.version if made is None else made.before,
            "reason": "" if made is None else made.reason,
            "run": None if made is None else made.run,
            "compared": self.compared,
            "verdict": None if self.verdict is None else self.verdict.to_dict(),
        }


def promote(
    project: Project, version: str | None = None, force: str | None = None, asked: Sequence[str] = ()
) -> Decision:
    """Makes a version (the newest where none is named) the champion, if it passes the gate; see `registry.gate`.

    `comparison` says what the two are compared by. A version that was taken back by a rollback is not promoted again
    unless it is named. `force` is a reason to promote it whatever the verdict; `asked` is kept with the verdict: what
    the version was trained for.

    Raises UsageError where there is no such version, and StoreError where the registry cannot be reached.
    """
    registry = registry_for(project)
    with project.locked():
        registry.mend()
        challenger, champion = _challenger(registry, version), registry.champion()
        if champion is not None and champion.number == challenger.number:
            return Decision(registry.name, challenger.number, None)
        with tempfile.TemporaryDirectory(prefix="foresell-promote-") as place:
            case = _Case(project, registry, challenger, champion, Path(place), asked)
            return case.decide(named=version is not None, force=force)


def rollback(project: Project, reason: str = "") -> Decision:
    """Makes the version champion that was so before the last promotion. Raises UsageError where there was none."""
    registry = registry_for(project)
    with project.locked():
        registry.mend()
        made = registry.rollback(reason)
    return Decision(registry.name, made.version, made)


def models(project: Project) -> list[dict[str, Any]]:
    """The registered versions, the newest first, as plain data.

    For each: ``version``, ``champion`` (now), ``since`` and ``why`` it is so, ``trained``, ``data_last`` (the last day
    it learnt from), ``wrmsse``, ``models``, and ``verdicts``: what was decided of it, each with date and reason.
    """
    registry = registry_for(project)
    history = registry.history()
    return [_listed(each, [one for one in history if one.version == each.number]) for each in registry.versions()]


def spare(project: Project, newest: int) -> list[str]:
    """The versions that `prune` may remove, the oldest first: neither among the `newest`, nor the champion, nor what a
    rollback takes, nor of another alias."""
    return [each.number for each in registry_for(project).spare(newest)]


def prune(project: Project, versions: Sequence[str]) -> dict[str, int]:
    """Removes versions and the files of their models for good; how many bytes each was.

    Their trainings, with settings and scores, and what was decided of them stay on record. Raises UsageError for one
    that is not to be removed (see `spare`).
    """
    registry = registry_for(project)
    with project.locked():
        registry.mend()
        return {number: registry.remove(number) for number in versions}


def _listed(version: Version, history: list[Change]) -> dict[str, Any]:
    tags = version.tags
    last = next((each for each in reversed(history) if each.verdict != REFUSED), None) if version.champion else None
    return {
        "version": version.number,
        "champion": version.champion,
        "since": last.when.isoformat(timespec="seconds") if last else None,
        "why": last.reason if last else None,
        "trained": tags.get("foresell.trained") or version.made.isoformat(timespec="seconds"),
        "data_last": tags.get("foresell.data_last"),
        "wrmsse": float(tags["foresell.wrmsse"]) if "foresell.wrmsse" in tags else None,
        "models": tags.get("foresell.models"),
        "run": version.run,
        "verdicts": [
            {"when": each.when.isoformat(timespec="seconds"), "verdict": each.verdict, "reason": each.reason}
            for each in history
        ],
    }


def registry_for(project: Project) -> Registry:
    """The project's registry. Raises UsageError where tracking is switched off."""
    if not project.settings.tracking.enabled:
        raise UsageError("There is no registry: tracking is switched off. Set 'tracking: {enabled: true}'.")
    return registry_of(project.folder, project.settings)


def _challenger(registry: Registry, version: str | None) -> Version:
    if version is not None:
        return registry.version(version)
    versions = registry.versions()
    if not versions:
        raise UsageError(
            f"'{registry.name}' has no version in {registry.tracking.where.shown}. Make one with: foresell train"
        )
    return versions[0]


@dataclass
class _Case:
    """A challenger before the gate; `place` is a folder for what passes."""

    project: Project
    registry: Registry
    challenger: Version
    champion: Version | None
    place: Path
    asked: Sequence[str] = ()

    @property
    def before(self) -> str | None:
        return None if self.champion is None else self.champion.number

    def decide(self, named: bool, force: str | None) -> Decision:
        """Judges, and keeps the verdict; the alias moves if it passed, or by `force`."""
        verdict, compared = None, None
        try:
            verdict, compared = self._comparison.judged(self.project.settings)
            passed, reason = verdict.passed, said(verdict, compared)
        except ForesellError as error:
            if force is None:
                raise
            passed, reason = False, f"it could not be judged: {error}"
        back = self._taken_back()
        if passed and back is not None and not named:
            passed = False
            reason = f"it was taken back on {back.when:%Y-%m-%d}; name it with --version to have it judged again"
        self._leave_evidence({"passed": passed, "reason": reason, "forced": force, "compared": compared}, verdict)
        made = self._kept(passed, reason, force)
        return Decision(self.registry.name, self.challenger.number, made, verdict, compared)

    @property
    def _comparison(self) -> Comparison:
        return Comparison(self.registry, self.challenger, self.champion, self.project.folder, self.place, self._tell)

    @property
    def _evidence(self) -> Path:
        return self.place / "evidence"

    def _leave_evidence(self, decided: dict[str, Any], verdict: Verdict | None) -> None:
        self._evidence.mkdir(exist_ok=True)
        told = {
            "version": self.challenger.number,
            "before": self.before,
            "asked": list(self.asked),
            **decided,
            "verdict": None if verdict is None else verdict.to_dict(),
        }
        write_json(self._evidence / "verdict.json", told)
        if verdict is not None:
            figures = pl.DataFrame(verdict.to_dict()["figures"], infer_schema_length=None)
            figures.write_csv(self._evidence / "verdict.csv")

    def _kept(self, passed: bool, reason: str, force: str | None) -> Change:
        number = self.challenger.number
        kept: dict[str, Any] = {"before": self.before, "evidence": self._evidence, "asked": self.asked}
        if passed:
            return self.registry.promote(number, reason, verdict=PROMOTED, **kept)
        if force is not None:
            return self.registry.promote(number, f"{force} (against the verdict: {reason})", verdict=FORCED, **kept)
        return self.registry.refuse(number, reason, **kept)

    def _taken_back(self) -> Change | None:
        """The rollback that took the challenger out of service, if that is the last that befell it."""
        number = self.challenger.number
        for each in reversed(self.registry.history()):
            if each.verdict == ROLLED_BACK and each.before == number:
                return each
            if each.verdict in (PROMOTED, FORCED, ROLLED_BACK) and each.version == number:
                return None
        return None

    def _tell(self, done: float, total: float, doing: str, left: float | None = None) -> None:
        self.project.watch(Progress(PROMOTE, done, total, doing, left))


def said(verdict: Verdict, compared: Compared) -> str:
    """The verdict in one sentence: by how much it is better, or what stands in the way."""
    failed = verdict.failed
    if failed:
        more = [f"{len(failed) - 3} more"] if len(failed) > 3 else []
        return "; ".join([*map(figure_said, failed[:3]), *more])
    first, windows = verdict.figures[0], many(len(verdict.windows), "window")
    if first.champion is None or first.challenger is None:
        plain = next(each for each in verdict.figures if each.figure == AGAINST)
        beaten = f", below {score(plain.at_most)} of {BENCHMARK}," if plain.judged else ""
        alone = _ALONE.get(compared, "the champion has no WRMSSE")
        return f"{alone}; WRMSSE {score(first.challenger)}{beaten} in {windows}"
    better = change(first.challenger / first.champion - 1)
    stands = " of the champion as it stands" if compared == Compared.AS_IT_STANDS else ""
    since = " after its last day" if stands else ""
    return f"WRMSSE {score(first.challenger)} against {score(first.champion)}{stands} ({better}) in {windows}{since}"


_ALONE = {
    Compared.NOTHING: "there was no champion",
    Compared.NO_WINDOW_SINCE: "the champion's settings learnt anew, and no window lies wholly after its last day",
}
"""Why the champion has no figure to compare with."""


def figure_said(figure: Figure) -> str:
    """One figure that stands in the way, in words."""
    where = "over all levels" if figure.level == ALL_LEVELS else f"at the level {figure.level}"
    if figure.nominal is not None:
        return (
            f"{share(figure.challenger, 1)} of actuals in the range of {share(figure.nominal)} {where}, "
            f"where {share(figure.at_least, 1)} to {share(figure.at_most, 1)} is asked"
        )
    if figure.challenger is None or figure.at_most is None:
        return f"{figure.figure} {where} is not known"
    return f"{figure.figure} {where} is {score(figure.challenger)}, where at most {score(figure.at_most)} is asked"
