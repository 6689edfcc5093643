"""Keys: made, kept as hashes, found again, and refused where a line is none."""

from __future__ import annotations

import pytest

from foresell.core.errors import SettingsError
from foresell.serving.keys import VARIABLE, Keys, Role, new_key, read_keys


def test_keys_come_from_the_environment_and_a_file(tmp_path, monkeypatch) -> None:
    (first, one), (second, two) = new_key("read", "planner"), new_key("admin")
    monkeypatch.setenv(VARIABLE, f"  {one.line()}\n")
    file = tmp_path / "keys"
    file.write_text(f"# those of the shop\n\n{two.line()}  # the one of operations\n")
    keys = read_keys(file)
    assert [keys.find(text) for text in (first, second, first[:-1], "", two.digest)] == [one, two, None, None, None]
    assert keys.find(first).name == "planner"
    assert len(read_keys().keys) == 1
    assert bool(keys)
    assert not Keys()


def test_a_key_is_kept_as_a_hash_only() -> None:
    text, key = new_key("predict")
    assert text not in key.line()
    assert len(text) > 40
    assert new_key("predict")[0] != text


def test_roles_allow_what_those_before_them_allow() -> None:
    assert Role.READ < Role.PREDICT < Role.ADMIN


@pytest.mark.parametrize("line", ["predict:abc", "fs_thisisakeyitself", f"predict{'a' * 64}", f"predict:{'g' * 64}"])
def test_a_line_that_is_no_key_is_refused_and_not_shown_in_full(line, monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, line)
    with pytest.raises(SettingsError, match="is not a stored key") as caught:
        read_keys()
    assert len(line) <= 12 or line not in str(caught.value)


def test_a_role_that_there_is_not(monkeypatch) -> None:
    monkeypatch.setenv(VARIABLE, f"owner:{'a' * 64}")
    with pytest.raises(SettingsError, match=r"no role 'owner'.*read, predict, admin"):
        read_keys()
    with pytest.raises(SettingsError, match="no role 'owner'"):
        new_key("owner")


def test_a_file_without_keys_does_not_open_the_server(tmp_path) -> None:
    empty = tmp_path / "keys"
    empty.write_text("# none yet\n")
    with pytest.raises(SettingsError, match="There is no key in"):
        read_keys(empty)
    with pytest.raises(SettingsError, match="cannot be read"):
        read_keys(tmp_path / "absent")
