"""The signature of a bundle's manifest, by which a model from another hand is refused.

Checksums show damage; whoever replaces a file can replace its checksum too. With a secret in the environment variable
`FORESELL_SIGNING_KEY`, manifests are signed (HMAC-SHA-256) where they are written, and only signed ones are read.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from foresell.core.errors import UnreadableFile

VARIABLE = "FORESELL_SIGNING_KEY"


def sign(manifest: Path) -> Path | None:
    """Writes the signature beside the manifest, if a key is set. Returns its file."""
    text = _signature(manifest)
    if text is None:
        return None
    _beside(manifest).write_text(f"{text}\n", encoding="ascii")
    return _beside(manifest)


def check_signature(manifest: Path) -> None:
    """Raises UnreadableFile if a key is set and the manifest is not signed with it."""
    expected = _signature(manifest)
    if expected is None:
        return
    try:
        given = _beside(manifest).read_bytes().strip()
    except OSError:
        given = b""
    if not hmac.compare_digest(given, expected.encode()):
        wrong = "is signed with another key, or was changed" if given else "is not signed"
        raise UnreadableFile(
            f"{manifest} {wrong}, and {VARIABLE} asks for its signature. If you trust the model, sign it with this key "
            "set (foresell models --sign VERSION), train it again (foresell train --again), or read it without the "
            "variable."
        )


def _signature(manifest: Path) -> str | None:
    """The signature in hex; None where no key is set."""
    key = os.environ.get(VARIABLE)
    return hmac.new(key.encode(), manifest.read_bytes(), hashlib.sha256).hexdigest() if key else None


def _beside(manifest: Path) -> Path:
    return manifest.with_name(f"{manifest.name}.hmac")
