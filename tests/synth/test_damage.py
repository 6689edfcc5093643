import csv
import gzip
from collections import Counter
from datetime import date

import pytest

from foresell.core.errors import UsageError
from foresell.synth import damage, make_retailer
from foresell.synth.damage import FAULTS
from foresell.synth.retailer import END


@pytest.fixture(scope="module")
def clean(tmp_path_factory):
    return make_retailer(tmp_path_factory.mktemp("clean"), stores=2, items=10, days=200)


@pytest.fixture(scope="module")
def damaged(clean):
    target = clean.folder / "damaged.csv"
    return target, {planted.code: planted for planted in damage(clean.sales, target, seed=2, per_code=4)}


def lines_of(path):
    return path.read_text().splitlines()


def test_every_fault_stands_in_its_line(damaged):
    target, planted = damaged
    lines = lines_of(target)
    for code in FAULTS:
        assert len(planted[code].lines) == len(planted[code].rows) == 4
        assert [lines[number - 1] for number in planted[code].lines] == list(planted[code].rows)
    where = [number for fault in planted.values() for number in fault.lines]
    assert len(set(where)) == len(where) == 4 * len(FAULTS)


def test_nothing_else_was_touched(clean, damaged):
    target, planted = damaged
    bad = {number for fault in planted.values() for number in fault.lines}
    left = Counter(line for number, line in enumerate(lines_of(target), 1) if number not in bad)
    original = Counter(lines_of(clean.sales))
    assert not left - original
    # What is gone: the rows taken out, and the rows that became faults (a duplicate leaves its row as it was).
    changed = sum(len(planted[code].lines) for code in FAULTS if code != "duplicate-keys")
    taken = [row for code in ("gaps", "missing-days") for row in planted[code].rows]
    gone = original - left
    assert not Counter(taken) - gone
    assert gone.total() == changed + len(taken)


def test_faults_are_what_their_names_say(clean, damaged):
    target, planted = damaged
    header = lines_of(target)[0].split(",")
    items = {row["item"] for row in csv.DictReader(clean.tables["items"].open())}
    rows = {
        code: [dict(zip(header, row.split(","), strict=True)) for row in fault.rows] for code, fault in planted.items()
    }
    for row in rows["unparsable-dates"]:
        with pytest.raises(ValueError, match=r"isoformat|month|day"):
            date.fromisoformat(row["date"])
    for row in rows["unparsable-numbers"]:
        with pytest.raises(ValueError, match="could not convert"):
            float(row["units"])
    assert all(float(row["units"]) < 0 for row in rows["negative-sales"])
    assert all(date.fromisoformat(row["date"]).year >= END.year + 49 for row in rows["future-dates"])
    assert not items & {row["item"] for row in rows["unknown-items"]}
    assert all(float(row["price"]) == 0 for row in rows["zero-prices"])


def test_duplicates_follow_their_rows_and_every_second_disagrees(damaged):
    target, planted = damaged
    lines = lines_of(target)
    pairs = [(lines[number - 2], lines[number - 1]) for number in planted["duplicate-keys"].lines]
    assert [first == second for first, second in pairs] == [True, False, True, False]
    assert all(first.split(",")[:3] == second.split(",")[:3] for first, second in pairs)


def test_missing_days_are_ten_in_a_row_from_within_one_series(clean, damaged):
    planted = damaged[1]["missing-days"]
    taken = [row.split(",") for row in planted.rows]
    days = [date.fromisoformat(row[0]) for row in taken]
    assert planted.lines == ()
    assert len({(row[1], row[2]) for row in taken}) == 1
    assert [(day - days[0]).days for day in days] == list(range(10))
    kept = {tuple(line.split(",")[:3]) for line in lines_of(damaged[0])}
    assert not {tuple(row[:3]) for row in taken} & kept


def test_the_gap_is_two_days_of_all_series(clean, damaged):
    target, planted = damaged
    gap = {row.split(",")[0] for row in planted["gaps"].rows}
    assert len(gap) == 2
    assert not any(line.split(",")[0] in gap for line in lines_of(target))
    assert len(planted["gaps"].rows) == sum(line.split(",")[0] in gap for line in lines_of(clean.sales))


def test_a_seed_plants_the_same_and_gzip_holds_the_same(clean, damaged, tmp_path):
    target, planted = damaged
    again = damage(clean.sales, tmp_path / "again.csv.gz", seed=2, per_code=4)
    assert {fault.code: fault for fault in again} == planted
    assert gzip.decompress((tmp_path / "again.csv.gz").read_bytes()) == target.read_bytes()
    other = damage(clean.sales, tmp_path / "other.csv", seed=3, per_code=4)
    assert {fault.code: fault for fault in other} != planted


def test_a_file_too_small_or_of_another_kind_is_a_usage_error(tmp_path):
    short = tmp_path / "short.csv"
    short.write_text("date,store,item,units,price\n2024-01-01,a,b,1,2\n")
    with pytest.raises(UsageError, match="It has 1 row of 1 series"):
        damage(short, tmp_path / "out.csv")
    other = tmp_path / "other.csv"
    other.write_text("day,shop\n")
    with pytest.raises(UsageError, match="date, store, item, units, price"):
        damage(other, tmp_path / "out.csv")
    with pytest.raises(UsageError, match="in place"):
        damage(short, short)
