"""The checksum of a file."""

from __future__ import annotations

from foresell.core.checksum import sha256_of


def test_the_checksum_is_that_of_the_standard(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    assert sha256_of(tmp_path / "file") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
