"""The extras, which are optional parts of foresell: the packages that each needs, and the command that installs it.

foresell may not be on any package index, so the command depends on how foresell itself was installed. It is for the
interpreter that is running, and can be copied as it is.
"""

from __future__ import annotations

import importlib.metadata
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from foresell.core.errors import NotInstalled, first_five


@dataclass(frozen=True)
class Extra:
    """`packages` by the names they are imported under, and what they are used for."""

    packages: tuple[str, ...]
    used_for: str


EXTRAS: Mapping[str, Extra] = {
    "statistical": Extra(("statsforecast",), "SARIMA, ETS and Theta"),
    "xgboost": Extra(("xgboost",), "XGBoost"),
    "sklearn": Extra(("sklearn", "skops"), "regressors of scikit-learn as models"),
    "neural": Extra(("torch",), "the training of neural networks"),
    "tune": Extra(("optuna",), "the search for better options"),
    "duckdb": Extra(("duckdb",), "delivery to DuckDB"),
    "postgresql": Extra(("psycopg",), "delivery to PostgreSQL"),
    "plot": Extra(("altair",), "charts in Python"),
    "mlflow": Extra(("mlflow", "sqlalchemy", "alembic", "pandas"), "runs, versions and the champion"),
    "evidently": Extra(("evidently", "pandas"), "drift of inputs and predictions"),
    "shifts": Extra(("ortools",), "shifts of people by rules"),
    "serve": Extra(
        ("fastapi", "uvicorn", "python_multipart", "prometheus_client", "fastapi_offline", "obstore"),
        "the API and objects in buckets",
    ),
    "dashboard": Extra(("streamlit", "babel", "xlsxwriter"), "the dashboard"),
}


def missing(extra: str) -> list[str]:
    """The packages of the extra that are not installed. None of them is imported, because that may take seconds.

    >>> missing("statistical") in ([], ["statsforecast"])
    True
    """
    return [name for name in EXTRAS[extra].packages if not _is_there(name)]


def require(extra: str) -> None:
    """Raises NotInstalled where a package of the extra is missing; imports none of them."""
    absent = missing(extra)
    if absent:
        raise NotInstalled(_message(extra, absent), extra)


@contextmanager
def importing(extra: str) -> Iterator[None]:
    """Turns the ImportError of the block into a NotInstalled that says how to install the extra."""
    try:
        yield
    except ImportError as error:
        absent = missing(extra)
        if not absent and not isinstance(error, ModuleNotFoundError):
            raise NotInstalled(_broken(extra, error), extra) from error
        raise NotInstalled(_message(extra, absent or [error.name or str(error)]), extra) from error


def install_command(*extras: str) -> str:
    """The command that installs the extras into the environment of the interpreter that is running."""
    words = [*_installer(), *_sources(extras)]
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def _message(extra: str, absent: list[str]) -> str:
    if len(absent) == 1:
        of = f"The package {absent[0]!r} is not installed; it is"
    else:
        of = f"The packages {first_five(absent)} are not installed; they are"
    return f"{of} needed for {EXTRAS[extra].used_for}. Install the extra {extra!r} with:\n    {install_command(extra)}"


def _broken(extra: str, error: ImportError) -> str:
    return (
        f"What is needed for {EXTRAS[extra].used_for} is installed and cannot be imported: {error}. Install the extra "
        f"{extra!r} anew with:\n    {install_command(extra)}"
    )


def _is_there(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # sys.modules has a module without a spec under this name
        return False


def _installer() -> list[str]:
    """The command that installs packages for this interpreter: its pip, or uv where the environment has no pip."""
    if not _is_there("pip") and shutil.which("uv"):
        return ["uv", "pip", "install", "--python", sys.executable]
    activated = shutil.which("python") == sys.executable
    return ["python" if activated else sys.executable, "-m", "pip", "install"]


def _sources(extras: tuple[str, ...]) -> list[str]:
    """What to install: the clone that foresell runs from with the extras, or else the packages of the extras."""
    clone = Path(__file__).parents[3]
    if (clone / "pyproject.toml").is_file():
        return ["-e", f"{clone}[{','.join(extras)}]"]
    try:
        requirements = importlib.metadata.requires("foresell") or []
    except importlib.metadata.PackageNotFoundError:
        requirements = []
    needed = [text for extra in extras for text in requirements_of(extra, requirements)]
    return list(dict.fromkeys(needed)) or [f"foresell[{','.join(extras)}]"]


def requirements_of(extra: str, requirements: list[str]) -> list[str]:
    """The packages of the extra, from the requirements in the metadata of a distribution.

    >>> of = ["numpy>=2.0", "boto3>=1.34; extra == 'mlflow'", "uvloop>=0.23; (os_name != 'nt') and extra == 'serve'"]
    >>> requirements_of("mlflow", of), requirements_of("serve", of)
    (['boto3>=1.34'], ['uvloop>=0.23; (os_name != "nt")'])
    """
    condition = re.compile(rf"""(\s+and\s+)?\bextra\s*==\s*['"]{re.escape(extra)}['"]""")
    needed = []
    for text in requirements:
        requirement, _, marker = text.partition(";")
        rest, times = condition.subn(
            "", marker.replace("'", '"')
        )  # double quotes, which need no escape within the single quotes of a shell
        if times:
            needed.append(requirement.strip() + (f"; {rest.strip()}" if rest.strip() else ""))
    return needed
