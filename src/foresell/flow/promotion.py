"""Which registered model serves: promote a challenger that beats the champion, go back, list them all.

The verdict of every promotion, also of one that was refused, is kept as an MLflow run with the figures and the tables
that they come from.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from foresell.core.errors import ForesellError, StoreError, UsageError
from foresell.core.settings import Settings, parse_settings
from foresell.evaluate.gate import WRMSSE, Figure, Scores, Verdict, judge
from foresell.evaluate.scores import ALL_LEVELS
from foresell.flow.champion import ENSEMBLE
from foresell.flow.dossier import SCORES
from foresell.flow.learning import run_backtest, run_combine
from foresell.flow.outcome import Progress
from foresell.flow.project import Project
from foresell.flow.service.bundle import PANEL, read_bundle_settings, read_manifest
from foresell.flow.service.source import registry_of
from foresell.flow.steps import Task, Tell, write_json
from foresell.report.words import change, many, score, share
from foresell.store.panels import load_panel
from foresell.store.registry import FORCED, PROMOTED, REFUSED, ROLLED_BACK, Change, Registry, Version
from foresell.store.steps import Steps
from foresell.store.tables import read_table

PROMOTE = "promote"
DATA = "foresell.data"


@dataclass(frozen=True)
class Decision:
    """What was decided of a version: the change that was kept, the verdict, and whether the champion was tried again.

    `change` is None where the version is champion already; `verdict` is None for a rollback, and where a version was
    promoted by force that cannot be judged.
    """

    name: str
    version: str
    change: Change | None
    verdict: Verdict | None = None
    tried_again: bool = False

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
            "tried_again": self.tried_again,
            "verdict": None if self.verdict is None else self.verdict.to_dict(),
        }


def promote(project: Project, version: str | None = None, force: str | None = None) -> Decision:
    """Makes a version (the newest where none is named) the champion, if it passes the gate; see `evaluate.gate`.

    Champion and challenger are compared on the same windows: by the scores kept with them where those are of the same
    data and windows, else the champion's settings are tried again on the challenger's. A version that was taken back
    by a rollback is not promoted again unless it is named. `force` is a reason to promote it whatever the verdict.

    Raises UsageError where there is no such version, and StoreError where the registry cannot be reached.
    """
    registry = _registry(project)
    with project.results.locked():
        challenger, champion = _challenger(registry, version), registry.champion()
        if champion is not None and champion.number == challenger.number:
            return Decision(registry.name, challenger.number, None)
        with tempfile.TemporaryDirectory(prefix="foresell-promote-") as place:
            case = _Case(project, registry, challenger, champion, Path(place))
            return case.decide(named=version is not None, force=force)


def rollback(project: Project, reason: str = "") -> Decision:
    """Makes the version champion that was so before the last promotion. Raises UsageError where there was none."""
    registry = _registry(project)
    with project.results.locked():
        made = registry.rollback(reason)
    return Decision(registry.name, made.version, made)


def models(project: Project) -> list[dict[str, Any]]:
    """The registered versions, the newest first, as plain data.

    For each: ``version``, ``champion`` (now), ``since`` and ``why`` it is so, ``trained``, ``data_last`` (the last day
    it learnt from), ``wrmsse``, ``models``, and ``verdicts``: what was decided of it, each with date and reason.
    """
    registry = _registry(project)
    history = registry.history()
    return [_listed(each, [one for one in history if one.version == each.number]) for each in registry.versions()]


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


def _registry(project: Project) -> Registry:
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
    tried_again: bool = False

    @property
    def before(self) -> str | None:
        return None if self.champion is None else self.champion.number

    def decide(self, named: bool, force: str | None) -> Decision:
        """Judges, and keeps the verdict; the alias moves if it passed, or by `force`."""
        try:
            verdict = self._judged()
            passed, reason = verdict.passed, said(verdict)
        except ForesellError as error:
            if force is None:
                raise
            verdict, passed, reason = None, False, f"it could not be judged: {error}"
        back = self._taken_back()
        if passed and back is not None and not named:
            passed = False
            reason = f"it was taken back on {back.when:%Y-%m-%d}; name it with --version to have it judged again"
        made = self._kept(verdict, passed, reason, force)
        return Decision(self.registry.name, self.challenger.number, made, verdict, self.tried_again)

    def _kept(self, verdict: Verdict | None, passed: bool, reason: str, force: str | None) -> Change:
        evidence = self.place / "evidence"
        evidence.mkdir(exist_ok=True)
        told = {
            "version": self.challenger.number,
            "before": self.before,
            "passed": passed,
            "reason": reason,
            "forced": force,
            "champion_tried_again": self.tried_again,
            "verdict": None if verdict is None else verdict.to_dict(),
        }
        write_json(evidence / "verdict.json", told)
        if verdict is not None:
            pl.DataFrame(verdict.to_dict()["figures"], infer_schema_length=None).write_csv(evidence / "verdict.csv")
        number, before = self.challenger.number, self.before
        if passed:
            return self.registry.promote(number, reason, before=before, verdict=PROMOTED, evidence=evidence)
        if force is not None:
            because = f"{force} (against the verdict: {reason})"
            return self.registry.promote(number, because, before=before, verdict=FORCED, evidence=evidence)
        return self.registry.refuse(number, reason, before=before, evidence=evidence)

    def _taken_back(self) -> Change | None:
        """The rollback that took the challenger out of service, if that is the last that befell it."""
        number = self.challenger.number
        for each in reversed(self.registry.history()):
            if each.verdict == ROLLED_BACK and each.before == number:
                return each
            if each.verdict in (PROMOTED, FORCED, ROLLED_BACK) and each.version == number:
                return None
        return None

    def _judged(self) -> Verdict:
        self._tell(0, 2, f"the scores of version {self.challenger.number}")
        mine = self._stored(self.challenger, "challenger")
        theirs = None if self.champion is None else self._of_champion(self.champion, mine)
        return judge(mine, theirs, self.project.settings.promotion)

    def _of_champion(self, champion: Version, mine: Scores) -> Scores:
        """The champion's scores on the challenger's windows: those kept, or made again where those are of others."""
        theirs = self._stored(champion, "champion")
        same_data = champion.tags.get(DATA) is not None and champion.tags.get(DATA) == self.challenger.tags.get(DATA)
        if same_data and mine.comparable(theirs):
            return theirs
        self.tried_again = True
        made = self._again(champion, mine)
        if not mine.comparable(made):
            raise UsageError(
                f"Version {champion.number} could not be tried on the windows of version {self.challenger.number}, "
                f"{', '.join(map(str, mine.cutoffs))}: its backtest came to {', '.join(map(str, made.cutoffs))}. "
                "Train the challenger again with: foresell train --again"
            )
        return made

    def _stored(self, version: Version, who: str) -> Scores:
        place = self.place / "evidence" / who
        place.mkdir(parents=True)
        folder = self.registry.tracking.artifact(version.run, SCORES, place)
        return _scores(folder)

    def _again(self, champion: Version, mine: Scores) -> Scores:
        """The backtest of the champion's settings on the challenger's data and windows."""
        bundle = self.registry.fetch(self.challenger.number, read_manifest)
        path = self.registry.tracking.artifact(champion.run, "settings.json", self.place)
        theirs = parse_settings(msgspec.json.decode(path.read_bytes()), f"version {champion.number}")
        settings = with_models_of(theirs, read_bundle_settings(bundle))
        results = Steps(self.place / "again")
        task = Task(settings, self.project.folder, results, self._telling(champion.number))
        task.panel = load_panel(bundle / PANEL)
        for step, work in (("backtest", run_backtest), ("combine", run_combine)):
            with results.run_step(step, "again") as folder:
                work(task, folder)
        made = _scores(results.folder("combine"))
        kept = self.place / "evidence" / "champion" / "again"
        kept.mkdir(parents=True)
        made.levels.write_parquet(kept / "levels.parquet")
        made.ranges.write_parquet(kept / "ranges.parquet")
        return made

    def _tell(self, done: float, total: float, doing: str, left: float | None = None) -> None:
        self.project.watch(Progress(PROMOTE, done, total, doing, left))

    def _telling(self, champion: str) -> Tell:
        def tell(done: float, total: float, doing: str, left: float | None = None) -> None:
            self._tell(done, total, f"version {champion} on these windows: {doing}", left)

        return tell


def with_models_of(champion: Settings, challenger: Settings) -> Settings:
    """The challenger's settings, the windows and levels among them, with what the champion says of how to learn.

    Levels whose totals the champion learns, and which are no longer there, are left out.
    """
    totals = champion.totals
    if totals.levels is not None:
        there = tuple(level for level in totals.levels if level in ((), *challenger.levels))
        totals = msgspec.structs.replace(totals, levels=there)
    return msgspec.structs.replace(
        challenger,
        models=champion.models,
        quality=champion.quality,
        features=champion.features,
        totals=totals,
        champion=champion.champion,
        seed=champion.seed,
    )


def said(verdict: Verdict) -> str:
    """The verdict in one sentence: by how much it is better, or what stands in the way."""
    failed = verdict.failed
    if failed:
        more = [f"{len(failed) - 3} more"] if len(failed) > 3 else []
        return "; ".join([*map(figure_said, failed[:3]), *more])
    first = verdict.figures[0]
    windows = many(len(verdict.windows), "window")
    if first.champion is None or first.challenger is None:
        plain = [each for each in verdict.figures if each.figure.startswith(f"{WRMSSE} against")]
        beaten = f", below {score(plain[0].at_most)} of {plain[0].figure.split()[-1]}," if plain else ""
        return f"there was no champion; WRMSSE {score(first.challenger)}{beaten} in {windows}"
    better = change(first.challenger / first.champion - 1)
    return f"WRMSSE {score(first.challenger)} against {score(first.champion)} ({better}) in {windows}"


def figure_said(figure: Figure) -> str:
    """One figure that stands in the way, in words."""
    where = "over all levels" if figure.level == ALL_LEVELS else f"at the level {figure.level}"
    if figure.nominal is not None:
        return (
            f"{share(figure.challenger)} of actuals in the range of {share(figure.nominal)} {where}, "
            f"where {share(figure.at_least)} to {share(figure.at_most)} is asked"
        )
    if figure.challenger is None or figure.at_most is None:
        return f"{figure.figure} {where} is not known"
    return f"{figure.figure} {where} is {score(figure.challenger)}, where at most {score(figure.at_most)} is asked"


def _scores(folder: Path) -> Scores:
    try:
        return Scores(read_table(folder / "levels.parquet"), read_table(folder / "ranges.parquet"), ENSEMBLE)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise StoreError(f"{folder} holds no scores of a backtest: {error}. Train again with --again.") from error
