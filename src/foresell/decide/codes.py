"""Every code that decisions may report: its severity, its meaning, and advice."""

from __future__ import annotations

from functools import partial

from foresell.core.finding import Code, Severity, finding_of

CODES: dict[str, Code] = {
    "stock-negative": Code(
        Severity.ERROR,
        "The stock on hand is below 0. Nothing is ordered for these series.",
        "Count the stock again. Where customers wait for units, give their number as demand that is due, not as stock.",
    ),
    "stock-unknown": Code(
        Severity.ERROR,
        "The stock on hand or on order is missing or no number. Nothing is ordered for these series.",
        "Give the stock on hand of each series, 0 where there is none.",
    ),
    "order-overdue": Code(
        Severity.ERROR,
        "An open order was due by the last day of the sales. Nothing is ordered for these series.",
        "Give the day on which it will arrive, or take it out where it has arrived or is cancelled.",
    ),
    "order-beyond-horizon": Code(
        Severity.WARNING,
        "An open order arrives after the last step that was forecast. It is not counted.",
        "Forecast further ahead, or correct the day on which the order is due.",
    ),
    "order-negative": Code(
        Severity.ERROR,
        "An open order is below 0. Nothing is ordered for these series.",
        "Take returns to the vendor off the stock on hand, on the day on which they leave.",
    ),
    "pack-invalid": Code(
        Severity.ERROR,
        "The pack, the minimum order or the shelf life is too small or cannot be read. Nothing is ordered for these "
        "series.",
        "Give a pack above 0 (1 for single units), a minimum order of 0 or more, and a shelf life of 1 period or more.",
    ),
    "lead-time-beyond-horizon": Code(
        Severity.ERROR,
        "Lead time and review time together are longer than the forecast. Nothing is ordered for these series.",
        "Forecast at least as many periods as lead time and review time have together.",
    ),
    "lead-time-differs": Code(
        Severity.WARNING,
        "The lead time of the terms differs much from that of past receipts. That of the terms is taken.",
        "Correct the lead time in the terms, or leave it blank, which takes that of the receipts.",
    ),
    "lead-time-invalid": Code(
        Severity.ERROR,
        "The lead time is below 0, the review time below 1 period, or one cannot be read. Nothing is ordered for these "
        "series.",
        "Give a lead time of 0 periods or more, and a review time of 1 period or more.",
    ),
    "cost-invalid": Code(
        Severity.ERROR,
        "A price is not above 0, a cost is below 0 or cannot be read, or all costs are 0. Nothing is ordered for these "
        "series.",
        "Give a price above 0 or leave it blank, rates of 0 or more, and a holding cost or a lost margin above 0.",
    ),
    "order-unprofitable": Code(
        Severity.INFO,
        "A pack or a minimum costs more than it is expected to save now. Nothing is ordered yet.",
        "Nothing needs to be done; where it goes on, ask the vendor for smaller packs or a smaller minimum.",
    ),
    "margin-none": Code(
        Severity.WARNING,
        "A unit costs as much as it sells for, or more. So a lost sale costs nothing, and no order is made against it.",
        "Correct the price or the unit cost, or give lost_margin for goods that have to be there.",
    ),
    "vendor-unknown": Code(
        Severity.ERROR,
        "The terms name a vendor that the table of vendors does not have. Nothing is ordered for these series.",
        "Add a row for the vendor, with blank cells where it asks for nothing, or correct the name.",
    ),
    "vendor-invalid": Code(
        Severity.ERROR,
        "The joint terms of a vendor cannot be, such as a negative minimum. Nothing is ordered from these vendors.",
        "Correct the row in the table of vendors, or the vendor's price breaks.",
    ),
    "unit-load-unknown": Code(
        Severity.ERROR,
        "A vendor's trucks are measured in weight or volume, and that of a unit is not known. Nothing is ordered for "
        "these series.",
        "Give unit_weight or unit_volume in the terms, or what a truck holds in units.",
    ),
    "vendor-order-unprofitable": Code(
        Severity.INFO,
        "A joint minimum, a truck or the budget keeps a whole order from being placed, because it would cost more than "
        "it is expected to save. Nothing is ordered from these vendors yet.",
        "Nothing needs to be done; where it goes on, ask the vendor for a smaller minimum, or order less often.",
    ),
    "budget-infeasible": Code(
        Severity.ERROR,
        "The budget is below 0 or no number, or buys not even the smallest order. Nothing is ordered.",
        "Give a budget that is at least the smallest order, or none.",
    ),
    "centre-stock-unknown": Code(
        Severity.ERROR,
        "The centre of these series has no row of stock for them. Nothing is allocated to them.",
        "Add what the centre has of these items, 0 where there is none, or correct the name of the centre.",
    ),
    "centre-stock-invalid": Code(
        Severity.ERROR,
        "The stock of a centre is missing, no number or below 0. Nothing is allocated from it.",
        "Count the stock again, and give 0 where there is none.",
    ),
    "centre-overload": Code(
        Severity.WARNING,
        "A centre will have to handle more than it can on these days, with a probability of more than 10 %.",
        "Bring orders of stores forward, or give the centre more people on these days.",
    ),
    "override-unmatched": Code(
        Severity.WARNING,
        "An override fits no line of the plan, so it changes nothing.",
        "Look whether these keys are still called so, or take it back with: foresell override withdraw.",
    ),
    "override-undecided": Code(
        Severity.WARNING,
        "An override adds to a line without a quantity, so it changes nothing there.",
        "Correct what keeps the line from being decided, or give the whole quantity with --to.",
    ),
    "override-over-budget": Code(
        Severity.WARNING,
        "With the overrides of people the plan costs more than its budget.",
        "Withdraw or lower an override, or raise the budget in the settings.",
    ),
    "override-below-zero": Code(
        Severity.WARNING,
        "Overrides take off more than the plan has. The quantity is 0.",
        "Withdraw the override, or make it smaller.",
    ),
    "markdown-terms-invalid": Code(
        Severity.ERROR,
        "The days left, the salvage or the holding cost is below 0 or cannot be read. Nothing is changed in the "
        "price of these series.",
        "Correct the cell, or leave it blank.",
    ),
    "price-response-unseen": Code(
        Severity.INFO,
        "The past has too few changes of the price, or demand did not answer to them. The price is left as it is.",
        "Try another price for a few weeks in some stores. Lower it without proof where the stock has to go.",
    ),
    "driver-invalid": Code(
        Severity.ERROR,
        "Rows of drivers or equipment have no units an hour above 0. Nothing is planned by them.",
        "Give the units that one person or piece does in an hour, or the handling_seconds of a service desk.",
    ),
    "driver-missing": Code(
        Severity.ERROR,
        "Places with sales have no row in the table of drivers. Nobody is planned there.",
        "Add rows with units_an_hour for them, or one row without keys for all.",
    ),
    "equipment-short": Code(
        Severity.WARNING,
        "The equipment would be short more often than is accepted.",
        "Add as many pieces as the plan says, move the work to other hours, or accept it: labour.accepted_overload.",
    ),
    "person-shared": Code(
        Severity.INFO,
        "A name stands at several posts. It is taken for one person, who works at one post a day, and whose hours and "
        "days of a week are those of all posts together.",
        "Give people different names where they are not the same; else nothing needs to be done.",
    ),
    "profile-unused": Code(
        Severity.WARNING,
        "The profile of the hours of a day is not used, because the forecast is of hours already.",
        "Take labour.profile out of the settings.",
    ),
    "roster-gap": Code(
        Severity.WARNING,
        "The search for shifts ended before it could show that none cost much less.",
        "Nothing needs to be done where the gap is small; else give fewer lengths of shifts, or people of fewer posts.",
    ),
    "capability-missing": Code(
        Severity.ERROR,
        "No manufacturer can make a part that is in demand. Nothing is ordered of it.",
        "Add a row to the capabilities for a manufacturer that can make it.",
    ),
    "capacity-missing": Code(
        Severity.ERROR,
        "The capacity of a manufacturer is not given for a period of the forecast. Nothing is ordered in it.",
        "Give the capacity of each period of the forecast, or one row without a date, and 0 where there is none.",
    ),
    "capacity-spread": Code(
        Severity.INFO,
        "Capacities are given for the first day of each month, and the forecast is of shorter periods.",
        "Nothing needs to be done where they are those of whole months; else give a row for each period.",
    ),
    "manufacturer-unknown": Code(
        Severity.WARNING,
        "Rows are about manufacturers that no row of the capabilities names. They are left out.",
        "Write the manufacturer as in the capabilities, or add what it can make.",
    ),
    "capacity-gap": Code(
        Severity.WARNING,
        "The search for whole lots ended before it could show that no plan costs much less.",
        "Nothing needs to be done where the gap is small; else raise capacity.search_seconds, or give minimum lots "
        "only where they matter.",
    ),
    "lots-expired": Code(
        Severity.WARNING,
        "Stock has passed the last day on which it may be sold. It does not count as stock on hand.",
        "Take it off the shelf and out of the tables of stock and lots, or correct the day on which it expires.",
    ),
    "lots-differ": Code(
        Severity.WARNING,
        "The lots of a series do not add up to its stock on hand. The lots are counted.",
        "Count the stock again, and give every lot of a series that has lots.",
    ),
    "demand-invalid": Code(
        Severity.ERROR,
        "The sample paths of demand are missing, infinite or below 0. Nothing is ordered for these series.",
        "Make the forecast again, and leave out series that it does not have.",
    ),
}

finding = partial(finding_of, CODES)
"""A finding of one of these codes, see `core.finding.finding_of`."""
