"""The texts of `train` on the regression of single sales and on daily revenue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from foresell.core.words import UNKNOWN, listed, many, number, score, share

if TYPE_CHECKING:
    from foresell.pipeline.summaries import Revenue, SingleSales, TrainSummary


def paragraphs(of: TrainSummary) -> list[str]:
    """One paragraph on single sales, where the settings have a target for them, and one on daily revenue."""
    single_sales = [] if of.transactions is None else [_single_sales(of.transactions)]
    return [*single_sales, _revenue(of.revenue)]


def _single_sales(of: SingleSales) -> str:
    drawn = f", of which {of.learnt_from:,} were drawn to learn from" if of.learnt_from < of.rows else ""
    left_out = {"without date or target": of.untold, "returned": of.returned}
    aside = [f"{count:,} {what}" for what, count in left_out.items() if count]
    sentences = [
        f"single sales: {of.model} predicts {of.target} from {listed(of.inputs)}, learnt from "
        f"{of.rows:,} sales{drawn}{f' ({listed(aside)} left out)' if aside else ''}",
        _outliers(of),
        f"on the last {many(of.tested.rows, 'sale')} ({of.tested.first} to {of.tested.last}), kept "
        f"aside, {share(of.coverage)} lay in the range of {share(of.range)}",
        _compared(of.compared),
        of.without,
        "not used: " + "; ".join(f"{name} ({why})" for name, why in of.refused.items()) if of.refused else "",
    ]
    return ". ".join(_sentence(text) for text in sentences if text) + "."


def _sentence(text: str) -> str:
    return text if text.startswith("single sales") else text[:1].upper() + text[1:]


def _outliers(of: SingleSales) -> str:
    if of.outliers:
        return f"{many(of.outliers, 'outlier')} winsorised before learning"
    if of.far_out:
        return f"{of.far_out:,} lie far out, too many to be errors, so they are unchanged"
    return "no outliers"


def _compared(tried: dict[str, float]) -> str:
    """The comparison of the learners, where there was more than one."""
    if len(tried) < 2:
        return ""
    return "WAPE on the sales before: " + ", ".join(f"{name} {share(wape)}" for name, wape in tried.items())


def scores(of: SingleSales) -> list[tuple[str, ...]]:
    """The rows of a table, the heading first: the model of single sales and its benchmarks."""
    rows: list[tuple[str, ...]] = [("single sales", "MAE", "RMSE", "WAPE", "R2")]
    for row in of.scores:
        r2 = UNKNOWN if row.r2 is None else score(row.r2)
        rows.append((row.model, number(row.mae), number(row.rmse), share(row.wape), r2))
    return rows


def _revenue(of: Revenue) -> str:
    if of.reason:
        return f"daily revenue: none, {of.reason}"
    text = f"daily revenue ({of.of}): {of.form}, from {of.first} to {of.last}"
    if not of.tested:
        return f"{text}; the history is too short for a test."
    held = of.tested
    return (
        f"{text}. In {many(held.windows, 'later window')} its WAPE was {share(held.wape_month)} over four weeks "
        f"and {share(held.wape)} over all days (the week before, repeated: {share(held.naive_month)} and "
        f"{share(held.naive)}); {share(held.coverage)} lay in the range of 90 %."
    )
