"""Runs the command line by ``python -m foresell``."""

from foresell.apps.cli import main

main(prog_name="foresell")
