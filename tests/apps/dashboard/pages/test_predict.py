"""The page Predict: a planner asks for a day and for a file, and gets what the API answers."""

from __future__ import annotations

import pytest

pytest.importorskip("streamlit", reason="no dashboard: streamlit is not installed")

from foresell.apps.dashboard.pages import predict
from foresell.pipeline.project import Project
from foresell.serving.bundle import write_bundle
from foresell.serving.service import Service


@pytest.fixture
def service(done_shop, tmp_path, monkeypatch) -> Service:
    """The service of the shop, as if its model were the champion."""
    project = Project(done_shop)
    write_bundle(project.folder, project.settings, project.steps, tmp_path / "bundle")
    service = Service.load(tmp_path / "bundle", "7")
    monkeypatch.setattr(predict, "_service", lambda session: service)
    return service


def test_one_day_and_a_file(done_shop, open_page, service) -> None:
    import polars as pl

    item, day = service.panel.series["item"][0], str(service.about()["first"])
    app = open_page(done_shop, "predict", role="predict")
    app.selectbox(key="predict_store").set_value("S001")
    app.selectbox(key="predict_item").set_value(item)
    next(button for button in app.button if button.label == "Predict").click().run()
    assert not app.exception
    row = pl.DataFrame({"store": ["S001"], "item": [item], "date": [day]})
    assert float(app.metric[0].value) == pytest.approx(service.predict(row)["units"][0], abs=0.01)

    app.file_uploader(key="predict_file").set_value(("rows.csv", row.write_csv().encode() + b"S001,,\n", "text/csv"))
    app.run()
    next(button for button in app.button if button.label == "Predict the file").click().run()
    assert not app.exception
    assert app.success[0].value == "1 of 2 rows have a prediction."
    assert "no value for item" in app.dataframe[0].value["error"].iloc[0]


def test_a_reader_may_not_and_without_a_champion_the_command_is_named(done_shop, open_page) -> None:
    assert "role predict" in open_page(done_shop, "predict", role="read").info[0].value
    assert "foresell promote" in open_page(done_shop, "predict").code[0].value
