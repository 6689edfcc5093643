"""The verb that serves the champion over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from foresell.apps.cli.command import EXIT_CODES, Verb, chosen_folder, options, paragraph, print_json, project_options
from foresell.core import extras
from foresell.core.errors import StoreError

if TYPE_CHECKING:
    import socket

    from foresell.core.settings import Serving
    from foresell.serving.keys import Keys
    from foresell.serving.source import Source

LOG = "results/predictions"
"""The folder of a project's prediction log, unless the settings name another."""

LOG_OF_BUNDLE = "predictions"

WAITING = "results/predictions-waiting"
"""The folder of predictions that wait for delivery to a bucket. It must outlive the process."""


@click.command(
    cls=Verb,
    epilog="Example: foresell serve shop --port 8000\n\nEnds with SIGINT (Ctrl-C) or SIGTERM: open requests are "
    "finished and the prediction log is written.\n\n" + EXIT_CODES,
)
@project_options
@click.option(
    "--bundle",
    type=click.Path(exists=True, file_okay=False),
    help="Serve the model in this folder, without a registry.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; another needs keys.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0: any that is free.")
@click.option("--keys", type=click.Path(dir_okay=False), help="A file of API keys, beside those in FORESELL_API_KEYS.")
@click.option("--log", metavar="PLACE", help=f"Where predictions are logged: a folder or s3://. [default: {LOG}]")
@click.option("--new-key", metavar="ROLE", help="Make a key (read, predict or admin), print it and its line, and end.")
@options()
def serve(new_key: str | None, **flags: Any) -> None:
    """Serve predictions, forecasts and reasons over HTTP, with a page to try them under /docs.

    Reads the champion from the registry (see `promote`), or the model in the folder of --bundle. Without a champion the
    server starts all the same, and /ready says what to do. Writes each prediction as a JSON line to the prediction log.
    Without API keys it listens on this machine only.
    """
    extras.require("serve")
    if new_key is not None:
        _print_key(new_key, flags["as_json"])
        return
    from foresell.apps.api import server
    from foresell.apps.api.app import create_app
    from foresell.serving import keys as api_keys
    from foresell.serving.prediction_log.writer import PredictionLog

    keys = api_keys.read_keys(flags["keys"])
    api_keys.check_host(flags["host"], keys)
    source, serving, place = _source(flags)
    folder = None if flags["bundle"] else Path(chosen_folder(flags["folder"], flags["project"]))
    spool = None if folder is None else folder / WAITING
    listening = server.bind(flags["host"], flags["port"])
    banner = _banner(listening, source, place, keys)
    log = PredictionLog(place, serving.log_rows, serving.log_seconds, spool=spool)

    def started() -> None:
        if flags["as_json"]:
            print_json(banner)
        elif not flags["quiet"]:
            click.echo("\n".join(paragraph(line) for line in banner["says"]))

    try:
        server.run(create_app(source, serving, keys, log, folder), listening, started)
    finally:
        log.close()


def _print_key(role: str, as_json: bool) -> None:
    from foresell.serving.keys import VARIABLE, new_key

    text, key = new_key(role)
    if as_json:
        print_json({"key": text, "role": str(key.role), "line": key.line()})
        return
    click.echo(f"The key, which is shown only now:\n  {text}")
    click.echo(f"The line for {VARIABLE} or the file of --keys:\n  {key.line()}")


def _source(flags: dict[str, Any]) -> tuple[Source, Serving, str]:
    """The source of the model, the settings of serving, and the place of the prediction log."""
    from foresell.core.settings import read_settings
    from foresell.serving.bundle import read_bundle_settings
    from foresell.serving.source import FolderSource, RegistrySource
    from foresell.store.settings_file import SETTINGS

    if flags["bundle"]:
        if flags["folder"] or flags["project"]:
            raise click.UsageError("Give a project or --bundle, not both.")
        serving = read_bundle_settings(Path(flags["bundle"])).serving
        return FolderSource(flags["bundle"]), serving, flags["log"] or serving.log or LOG_OF_BUNDLE
    folder = Path(chosen_folder(flags["folder"], flags["project"]))
    serving = read_settings(folder / SETTINGS).serving
    return RegistrySource(folder), serving, flags["log"] or _within(folder, serving.log or LOG)


def _within(folder: Path, place: str) -> str:
    """The place, which settings give relative to the project in `folder`."""
    return place if "://" in place else str(folder / place)


def _banner(listening: socket.socket, source: Source, place: str, keys: Keys) -> dict[str, Any]:
    """The messages at the start of the server: its address, the version, and the access."""
    host, port = listening.getsockname()[:2]
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    try:
        version = source.newest()
        model = f"Serves version {version}." if version else "There is no champion yet; /ready says what to do."
    except StoreError as error:
        version, model = None, str(error)
    access = (
        f"Requests need an API key; {len(keys.keys)} are set."
        if keys
        else "No API keys are set: it answers this machine only."
    )
    return {
        "address": address,
        "docs": f"{address}/docs",
        "version": version,
        "log": place,
        "keys": len(keys.keys),
        "says": [
            f"Listening on {address}, documentation on {address}/docs",
            model,
            access,
            f"Predictions are logged to {place}",
        ],
    }
