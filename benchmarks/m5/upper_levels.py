"""M5's levels 1 to 9 by the models of totals alone, window after window.

    python benchmarks/m5/upper_levels.py --data ../shared/data/m5 --work FOLDER --quality fast

The 154 sums of the nine upper levels are made once and kept in FOLDER, with the weights and scales that are known at
each cutoff. Every model of the totals is fitted at each of twelve cutoffs, d_1605 to d_1913, on what lies before it.
Its forecasts are kept too, so that a run that was stopped goes on where it was. Scored is the mean WRMSSE of levels 1
to 9, of forecasts as they are, and reconciled by weighted least squares (FPP3, section 11.3). Choices were made on the
windows after d_1605, d_1661 and so on, the odd ones of the list; the even ones confirm them. Writes
UPPER_LEVELS_QUALITY.md.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from foresell_job import make_project, settings_of

from foresell.core.hierarchy import Hierarchy, level_name
from foresell.core.panel import Panel
from foresell.ensemble.configured_models import make_totals, models_of_sums
from foresell.evaluate.weights import compute_weights
from foresell.models.upper_levels.parents import levels_of
from foresell.models.upper_levels.totals import Totals, panel_of_sums
from foresell.store.panels import load_panel, save_panel

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from markdown_table import table  # noqa: E402

CUTOFFS = range(1605, 1914, 28)  # d_N is the index N - 1 of the panel's days
ODD, EVEN = CUTOFFS[0::2], CUTOFFS[1::2]
HORIZON = 28
WEIGHTS = "weights.npz"
PLACES = ("state_id", "store_id")
LEVELS = (
    (),
    *((name,) for name in (*PLACES, "cat_id", "dept_id")),
    *((place, kind) for place in PLACES for kind in ("cat_id", "dept_id")),
)
PROCESS = "gaussian_process"


def sums_of(data: Path, work: Path) -> Panel:
    """The panel of the 154 sums; the first call makes it from the files, with weights and scales [cutoff, series]."""
    folder = work / "sums"
    if not (work / WEIGHTS).exists():
        with tempfile.TemporaryDirectory() as passing:
            project = make_project(Path(passing), settings_of(data, CUTOFFS[-1] + HORIZON, "fast", 1))
            project.run("check")
            panel = project.panel
            computed = compute_weights(panel, Hierarchy.of(panel.keys, LEVELS), [cutoff - 1 for cutoff in CUTOFFS])
            save_panel(panel_of_sums(panel, LEVELS), folder)
        weight, scale = (
            np.stack([np.concatenate(getattr(window, name)[:-1]) for window in computed])
            for name in ("weight", "scale")
        )
        np.savez(work / WEIGHTS, weight=weight, scale=scale)
    return load_panel(folder)


def forecasts_of(totals: Totals, sums: Panel, folder: Path) -> tuple[dict[str, np.ndarray], dict[str, float]]:
    """The forecasts of each model, [cutoff, series, step], and its mean processor seconds in a window."""
    means, seconds = {}, {}
    prepared = totals.prepare(sums.until(CUTOFFS[-1] - 1), HORIZON, [cutoff - 1 for cutoff in CUTOFFS])
    for name, model in totals.models.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for cutoff in CUTOFFS:
            path, past = folder / name / f"{cutoff}.npz", sums.until(cutoff - 1)
            if not path.exists():
                begun = time.process_time()
                mean = model.fit(past, HORIZON, prepared[name]).forecast(past).mean
                np.savez(path, mean=mean, seconds=time.process_time() - begun)
                print(f"{name} after d_{cutoff}: {time.process_time() - begun:.1f} s", flush=True)
        files = [np.load(folder / name / f"{cutoff}.npz") for cutoff in CUTOFFS]
        means[name] = np.stack([file["mean"] for file in files]).astype(np.float64)
        seconds[name] = float(np.nanmean([file["seconds"] for file in files]))
    return means, seconds


def summing_matrix(sums: Panel) -> np.ndarray:
    """Which sums of the finest level each sum holds: [series, series of the finest level]."""
    rows = sums.series.drop("level").rows()
    finest = [rows[row] for row in levels_of(sums)[-1]]
    return np.array(
        [[all(one in (None, other) for one, other in zip(row, low, strict=True)) for low in finest] for row in rows]
    ).astype(np.float64)


def reconciled(mean: np.ndarray, summing: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """`mean` [series, step] as sums of the finest level, by least squares weighted by 1 / `scale` [series]."""
    weighted = summing / scale[:, None]
    return summing @ np.linalg.solve(weighted.T @ summing, weighted.T @ mean)


def page(sums: Panel, totals: Totals, work: Path, quality: str) -> str:
    """The scores as Markdown."""
    means, seconds = forecasts_of(totals, sums, work / quality)
    known, summing, levels = np.load(work / WEIGHTS), summing_matrix(sums), levels_of(sums)
    weight, scale = known["weight"], known["scale"]
    boosters = np.mean([mean for name, mean in means.items() if name != PROCESS], axis=0)
    together = np.average(list(means.values()), axis=0, weights=[totals.weights[name] for name in means])

    def by_level(forecasts: np.ndarray, window: int) -> np.ndarray:
        actual = sums.units[:, CUTOFFS[window] : CUTOFFS[window] + HORIZON]
        errors = weight[window] * np.sqrt(((actual - forecasts[window]) ** 2).mean(axis=1) / scale[window])
        return np.array([errors[rows].sum() for rows in levels])

    def least_squares(forecasts: np.ndarray) -> np.ndarray:
        return np.stack([reconciled(mean, summing, scale[window]) for window, mean in enumerate(forecasts)])

    kinds = {"boosters alone": boosters, PROCESS: means[PROCESS], "together": together}
    kinds |= {f"{name}, reconciled": least_squares(forecasts) for name, forecasts in list(kinds.items())}
    scores = {
        name: np.stack([by_level(forecasts, window) for window in range(len(CUTOFFS))])
        for name, forecasts in kinds.items()
    }  # [window, level]
    lines = [f"# M5, levels 1 to 9 by the models of totals: {quality}", ""]
    lines += [
        "Made by `benchmarks/m5/upper_levels.py`. Mean WRMSSE of the nine levels; the difference from the boosters"
    ]
    lines += ["alone with its paired standard error over windows.", "", _summary(scores), ""]
    lines += ["By window:", "", _by(scores, [f"d_{cutoff}" for cutoff in CUTOFFS], lambda score: score.mean(axis=1))]
    lines += ["", "By level, all windows:", ""]
    lines += [_by(scores, [level_name(level) for level in LEVELS], lambda score: score.mean(axis=0))]
    cost = ", ".join(f"{name} {value:.0f}" for name, value in seconds.items())
    return "\n".join([*lines, "", f"Processor seconds of fit and forecast in a window: {cost}."]) + "\n"


def _summary(scores: dict[str, np.ndarray]) -> str:
    """The means over windows, and the differences from the boosters alone with their standard errors."""
    parts = {"odd": ODD, "even": EVEN, "all": CUTOFFS}
    rows = []
    for name, score in scores.items():
        row = [name]
        for cutoffs in parts.values():
            windows = [CUTOFFS.index(cutoff) for cutoff in cutoffs]
            own, alone = score[windows].mean(axis=1), scores["boosters alone"][windows].mean(axis=1)
            apart = own - alone
            error = apart.std(ddof=1) / np.sqrt(len(windows))
            row += [f"{own.mean():.4f}", f"{apart.mean():+.4f} ± {error:.4f} ({apart.mean() / alone.mean():+.1%})"]
        rows.append(row)
    return table(["forecast", *(heading for part in parts for heading in (f"{part} windows", "difference"))], rows)


def _by(scores: dict[str, np.ndarray], names: list[str], mean: Callable[[np.ndarray], np.ndarray]) -> str:
    """The `mean` of each forecast's scores [window, level], one column for each of `names`."""
    return table(["forecast", *names], [[name, *(f"{one:.3f}" for one in mean(own))] for name, own in scores.items()])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the M5 files")
    parser.add_argument("--work", type=Path, required=True, help="where sums and forecasts are kept")
    parser.add_argument("--quality", choices=("fast", "best"), default="fast")
    asked = parser.parse_args()
    sums = sums_of(asked.data, asked.work)
    wanted = models_of_sums(asked.quality, sums.frequency)
    totals = make_totals(wanted, LEVELS, sums, Hierarchy.of(sums.keys), HORIZON, seed=1)
    assert totals is not None
    text = page(sums, totals, asked.work, asked.quality)
    (HERE / f"UPPER_LEVELS_{asked.quality}.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
