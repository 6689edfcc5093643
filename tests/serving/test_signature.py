"""A manifest that is signed with a key is read with that key only."""

from __future__ import annotations

from pathlib import Path

import pytest

from foresell.core.errors import UnreadableFile
from foresell.serving.bundle import read_manifest, write_bundle
from foresell.serving.signature import VARIABLE


def test_a_bundle_is_read_with_the_key_it_was_signed_with(project, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "signed"
    monkeypatch.setenv(VARIABLE, "a secret")
    write_bundle(project.folder, project.settings, project.steps, folder)
    manifest = read_manifest(folder)
    monkeypatch.setenv(VARIABLE, "another secret")
    with pytest.raises(UnreadableFile, match="is signed with another key, or was changed"):
        read_manifest(folder)
    monkeypatch.delenv(VARIABLE)
    assert read_manifest(folder) == manifest


def test_a_changed_manifest_and_one_without_a_signature_are_refused(
    bundle: Path, project, tmp_path, monkeypatch
) -> None:
    monkeypatch.setenv(VARIABLE, "a secret")
    with pytest.raises(UnreadableFile, match="is not signed"):
        read_manifest(bundle)
    write_bundle(project.folder, project.settings, project.steps, tmp_path / "signed")
    path = tmp_path / "signed" / "manifest.json"
    path.write_text(path.read_text() + "\n")
    with pytest.raises(UnreadableFile, match="was changed"):
        read_manifest(tmp_path / "signed")
