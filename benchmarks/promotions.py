"""Whether planted effects of promotions and prices are found in the sample retailer.

    python benchmarks/promotions.py
    python benchmarks/promotions.py --seeds 1 2 --without-model

Each seed is a retailer of 4 stores x 60 items over three years, some of whose items ignore promotions, or move with
those of another item. Reported is how often intervals of 90 % hold, what is found and what is found wrongly; and the
price elasticity from cross-fitted residuals beside the one that LightGBM shows when it is asked about another price.
Writes PROMOTIONS.md.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from markdown_table import table

from foresell.core.panel import Known, Panel
from foresell.core.scenario import scenario
from foresell.decide.promotions.campaigns import Campaigns, campaigns_of
from foresell.decide.promotions.effects import effects_of
from foresell.decide.promotions.neighbours import neighbours_of
from foresell.decide.response.baseline import Baseline
from foresell.decide.response.price_response import PriceResponse, price_response
from foresell.decide.response.sales_history import SalesHistory
from foresell.models import make
from foresell.synth.assortment import RetailerPlan, make_stores
from foresell.synth.campaigns import campaign_truth
from foresell.synth.demand import Block, blocks
from foresell.synth.item_roles import relations_of
from foresell.synth.market import CATEGORIES
from foresell.synth.tables import series_names

HERE = Path(__file__).resolve().parent
STORES, ITEMS, DAYS, HORIZON = 4, 60, 1095, 28
COVERAGE = 0.9
CUT = 0.2  # the price that the model is asked about
ASKED = 3  # parts of the items that change their price in turn, so that the mean price of a group hardly moves


def main() -> None:
    """Runs the seeds and writes the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--without-model", action="store_true", help="do not ask LightGBM")
    arguments = parser.parse_args()
    effects, elasticities = [], []
    for seed in arguments.seeds:
        plan = RetailerPlan(STORES, ITEMS, DAYS, date(2025, 12, 28), seed, item_roles=True)
        block = next(blocks(plan, make_stores(plan), 10**9))
        history = history_of(block)
        effects.append({"seed": seed, **effects_found(block, history)})
        elasticities.append({"seed": seed, **elasticities_found(block, history, not arguments.without_model)})
        print(effects[-1], elasticities[-1], flush=True)
    (HERE / "PROMOTIONS.md").write_text(report(effects, elasticities), encoding="utf-8")


def history_of(block: Block) -> SalesHistory:
    """What the user of the retailer sees."""
    known = block.on_sale[:, :DAYS]
    units = np.where(known & ~block.stocked_out, block.units, np.nan)
    price = np.where(known, block.cents[:, :DAYS] / 100, np.nan)
    return SalesHistory(units, block.promotion[:, :DAYS] & known, price, block.item, block.items.category)


def effects_found(block: Block, history: SalesHistory) -> dict[str, float]:
    """Uplift, pull-forward and relations against the truth."""
    start = time.process_time()
    campaigns = campaigns_of(history)
    baseline = Baseline.of(history)
    effects = effects_of(baseline, campaigns, COVERAGE)
    neighbours = neighbours_of(baseline, campaigns, COVERAGE)
    seconds = time.process_time() - start
    gained, expected, missing = planted(block, campaigns)
    truth, measured = gained / expected, ~np.isnan(effects.uplift.baseline)
    held = ((effects.uplift.low <= truth) & (truth <= effects.uplift.high))[measured]
    by_item = [np.bincount(campaigns.item, values, ITEMS) for values in (gained, expected)]
    with np.errstate(invalid="ignore"):
        item_truth = by_item[0] / by_item[1]
    of_item = ~np.isnan(effects.item_uplift.baseline) & ~np.isnan(item_truth)
    item_held = ((effects.item_uplift.low <= item_truth) & (item_truth <= effects.item_uplift.high))[of_item]
    unmoved = block.items.uplift == 0
    relations = relations_of(block.plan, block.items.numbers)
    pairs = set(zip(relations.other.tolist(), relations.item.tolist(), strict=True))
    seen = set(zip(neighbours.item[neighbours.seen].tolist(), neighbours.other[neighbours.seen].tolist(), strict=True))
    change, low, high = effects.all_after
    true_after = -missing.sum() / effects.after.baseline[~np.isnan(effects.after.baseline)].sum()
    return {
        "campaigns": len(campaigns),
        "measured": float(measured.mean()),
        "uplift held": float(held.mean()),
        "item held": float(item_held.mean()),
        "median width": float(np.median((effects.uplift.high - effects.uplift.low)[measured])),
        "respond": int(effects.responds[~unmoved].sum()),
        "of": int(((~unmoved) & of_item).sum()),
        "wrongly": int(effects.responds[unmoved].sum()),
        "of unmoved": int((unmoved & of_item).sum()),
        "after": change,
        "after low": low,
        "after high": high,
        "after truth": float(true_after),
        "pairs": len(pairs),
        "pairs seen": len(pairs & seen),
        "pairs wrong": len(seen - pairs),
        "seconds": seconds,
    }


def planted(block: Block, campaigns: Campaigns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units gained, baseline and units pulled forward of each campaign, over the stores that have it."""
    truth = campaign_truth(block, series_names(block).with_columns(series=pl.int_range(pl.len())))
    first = (truth["first_date"].to_numpy() - block.plan.dates[0]).astype(int)
    of_run = dict(zip(zip(campaigns.series, campaigns.run_first, strict=True), campaigns.campaign, strict=True))
    number = np.array([of_run[run] for run in zip(truth["series"], first, strict=True)])
    names = ("gained", "baseline", "pulled_forward")
    gained, baseline, pulled = (np.bincount(number, truth[name], len(campaigns)) for name in names)
    return gained, baseline, pulled


def elasticities_found(block: Block, history: SalesHistory, with_model: bool) -> dict[str, float]:
    """The elasticities from residuals, and from the model where asked for, against the truth."""
    truth = block.items.elasticity
    response = price_response(Baseline.of(history), COVERAGE)
    results = {
        "residuals": error(response.elasticity, truth),
        "items alone": error(response.own, truth),
        "held": float(((response.low <= truth) & (truth <= response.high)).mean()),
        "seen of those that answer": float(response.seen[truth > 0].mean()),
        "seen of those that do not": float(response.seen[truth == 0].mean()),
    }
    return results | ({"model": error(model_elasticities(block, history, response), truth)} if with_model else {})


def error(estimate: np.ndarray, truth: np.ndarray) -> float:
    """The root of the mean squared error of the items that have an estimate."""
    return float(np.sqrt(np.nanmean((estimate - truth) ** 2)))


def model_elasticities(block: Block, history: SalesHistory, response: PriceResponse) -> np.ndarray:
    """What LightGBM answers to a lower price ahead, as an elasticity of each item: float64 [item]."""
    panel = panel_of(block, history)
    fitted = make("lightgbm", seed=1).fit(panel, HORIZON)
    before = fitted.forecast(panel).mean
    after = np.full(before.shape, np.nan)
    first, last = panel.ahead(HORIZON)[[0, -1]].astype(object)
    for part in range(ASKED):
        rows = np.flatnonzero(block.item % ASKED == part)
        changed = scenario(panel, {"price": f"-{100 * CUT:g}%"}, rows, first, last)
        after[rows] = fitted.forecast(changed).mean[rows]
    sums = [np.bincount(block.item, values.sum(axis=1, dtype=np.float64), ITEMS) for values in (before, after)]
    with np.errstate(divide="ignore", invalid="ignore"):
        elasticity = -np.log(sums[1] / sums[0]) / np.log(1 - CUT)
    return np.where(sums[0] > 1, elasticity, np.nan)


def panel_of(block: Block, history: SalesHistory) -> Panel:
    """The panel of the retailer, its prices and promotions known ahead; nothing is promoted then."""
    dates = block.plan.dates[: DAYS + HORIZON]
    series = series_names(block).with_columns(
        category=pl.Series([CATEGORIES[kind].name for kind in block.items.category[block.item]])
    )
    assert history.price is not None
    usual = block.prices.regular[block.item, DAYS : DAYS + HORIZON] * block.stores.price_factor[block.store][:, None]
    price = np.concatenate([history.price, usual], axis=1).astype(np.float32)
    promotion = np.pad(history.promotion.astype(np.float32), ((0, 0), (0, HORIZON)))
    known: Mapping[str, Known] = {"price": Known.of_each(price), "promotion": Known.of_each(promotion)}
    return Panel(series, ("store", "item"), dates, history.units.astype(np.float32), known)


def report(effects: list[dict[str, float]], elasticities: list[dict[str, float]]) -> str:
    """The tables with what they say."""
    model = "model" in elasticities[0]
    held = np.average([row["uplift held"] for row in effects], weights=[row["campaigns"] for row in effects])
    lines = [
        "# Promotions and prices: what is found of what was planted",
        "",
        f"`python benchmarks/promotions.py`: sample retailers of {STORES} stores x {ITEMS} items over {DAYS:,} days, "
        "with items that ignore promotions and items that move with those of another. Groups are the categories.",
        "",
        f"Intervals of {COVERAGE:.0%} for the uplift of a campaign held {held:.1%} of the time.",
        "",
        table(
            ["seed", "campaigns", "uplift held", "of items held", "median width", "respond, found", "found wrongly",
             "after a campaign (90 %)", "truth", "pairs found", "pairs wrong", "seconds"],
            [
                [
                    f"{row['seed']}", f"{row['campaigns']:,}", f"{row['uplift held']:.1%}", f"{row['item held']:.1%}",
                    f"{row['median width']:.2f}", f"{row['respond']} of {row['of']}",
                    f"{row['wrongly']} of {row['of unmoved']}",
                    f"{row['after']:+.1%} ({row['after low']:+.1%} to {row['after high']:+.1%})",
                    f"{row['after truth']:+.1%}", f"{row['pairs seen']} of {row['pairs']}", f"{row['pairs wrong']}",
                    f"{row['seconds']:.1f}",
                ]
                for row in effects
            ],
        ),
        "",
        "The price elasticity: root mean squared error against the truth, which lies between 0 and 3.",
        "",
        table(
            ["seed", "residuals, pooled", "residuals, items alone", *(["LightGBM, 20 % off"] if model else []),
             "intervals held", "response seen", "seen where there is none"],
            [
                [
                    f"{row['seed']}", f"{row['residuals']:.2f}", f"{row['items alone']:.2f}",
                    *([f"{row['model']:.2f}"] if model else []), f"{row['held']:.1%}",
                    f"{row['seen of those that answer']:.0%}", f"{row['seen of those that do not']:.0%}",
                ]
                for row in elasticities
            ],
        ),
        "",
    ]  # fmt: skip
    return "\n".join(lines)


if __name__ == "__main__":
    main()
