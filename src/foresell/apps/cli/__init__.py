"""The command line. Each verb names what it reads and writes; all work is done in `foresell.pipeline`."""

from __future__ import annotations

import click

from foresell.apps.cli.command import EXIT_CODES
from foresell.apps.cli.dashboard import dashboard, show
from foresell.apps.cli.demand import demand
from foresell.apps.cli.explain import explain, whatif
from foresell.apps.cli.init import init, sample
from foresell.apps.cli.models import MODEL_VERBS
from foresell.apps.cli.monitor import monitor
from foresell.apps.cli.override import override
from foresell.apps.cli.pipeline import pipeline
from foresell.apps.cli.plan import plan
from foresell.apps.cli.replay import replay
from foresell.apps.cli.retrain import retrain
from foresell.apps.cli.roi import roi
from foresell.apps.cli.serve import serve
from foresell.apps.cli.steps import STEP_VERBS, settings, status
from foresell.apps.cli.tune import tune
from foresell.core.version import VERSION


class InOrder(click.Group):
    """Lists the verbs in the order of their use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)


@click.group(
    cls=InOrder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    epilog="Begin with: foresell init shop --data sales.csv, then: foresell run shop\n\n" + EXIT_CODES,
)
@click.version_option(VERSION, message="foresell %(version)s", help="Show the version.")
def main() -> None:
    """Sales history in, forecasts out.

    A project is a folder with a foresell.yaml, which `init` writes. The other verbs take that folder (the current
    one where none is given), do what is out of date, and keep what they make in its folder results/.
    """


for _verb in (
    init,
    sample,
    *STEP_VERBS,
    tune,
    *MODEL_VERBS,
    demand,
    plan,
    override,
    replay,
    roi,
    explain,
    whatif,
    dashboard,
    show,
    serve,
    monitor,
    retrain,
    settings,
    pipeline,
    status,
):
    main.add_command(_verb)
