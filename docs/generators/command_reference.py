"""The reference of the command line, from its help."""

from __future__ import annotations

import inspect
import textwrap

import click

from foresell.apps.cli import main
from generators.markdown import sentence, table


def command_reference() -> str:
    """A section for each verb: what it does, how it is called, its options."""
    return "\n\n".join(_verb(name, command) for name, command in main.commands.items())


def _verb(name: str, command: click.Command) -> str:
    context = click.Context(command, info_name=f"foresell {name}", help_option_names=["-h", "--help"])
    usage = " ".join([f"foresell {name}", *command.collect_usage_pieces(context)])
    parts = [f"## {name}", f"```text\n{usage}\n```", help_text(command.help or "")]
    options = [option for option in command.params if isinstance(option, click.Option)]
    if options:
        rows = [[_names(option, context), _meaning(option, context)] for option in options]
        parts.append(table(["option", "meaning"], rows))
    example = (command.epilog or "").partition("\n\n")[0]
    if example.startswith("Example: "):
        parts.append("Example:\n\n```console\n$ " + " ".join(example.removeprefix("Example: ").split()) + "\n```")
    return "\n\n".join(parts)


def help_text(text: str) -> str:
    """The help of a verb as Markdown: paragraphs as they are, what click keeps line by line as a block.

    >>> print(help_text("First.\\n\\n\\b\\nWrites to results/:\\n  a  one\\n  b  two"))
    First.
    <BLANKLINE>
    Writes to results/:
    <BLANKLINE>
    ```text
    a  one
    b  two
    ```
    """
    parts = []
    for paragraph in inspect.cleandoc(text).split("\n\n"):
        if paragraph.startswith("\b"):
            head, _, lines = paragraph.removeprefix("\b\n").partition("\n")
            parts.append(f"{head}\n\n```text\n{textwrap.dedent(lines)}\n```")
        else:
            parts.append(" ".join(paragraph.split()).replace("<", "&lt;"))
    return "\n\n".join(parts)


def _names(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    return f"`{record[0].replace('|', '/')}`" if record else ""  # a table cannot show a bar within code


def _meaning(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    return sentence(record[1]) if record else ""
