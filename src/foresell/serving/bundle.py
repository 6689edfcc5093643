"""A bundle: all that is needed to serve a champion, as one folder of portable files.

``manifest.json`` says what was trained, on which data and when, and has the SHA-256 of every other file. All formats
are portable (JSON, boosters as text, Parquet, NumPy arrays of numbers). None of them runs code when it is read.

| path | content |
|---|---|
| settings.json | the project's settings |
| model/ | the fitted models and how they are combined, see `ensemble.champion` |
| panel/ | the sales up to the cutoff and what is known ahead, see `store.panels` |
| scatter.parquet | the distribution of errors, for ranges, see `adjust.ranges` |
| dependence.parquet | how errors of days and series depend on each other, for sample paths, see `adjust.paths` |
| | (bundles of earlier versions lack it) |
| scores/ | the champion's scores in the backtest: levels, ranges, quantiles, leaderboard; by day for `monitor` |
| | (bundles of earlier versions lack the last, and are served without) |
| transactions/, revenue/ | the models of single sales and of daily revenue, where the project has them |
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path, PurePosixPath
from uuid import uuid4

import msgspec

from foresell.core.checksum import sha256_of
from foresell.core.dates.records import PeriodDate, record_of
from foresell.core.errors import SettingsError, UnreadableFile, UsageError, first_five
from foresell.core.settings import Settings, parse_settings
from foresell.core.version import VERSION
from foresell.core.words import many_do
from foresell.registry.tracking_store import Where
from foresell.serving.signature import VARIABLE, check_signature, sign
from foresell.store.panels import digest, load_panel
from foresell.store.settings_file import plain_settings
from foresell.store.step_results import Steps

FORMAT = 1
"""The version of the folder's layout. A program reads the layouts up to the one that it knows."""

MANIFEST, SETTINGS = "manifest.json", "settings.json"
MODEL, PANEL, SCATTER, SCORES = "model", "panel", "scatter.parquet", "scores"
DEPENDENCE = "dependence.parquet"
TRANSACTIONS, REVENUE = "transactions", "revenue"
RANGES, BY_DAY = f"{SCORES}/ranges.parquet", f"{SCORES}/by_day.parquet"

_SCORES = ("levels.parquet", "ranges.parquet", "quantiles.parquet", "leaderboard.csv", "by_day.parquet")
_AGAIN = "Write it again from its project, or fetch it again from the registry."


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The description of a bundle.

    `trained` is the time its models were fitted, `data` the digest of its panel, `foresell` the version that wrote it.
    `files` maps each file to its SHA-256.
    """

    format: int
    name: str
    cutoff: PeriodDate
    trained: datetime
    horizon: int
    keys: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    data: str
    foresell: str
    files: Mapping[str, str]


def write_bundle(base: Path, settings: Settings, results: Steps, folder: Path) -> None:
    """Writes the bundle of the project in `base` to `folder`, and replaces the content of that folder.

    If the process dies while it writes, the earlier content stays. Raises UsageError where the project is not trained.
    """
    _check_trained(base, results)
    folder = Path(folder)
    work = folder.parent / f".{folder.name}.{uuid4().hex[:8]}.part"
    work.mkdir(parents=True)
    try:
        (work / SETTINGS).write_bytes(msgspec.json.format(msgspec.json.encode(plain_settings(settings))))
        shutil.copytree(results.folder("train") / "model", work / MODEL)
        shutil.copytree(results.folder("check") / "panel", work / PANEL)
        for name in (SCATTER, DEPENDENCE):
            shutil.copy(results.folder("combine") / name, work / name)
        (work / SCORES).mkdir()
        for name in _SCORES:
            shutil.copy(results.folder("combine") / name, work / SCORES / name)
        for name in (TRANSACTIONS, REVENUE):
            if (results.folder("train") / name).is_dir():
                shutil.copytree(results.folder("train") / name, work / name)
        (work / MANIFEST).write_bytes(
            msgspec.json.format(msgspec.json.encode(_describe(base, settings, results, work)))
        )
        sign(work / MANIFEST)
        _put_in_place(work, folder)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the bundle in `folder`, after every file was checked.

    Raises UnreadableFile where there is no bundle, where a file is missing, damaged or not listed, where a later
    foresell wrote it, and where a key is set in the environment and the manifest is not signed with it.
    """
    manifest = described(folder)
    check_signature(Path(folder) / MANIFEST)
    _check_files(Path(folder), manifest)
    return manifest


def check_files(folder: Path) -> Manifest:
    """The manifest, after every file was checked, but not its signature. Raises UnreadableFile like `read_manifest`."""
    manifest = described(folder)
    _check_files(Path(folder), manifest)
    return manifest


def sign_bundle(folder: Path) -> Path:
    """Signs a bundle that exists with the key in the environment, once every file was checked. Returns the signature's
    file. Raises UsageError where no key is set, and UnreadableFile like `read_manifest`."""
    check_files(folder)
    signature = sign(Path(folder) / MANIFEST)
    if signature is None:
        raise UsageError(f"There is no key to sign with: set the environment variable {VARIABLE} to a secret.")
    return signature


def described(folder: Path) -> Manifest:
    """The manifest of the bundle in `folder`, without a check of its files. Raises UnreadableFile where there is no
    bundle, or where a later foresell wrote it."""
    path = Path(folder) / MANIFEST
    try:
        plain = msgspec.json.decode(path.read_bytes())
        later = plain["format"] > FORMAT
        writer = plain["foresell"]
        manifest = None if later else record_of(plain, Manifest)
    except FileNotFoundError as error:
        raise UnreadableFile(
            f"{folder} holds no model to serve: it has no {MANIFEST}. Make one with: foresell train"
        ) from error
    except (OSError, KeyError, TypeError, msgspec.MsgspecError) as error:
        raise UnreadableFile(f"{path} does not describe a model of foresell: {error}. {_AGAIN}") from error
    if manifest is None:
        raise UnreadableFile(
            f"{folder} was written by foresell {writer} in format {plain['format']}; this is foresell {VERSION}, "
            f"which reads up to format {FORMAT}. Update foresell."
        )
    return manifest


def read_bundle_settings(folder: Path) -> Settings:
    """The settings in a bundle. Raises UnreadableFile where they cannot be read."""
    path = folder / SETTINGS
    try:
        return parse_settings(msgspec.json.decode(path.read_bytes()), str(path))
    except (OSError, msgspec.MsgspecError, SettingsError) as error:
        raise UnreadableFile(f"{path} holds no settings: {error} {_AGAIN}") from error


def _check_trained(base: Path, results: Steps) -> None:
    missing = [step for step in ("check", "combine", "train") if results.record(step) is None]
    if missing:
        raise UsageError(
            f"There is no model to serve in {base}: the steps {first_five(missing)} are not done. "
            "Do them with: foresell train"
        )


def _describe(base: Path, settings: Settings, results: Steps, work: Path) -> Manifest:
    panel = load_panel(work / PANEL)
    trained = results.record("train")
    assert trained is not None  # checked before
    return Manifest(
        format=FORMAT,
        name=Where.of(base, settings.tracking).name,
        cutoff=panel.cutoff,
        trained=trained.finished,
        horizon=settings.horizon,
        keys=panel.keys,
        levels=settings.levels,
        data=digest(panel),
        foresell=VERSION,
        files={name: sha256_of(work / name) for name in _files(work)},
    )


def _files(folder: Path) -> list[str]:
    """All files of the bundle except its manifest, with forward slashes on every system."""
    files = (file.relative_to(folder) for file in folder.rglob("*") if file.is_file())
    return sorted(str(PurePosixPath(*file.parts)) for file in files if str(file) not in (MANIFEST, f"{MANIFEST}.hmac"))


def _check_files(folder: Path, manifest: Manifest) -> None:
    present = set(_files(folder))
    missing = sorted(set(manifest.files) - present)
    if missing:
        raise UnreadableFile(
            f"Of {folder}, {many_do(len(missing), 'file', 'be')} missing: {first_five(missing)}. {_AGAIN}"
        )
    for part in (SETTINGS, f"{PANEL}/panel.json", SCATTER):
        if part not in manifest.files:
            raise UnreadableFile(f"{folder / MANIFEST} does not list {part}, so the model is incomplete. {_AGAIN}")
    parts = {name.partition("/")[0] for name in manifest.files}
    foreign = sorted(name for name in present - set(manifest.files) if name.partition("/")[0] in parts)
    if foreign:
        raise UnreadableFile(
            f"In {folder}, {many_do(len(foreign), 'file', 'be')} not of it: {first_five(foreign)}. {_AGAIN}"
        )
    damaged = [name for name, checksum in manifest.files.items() if sha256_of(folder / name) != checksum]
    if damaged:
        raise UnreadableFile(
            f"Of {folder}, {many_do(len(damaged), 'file', 'be')} damaged, with another SHA-256 than in {MANIFEST}: "
            f"{first_five(damaged)}. {_AGAIN}"
        )


def _put_in_place(work: Path, folder: Path) -> None:
    """Replaces `folder` by `work` in two renames, because a folder cannot be renamed over another. If the process dies
    between the two, there is no folder."""
    old = folder.parent / f".{folder.name}.{uuid4().hex[:8]}.old"
    if folder.exists():
        folder.rename(old)
    work.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
