"""Series that are no goods, such as postage among the lines of invoices, and the setting that leaves series out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from foresell.core.errors import SettingsError, first_five
from foresell.core.finding import Finding
from foresell.data.cube.cells import Cube, key_texts
from foresell.data.finding_codes import finding

# Parts of names, in the languages of the column names. A word that merely contains one does not count.
PHRASES = (
    "postage", "shipping", "freight", "delivery charge", "delivery fee", "carriage", "bank charges?", "handling fee",
    "service fee", "service charge", "commission", "discount", "bad debt", "adjustment", "gift voucher", "gift card",
    "versand", "versandkosten", "porto", "fracht", "rabatt", "gutschrift", "gutschein", "mahngebühr", "servicegebühr",
    "frais de port", "frais de livraison", "remise", "carte cadeau",
    "gastos de envío", "gastos de envio", "descuento", "portes", "tarjeta regalo",
    "spedizione", "spese di spedizione", "sconto", "buono regalo",
    "verzendkosten", "korting", "cadeaubon", "frakt", "rabat", "fragt",
)  # fmt: skip
# Codes that web shops use, which count only as the whole name.
CODES = ("post", "dot", "adjust", "amazonfee", "manual", "samples", "fee", "fees")
PATTERN = rf"(?i)\b(?:{'|'.join(PHRASES)})\b|^(?:{'|'.join(map(re.escape, CODES))})$"


def without_excluded(cube: Cube, exclude: Mapping[str, Sequence[str]], where: str) -> Cube:
    """The cube without the series that have one of the values to `exclude` in a column of keys or attributes.

    Raises SettingsError where the series have no such column.
    """
    missing = [name for name in exclude if name not in cube.series.columns]
    if missing:
        raise SettingsError(
            f"'exclude' names the column {first_five(missing)}, but the series have {', '.join(cube.series.columns)}. "
            "The sales have no column of that name either. Correct it."
        )
    if not exclude:
        return cube
    listed = [pl.col(name).cast(pl.String).is_in(list(map(str, values))) for name, values in exclude.items()]
    excluded = cube.series.select(pl.any_horizontal(listed).fill_null(False)).to_series()
    if not excluded.any():
        return cube
    names = cube.series.filter(excluded)
    message = f"{names.height:,} series have values that 'exclude' lists, and are left out"
    cube.findings.append(finding("excluded-series", where, names.height, message, key_texts(names)))
    return cube.only(~excluded.to_numpy())


def are_goods(series: pl.DataFrame, goods: Mapping[str, Sequence[str]]) -> np.ndarray:
    """Which series have a value that the setting `goods` lists for a key: bool [series].

    Raises SettingsError where the series have no such column.
    """
    if missing := [name for name in goods if name not in series.columns]:
        raise SettingsError(
            f"'goods' names the column {first_five(missing)}, but the series have {', '.join(series.columns)}. Name "
            "one of these."
        )
    listed = [pl.col(name).cast(pl.String).is_in([str(value) for value in values]) for name, values in goods.items()]
    if not listed:
        return np.zeros(series.height, bool)
    return series.select(pl.any_horizontal(listed).fill_null(False)).to_series().to_numpy()


def non_goods_findings(
    series: pl.DataFrame, keys: Sequence[str], where: str, goods: Mapping[str, Sequence[str]] = {}
) -> list[Finding]:
    """The series whose keys or attributes name no goods, with the setting that leaves them out.

    What `goods` lists, by key, is goods.
    """
    series = series.filter(~pl.Series(are_goods(series, goods)))
    texts = [name for name in series.columns if series.schema[name] == pl.String]
    for name in texts:
        named = series.filter(pl.col(name).str.strip_chars().str.contains(PATTERN))
        if not named.height or named.height == series.height:
            continue
        values = named[name].unique().sort()
        message = f"{named.height:,} series are named like charges or discounts, not like goods"
        setting = exclude_setting({name: values.head(5).to_list()}, more=len(values) > 5)
        entry = finding("non-goods", where, named.height, message, key_texts(named.select(keys)))
        return [
            replace(
                entry,
                advice=f"If they are none, leave them out with '{setting}' under 'data', else list them under 'goods'.",
            )
        ]
    return []


def setting_of(name: str, values: Mapping[str, Sequence[str]], more: bool = False) -> str:
    """A setting with values by column, as it is written; `more` says that these are not all values.

    >>> setting_of("goods", {"item": ["kit"]})
    'goods: {item: ["kit"]}'
    """
    rest = ", …" if more else ""
    lists = [f"{column}: [{', '.join(map(_quoted, texts))}{rest}]" for column, texts in values.items()]
    return f"{name}: {{{', '.join(lists)}}}"


def exclude_setting(names: Mapping[str, Sequence[str]], more: bool = False) -> str:
    """The setting that leaves out values of keys or attributes, by column; `more` says that these are not all values.

    >>> exclude_setting({"item": ["Total"]}), exclude_setting({"item": ['Post "A"']}, more=True)
    ('exclude: {item: ["Total"]}', 'exclude: {item: ["Post \\\\"A\\\\"", …]}')
    """
    return setting_of("exclude", names, more)


def _quoted(value: str) -> str:
    escaped = value.replace('"', '\\"')
    return f'"{escaped}"'
