"""The files of a fitted network, and its forecasts in special cases."""

from __future__ import annotations

import json

import numpy as np
import pytest

from foresell.core.errors import UnreadableFile
from foresell.models import load, make
from foresell.models.neural.tensors import read_tensors, write_tensors

HORIZON = 9
SMALL = {"units": 8, "past": 14, "max_windows": 400, "batch": 64, "days": 60, "epochs": 2, "threads": 1}


@pytest.fixture(scope="module")
def fitted(torch, make_panel):
    return make("lstm", **SMALL).fit(make_panel(), HORIZON)


def test_weights_are_a_file_of_safetensors(tmp_path):
    numpy_files = pytest.importorskip("safetensors.numpy")
    tensors = {"one": np.arange(6, dtype=np.float32).reshape(2, 3), "two.bias": np.array([0.5], np.float32)}
    write_tensors(tensors, tmp_path / "own")
    numpy_files.save_file(tensors, tmp_path / "theirs")
    for found in (numpy_files.load_file(tmp_path / "own"), read_tensors(tmp_path / "theirs")):
        assert found.keys() == tensors.keys()
        for name, values in tensors.items():
            np.testing.assert_array_equal(found[name], values)


def test_a_file_that_is_cut_off_is_refused(fitted, tmp_path):
    fitted.save(tmp_path)
    file = tmp_path / "network_1.safetensors"
    whole = file.read_bytes()
    for damaged in (whole[:-4], whole[:20], b""):
        file.write_bytes(damaged)
        with pytest.raises(UnreadableFile, match="foresell train"):
            load(tmp_path)


def test_the_description_is_plain(fitted, tmp_path):
    fitted.save(tmp_path)
    text = json.loads((tmp_path / "model.json").read_text())
    assert text["kind"] == "lstm"
    assert text["layout"]["covariates"] == ["price", "promotion"]
    assert text["layout"]["categories"]["shop"] == ["north", "south"]


def test_covariates_that_a_panel_lacks_are_as_usual(fitted, make_panel):
    panel = make_panel()
    bare = type(panel)(**{**vars(panel), "known": {}})
    assert fitted.reads(bare) == frozenset()
    np.testing.assert_array_equal(fitted.explain(bare).base, fitted.forecast(bare).mean)


def test_a_reason_is_the_same_wherever_its_covariate_stands(fitted, make_panel):
    panel = make_panel()
    why = fitted.explain(panel)
    assert why.features == ("price", "promotion")
    alone = [fitted._mean(panel, (name,)) for name in why.features]
    for units, own, other in zip(why.units, alone, alone[::-1], strict=True):
        np.testing.assert_allclose(units, (own - why.base + why.mean - other) / 2, rtol=1e-4, atol=1e-5)
