"""The champion: promotion of a challenger that passes the gate, rollback, the list of versions, removal of old ones.

Every decision, also a refusal, is kept as an MLflow run with the verdict, its figures and the tables behind them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from foresell.core import words
from foresell.core.errors import ForesellError, UsageError
from foresell.core.words import many, score, share
from foresell.evaluate.backtest import BENCHMARK
from foresell.evaluate.evaluation_window import ALL_LEVELS
from foresell.pipeline.lifecycle.comparison import Compared, Comparison
from foresell.pipeline.progress import Progress
from foresell.pipeline.project import Project
from foresell.pipeline.task import write_json
from foresell.registry.champion_changes import FORCED, PROMOTED, REFUSED, ROLLED_BACK, ChampionChange
from foresell.registry.gate import AGAINST, GateFigure, Verdict
from foresell.registry.versions import Registry, Version
from foresell.serving.bundle import check_files, sign_bundle
from foresell.serving.source import registry_of

PROMOTE = "promote"


@dataclass(frozen=True)
class Decision:
    """The decision about a version: the change that was recorded, the verdict, and what it was compared with.

    `change` is None where the version was champion already. `verdict` and `compared` are None for a rollback, and for
    a version that cannot be judged and was promoted by force.
    """

    name: str
    version: str
    change: ChampionChange | None
    verdict: Verdict | None = None
    compared: Compared | None = None

    @property
    def serves(self) -> bool:
        """Whether the version is champion now."""
        return self.change is None or self.change.verdict != REFUSED

    def to_dict(self) -> dict[str, Any]:
        """The decision as plain data, for JSON."""
        change = self.change
        return {
            "name": self.name,
            "version": self.version,
            "champion": self.serves,
            "decision": "champion already" if change is None else change.verdict,
            "before": self.version if change is None else change.before,
            "reason": "" if change is None else change.reason,
            "run": None if change is None else change.run,
            "compared": self.compared,
            "verdict": None if self.verdict is None else self.verdict.to_dict(),
        }


def promote(
    project: Project,
    version: str | None = None,
    force: str | None = None,
    trained_for: Sequence[str] = (),
    why: str = "",
) -> Decision:
    """Makes a version (the newest where none is named) the champion, if it passes the gate; see `registry.gate`.

    `comparison` says what the two are compared by. A version that was rolled back is not promoted again unless it is
    named. `force` is a reason to promote it whatever the verdict. `trained_for` are the keys of the reasons for the
    training, which are recorded with the verdict. `why` is who asked for it and why, which is recorded too.

    Raises UsageError where there is no such version, and StoreError where the registry cannot be reached.
    """
    registry = registry_for(project)
    with project.locked():
        registry.mend()
        challenger, champion = _challenger(registry, version), registry.champion()
        if champion is not None and champion.number == challenger.number:
            return Decision(registry.name, challenger.number, None)
        with tempfile.TemporaryDirectory(prefix="foresell-promote-") as folder:
            trial = _Trial(project, registry, challenger, champion, Path(folder), trained_for, why)
            return trial.decide(named=version is not None, force=force)


def rollback(project: Project, reason: str = "") -> Decision:
    """Makes the champion before the last promotion champion again. Raises UsageError where there was none."""
    registry = registry_for(project)
    with project.locked():
        registry.mend()
        change = registry.rollback(reason)
    return Decision(registry.name, change.version, change)


class RecordedVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about a version: when it was made, its verdict and its reason."""

    when: str
    verdict: str
    reason: str


class RegisteredVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A registered version.

    - `champion` is whether it is the champion now; `since` and `why` are when and why it became so.
    - `data_last` is the last day that it learnt from; `wrmsse` is that of the backtest that it was trained with.
    - `run` is the id of its training in MLflow; `verdicts` are the decisions about it, the oldest first.
    """

    version: str
    champion: bool
    since: str | None
    why: str | None
    trained: str
    data_last: str | None
    wrmsse: float | None
    models: str | None
    run: str
    verdicts: list[RecordedVerdict]


def models(project: Project) -> list[RegisteredVersion]:
    """The registered versions, the newest first."""
    registry = registry_for(project)
    history = registry.history()
    return [
        _registered_version(version, [change for change in history if change.version == version.number])
        for version in registry.versions()
    ]


def spare(project: Project, newest: int) -> list[str]:
    """The versions that `prune` may remove, the oldest first.

    The `newest` versions, the champion, the version that a rollback returns to and versions with an alias are kept.
    """
    return [version.number for version in registry_for(project).spare(newest)]


def prune(project: Project, versions: Sequence[str]) -> dict[str, int]:
    """Removes versions and the files of their models for good; returns the bytes that each of them took.

    The runs of their trainings and the decisions about them stay on record. Raises UsageError for a version that may
    not be removed (see `spare`).
    """
    registry = registry_for(project)
    with project.locked():
        registry.mend()
        return {number: registry.remove(number) for number in versions}


def sign(project: Project, versions: Sequence[str]) -> list[str]:
    """Signs versions that exist with the key in the environment, once their files were checked; returns their numbers.

    Raises UsageError for a version that does not exist and where no key is set, and UnreadableFile for one that is
    damaged.
    """
    registry = registry_for(project)
    with project.locked():
        for number in versions:
            registry.add(number, sign_bundle(registry.fetch(number, check_files)))
    return list(versions)


def _registered_version(version: Version, history: list[ChampionChange]) -> RegisteredVersion:
    """The version with the changes of it."""
    tags, promotions = version.tags, [change for change in history if change.verdict != REFUSED]
    last = promotions[-1] if version.champion and promotions else None
    return RegisteredVersion(
        version=version.number,
        champion=version.champion,
        since=last.when.isoformat(timespec="seconds") if last else None,
        why=last.reason if last else None,
        trained=tags.get("foresell.trained") or version.made.isoformat(timespec="seconds"),
        data_last=tags.get("foresell.data_last"),
        wrmsse=float(tags["foresell.wrmsse"]) if "foresell.wrmsse" in tags else None,
        models=tags.get("foresell.models"),
        run=version.run,
        verdicts=[
            RecordedVerdict(
                when=change.when.isoformat(timespec="seconds"), verdict=change.verdict, reason=change.reason
            )
            for change in history
        ],
    )


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
class _Trial:
    """A challenger before the gate; `folder` is for files of the comparison."""

    project: Project
    registry: Registry
    challenger: Version
    champion: Version | None
    folder: Path
    trained_for: Sequence[str] = ()
    why: str = ""

    @property
    def before(self) -> str | None:
        return None if self.champion is None else self.champion.number

    def decide(self, named: bool, force: str | None) -> Decision:
        """Judges the challenger, records the decision, and moves the alias if it passed or with `force`."""
        verdict, compared = None, None
        try:
            verdict, compared = self._comparison.judge(self.project.settings)
            passed, reason = verdict.passed, verdict_sentence(verdict, compared)
        except ForesellError as error:
            if force is None:
                raise
            passed, reason = False, f"it could not be judged: {error}"
        rolled_back = self._rollback()
        if passed and rolled_back is not None and not named:
            passed = False
            reason = (
                f"it was rolled back on {rolled_back.when:%Y-%m-%d}; name it with --version to have it judged again"
            )
        outcome = {"passed": passed, "reason": reason, "forced": force, "compared": compared}
        self._write_evidence(outcome, verdict)
        change = self._record(passed, f"{reason} (asked for: {self.why})" if self.why else reason, force)
        return Decision(self.registry.name, self.challenger.number, change, verdict, compared)

    @property
    def _comparison(self) -> Comparison:
        return Comparison(self.registry, self.challenger, self.champion, self.project.folder, self.folder, self._tell)

    @property
    def _evidence(self) -> Path:
        return self.folder / "evidence"

    def _write_evidence(self, outcome: dict[str, object], verdict: Verdict | None) -> None:
        self._evidence.mkdir(exist_ok=True)
        decision = {
            "version": self.challenger.number,
            "before": self.before,
            "asked": list(self.trained_for),
            **outcome,
            "verdict": None if verdict is None else verdict.to_dict(),
        }
        write_json(self._evidence / "verdict.json", decision)
        if verdict is not None:
            figures = pl.DataFrame(verdict.to_dict()["figures"], infer_schema_length=None)
            figures.write_csv(self._evidence / "verdict.csv")

    def _record(self, passed: bool, reason: str, force: str | None) -> ChampionChange:
        number = self.challenger.number
        record: dict[str, Any] = {"before": self.before, "evidence": self._evidence, "asked": self.trained_for}
        if passed:
            return self.registry.promote(number, reason, verdict=PROMOTED, **record)
        if force is not None:
            return self.registry.promote(number, f"{force} (against the verdict: {reason})", verdict=FORCED, **record)
        return self.registry.refuse(number, reason, **record)

    def _rollback(self) -> ChampionChange | None:
        """The rollback that took the challenger out of service; None where it was made champion again since."""
        number = self.challenger.number
        for change in reversed(self.registry.history()):
            if change.verdict == ROLLED_BACK and change.before == number:
                return change
            if change.verdict in (PROMOTED, FORCED, ROLLED_BACK) and change.version == number:
                return None
        return None

    def _tell(self, done: float, total: float, doing: str, left: float | None = None) -> None:
        self.project.watch(Progress(PROMOTE, done, total, doing, left))


def verdict_sentence(verdict: Verdict, compared: Compared) -> str:
    """The verdict in one sentence: by how much the challenger is better, or the figures that fail."""
    failed = verdict.failed
    if failed:
        more = [f"{len(failed) - 3} more"] if len(failed) > 3 else []
        return "; ".join([*map(figure_sentence, failed[:3]), *more])
    first, windows = verdict.figures[0], many(len(verdict.windows), "window")
    if first.champion is None or first.challenger is None:
        against = next(figure for figure in verdict.figures if figure.figure == AGAINST)
        beaten = f", below {score(against.at_most)} of {BENCHMARK}," if against.judged else ""
        alone = _NO_COMPARISON.get(compared, "the champion has no WRMSSE")
        return f"{alone}; WRMSSE {score(first.challenger)}{beaten} in {windows}"
    better = words.change(first.challenger / first.champion - 1)
    stands = " of the champion as it stands" if compared == Compared.AS_IT_STANDS else ""
    since = " after its last day" if stands else ""
    return f"WRMSSE {score(first.challenger)} against {score(first.champion)}{stands} ({better}) in {windows}{since}"


_NO_COMPARISON = {
    Compared.NOTHING: "there was no champion",
    Compared.NO_WINDOW_SINCE: "the champion's settings learnt anew, and no window lies wholly after its last day",
}
"""Why there is no WRMSSE of the champion to compare with."""


def figure_sentence(figure: GateFigure) -> str:
    """A figure that fails, in words."""
    where = "over all levels" if figure.level == ALL_LEVELS else f"at the level {figure.level}"
    if figure.nominal is not None:
        return (
            f"{share(figure.challenger, 1)} of actuals in the range of {share(figure.nominal)} {where}, "
            f"where {share(figure.at_least, 1)} to {share(figure.at_most, 1)} is asked"
        )
    if figure.challenger is None or figure.at_most is None:
        return f"{figure.figure} {where} is not known"
    return f"{figure.figure} {where} is {score(figure.challenger)}, where at most {score(figure.at_most)} is asked"
