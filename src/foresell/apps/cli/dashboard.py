"""The verbs that show a project to people: `dashboard` serves its pages, `show` prints what stands on one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from foresell.apps.cli.command import (
    EXIT_CODES,
    Verb,
    chosen_folder,
    open_project,
    options,
    print_json,
    project_options,
)
from foresell.apps.cli.explain import Pairs
from foresell.core import extras


@click.command(
    cls=Verb,
    epilog="Example: foresell dashboard shop\n\nEnds with SIGINT (Ctrl-C) or SIGTERM.\n\n" + EXIT_CODES,
)
@project_options
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on; another needs keys.")
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True, help="The port.")
@click.option("--keys", type=click.Path(dir_okay=False), help="A file of API keys, beside those in FORESELL_API_KEYS.")
@click.option("--browser/--no-browser", default=None, help="Open the page in a browser. [default: where there is one]")
@options()
def dashboard(**flags: Any) -> None:
    """Serve the pages where planners work: forecasts, plans, exceptions, overrides.

    Reads the results of the project, which `run` and `plan` make. Writes changes, comments and approvals beside its
    foresell.yaml. People sign in with the keys of the API: `read` looks, `predict` plans, and `admin` also runs
    steps and chooses the model. Without keys the dashboard listens on this machine only, and its visitor is an admin.
    """
    extras.require("dashboard")
    from foresell.apps.dashboard import launch
    from foresell.core.settings import read_settings
    from foresell.serving.keys import check_host, read_keys
    from foresell.store.settings_file import SETTINGS

    folder = Path(chosen_folder(flags["folder"], flags["project"])).resolve()
    read_settings(folder / SETTINGS)
    keys = read_keys(flags["keys"])
    check_host(flags["host"], keys)
    launch.require_port(flags["host"], flags["port"])
    host = f"[{flags['host']}]" if ":" in flags["host"] else flags["host"]
    address = f"http://{host}:{flags['port']}"
    if flags["as_json"]:
        print_json({"address": address, "keys": len(keys.keys)})
    elif not flags["quiet"]:
        click.echo(f"The dashboard is on {address}")
    file = None if flags["keys"] is None else str(Path(flags["keys"]).resolve())
    browser = launch.has_browser() if flags["browser"] is None else flags["browser"]
    launch.run(folder, flags["host"], flags["port"], file, browser)


@click.command(
    cls=Verb,
    epilog="Example: foresell show trust shop --json\n\n" + EXIT_CODES,
)
@click.argument("view")
@project_options
@click.option("--ask", type=Pairs(), multiple=True, help="What to show of it, such as --ask level=store_id.")
@options()
def show(view: str, **flags: Any) -> None:
    """Print what a page of the dashboard shows.

    VIEW is one of those that an unknown name lists, such as `trust`. Reads results. Changes nothing.
    """
    from foresell.apps.cli.demand import merged_pairs
    from foresell.apps.cli.view_text import view_text
    from foresell.pipeline import views

    project = open_project(flags, lambda progress: None)
    shown = views.show(project, view, **merged_pairs(flags["ask"]))
    if flags["as_json"]:
        print_json(views.plain(shown))
    else:
        click.echo(view_text(shown))
