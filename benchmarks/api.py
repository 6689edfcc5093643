"""The API under load, beside a bare FastAPI endpoint that calls `Booster.predict` on ready-made features.

    python benchmarks/api.py --minutes 30 --out benchmarks/API.md

A sample retailer is made and trained, served by `foresell serve`, and asked by one client process on the same machine:
single predictions at a fixed rate (open loop), CSV uploads, and for `--minutes` both together with forecasts, reasons
and reloads, while the server's memory is watched. The peer is asked the same way in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import yaml
from load import TIMEOUT, Client, Timed, pace, refused, uploads
from measure import measure

from foresell.pipeline.project import Project
from foresell.serving.bundle import write_bundle

RATE = 200
SECONDS = 30
CSV_ROWS = 200_000
CSV_TIMES = 3
STARTING_SECONDS = 120
SEED = 1


@dataclass(frozen=True)
class Server:
    """A process that answers on a port."""

    port: int
    process: subprocess.Popen[bytes]

    def memory_mb(self) -> float:
        """What it holds in memory now."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS:"))

    def processor_seconds(self) -> float:
        """What it has used of the processors so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextmanager
def served(command: list[str], port: int, log: Path, ready: str) -> Iterator[Server]:
    """The server while it runs; it is told to end, and has to do so without an error."""
    with log.open("wb") as sink:
        process = subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT)
    try:
        asyncio.run(_until(port, ready, process, log))
        yield Server(port, process)
    finally:
        process.terminate()
        process.wait(60)


async def _until(port: int, path: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < end and process.poll() is None:
        client = Client(port)
        try:
            if (await client.ask("GET", path)).status == 200:
                return
        except (OSError, EOFError):
            pass
        finally:
            client.close()
        await asyncio.sleep(0.2)
    raise RuntimeError(f"the server did not begin to answer; see {log}")


def make_project(folder: Path, stores: int, items: int, days: int) -> Path:
    """A sample retailer, trained; its bundle."""
    foresell = str(Path(sys.executable).with_name("foresell"))
    size = ["--stores", str(stores), "--items", str(items), "--days", str(days), "--seed", str(SEED)]
    measure([foresell, "sample", str(folder / "data"), *size], folder / "sample.log")
    measure([foresell, "init", str(folder / "shop"), "--data", str(folder / "data")], folder / "init.log")
    file = folder / "shop" / "foresell.yaml"
    tree = yaml.safe_load(file.read_text(encoding="utf-8"))
    tree |= {"models": [{"name": "lightgbm"}], "tracking": {"enabled": False}, "serving": {"max_rate": 1e6}}
    file.write_text(yaml.safe_dump(tree), encoding="utf-8")
    measure([foresell, "train", str(folder / "shop")], folder / "train.log")
    project = Project(folder / "shop")
    write_bundle(project.folder, project.settings, project.steps, folder / "bundle")
    return folder / "bundle"


def questions(project: Path, count: int) -> list[dict]:
    """Series and days of the project at random, some with another price or promotion than is planned."""
    panel = Project(project).panel
    random = np.random.default_rng(SEED)
    horizon = Project(project).settings.horizon
    keys = panel.series.select(panel.keys).rows()
    days = [str(day) for day in panel.ahead(horizon)]
    asked = []
    for _ in range(count):
        row = {
            "date": days[random.integers(horizon)],
            **dict(zip(panel.keys, keys[random.integers(len(keys))], strict=True)),
        }
        if random.random() < 0.5:
            row |= {"price": round(float(random.uniform(1, 9)), 2), "promotion": bool(random.random() < 0.3)}
        asked.append(row)
    return asked


def csv_of(rows: list[dict]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, sorted({name for row in rows for name in row}), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


@dataclass
class Measured:
    """What one server did: single predictions at the rate, processor seconds of each, and rows a second of uploads."""

    single: Timed
    processor_seconds: float
    rows: list[float]
    errors: list[str]


async def dropped(client: Client) -> list[str]:
    """What the prediction log had no room for, as an error; nothing of the peer, which has none."""
    answer = await client.ask("GET", "/status")
    lost = json.loads(answer.body)["log"]["dropped"] if answer.status == 200 else 0
    return [f"{lost:,} predictions were not logged"] if lost else []


async def measured(server: Server, bodies: list[dict], content: bytes, rate: float, seconds: float) -> Measured:
    client = Client(server.port)
    await pace(client, "/predict", bodies, rate, min(5, seconds), refused)  # warms up both sides
    begun = server.processor_seconds()
    single = await pace(client, "/predict", bodies, rate, seconds, refused)
    used = (server.processor_seconds() - begun) / max(len(single.seconds), 1)
    rows, wrong = await uploads(client, "/predict_batch_csv", content, CSV_TIMES)
    wrong += await dropped(client)
    client.close()
    return Measured(single, used, rows, single.errors + wrong)


@dataclass
class Mixed:
    """What the server did under all sorts of requests at once; memory in MB, second by second."""

    single: Timed
    rows: int
    others: dict[str, int]
    errors: list[str]
    memory: list[float]


@dataclass
class Load:
    """Requests of several kinds that go on side by side until `end`, and what came of them."""

    client: Client
    end: float
    others: dict[str, int] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)

    async def every(self, seconds: float, method: str, where: str, body: object = None) -> None:
        while time.monotonic() < self.end:
            begun = time.monotonic()
            try:
                wrong = refused(await asyncio.wait_for(self.client.ask(method, where, body), TIMEOUT))
            except (OSError, EOFError, TimeoutError) as error:
                wrong = type(error).__name__
            self.errors.extend([f"{where} {wrong}"] if wrong else [])
            path = where.partition("?")[0]
            self.others[path] = self.others.get(path, 0) + 1
            await asyncio.sleep(max(0.0, begun + seconds - time.monotonic()))

    async def upload(self, content: bytes, seconds: float) -> int:
        rows = 0
        while time.monotonic() < self.end:
            begun = time.monotonic()
            _, wrong = await uploads(self.client, "/predict_batch_csv", content, 1)
            self.errors.extend(wrong)
            rows += content.count(b"\n") - 1
            await asyncio.sleep(max(0.0, begun + seconds - time.monotonic()))
        return rows

    async def watch(self, server: Server) -> None:
        while time.monotonic() < self.end:
            self.memory.append(server.memory_mb())
            await asyncio.sleep(1)


async def mixed(server: Server, bodies: list[dict], content: bytes, minutes: float) -> Mixed:
    """Half the rate of single predictions, an upload every ten seconds, and now and then all else there is."""
    load = Load(Client(server.port), time.monotonic() + 60 * minutes)
    keys = {name: value for name, value in bodies[0].items() if name not in ("date", "price", "promotion")}
    path = "/explain?" + "&".join(f"{name}={value}" for name, value in keys.items())
    single, rows, *_ = await asyncio.gather(
        pace(load.client, "/predict", bodies, RATE / 2, 60 * minutes, refused),
        load.upload(content, 10),
        load.watch(server),
        load.every(1, "POST", "/forecast", {"where": keys}),
        load.every(2, "GET", path),
        load.every(5, "GET", "/status"),
        load.every(15, "GET", "/metrics"),
        load.every(30, "POST", "/reload"),
    )
    errors = load.errors + await dropped(load.client)
    load.client.close()
    return Mixed(single, rows, load.others, errors + single.errors, load.memory)


def load_page(ours: Measured, peer: Measured, rate: float, csv_rows: int, about: str) -> list[str]:
    """The table of both servers."""
    lines = [
        "# The API under load",
        "",
        f"Made by `benchmarks/api.py`: server and client on one machine of {os.cpu_count()} cores. {about}",
        "",
        "The peer is [bare_api.py](bare_api.py): FastAPI and `Booster.predict` on ready-made features, without looking",
        "anything up, ranges, assumptions, log, limits or metrics. Times of single predictions count from when they",
        f"were due, at {rate:g} a second; uploads have {csv_rows:,} rows.",
        "",
        "| | foresell | bare endpoint | ratio |",
        "|---|---|---|---|",
    ]
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999)):
        mine, other = ours.single.ms(share), peer.single.ms(share)
        lines.append(f"| single predictions, {name}, ms | {mine:.1f} | {other:.1f} | {mine / other:.2f} |")
    mine, other = 1000 * ours.processor_seconds, 1000 * peer.processor_seconds
    lines.append(f"| processor time of a single prediction, ms | {mine:.2f} | {other:.2f} | {mine / other:.2f} |")
    mine, other = float(np.median(ours.rows)), float(np.median(peer.rows))
    lines.append(
        f"| CSV, rows a second (median of {len(ours.rows)}) | {mine:,.0f} | {other:,.0f} | {mine / other:.2f} |"
    )
    lines.append(f"| errors | {len(ours.errors)} | {len(peer.errors)} | |")
    return lines


def mixed_page(found: Mixed, minutes: float, csv_rows: int) -> list[str]:
    """What came of the mixed load, and whether memory stayed flat."""
    settled = found.memory[len(found.memory) // 4 :] or found.memory
    slope = float(np.polyfit(np.arange(len(settled)), settled, 1)[0]) * 3600 if len(settled) > 1 else 0.0
    others = ", ".join(f"{count:,} {path}" for path, count in sorted(found.others.items()))
    return [
        "",
        f"## Mixed load for {minutes:g} minutes",
        "",
        f"{len(found.single.seconds):,} single predictions at {RATE / 2:g} a second, {found.rows:,} rows in uploads of "
        f"{csv_rows:,}, {others}.",
        "",
        "| | |",
        "|---|---|",
        f"| errors | {len(found.errors)} |",
        f"| single predictions, p50 and p99, ms | {found.single.ms(0.5):.1f}, {found.single.ms(0.99):.1f} |",
        f"| memory at the beginning, after a quarter, at the end, MB | {found.memory[0]:.0f}, {settled[0]:.0f}, "
        f"{settled[-1]:.0f} |",
        f"| memory, the most, MB | {max(found.memory):.0f} |",
        f"| its trend after the first quarter, MB an hour | {slope:+.1f} |",
    ]


def peer_bodies(booster: Path, count: int) -> tuple[list[dict], bytes]:
    """Rows of ready-made features: numbers in the places that the booster looks at."""
    import lightgbm

    width = lightgbm.Booster(model_file=str(booster)).num_feature()
    rows = np.random.default_rng(SEED).random((count, width)).astype(np.float32)
    frame = pl.DataFrame({f"f{place}": rows[:, place] for place in range(width)})
    return [{"features": row} for row in rows[:2000].tolist()], frame.write_csv().encode()


def run(folder: Path, arguments: argparse.Namespace) -> str:
    bundle = make_project(folder, arguments.stores, arguments.items, arguments.days)
    asked = questions(folder / "shop", arguments.csv_rows)
    content, bodies = csv_of(asked), asked[:5000]
    port = free_port()
    foresell = [str(Path(sys.executable).with_name("foresell")), "serve", "--bundle", str(bundle), "--port", str(port)]
    about = f"A sample retailer of {arguments.stores} stores and {arguments.items} items over {arguments.days} days."
    with served([*foresell, "--log", str(folder / "log")], port, folder / "serve.log", "/ready") as server:
        ours = asyncio.run(measured(server, bodies, content, arguments.rate, arguments.seconds))
        small = csv_of(asked[:20_000])
        both = asyncio.run(mixed(server, bodies, small, arguments.minutes)) if arguments.minutes else None
    booster = max((bundle / "model").rglob("*.txt"), key=lambda file: file.stat().st_size)
    port = free_port()
    bare = [sys.executable, str(Path(__file__).with_name("bare_api.py")), str(booster), str(port)]
    rows, features = peer_bodies(booster, arguments.csv_rows)
    with served(bare, port, folder / "bare.log", "/openapi.json") as server:
        peer = asyncio.run(measured(server, rows, features, arguments.rate, arguments.seconds))
    lines = load_page(ours, peer, arguments.rate, arguments.csv_rows, about)
    if both:
        lines += mixed_page(both, arguments.minutes, 20_000)
    wrong = [*ours.errors, *peer.errors, *(both.errors if both else [])]
    lines += ["", "Errors, the first five:", "", *(f"- {each}" for each in wrong[:5])] if wrong else []
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stores", type=int, default=5)
    parser.add_argument("--items", type=int, default=60)
    parser.add_argument("--days", type=int, default=1095)
    parser.add_argument("--rate", type=float, default=RATE, help="single predictions a second")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long single predictions are asked for")
    parser.add_argument("--csv-rows", type=int, default=CSV_ROWS, help="rows of an upload")
    parser.add_argument("--minutes", type=float, default=0, help="of mixed load; none where 0")
    parser.add_argument("--out", type=Path, help="a Markdown file to write; printed only where not given")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as passing:
        text = run(Path(passing), arguments)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
