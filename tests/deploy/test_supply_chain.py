"""The licences of what foresell needs allow its use in a product."""

from __future__ import annotations

import importlib.util
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("supply_chain", ROOT / "deploy" / "supply_chain.py")
assert _spec
assert _spec.loader
supply_chain = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(supply_chain)


@pytest.mark.parametrize(
    ("licence", "refused"),
    [
        ("MIT", False),
        ("Apache-2.0 AND MIT", False),
        ("MIT AND GPL-3.0-only", True),
        ("EPL-2.0 OR GPL-2.0-or-later", False),
        ("GNU Affero General Public License v3", True),
        ("GNU Lesser General Public License v3 (LGPLv3)", False),
        ("GPL-2.0-only WITH GCC-exception-2.0", False),
        ("BUSL-1.1", True),
        ("see the file", True),
        ("", True),
    ],
)
def test_which_licences_are_refused(licence: str, refused: bool) -> None:
    assert supply_chain.is_refused(licence) is refused


def test_the_locked_packages_are_read_with_their_markers(tmp_path: Path) -> None:
    lock = tmp_path / "some.lock"
    lock.write_text(
        "click==8.5.1 \\\n    --hash=sha256:ab \\\n    --hash=sha256:cd\n"
        "nothing==1.0 ; sys_platform == 'nowhere' \\\n    --hash=sha256:ab\n"
    )
    assert [str(package) for package in supply_chain.locked(lock)] == ["click==8.5.1"]


def test_no_package_of_the_product_forbids_its_use() -> None:
    packages = {package.name for package in supply_chain.locked(ROOT / "requirements-dev.lock")}
    product = packages & supply_chain.product_packages()
    licences = {name: supply_chain.licence_of(metadata.distribution(name)) for name in product if _is_installed(name)}
    assert len(licences) > 20
    assert {name: licence for name, licence in licences.items() if supply_chain.is_refused(licence)} == {}


def _is_installed(name: str) -> bool:
    try:
        metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return False
    return True
