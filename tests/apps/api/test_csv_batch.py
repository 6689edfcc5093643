"""A CSV file in, the same rows out with predictions: in pieces, whatever is in it."""

from __future__ import annotations

import asyncio
import csv
import io
import threading

import polars as pl
import pytest

from foresell.apps.api import csv_batch, response_spool
from foresell.apps.api.app import create_app
from foresell.core.settings import Serving
from foresell.serving.csv_predictions import CsvPredictions
from foresell.serving.csv_records import Reader
from foresell.serving.keys import Keys
from foresell.serving.prediction_log.reader import read_predictions
from foresell.serving.prediction_log.writer import PredictionLog
from foresell.serving.source import FolderSource

CSV = {"Content-Type": "text/csv"}
PREDICTED = [
    "predicted_units", "predicted_units_low", "predicted_units_high", "predicted_revenue", "predicted_revenue_low",
    "predicted_revenue_high", "basis", "assumed", "error",
]  # fmt: skip


def parsed(text: str, separator: str = ",") -> tuple[list[str], list[list[str]]]:
    head, *rows = csv.reader(io.StringIO(text), delimiter=separator)
    return head, rows


@pytest.fixture(scope="session")
def sheet(rows: pl.DataFrame, project) -> pl.DataFrame:
    """All series and days that can be asked."""
    return rows.select(*project.panel.keys, "date")


def test_each_row_comes_back_with_what_the_batch_forecast_says(client, sheet, rows) -> None:
    content = sheet.write_csv()
    answer = client.post("/predict_batch_csv", content=content, headers=CSV)
    assert answer.status_code == 200
    found = pl.read_csv(answer.content)
    assert found.columns == [*sheet.columns, *PREDICTED]
    lines = zip(answer.text.splitlines(), content.splitlines(), strict=True)
    assert all(given.startswith(f"{sent},") for given, sent in lines)
    assert found["error"].is_null().all()
    assert found["predicted_units"].cast(pl.Float32).to_list() == rows["mean"].to_list()
    assert found["predicted_units_low"].cast(pl.Float32).to_list() == rows["q050"].to_list()
    assert answer.headers["X-Model-Version"].startswith("unregistered")
    assert "X-Unused-Columns" not in answer.headers


@pytest.mark.parametrize("form", [False, True])
def test_bad_rows_are_reported_by_line_and_good_ones_answered(client, one, form) -> None:
    keys, date = [one["store"], one["item"]], one["date"]
    good = ",".join([*keys, date])
    lines = [
        'store,item,date,price,note',
        f'{good},1.5,"a, note"',
        f'{good},cheap,',
        f'{good},1.5',
        f'"{keys[0]}"x,{keys[1]},{date},1.5,',
        f'{good},1.5,"of two\nlines"',
        f'{keys[0]},,{date},1.5,',
        f'{keys[0]},never-seen,{date},1.5,',
        "",
        f'{good},,last',
    ]  # fmt: skip
    content = "\r\n".join(lines).encode() + b"\r\n" + f"{good},1.5,".encode() + b"K\xe4se\r\n"
    sent = {"files": {"file": ("rows.csv", content, "text/csv")}} if form else {"content": content, "headers": CSV}
    answer = client.post("/predict_batch_csv", **sent)
    head, rows = parsed(answer.content.decode("utf-8", "surrogateescape"))
    assert head == ["store", "item", "date", "price", "note", *PREDICTED]
    assert all(len(row) == len(head) for row in rows)
    errors = [row[-1] for row in rows]
    assert [error.partition(":")[0] for error in errors] == [
        "", "line 3", "line 4", "line 5", "", "line 8", "", "", "line 12",
    ]  # fmt: skip
    assert "cheap" in errors[1]
    assert "4 fields; the header has 5" in errors[2]
    assert "',' expected after" in errors[3]
    assert "UTF-8" in errors[8]
    assert [row[4] for row in rows if not row[-1]] == ["a, note", "of two\nlines", "", "last"]
    assert all(bool(row[5]) != bool(row[-1]) for row in rows)
    assert rows[6][head.index("basis")] == "new"
    assert answer.headers["X-Unused-Columns"] == "note"


def test_other_separators_and_transactions(client, one) -> None:
    content = f"store;item;date;price\n{one['store']};{one['item']};{one['date']};2.5\n"
    answer = client.post("/predict_batch_csv", params={"separator": ";"}, content=content, headers=CSV)
    head, rows = parsed(answer.text, ";")
    assert head[:4] == ["store", "item", "date", "price"]
    assert float(rows[0][4]) >= 0
    params = {"separator": ";", "kind": "transaction"}
    head, rows = parsed(client.post("/predict_batch_csv", params=params, content=content, headers=CSV).text, ";")
    assert head[4:] == ["predicted_value", "predicted_low", "predicted_high", "assumed", "error"]
    alone = client.post("/predict", json={"transaction": {**one, "price": 2.5}}).json()
    assert float(rows[0][4]) == alone["value"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"item,date\na,b\n", "no column store"),
        (b"store,item,date,item\n", "several columns called item"),
        (b"store,item,date,error\n", "columns of its own called error"),
        (b'"store,item,date\n', "header in line 1 cannot be read"),
        (b"store,item,date,K\xe4se\n", "not in UTF-8"),
        (",".join(f"c{number}" for number in range(20_000)).encode() + b"\n", "at most 2,000 are taken"),
    ],
)
def test_a_file_that_cannot_be_what_is_wanted(client, content, says) -> None:
    answer = client.post("/predict_batch_csv", content=content, headers=CSV)
    assert answer.status_code == 422
    assert says in answer.json()["detail"]


def test_a_form_that_is_broken_off_says_so_in_the_last_row(client, one) -> None:
    begin = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nstore,item,date\n'
    rows = f"{one['store']},{one['item']},{one['date']}\n".encode()
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/predict_batch_csv", content=begin + rows, headers=kind)
    assert answer.text.splitlines()[-1].endswith("the file may be cut off.")
    other = begin.replace(b"filename", b"nothing").replace(b'"file"', b'"other"')
    answer = client.post("/predict_batch_csv", content=other + rows + b"\r\n--x--\r\n", headers=kind)
    assert answer.status_code == 400
    assert "no part 'file'" in answer.json()["detail"]


def test_each_row_is_logged(serve, sheet, log_folder) -> None:
    with serve() as client:
        content = sheet.head(20).write_csv() + "bad\n"
        answer = client.post("/predict_batch_csv", content=content, headers=CSV)
    kept = read_predictions(log_folder).frame
    request = answer.headers["X-Request-ID"]
    assert kept["id"].to_list() == [f"{request}/{line}" for line in range(2, 22)]
    assert kept["inputs"].struct.field("date").to_list() == sheet["date"].cast(pl.String).head(20).to_list()
    told = pl.read_csv(answer.content, truncate_ragged_lines=True)["predicted_units"].head(20).to_list()
    assert kept["outputs"].struct.field("units").to_list() == pytest.approx(told)


async def with_app(bundle, log_folder, ask) -> None:
    """Calls `ask` with a running app that has its model."""
    log = PredictionLog(log_folder, 1000, 1)
    app = create_app(FolderSource(bundle), Serving(max_rate=1e6), Keys(), log)
    async with app.router.lifespan_context(app):
        await app.state.current_model.reload()
        await ask(app)


def repeated(sheet: pl.DataFrame, size: int) -> tuple[bytes, list[bytes]]:
    """A header, and pieces of about `size` bytes of rows, which are those of `sheet` again and again."""
    head, _, body = sheet.write_csv().encode().partition(b"\n")
    lines = body.splitlines(keepends=True)
    count = max(1, size // len(lines[0]))
    return head + b"\n", [b"".join(lines[number % len(lines)] for number in range(at, at + count)) for at in range(6)]


def test_rows_go_out_before_all_came_in(bundle, log_folder, sheet, upload) -> None:
    """How far the answer is behind the upload is bounded, however long that is: so is what is held."""
    head, pieces = repeated(sheet, 50_000)
    came, went, behind, parts = 0, -1, [], []

    async def ask(app) -> None:
        async def receive() -> dict:
            nonlocal came
            await asyncio.sleep(0.001)
            number = len(behind)
            behind.append(came - went)
            piece = (head if number == 0 else b"") + pieces[number % len(pieces)]
            came += pieces[number % len(pieces)].count(b"\n")
            return {"type": "http.request", "body": piece, "more_body": number < 39}

        async def send(message: dict) -> None:
            nonlocal went
            parts.append(message.get("body", b""))
            went += parts[-1].count(b"\n")

        await upload(app, receive, send)

    asyncio.run(with_app(bundle, log_folder, ask))
    rows = pieces[0].count(b"\n")
    assert came == went >= 40 * rows
    most = csv_batch.PIECE_BYTES / 50_000 + 2
    assert max(behind) <= most * rows
    assert max(map(len, parts)) <= 10 * csv_batch.PIECE_BYTES


def test_a_client_that_reads_only_when_it_has_sent_all(bundle, log_folder, sheet, upload, monkeypatch) -> None:
    """As most clients do: nothing blocks, and what waits for it does not wait in memory."""
    head, pieces = repeated(sheet, 50_000)
    held, parts = [], []
    put = response_spool.Spool.put

    def watched(self, part: bytes) -> None:
        put(self, part)
        held.append(sum(map(len, self._parts)))

    monkeypatch.setattr(response_spool.Spool, "put", watched)
    monkeypatch.setattr(response_spool.Spool.__init__, "__defaults__", (200_000,))

    async def ask(app) -> None:
        sent, number = asyncio.Event(), 0

        async def receive() -> dict:
            nonlocal number
            number += 1
            if number == 20:
                sent.set()
            return {"type": "http.request", "body": head * (number == 1) + pieces[0], "more_body": number < 20}

        async def send(message: dict) -> None:
            await sent.wait()
            parts.append(message.get("body", b""))

        await upload(app, receive, send)

    asyncio.run(with_app(bundle, log_folder, ask))
    text = b"".join(parts)
    assert text.count(b"\n") == 1 + 20 * pieces[0].count(b"\n")
    assert len(text) > 1_000_000
    assert max(held) <= 200_000


def test_a_client_that_goes_away_is_no_fault(bundle, log_folder, sheet, upload, caplog) -> None:
    head, pieces = repeated(sheet, 50_000)

    async def ask(app) -> None:
        messages = [{"type": "http.request", "body": head + pieces[0], "more_body": True}, {"type": "http.disconnect"}]

        async def receive() -> dict:
            return messages.pop(0) if messages else {"type": "http.disconnect"}

        async def send(message: dict) -> None:
            pass

        await upload(app, receive, send)

    asyncio.run(with_app(bundle, log_folder, ask))
    assert "fault" not in caplog.text


def test_no_work_on_what_a_client_sends_is_done_on_the_event_loop(
    bundle, log_folder, sheet, upload, monkeypatch
) -> None:
    """The loop serves all other requests; the threads of the work are noted, as times depend on the machine."""
    head, pieces = repeated(sheet, 50_000)
    threads: dict[str, set[int]] = {}

    def watch(owner: type, name: str) -> None:
        original = getattr(owner, name)

        def watched(*arguments):
            threads.setdefault(name, set()).add(threading.get_ident())
            return original(*arguments)

        monkeypatch.setattr(owner, name, watched)

    for owner, name in [(Reader, "feed"), (Reader, "end"), (CsvPredictions, "check"), (CsvPredictions, "output")]:
        watch(owner, name)

    async def ask(app) -> None:
        messages = [head[:5], head[5:], *pieces]

        async def receive() -> dict:
            return {"type": "http.request", "body": messages.pop(0), "more_body": bool(messages)}

        async def send(message: dict) -> None:
            pass

        await upload(app, receive, send)

    asyncio.run(with_app(bundle, log_folder, ask))
    assert set(threads) == {"feed", "end", "check", "output"}
    assert threading.get_ident() not in set().union(*threads.values())


def test_formulas_of_a_file_are_escaped_where_the_settings_ask_for_it(serve, one) -> None:
    row = f"{one['store']},{one['item']},{one['date']},=1+1,-5\n"
    content = "store,item,date,@note,change\n" + row
    with serve(escape_formulas=True) as client:
        head, rows = parsed(client.post("/predict_batch_csv", content=content, headers=CSV).text)
    assert head[3:5] == ["'@note", "change"]
    assert rows[0][3:5] == ["'=1+1", "-5"]
    with serve() as client:
        assert client.post("/predict_batch_csv", content=content, headers=CSV).text.splitlines()[1].startswith(row[:-1])
