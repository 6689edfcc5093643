"""Promotions: what past campaigns did and earned, and which of the next ones a budget is best spent on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from msgspec.structs import replace

from foresell.core.errors import SettingsError
from foresell.core.panel import Panel
from foresell.core.settings import Campaigns as Section
from foresell.core.words import as_of, many, number
from foresell.decide.plan import Plan, common_form
from foresell.decide.promotions.budget import Choice, choose_campaigns
from foresell.decide.promotions.effects import Effect
from foresell.decide.promotions.evaluation import Evaluation, evaluate
from foresell.decide.promotions.returns import Money, Returns, Sums, returns_of
from foresell.decide.response.baseline import Baseline
from foresell.pipeline.demand import ForecastProject, path_sampler
from foresell.pipeline.plans.next_campaigns import NextCampaigns, next_campaigns
from foresell.pipeline.plans.sales_history import ItemHistory
from foresell.pipeline.plans.supply import Supply, usual_price


@dataclass(frozen=True, kw_only=True)
class PromotionPlan(Plan):
    """One line for each campaign that may be run next.

    `campaigns`, `items` and `pairs` are tables of the past: what each campaign did and earned, which items respond, and
    which pairs of items take from one another or help one another.
    """

    campaigns: pl.DataFrame
    items: pl.DataFrame
    pairs: pl.DataFrame

    def tables(self) -> dict[str, pl.DataFrame]:
        """What is known of the past."""
        return {"campaigns": self.campaigns, "items": self.items, "pairs": self.pairs}


def plan(project: ForecastProject, section: Section) -> PromotionPlan:
    """Which campaigns to run next, by what past ones did.

    Raises SettingsError where the data have no promotions or no prices, or a table or column does not fit the series.
    """
    project.run("check")
    panel = project.results.panel
    _require(panel)
    forecasts, _ = path_sampler(project)
    results = project.results
    orders = project.settings.orders
    tables = replace(orders, terms=section.terms or orders.terms, stock=None, open_orders=None)
    supply = Supply.read(results, tables)
    items = ItemHistory.of(panel, results.settings, section.item, section.group, section.after_days)
    if not items.sales.promotion.any():
        raise SettingsError(
            "No promotion of the past is marked, so nothing can be learnt from any. Look at the column that "
            f"'data.promotion' names: it has to be true or 1 in promotions. The history is that until {panel.cutoff}."
        )
    usual = usual_price(panel)
    unit_cost = supply.terms.costs.unit
    price, cost = (_by_item(values, items) for values in (usual, np.where(unit_cost >= 0, unit_cost, np.nan)))
    baseline = Baseline.of(items.sales)
    past = evaluate(baseline, cost, price, section.campaign_cost, section.interval)
    ahead = next_campaigns(panel, items.sales.item, forecasts.bottom.mean, usual, past, items.sales.after)
    returns, choice = _chosen(ahead, past, price, cost, section)
    assumed = supply.terms.assumed.get("unit_cost", np.zeros(panel.n_series, bool))
    lines = _lines(ahead, past, returns, choice, items, panel, _any_of_item(assumed, items), section)
    return PromotionPlan(
        kind="promotions",
        lines=lines,
        headline=tuple(_headline(past, ahead, choice, items, panel, section)),
        findings=supply.findings,
        shown=("date", "action", "uplift", "baseline", "money", "cost", "binds"),
        campaigns=_campaign_table(past, items, panel),
        items=_item_table(past, items),
        pairs=_pair_table(past, items),
    )


def _require(panel: Panel) -> None:
    """Raises SettingsError where the data have no promotions or prices."""
    if "promotion" not in panel.known:
        raise SettingsError(
            "Nothing in the data says when there were promotions. Name the column of the sales that is true or 1 in "
            "promotions as 'data.promotion' in the settings; where they stand in a table of their own, join it to "
            "the sales first."
        )
    if "price" not in panel.known:
        raise SettingsError(
            "What promotions earn cannot be told without prices. Name the column of prices of the sales as "
            "'data.price' in the settings, or a table of prices as 'data.prices'."
        )


def _by_item(values: np.ndarray, items: ItemHistory) -> np.ndarray:
    """The mean of the known values of an item's series, NaN where there is none: float64 [item]."""
    known = np.isfinite(values)
    row, count = items.sales.item[known], len(items.items)
    total, number_of = np.bincount(row, values[known], count), np.bincount(row, minlength=count)
    return np.divide(total, number_of, out=np.full(count, np.nan), where=number_of > 0)


def _any_of_item(flags: np.ndarray, items: ItemHistory) -> np.ndarray:
    return np.bincount(items.sales.item, flags, len(items.items)) > 0


def _chosen(
    ahead: NextCampaigns, past: Evaluation, price: np.ndarray, cost: np.ndarray, section: Section
) -> tuple[Returns, Choice]:
    """What the next campaigns are expected to earn, and which of them to run."""
    item = ahead.item
    cut = np.nan_to_num(ahead.cut)
    ratio = past.expected.ratio(item, cut)
    units, nothing = ratio * ahead.baseline, np.zeros(len(item))
    after = ahead.after * (1 + past.after[item])
    usual = price[item]
    money = Money(usual * (1 - cut), usual, cost[item], np.full(len(item), section.campaign_cost), nothing)
    # The baseline is taken as the forecast says; what errs is the uplift of one more campaign.
    spread = np.sqrt(past.expected.deviation[item] ** 2 + past.expected.campaign_deviation**2) * units
    others = _others(past, item, price - cost, ahead)
    returns = returns_of(
        Sums(units, ahead.baseline, spread), Sums(after, ahead.after, nothing), money, others, section.interval
    )
    usable = np.isfinite(returns.earned)
    earned, spent = (np.where(usable, values, 0.0) for values in (returns.earned, returns.spent))
    budget = float(spent.sum()) if section.budget is None else section.budget
    return returns, choose_campaigns(earned, np.maximum(spent, 0), budget)


def _others(past: Evaluation, item: np.ndarray, margin: np.ndarray, ahead: NextCampaigns) -> np.ndarray:
    """The margin that other items gain or lose, by the pairs seen, where the other one sells as its mean in the past:
    [campaign]."""
    pairs, seen = past.neighbours, past.neighbours.seen
    per_campaign = pairs.effect.gained[seen] / np.maximum(pairs.campaigns[seen], 1)
    by_item = np.bincount(pairs.item[seen], np.nan_to_num(margin[pairs.other[seen]]) * per_campaign, len(margin))
    return np.asarray(by_item[item])


UNMEASURED = "no campaign measured"
"""What keeps a campaign from being decided where no past one of any item could be measured, or its price is unknown."""


def _lines(
    ahead: NextCampaigns,
    past: Evaluation,
    returns: Returns,
    choice: Choice,
    items: ItemHistory,
    panel: Panel,
    cost_assumed: np.ndarray,
    section: Section,
) -> pl.DataFrame:
    item, cut = ahead.item, np.nan_to_num(ahead.cut)
    dates = panel.ahead(int(ahead.stop.max()) if len(ahead) else 1)
    ratio = past.expected.ratio(item, cut)
    profitable = returns.earned > 0
    assumed = [
        ", ".join(name for name, holds in (("unit_cost", cost_assumed[i]), ("campaign", not ahead.planned)) if holds)
        for i in item
    ]
    known = np.isfinite(returns.earned)
    binds = np.where(choice.chosen, "", np.where(profitable, "budget", np.where(known, "loses money", UNMEASURED)))
    action = np.where(choice.chosen, "promote", np.where(known, "none", "undecided"))
    columns = pl.DataFrame(
        {
            "date": pl.Series(dates[ahead.first]).cast(pl.Date),
            "action": pl.Series(action, dtype=pl.String),
            "quantity": pl.Series(
                np.where(choice.chosen, ratio * ahead.baseline, np.where(known, 0.0, np.nan))
            ).fill_nan(None),
            "unconstrained": pl.Series(
                np.where(profitable, ratio * ahead.baseline, np.where(known, 0.0, np.nan))
            ).fill_nan(None),
            "money": pl.Series(returns.earned).fill_nan(None),
            "cost": pl.Series(returns.spent).fill_nan(None),
            "binds": pl.Series(binds, dtype=pl.String),
            "shadow_price": pl.Series(np.where(binds == "budget", choice.shadow_price, np.nan)).fill_nan(None),
            "assumed": pl.Series(assumed, dtype=pl.String),
            "until": pl.Series(dates[ahead.stop - 1]).cast(pl.Date),
            "cut": pl.Series(ahead.cut).fill_nan(None),
            "uplift": pl.Series(ratio - 1).fill_nan(None),
            "baseline": pl.Series(ahead.baseline),
            "margin": pl.Series(returns.margin).fill_nan(None),
            "discount": pl.Series(returns.discount).fill_nan(None),
            "pulled_forward": pl.Series(returns.pulled_forward).fill_nan(None),
            "money_low": pl.Series(returns.low).fill_nan(None),
            "money_high": pl.Series(returns.high).fill_nan(None),
            "responds": pl.Series(past.effects.responds[item], dtype=pl.Boolean),
        }
    )
    columns = columns.with_columns(reason=_reasons(columns, section.campaign_cost))
    return common_form(items.items[item], columns)


def _reasons(columns: pl.DataFrame, campaign_cost: float) -> pl.Series:
    """How the money comes about; the numbers add up to it."""
    rest = columns["money"] - columns["margin"] + columns["discount"] - columns["pulled_forward"] + campaign_cost
    texts = []
    for row, other in zip(columns.iter_rows(named=True), rest, strict=True):
        parts = (
            ("margin of units gained", row["margin"]),
            ("discount on the baseline", None if row["discount"] is None else -row["discount"]),
            ("pulled forward", row["pulled_forward"]),
            ("other items", other),
            ("campaign", -campaign_cost),
        )
        counted = [(name, amount) for name, amount in parts if amount is not None and abs(amount) >= 0.05]
        words = [f"{'−' if amount < 0 else '+'} {name} {number(abs(amount))}" for name, amount in counted]
        texts.append(" ".join(words).removeprefix("+ "))
    return pl.Series(texts, dtype=pl.String)


def _headline(
    past: Evaluation, ahead: NextCampaigns, choice: Choice, items: ItemHistory, panel: Panel, section: Section
) -> list[str]:
    effects, count = past.effects, len(past.campaigns)
    units, without = (float(np.nansum(of)) for of in (effects.uplift.units, effects.uplift.baseline))
    sold = "cannot be measured, because too little of the time around them is known and without a promotion"
    if without > 0:
        sold = f"sold {units / without - 1:+.0%} against what would have been sold without them"
    change, low, high = effects.all_after
    sentences = [
        f"{as_of(panel.cutoff, panel.frequency)} {many(count, 'past campaign')} of "
        f"{many(len(np.unique(past.campaigns.item)), 'item')} {sold}. "
        f"{many(int(effects.responds.sum()), 'item')} respond to them; about one in ten of these may be "
        "wrong.",
    ]
    if np.isfinite(change):
        sentences.append(
            f"In the {many(section.after_days, 'day')} afterwards {change:+.1%} ({low:+.1%} to {high:+.1%}) was sold."
        )
    pairs = past.neighbours
    if items.group is None:
        sentences.append(
            "Halo and cannibalisation are looked for among all items, because no column groups them; name one as "
            "'promotions.group'."
        )
    else:
        taken = int((pairs.effect.change[pairs.seen] < 0).sum())
        sentences.append(
            f"Within {items.group}, {many(taken, 'pair')} of items where one takes from the other, and "
            f"{int(pairs.seen.sum()) - taken:,} where it helps, of {len(pairs.item):,} looked at."
        )
    if past.returns is not None:
        earned = np.nansum(past.returns.earned)
        losing = int((past.returns.earned < 0).sum())
        if without > 0:
            sentences.append(f"They earned {number(float(earned))} in all; {losing:,} of them lost money.")
    named = "named ahead by the data" if ahead.planned else "like the past ones, one for each item"
    budget = "without a budget" if section.budget is None else f"within the budget of {number(section.budget)}"
    sentences.append(
        f"Of {many(len(ahead), 'campaign')} {named}, {int(choice.chosen.sum()):,} are worth running {budget}: they "
        f"cost {number(choice.spent)} and are expected to earn {number(choice.earned)}."
    )
    if section.budget is not None and np.isfinite(choice.next_budget):
        sentences.append(
            f"The smallest budget that would earn more is {number(choice.next_budget)}: it is expected to earn "
            f"{number(choice.next_gain)} more."
        )
    return sentences


def _effect_columns(effect: Effect, name: str) -> list[pl.Series]:
    return [
        pl.Series(name, effect.change).fill_nan(None),
        pl.Series(f"{name}_low", effect.low).fill_nan(None),
        pl.Series(f"{name}_high", effect.high).fill_nan(None),
        pl.Series(f"{name}_units", effect.gained).fill_nan(None),
    ]


def _campaign_table(past: Evaluation, items: ItemHistory, panel: Panel) -> pl.DataFrame:
    """One row for each past campaign."""
    campaigns, effects, returns = past.campaigns, past.effects, past.returns
    columns = [
        pl.Series("first_date", panel.dates[campaigns.first]).cast(pl.Date),
        pl.Series("last_date", panel.dates[campaigns.stop - 1]).cast(pl.Date),
        pl.Series("cut", past.cut).fill_nan(None),
        pl.Series("units", effects.uplift.units).fill_nan(None),
        pl.Series("baseline", effects.uplift.baseline).fill_nan(None),
        *_effect_columns(effects.uplift, "uplift"),
        *_effect_columns(effects.after, "after"),
    ]
    if returns is not None:
        names = ("margin", "discount", "pulled_forward", "spent", "earned", "low", "high")
        columns += [
            pl.Series(f"earned_{name}" if name in ("low", "high") else name, getattr(returns, name)).fill_nan(None)
            for name in names
        ]
    return items.items[campaigns.item].hstack(columns)


def _item_table(past: Evaluation, items: ItemHistory) -> pl.DataFrame:
    """One row for each item that had a campaign."""
    effects = past.effects
    count = np.bincount(past.campaigns.item, minlength=len(items.items))
    verdict = np.where(
        effects.responds, "responds", np.where(effects.item_uplift.high < LITTLE, "does not respond", "cannot be told")
    )
    earned = (
        np.zeros(len(items.items))
        if past.returns is None
        else np.bincount(past.campaigns.item, np.nan_to_num(past.returns.earned), len(items.items))
    )
    table = items.items.hstack(
        [
            pl.Series("campaigns", count),
            pl.Series("verdict", verdict),
            pl.Series("p", effects.p).fill_nan(None),
            *_effect_columns(effects.item_uplift, "uplift"),
            *_effect_columns(effects.item_after, "after"),
            *_effect_columns(past.neighbours.rest, "others"),
            pl.Series("earned", earned),
        ]
    )
    return table.filter(pl.col("campaigns") > 0).sort("earned", descending=True)


LITTLE = 0.1
"""An item does not respond where its uplift is below this with the probability of the interval."""


def _pair_table(past: Evaluation, items: ItemHistory) -> pl.DataFrame:
    """One row for each pair of items where the promotion of one is seen to move the other."""
    pairs = past.neighbours
    seen = np.flatnonzero(pairs.seen)
    promoted, other = items.items[pairs.item[seen]], items.items[pairs.other[seen]]
    return (
        promoted.rename(lambda name: f"promoted_{name}")
        .hstack(
            [
                *other.get_columns(),
                pl.Series("campaigns", pairs.campaigns[seen]),
                *(column.gather(seen) for column in _effect_columns(pairs.effect, "change")),
                pl.Series("p", pairs.p[seen]),
            ]
        )
        .sort("p")
    )
