"""Settings that tables of every layout have: how their text is written, frequency, horizon, levels and country."""

from __future__ import annotations

import numpy as np
import polars as pl

from foresell.core.errors import first_five
from foresell.core.frequency import Frequency
from foresell.data.exclusion.non_goods import exclude_setting
from foresell.data.exclusion.total_series import names_by_key
from foresell.data.number_formats import NumberMarks, decimal_mark, to_number
from foresell.onboarding import series_keys
from foresell.onboarding.column_names import name_score
from foresell.onboarding.columns import number_texts
from foresell.onboarding.dates import frequency
from foresell.onboarding.dates.periods import NAME, extended
from foresell.onboarding.overrides import BY_HAND, Overrides
from foresell.onboarding.proposal import Draft
from foresell.onboarding.table_sample import ROW, TableSample, require_columns, sample_table

US_STATES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA "
    "RI SC SD TN TX UT VT VA WA WV WI WY DC"
)


def check_names(table: TableSample, overrides: Overrides) -> None:
    """Raises UsageError where a column named by hand is not in the table."""
    require_columns(table, overrides.columns())


def propose_text_format(draft: Draft, table: TableSample, overrides: Overrides) -> None:
    """Separator, decimal mark and encoding of a text table; nothing for Parquet."""
    if table.text_format is None:
        return
    if table.in_workbook:
        return propose_decimal(draft, table, overrides)
    separator, encoding = table.text_format.separator, table.text_format.encoding
    draft.set("data.separator", separator, "it cuts the first lines into the same number of columns")
    propose_decimal(draft, table, overrides)
    why = "the bytes are not UTF-8" if encoding == "cp1252" else "the first bytes read as such"
    draft.set("data.encoding", encoding, why)
    if encoding == "cp1252" and overrides.encoding is None:
        draft.add_doubt(
            "The file is not UTF-8; it was taken for Windows-1252. If letters look wrong, say --encoding.", "encoding"
        )


def _numbers_with_mark(table: TableSample) -> dict[str, pl.Series]:
    """The texts of numbers by column; of a workbook only numbers such as 1.234 that are stored as text."""
    numbers = {column.name: column for column in number_texts(table.frame.drop(ROW))}
    if not table.in_workbook:
        return numbers
    return {name: texts for name, texts in numbers.items() if any(NumberMarks.of(texts, mark).grouped for mark in ".,")}


def in_decimal_of_texts(table: TableSample, overrides: Overrides) -> TableSample:
    """The sample of a workbook with all numbers in the decimal mark of those that are stored as text."""
    numbers = list(_numbers_with_mark(table).values()) if table.in_workbook and not overrides.decimal else []
    return sample_table(list(table.files), decimal=",") if numbers and decimal_mark(numbers)[0] == "," else table


def propose_decimal(draft: Draft, table: TableSample, overrides: Overrides) -> None:
    """The decimal mark; a doubt where numbers such as 1.234 may be thousands and may be decimals."""
    numbers = _numbers_with_mark(table)
    if table.in_workbook and not numbers:
        return None
    if overrides.decimal:
        return draft.set("data.decimal", overrides.decimal, BY_HAND)
    decimal, why, in_doubt = decimal_mark(list(numbers.values()))
    draft.set("data.decimal", decimal, why)
    for name in in_doubt:
        texts = numbers[name].filter(numbers[name].str.contains(r"[.,]\d{3}$"))
        example = str(texts.first())
        values = [f"{to_number(texts.head(1), mark).item():,g}" for mark in (decimal, "." if decimal == "," else ",")]
        draft.add_doubt(
            f"Is {example} in {name} {values[0]} or {values[1]}? It was read as {values[0]}. If that is wrong, say "
            f"--decimal {'.' if decimal == ',' else ','!r}.",
            "decimal",
            [".", ","],
        )
    return None


def propose_frequency(draft: Draft, inferred: frequency.Conclusion, overrides: Overrides) -> str:
    """The frequency: the user's, else the one inferred. Returns it."""
    if overrides.frequency:
        inferred = frequency.Conclusion(overrides.frequency, BY_HAND)
    draft.set("data.frequency", inferred.value, inferred.why)
    draft.add_doubt(inferred.doubt, "frequency", list(Frequency))
    return inferred.value


def propose_horizon(draft: Draft, period: str, n_periods: int, overrides: Overrides) -> None:
    """How many periods (days, weeks or months) to forecast, from a history of `n_periods`."""
    if overrides.horizon:
        draft.set("horizon", int(overrides.horizon), BY_HAND)
    else:
        draft.set("horizon", *frequency.infer_horizon(period, n_periods))


def propose_time_of_table(draft: Draft, tabled: Frequency, dates: np.ndarray, overrides: Overrides) -> None:
    """The frequency, the horizon and the table of periods, for sales of such `dates` that have one.

    A table that is proposed reaches a year past the horizon.
    """
    table = tabled.table
    assert table is not None
    why = f"the periods have {table.mean_days:.0f} days on average, {table.season} of them a year"
    propose_frequency(draft, frequency.Conclusion(str(tabled), why), overrides)
    first, last = table.index(dates[[0, -1]]).tolist()
    propose_horizon(draft, tabled, last - first + 1, overrides)
    if draft.writes_periods:
        draft.set("data.periods", NAME, "the dates are of no frequency; the table lists their periods")
        needed = last + 1 + draft.top["horizon"] + table.season - len(table)
        draft.periods = extended(table, max(needed, 0))


def propose_levels(draft: Draft, series: pl.DataFrame) -> None:
    """Levels from the keys and attributes of `series` [series], also those that side tables add."""
    keys = tuple(draft.data["keys"])
    draft.add_doubt(_doubt_of_totals(series, keys))
    levels = series_keys.levels(series, keys, [name for name in series.columns if name not in keys])
    why = "groups of two or more series" if levels else "nothing groups the series"
    draft.set("levels", levels, f"{why}; the total and the single series are always there")


def _doubt_of_totals(series: pl.DataFrame, keys: tuple[str, ...]) -> str | None:
    """What is in doubt where values of keys are named like totals."""
    names = names_by_key(series, keys)
    if not names:
        return None
    listed = first_five(f"{value!r}" for values in names.values() for value in values)
    return (
        f"{listed} in {', '.join(names)} seem to be totals. `foresell check` leaves out those that equal the sum of "
        f"others; the rest count as goods. If they are totals, set '{exclude_setting(names)}' under 'data'."
    )


def propose_country(draft: Draft, series: pl.DataFrame, overrides: Overrides, rows: pl.DataFrame) -> None:
    """The country whose holidays count, where a column says so or all states are of one country."""
    if overrides.country:
        return draft.set("data.country", overrides.country, BY_HAND)
    for name in rows.columns:
        values = {str(value) for value in rows[name].drop_nulls().unique().head(99)}
        if name_score(name, "country_name") == 4 and len(values) == 1 and all(_is_country(value) for value in values):
            country = values.pop().upper()
            if "land" in name.lower():  # in German this may be a state, and BE is Berlin as well as Belgium
                draft.add_doubt(
                    f"The only value of {name} is {country}, so the holidays of that country are used. If it is not a "
                    "country, say --country.",
                    "country",
                )
            return draft.set("data.country", country, f"the only value of {name}")
    for name in series.columns:
        values = {str(value) for value in series[name].drop_nulls().unique()}
        if "state" in name.lower() and len(values) >= 2 and values <= set(US_STATES.split()):
            draft.add_doubt(
                f"The values of {name} are states of the USA, so its holidays are used. If not, say --country.",
                "country",
            )
            return draft.set("data.country", "US", f"the values of {name} are states of the USA")
    german = any(
        word in heading.lower() for heading in rows.columns for word in ("datum", "menge", "filiale", "artikel")
    )
    hint = " (the headings are German, so DE, AT or CH)" if german else ""
    return draft.set("data.country", None, f"nothing in the data says; name it to use its holidays{hint}")


def _is_country(code: str) -> bool:
    import holidays

    return code.upper() in holidays.list_supported_countries()
