"""What the locked packages bring with them: known vulnerabilities and licences.

    python deploy/supply_chain.py audit requirements.lock        (make audit)
    python deploy/supply_chain.py licences requirements-dev.lock (make licences)

Both read the names and versions of the lock, not of what happens to be installed. A lock has no licences, so these come
from the installed packages, which have to be of the locked versions.

Exit codes: 0 nothing found, 1 something found, 3 it could not be looked up.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
FOUND, NOT_KNOWN = 1, 3

REFUSED = re.compile(r"\b(A?GPL|GNU (Affero )?General Public|SSPL|BUSL|Commons Clause|Proprietary)", re.IGNORECASE)
"""Licences that forbid use in a product, or ask for its source. Not the LGPL, whose libraries may be used."""
ACCEPTED = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|MPL|Mozilla Public|PSF|Python Software Foundation|LGPL|Lesser General Public|Zlib|"
    r"Unlicense|CC0|Public Domain|HPND|NCSA|BSL-1\.0|Boost|OFL|CNRI|WTFPL|Zope|EPL|Eclipse)",
    re.IGNORECASE,
)
LICENCE_EXCEPTION = re.compile(r"GPL[\w.-]*.{0,20}(with|WITH).{0,30}exception", re.IGNORECASE)


def locked(lock: Path) -> list[Requirement]:
    """The packages of a lock file that this platform installs."""
    lines = re.findall(r"^([A-Za-z0-9][^\\\n]*?==[^\\\n]*?)\s*\\?$", lock.read_text(encoding="utf-8"), re.MULTILINE)
    packages = [Requirement(line.strip()) for line in lines]
    if not packages:
        sys.exit(f"{lock} names no packages; expected lines such as numpy==2.4.6.")
    return [package for package in packages if package.marker is None or package.marker.evaluate()]


def licence_of(package: metadata.Distribution) -> str:
    """The licence that a package declares: the expression (PEP 639), else its classifiers, its field, or its file."""
    about = package.metadata
    classifiers = [text.split(" :: ")[-1] for text in about.get_all("Classifier", []) if text.startswith("License ::")]
    named = [text for text in classifiers if text != "OSI Approved"]
    field = (about.get("License") or "").strip().partition("\n")[0][:80]
    return about.get("License-Expression") or " or ".join(named) or field or _of_file(package)


def _of_file(package: metadata.Distribution) -> str:
    """The first line of the package's licence file that says something; nothing where there is none."""
    for file in package.files or []:
        if re.match(r"licen[cs]e|copying", file.name, re.IGNORECASE) and ".dist-info" in str(file):
            lines = (line.strip() for line in file.locate().read_text(encoding="utf-8", errors="replace").splitlines())
            return next((line for line in lines if line), "")[:80]
    return ""


def is_refused(licence: str) -> bool:
    """Whether a licence forbids use in a product, or is not known. Of several to choose from, one has to be good.

    >>> [is_refused(text) for text in ("MIT", "GPL-3.0-only", "MIT OR GPL-2.0", "LGPL-2.1", "", "see file")]
    [False, True, False, False, True, True]
    """
    choices = re.split(r"\s+or\s+", licence, flags=re.IGNORECASE)
    without = [LICENCE_EXCEPTION.sub("", choice) for choice in choices]
    excepted = any(choice != other for choice, other in zip(choices, without, strict=True))
    good = [choice for choice in without if ACCEPTED.search(choice) and not REFUSED.search(choice)]
    return not good and not excepted


def product_packages() -> set[str]:
    """The names of all that foresell and its extras need, by what the installed packages say they need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    waiting = [Requirement(text) for text in (*project["dependencies"], *_flat(project["optional-dependencies"]))]
    names: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        package = waiting.pop()
        name, extras = canonicalize_name(package.name), frozenset(package.extras)
        if (name, extras) in seen:
            continue
        seen.add((name, extras))
        names.add(name)
        try:
            needs = metadata.requires(name) or []
        except metadata.PackageNotFoundError:
            continue
        for need in map(Requirement, needs):
            contexts = [{"extra": extra} for extra in ("", *extras)]
            if need.marker is None or any(need.marker.evaluate(context) for context in contexts):
                waiting.append(need)
    return names


def _flat(groups: dict[str, list[str]]) -> Iterator[str]:
    for group in groups.values():
        yield from group


def licences(locks: Iterable[Path]) -> int:
    """Prints the licence of each locked package, and those that a product may not have."""
    packages = {canonicalize_name(package.name): package for lock in locks for package in locked(lock)}
    product = product_packages()
    refused, tools, absent = [], [], []
    for name, package in sorted(packages.items()):
        version = str(package.specifier).removeprefix("==")
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            absent.append(f"{name} {version}: not installed")
            continue
        if installed.version != version:
            absent.append(f"{name} {version}: {installed.version} is installed")
            continue
        licence = licence_of(installed)
        print(f"{name:32} {version:16} {licence or 'unknown'}")
        if is_refused(licence):
            (refused if name in product else tools).append(f"{name} {version}: {licence or 'unknown'}")
    print(f"\n{len(packages)} packages; {len(product & packages.keys())} of them are part of foresell or its extras.")
    _list("These forbid use in a product, or do not say what they allow:", refused)
    _list("So do these, which only develop and test foresell and are not delivered with it:", tools)
    _list("The licences of these could not be read; run: make licences VENV=build/licences-venv", absent)
    return FOUND if refused else NOT_KNOWN if absent else 0


def audit(locks: Iterable[Path]) -> int:
    """Prints the known vulnerabilities of the locked packages, by pip-audit."""
    words = [word for lock in locks for word in ("--requirement", str(lock))]
    command = [sys.executable, "-m", "pip_audit", *words, "--disable-pip", "--require-hashes", "--format", "json",
               "--progress-spinner", "off"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        print(done.stderr[-2000:], file=sys.stderr)
        print("The vulnerabilities could not be looked up: pip-audit did not reach its database.", file=sys.stderr)
        return NOT_KNOWN
    found = [
        f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in "
        f"{', '.join(vulnerability['fix_versions']) or 'no version'}"
        for package in packages
        for vulnerability in package.get("vulns", [])
    ]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    print(f"{len(packages) - len(skipped)} of {len(packages)} locked packages were looked up.")
    _list("Known vulnerabilities:", found)
    if skipped:
        _list("These could not be looked up; is the database of vulnerabilities reachable from here?", skipped)
    return FOUND if found else NOT_KNOWN if skipped else 0


def _list(title: str, lines: list[str]) -> None:
    if lines:
        print("\n".join(["", title, *(f"  {line}" for line in lines)]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["audit", "licences"])
    parser.add_argument("locks", type=Path, nargs="+", help="lock files with names, versions and hashes")
    arguments = parser.parse_args()
    sys.exit({"audit": audit, "licences": licences}[arguments.what](arguments.locks))


if __name__ == "__main__":
    main()
