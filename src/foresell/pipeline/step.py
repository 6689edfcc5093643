"""What a step of a project declares of itself: what it needs, what it reads, what it leaves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

if TYPE_CHECKING:  # so that help comes at once
    from foresell.pipeline.summaries import Summary

EVERY_SETTING = "*"


@dataclass(frozen=True)
class Reads:
    """What a step depends on beside the results of the steps that it needs.

    - `settings`: paths of settings, such as ``backtest.windows``; ``*`` is all of them. Of ``path=value`` it matters
      only whether the setting has that value.
    - `inputs`: paths of settings that name an input file, such as ``data.sales``. One that is not set names none.
    - `results`: files of JSON under ``results/`` of which the content matters, where they are there.
    - `code`: packages and modules of foresell, such as ``models`` or ``store.panels``. The file of the step itself
      counts too, and through the steps that it needs what those depend on.
    """

    settings: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    code: tuple[str, ...] = ()

    def __add__(self, other: Reads) -> Reads:
        return Reads(
            self.settings + other.settings,
            self.inputs + other.inputs,
            self.results + other.results,
            self.code + other.code,
        )


@dataclass(frozen=True)
class Step:
    """A step of a project. Its work is the function ``run`` of the file of its name in `pipeline.steps`.

    - `needs`: the steps whose results it reads; `needs_with_champion` those where a registered champion forecasts (see
      `pipeline.forecaster`), None where that makes no difference.
    - `asks_forecaster`: whether it depends on who forecasts.
    - `reads`; `reads_where` is what it reads besides, by the setting that must be set for it.
    - `files`: what it leaves in its folder, with their meanings; `sometimes` those that it leaves only where the
      settings, or what it met, ask for them.
    - `elsewhere`: what it leaves outside its folder, in words; its file then has a function ``lost``.
    - `verb`: the verb of the command line that does it.
    - `records_only`: it only records in MLflow what other steps did. No result depends on it, a run is whole without
      it, and no DVC stage depends on what it reads.
    """

    name: str
    description: str
    verb: str
    needs: tuple[str, ...] = ()
    needs_with_champion: tuple[str, ...] | None = None
    asks_forecaster: bool = False
    reads: Reads = Reads()
    reads_where: Mapping[str, Reads] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    sometimes: tuple[str, ...] = ()
    elsewhere: str = ""
    records_only: bool = False

    def needs_of(self, champion: bool) -> tuple[str, ...]:
        """The steps that it needs, in their order; `champion` is whether a registered one forecasts."""
        return self.needs if self.needs_with_champion is None or not champion else self.needs_with_champion

    def reads_in(self, settings: object) -> Reads:
        """What it reads with these settings."""
        reads = self.reads
        for path, more in self.reads_where.items():
            if setting(settings, path) is not None:
                reads += more
        return reads

    @property
    def module(self) -> str:
        """The name of the module that does it."""
        return f"foresell.pipeline.steps.{self.name}"

    @property
    def run(self) -> Callable[[Any, Path], Summary]:
        """Does the step: takes a `pipeline.task.Task` and an empty folder to write to, and returns its summary."""
        work: Callable[[Any, Path], Summary] = import_module(self.module).run
        return work

    @property
    def lost(self) -> Callable[[Any], bool]:
        """Takes a `pipeline.results.Results`; says whether what it left `elsewhere` is not there (any more)."""
        lost: Callable[[Any], bool] = import_module(self.module).lost
        return lost

    @property
    def summary(self) -> type[Summary]:
        """The type of its summary: what ``run`` is declared to return."""
        summary: type[Summary] = get_type_hints(self.run)["return"]
        return summary


def setting(settings: object, path: str) -> object:
    """The value of a setting by its path; None where it, or one that it lies in, is not set.

    Where the path leads through a list of sections, it is the tuple of their values.
    """
    if path == EVERY_SETTING:
        return settings
    path, _, wanted = path.partition("=")
    value: Any = settings
    for name in path.split("."):
        if isinstance(value, tuple):
            value = tuple(getattr(entry, name) for entry in value)
        else:
            value = None if value is None else getattr(value, name)
    return value == wanted if wanted else value
