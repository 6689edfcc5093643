"""The codes of the findings that reading and validation report: severity, meaning and advice of each."""

from __future__ import annotations

from functools import partial

from foresell.core.finding import Code, Severity, finding_of

ERROR, WARNING, INFO = Severity.ERROR, Severity.WARNING, Severity.INFO

CODES: dict[str, Code] = {
    # Errors, which stop the work.
    "missing-columns": Code(
        ERROR,
        "A column that the settings name is not in the table.",
        "Correct the name in the settings, or the separator if the columns were not split.",
    ),
    "no-sales": Code(ERROR, "No row has a quantity that can be used.", "Check the quantity column in the settings."),
    "unknown-days": Code(
        ERROR,
        "Day columns of a wide table have no date.",
        "Name the calendar table and its 'day' column, or correct 'day_prefix'.",
    ),
    "too-many-bad-rows": Code(
        ERROR,
        "More rows are bad than 'max_bad_share' allows.",
        "Correct the rows in the quarantine file, or the setting that misreads them; raise 'max_bad_share' only if "
        "the forecasts may do without these rows.",
    ),
    # Tables of stock, open orders and terms of supply.
    "supply-unmatched": Code(
        WARNING,
        "Rows of a table of supply are about series that are not forecast; they are left out.",
        "Write the keys as in the sales. Where the goods are new or no longer sold, nothing needs to be done.",
    ),
    "supply-repeated": Code(
        WARNING,
        "Several rows of the stock are about one series; they are added up.",
        "Nothing needs to be done where they are several places or lots; else keep the newest count.",
    ),
    "supply-row-invalid": Code(
        WARNING,
        "Rows of a table that plans are made from have a cell that cannot be read or cannot be. They are left out.",
        "Correct these cells. What the rows are about is not planned, or is planned without them.",
    ),
    "receipts-invalid": Code(
        WARNING,
        "Receipts came before their order. They are left out.",
        "Correct the two days, or look whether their columns are mixed up.",
    ),
    "supply-contradictory": Code(
        WARNING,
        "Rows of a table of supply are about the same and give different values. No line is planned by these values.",
        "Keep one row for each key, the one that is right.",
    ),
    "holding-share-large": Code(
        WARNING,
        "A share that it costs to hold a unit for a year is so large that it is none. No line is planned by it.",
        "Write a quarter of the unit cost as 0.25, or as 25 %.",
    ),
    "supply-numbers-doubtful": Code(
        WARNING,
        "Numbers of a table of supply may be thousands or decimals.",
        "Set 'decimal' below 'orders' to be sure.",
    ),
    "terms-incomplete": Code(
        INFO,
        "The table of terms has no row for some series.",
        "Add rows for them; what is not given is assumed, and marked in the plan.",
    ),
    # Bad rows, which go to quarantine. A bad row with a good key and date makes its day unknown, never zero.
    "ragged-rows": Code(
        WARNING,
        "A row has more or fewer fields than the header; it is left out.",
        "Look for unquoted separators or a file that was cut off.",
        bad_row=True,
    ),
    "total-rows": Code(
        INFO,
        "A row without a date has the name of a total; it is left out, because all levels are added up anyway.",
        "Nothing needs to be done. If the row is none, give it a date.",
        bad_row=True,
    ),
    "note-rows": Code(
        INFO,
        "A row has neither a date nor a number, as titles, footers and repeated headers have; it is left out.",
        "Nothing needs to be done. If the row is a sale, correct its date and quantity.",
        bad_row=True,
    ),
    "missing-keys": Code(
        WARNING, "A key or the date is empty; the row is left out.", "Fill in the key or date.", bad_row=True
    ),
    "unparsable-dates": Code(
        WARNING,
        "A date cannot be read; the row is left out.",
        "Set 'date_format' if the format is uncommon (such as %d.%m.%Y), else correct the rows.",
        bad_row=True,
    ),
    "unparsable-numbers": Code(
        WARNING,
        "A number cannot be read; it is taken as unknown.",
        "Set 'decimal' if numbers have a decimal comma, else correct the rows.",
        bad_row=True,
    ),
    "duplicate-keys": Code(
        WARNING,
        "Several rows are for one series and day. Where they agree one is kept; where they differ the day is unknown.",
        "Remove the copies, or set layout 'transactions' if the rows are meant to be added up.",
        bad_row=True,
    ),
    "negative-sales": Code(
        WARNING,
        "A quantity in a table of daily sales is negative; the day is taken as unknown.",
        "Subtract returns beforehand, or give transaction lines with layout 'transactions', which subtracts them.",
        bad_row=True,
    ),
    "future-dates": Code(
        WARNING,
        "A sale is dated after today; the row is left out.",
        "Correct the dates; rows that are known ahead belong in the 'future' file.",
        bad_row=True,
    ),
    "stray-dates": Code(
        WARNING,
        "A few rows lie years before all others; they are left out.",
        "Correct the dates, which are probably typing errors.",
        bad_row=True,
    ),
    "unknown-items": Code(
        WARNING,
        "A row names an item that the table of items does not have; the row is left out.",
        "Add the item to the table of items.",
        bad_row=True,
    ),
    "unknown-stores": Code(
        WARNING,
        "A row names a store that the table of stores does not have; the row is left out.",
        "Add the store to the table of stores.",
        bad_row=True,
    ),
    # Warnings, which somebody should look at.
    "untidy-keys": Code(
        WARNING,
        "Keys have blanks around them, letters in two forms of Unicode, or are written as 100 and as 100.0; they are "
        "taken for one series.",
        "Nothing has to be done; write the keys alike in the file to have no such warning.",
    ),
    "similar-keys": Code(
        WARNING,
        "Keys differ only in capital letters or in zeros before them; they are taken for several series.",
        "If they are one series, write them alike in the file; of zeros, 'leading_zeros: ignore' does so.",
    ),
    "total-series": Code(
        WARNING,
        "A series equals the sum of others in every period, as rows called 'Total' do; it is left out.",
        "Take such rows out of the file; foresell adds up totals and levels itself.",
    ),
    "named-totals": Code(
        WARNING,
        "A series is named like a total, and is not the sum of others; it counts as goods.",
        "Leave it out with 'exclude' if it is a total; foresell adds up totals and levels itself.",
    ),
    "thousands-as-decimals": Code(
        WARNING,
        "Numbers that look like thousands were read as decimals.",
        "Set 'decimal' to the other mark if they are thousands.",
    ),
    "gaps": Code(
        WARNING,
        "Days between the first and the last sale have no row in any series.",
        "Look for files or rows that are missing. With 'absent: unknown' such days do not count as days without sales.",
    ),
    "constant-series": Code(WARNING, "A series never changes.", "Check that these are sales and not placeholders."),
    "dead-series": Code(
        WARNING,
        "A series has not sold for a long time up to the end of the history.",
        "Leave discontinued series out if no forecast is wanted for them.",
    ),
    "ended-series": Code(
        INFO,
        "A series has sold nothing for so long that it counts as ended, and is forecast as 0.",
        "Set 'ended_after' to more periods, or to never, if such series may sell again.",
    ),
    "non-goods": Code(
        WARNING,
        "Series are named like charges or discounts, not like goods.",
        "Leave them out with 'exclude' if they are none.",
    ),
    "repeated-receipts": Code(
        WARNING,
        "Lines of a receipt stand in several files, as where exports overlap.",
        "Set 'repeated_receipts: drop' if they are the same sales, or take the overlap out of the files.",
    ),
    "repeated-rows": Code(
        WARNING,
        "Rows stand in several files, as where exports overlap or a file was copied; equal rows count once.",
        "Take copies and files that are out of date out of the folder.",
    ),
    "excluded-series": Code(INFO, "Series have values that 'exclude' lists; they are left out.", ""),
    "excluded-rows": Code(INFO, "Rows have values that 'exclude' lists; they are left out.", ""),
    "return-rows": Code(INFO, "Rows have values that 'return_rows' lists; their units are subtracted.", ""),
    "zero-prices": Code(
        WARNING, "A price is zero or negative; it is taken as unknown.", "Correct the prices where they matter."
    ),
    "known-ahead-ends-early": Code(
        WARNING,
        "A covariate ends before the horizon does: the backtest knew it, tonight's forecast cannot.",
        "Give its coming values in the 'future' file (or the table it comes from), or take it out of the settings; "
        "until then expect less of the forecast than the backtest shows. For a table under 'covariates', "
        "'known_ahead: false' takes its values one horizon later, which every forecast knows.",
    ),
    "covariate-of-sales-only": Code(
        WARNING,
        "A covariate is known only on days with a sale, so that it would reveal the sale. A price is replaced by its "
        "value one horizon earlier; any other covariate is left out.",
        "Give it for every day: in the calendar, in a table of 'prices', in a daily table with its zeros, or in a "
        "'future' file that covers the history as well. If days without a row are closed days, set 'absent: unknown'.",
    ),
    "covariate-gaps": Code(
        WARNING,
        "A table of covariates has no value for some of the time of the sales; they are unknown there.",
        "Add rows for the missing time, with 0 where nothing happened; or leave it, if the values are not known.",
    ),
    "covariate-unmatched": Code(
        WARNING,
        "A table of covariates has no row for some of the series; they are unknown for these.",
        "Add rows for them, or write the keys alike in both tables.",
    ),
    "covariate-of-text": Code(
        WARNING,
        "A column of a table of covariates has texts; it is left out.",
        "Name it in 'columns' of the table if the order of its texts means something, or make columns of 0 and 1 of "
        "it.",
    ),
    "unused-covariate": Code(
        WARNING,
        "A covariate is named in the settings and no feature uses it.",
        "Switch on a feature that reads it, or take it out of the settings.",
    ),
    "short-history": Code(
        WARNING,
        "The history is too short for the backtest that the settings ask for.",
        "Give more history, or set fewer windows or a shorter horizon.",
    ),
    "varying-attributes": Code(
        WARNING,
        "An attribute that should be fixed for a series changes; the latest value is taken.",
        "Name it under 'known_ahead' if it is meant to change.",
    ),
    "ambiguous-dates": Code(
        WARNING,
        "The dates can be read in more than one way.",
        "Set 'date_format' to be sure.",
    ),
    "unknown-series": Code(
        WARNING,
        "A side table or the future file names series that have no sales; those rows are not used.",
        "Check that both tables write the keys in the same way.",
    ),
    "repeated-entries": Code(
        WARNING,
        "A side table has several rows for one key; prices and covariates are averaged, else the first in sorted "
        "order is taken.",
        "Keep one row for each key.",
    ),
    # Information for the record.
    "launches-ahead": Code(
        INFO, "The future file names series that have no sales yet; they are taken for launches to come.", ""
    ),
    "missing-quantities": Code(INFO, "A row has no quantity; its day is unknown.", ""),
    "missing-days": Code(INFO, "A series on sale has no row for some days; those days are unknown.", ""),
    "net-returns": Code(
        INFO, "More was returned than sold, on a day or by then; what is beyond the sales does not count.", ""
    ),
    "netted-returns": Code(
        INFO,
        "More was returned than sold on a day; the rest is subtracted from the latest earlier days of the series.",
        "Set 'returns: same_day' if goods that come back were wanted all the same.",
    ),
    "closed-days": Code(INFO, "Days are marked as closed; their sales are unknown.", ""),
    "stocked-out-days": Code(INFO, "Days are marked as stocked out; their demand is unknown.", ""),
    "covariate-periods": Code(
        INFO, "The dates of a table of covariates are other periods than those of the sales.", ""
    ),
    "coded-text": Code(INFO, "The texts of a covariate were replaced by numbers in sorted order of the texts.", ""),
    "partial-periods": Code(
        INFO,
        "The first or last week, month, quarter or year is incomplete; it is left out.",
        "",
    ),
}

finding = partial(finding_of, CODES)
"""Makes a finding of one of these codes; the arguments are those of `core.finding.finding_of` after the first."""
