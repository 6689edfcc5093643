"""The version of foresell; `pyproject.toml` names the same one."""

VERSION = "0.1.0"
