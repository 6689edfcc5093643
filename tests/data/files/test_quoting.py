"""Quotes, titles and line ends that other programs write; each file has the same rows."""

from __future__ import annotations

import numpy as np
import pytest

from foresell.core.errors import UnreadableFile
from foresell.onboarding.roles import infer

DAYS = [f"2024-01-{day:02d}" for day in range(1, 29)]


def table(cell: str, separator: str = ",", head: str = "", end: str = "\n") -> str:
    lines = ["store,item,date,units".replace(",", separator)]
    lines += [separator.join(("S1", cell, day, str(place % 7 + 1))) for place, day in enumerate(DAYS)]
    return head + end.join(lines) + end


FORMS = {
    "escaped by a backslash": table(r'"Pipe 3\" A"'),
    "escaped at the end": table(r'"Pipe 3\""'),
    "bare": table('Pipe 3" A'),
    "bare within quotes": table('"Pipe 3" A"'),
    "doubled": table('"Pipe 3"" A"'),
    "after a blank": table('Pipe 3"" A', ", ").replace('Pipe 3"" A', '"Pipe 3"" A"'),
    "at the beginning": table('"3 inch'),
    "titles": table("Pipe", head="Sales report,,,\nPeriod: 2024,,,\n,,,\n"),
    "titles without separators": table("Pipe", head="Sales report\n\nPeriod 2024\n"),
    "titles and semicolons": table("Pipe", ";", head="Report;Sales\nUser;X, Y\n\n"),
    "carriage returns": table("Pipe", end="\r"),
    "blanks after commas": table("Pipe", ", "),
    "blanks and titles": table("Pipe", ", ", head="Sales report, , , \n"),
}


@pytest.mark.parametrize("form", FORMS)
def test_init_and_check_read_the_same_rows(load, tmp_path, form):
    (tmp_path / "sales.csv").write_text(FORMS[form], newline="")
    settings = infer("sales.csv", tmp_path).settings["data"]
    assert settings["date"] == "date"
    assert settings["quantity"] == "units"
    loaded = load(tmp_path, {}, **settings)
    assert loaded.panel.n_series == 1
    np.testing.assert_array_equal(loaded.panel.units[0], [place % 7 + 1 for place in range(28)])
    assert loaded.quarantine.is_empty()


def test_lines_of_bad_rows_count_titles_and_rewritten_rows(load, tmp_path):
    sales = table('Pipe 3" A', head="Sales report,,,\n,,,\n").replace("2024-01-05", "soon")
    assert load(tmp_path, {"sales.csv": sales}).quarantine["line"].to_list() == [8]


@pytest.mark.parametrize("size", [1, 400])
def test_an_unbalanced_quote_is_refused_with_its_line(load, tmp_path, size):
    sales = table('"Pipe, 3"') + 'S1,"Pipe, 3,2024-02-01,1\n' + 'S1,"Pipe, 3",2024-02-02,1\n' * size
    with pytest.raises(UnreadableFile, match=r"line 30 has a quote|line 30 that is never closed"):
        load(tmp_path, {"sales.csv": sales})


def test_files_of_a_folder_may_have_other_columns_in_another_order(load, tmp_path):
    lines = table("Pipe").splitlines()
    first = "\n".join(lines[:15]) + "\n"
    rows = [line.split(",") for line in lines[15:]]
    second = "units,stock,date,item,store\n" + "".join(f"{u},9,{d},{i},{s}\n" for s, i, d, u in rows)
    load(tmp_path, {"in/a.csv": first, "in/b.csv": second}, sales="in")
    settings = infer("in/*.csv", tmp_path).settings["data"]
    panel = load(tmp_path, {}, **settings).panel
    np.testing.assert_array_equal(panel.units[0], [place % 7 + 1 for place in range(28)])


def test_some_files_of_a_folder_may_lack_a_covariate(load, tmp_path):
    files = {
        "in/a.csv": "store,item,date,units\nS,x,2024-01-01,1\nS,x,2024-01-02,2\n",
        "in/b.csv": "date,price,promo,store,item,units\n2024-01-03,2.5,1,S,x,3\n",
    }
    panel = load(tmp_path, files, sales="in", price="price", promotion="promo").panel
    np.testing.assert_array_equal(panel.units, [[1, 2, 3]])
    assert panel.known["price"].values[0, 2] == 2.5
