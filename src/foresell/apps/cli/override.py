"""The verb `override`: what people change in a plan."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import click

from foresell.apps.cli.command import EXIT_CODES, Verb, open_project, options, print_json, project_options
from foresell.apps.cli.demand import merged_pairs
from foresell.apps.cli.explain import Pairs, as_date

if TYPE_CHECKING:
    from foresell.decide.overrides import How, Override
    from foresell.pipeline.project import Project


@click.command(
    "override",
    cls=Verb,
    epilog="Example: foresell override add shop --where store=CA_1,item=FOODS_1 --by 12 --reason event --why fair\n\n"
    f"{EXIT_CODES}",
)
@click.argument("action", type=click.Choice(["add", "list", "withdraw", "score"]))
@project_options
@click.option("--plan", "kind", default="orders", show_default=True, help="The kind of the plan, as in foresell plan.")
@click.option("--where", type=Pairs(), multiple=True, help="Which lines: values of the key columns.")
@click.option("--by", type=float, help="So many units more; fewer with a minus.")
@click.option("--to", type=float, help="So many units in place of the quantity of the plan.")
@click.option("--percent", type=float, help="So many per cent more; fewer with a minus.")
@click.option("--reason", help="promotion, event, supply, assortment, space, data or judgement.")
@click.option("--why", default="", help="The reason in words.")
@click.option("--who", help="Whose override it is. [default: the user of this computer]")
@click.option("--from", "first", metavar="DATE", help="The first day of plans that it changes. [default: the plan's]")
@click.option("--until", metavar="DATE", help="The last day of plans that it changes. [default: the first]")
@click.option("--id", metavar="ID", help="Which override to withdraw; `list` shows the ids.")
@click.option("--all", "also_expired", is_flag=True, help="List those too that have expired or were withdrawn.")
@options()
def override(action: str, **flags: Any) -> None:
    """Change quantities of plans by hand, and say why.

    `add` changes the lines that have the values of --where: by units (--by), to a quantity (--to), or by per cent
    (--percent). It holds for plans of the days --from to --until, by default for the newest plan alone, and every
    `foresell plan` applies it, until it expires or is withdrawn. Of several overrides the later one changes what the
    earlier one left. `list` shows those that hold, and `withdraw` ends one. `score` says what the overrides of orders
    added, by what was sold since then: units sold that would have been lost, units left over, and the money of both.

    Reads the newest plan in results/plan/, and for `score` those in results/history/plans/. Writes a line to
    overrides.jsonl in the folder of the project: who, when, why, until when, and the quantity that it replaces. No line
    is ever changed.
    """
    project = open_project(flags, lambda progress: None)
    if action == "add":
        _add(project, flags)
    elif action == "withdraw":
        _withdraw(project, flags)
    elif action == "score":
        _score(project, flags)
    else:
        _list(project, flags)


def _add(project: Project, flags: dict[str, Any]) -> None:
    from foresell.pipeline.plans.override_log import Change

    how, value = _amount(flags)
    if not flags["where"]:
        raise click.UsageError("Say which lines to change, such as --where store=CA_1,item=FOODS_1.")
    if not flags["reason"]:
        raise click.UsageError("Say why, by a --reason; `foresell override --help` lists the reasons.")
    change = Change(
        merged_pairs(flags["where"]),
        how,
        value,
        flags["reason"],
        flags["why"],
        _who(flags),
        _day(flags["first"]),
        _day(flags["until"]),
    )
    added = project.overrides.add(change, flags["kind"])
    if flags["as_json"]:
        print_json(_plain(added))
    else:
        instead = "" if added.replaces is None else f", where the plan has {added.replaces:,g}"
        days = f"on {added.first}" if added.first == added.until else f"from {added.first} to {added.until}"
        click.echo(
            f"Override {added.id}: {added}{instead}; for plans of {added.plan} {days}. Make the plan again with: "
            f"foresell plan {added.plan} {project.folder}"
        )


def _amount(flags: dict[str, Any]) -> tuple[How, float]:
    """How the quantity changes, and by what."""
    names: dict[str, How] = {"by": "add", "to": "replace", "percent": "percent"}
    given = [name for name in names if flags[name] is not None]
    if len(given) != 1:
        raise click.UsageError("Give one of --by, --to and --percent.")
    return names[given[0]], flags[given[0]]


def _who(flags: dict[str, Any]) -> str:
    import getpass

    try:
        return flags["who"] or getpass.getuser()
    except (OSError, KeyError) as error:  # a container may have no name for its user
        raise click.UsageError(
            "This computer has no name for its user. Say whose override it is with --who."
        ) from error


def _day(text: str | None) -> date | None:
    from foresell.core.frequency import calendar_day, date_of_text

    day = as_date(text)
    return None if day is None else calendar_day(date_of_text(day))


def _withdraw(project: Project, flags: dict[str, Any]) -> None:
    if not flags["id"]:
        raise click.UsageError("Say which override to withdraw with --id; `foresell override list` shows the ids.")
    withdrawn = project.overrides.withdraw(flags["id"], _who(flags), flags["why"])
    if flags["as_json"]:
        print_json(_plain(withdrawn))
    else:
        click.echo(
            f"Override {withdrawn.id} is withdrawn: {withdrawn}. Make the plan again with: "
            f"foresell plan {withdrawn.plan} {project.folder}"
        )


def _list(project: Project, flags: dict[str, Any]) -> None:
    from foresell.apps.cli.text import columns

    rows = project.overrides.listed() if flags["also_expired"] else project.overrides.holding()
    if flags["as_json"]:
        print_json({"overrides": [{**_plain(row.override), "withdrawn": row.withdrawn} for row in rows]})
        return
    if not rows:
        click.echo(
            "There are no overrides" + ("." if flags["also_expired"] else " that hold; --all shows earlier ones.")
        )
        return
    heading = ("id", "plan", "lines", "change", "replaces", "from", "until", "reason", "why", "who", "made")
    click.echo(columns([heading, *(_row(*row) for row in rows)]))


def _score(project: Project, flags: dict[str, Any]) -> None:
    from foresell.apps.cli.text import columns
    from foresell.core.words import many, number
    from foresell.pipeline.plans.override_scores import UNSCORED

    scores = project.override_scores()
    if flags["as_json"]:
        print_json(
            {
                "waiting": scores.waiting,
                "unknown": scores.unknown,
                "unscored": scores.unscored,
                "orders": scores.lines.to_dicts(),
            }
        )
        return
    parts = []
    if scores.lines.height:
        heading = ("", "orders", "override", "sold more", "left over", "money")
        for column in ("reason", "who"):
            rows = [[str(row[0]), *map(number, row[1:])] for row in scores.by(column).iter_rows()]
            parts.append(columns([(column, *heading[1:]), *rows], right=range(1, len(heading))))
    if scores.waiting:
        parts.append(
            f"{many(scores.waiting, 'order')} with an override cannot be scored yet: its days have not passed."
        )
    if scores.unknown:
        parts.append(f"Not scored, because sales of some days are not known: {many(scores.unknown, 'order')}.")
    parts += [
        f"{many(count, 'override')} of {kind} cannot be scored: {UNSCORED[kind]}."
        for kind, count in scores.unscored.items()
    ]
    click.echo("\n\n".join(parts) or "No issued plan of orders has an override.")


def _row(override: Override, withdrawn: str | None) -> tuple[str, ...]:
    where = ", ".join(override.where.values())
    replaces = "" if override.replaces is None else f"{override.replaces:,g}"
    change = override.change() if withdrawn is None else f"{override.change()} (withdrawn)"
    days = (str(override.first), str(override.until))
    why = (override.reason, override.why, override.who, override.made)
    return (override.id, override.plan, where, change, replaces, *days, *why)


def _plain(override: Override) -> dict[str, Any]:
    from dataclasses import asdict

    return asdict(override)
