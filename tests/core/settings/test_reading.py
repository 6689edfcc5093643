import pytest

from foresell.core.errors import SettingsError
from foresell.core.settings import Settings, parse_settings, read_settings

SMALLEST = {"data": {"sales": "sales.csv", "keys": ["store", "item"]}}


def test_the_smallest_file_is_enough(tmp_path):
    path = tmp_path / "foresell.yaml"
    path.write_text("data: {sales: sales.csv, keys: [store, item]}\n")
    settings = read_settings(path)
    assert isinstance(settings, Settings)
    assert settings.horizon == 28
    assert settings.data.keys == ("store", "item")


def test_a_date_may_stand_without_quotes(tmp_path):
    path = tmp_path / "foresell.yaml"
    path.write_text("data: {sales: sales.csv, keys: [item], until: 2025-11-30}\n")
    assert read_settings(path).data.until == "2025-11-30"


def test_settings_never_change():
    settings = parse_settings(SMALLEST)
    with pytest.raises(AttributeError):
        settings.horizon = 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"horizn": 7}, "unknown field `horizn`.*Did you mean 'horizon'"),
        ({"horizon": 0}, "horizon"),
        ({"horizon": "long"}, "horizon"),
        ({"output": {"quantiles": [1.5]}}, "output.quantiles"),
        ({"backtest": {"window": 3}}, "Did you mean 'windows'"),
        ({"data": {"keys": ["item"]}}, "sales"),
        ({"models": [{"name": "lightgbm", "trees": 9}]}, "unknown field `trees`.* stand below 'options'.*trees"),
        ({"data": {**SMALLEST["data"], "layout": "tall"}}, "layout|tall"),
    ],
)
def test_an_error_names_the_place_and_the_nearest_key(change, message):
    with pytest.raises(SettingsError, match=message):
        parse_settings({**SMALLEST, **change})


def test_a_file_that_is_missing_or_no_yaml(tmp_path):
    with pytest.raises(SettingsError, match="foresell init"):
        read_settings(tmp_path / "foresell.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("data: [1,\n  2")
    with pytest.raises(SettingsError, match="not valid YAML in line 2"):
        read_settings(broken)


def test_aliases_that_fill_the_memory_are_refused(tmp_path):
    path = tmp_path / "foresell.yaml"
    levels = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    merged = [f"m{n}: &m{n} {{<<: [{', '.join([f'*m{n - 1}'] * 10)}]}}" for n in range(1, 10)]
    for text in (
        "\n".join(["a0: &a0 x", *levels]),
        "\n".join(["m0: &m0 {x: 1}", *merged]),
        "a: &a [*a]",
        "a: " + "[" * 5000,
    ):
        path.write_text(text + "\n")
        with pytest.raises(SettingsError, match="Write the values out instead"):
            read_settings(path)
    path.write_text("# " + "x" * 1_000_001)
    with pytest.raises(SettingsError, match="Is it the right file"):
        read_settings(path)


def test_settings_that_are_not_utf_8_say_so(tmp_path):
    (tmp_path / "foresell.yaml").write_bytes("seed: 1  # für".encode("cp1252"))
    with pytest.raises(SettingsError, match="is not UTF-8"):
        read_settings(tmp_path / "foresell.yaml")


def test_a_key_that_stands_twice_is_refused(tmp_path):
    path = tmp_path / "foresell.yaml"
    path.write_text(
        "data: {sales: sales.csv}\nbacktest:\n  windows: 2\n# more\nbacktest:\n  every: 7\n", encoding="utf-8"
    )
    with pytest.raises(SettingsError, match="'backtest' twice, in line 2 and in line 5"):
        read_settings(path)
    path.write_text("data: {sales: sales.csv, keys: [a]}\nbacktest: {windows: 2}\n", encoding="utf-8")
    assert read_settings(path).backtest.windows == 2
