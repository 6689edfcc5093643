from __future__ import annotations

import subprocess
import sys

import pytest

from foresell.core.errors import UnreadableFile, UsageError
from foresell.models import load, make
from foresell.models.naive import SeasonalNaive


def test_a_model_is_made_by_name_with_its_options():
    assert make("seasonal_naive", season=14) == SeasonalNaive(season=14)


def test_an_unknown_name_or_option_says_what_there_is():
    with pytest.raises(UsageError, match=r"no model 'seasonal'; the models are seasonal_naive, .*Did you mean"):
        make("seasonal")
    with pytest.raises(UsageError, match="with the options length: it has season"):
        make("seasonal_naive", length=3)


@pytest.mark.parametrize("text", [None, "{", "[]", "{}"])
def test_a_folder_without_a_model(tmp_path, text):
    if text is not None:
        (tmp_path / "model.json").write_text(text)
    with pytest.raises(UnreadableFile, match="not the description of a saved model"):
        load(tmp_path)


def test_a_saved_model_of_an_unknown_kind(tmp_path):
    (tmp_path / "model.json").write_text('{"kind": "crystal_ball"}')
    with pytest.raises(UsageError, match="no model 'crystal_ball'"):
        load(tmp_path)


def test_the_registry_loads_no_heavy_library():
    code = "import sys, foresell.models; print([m for m in ('lightgbm', 'polars', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
