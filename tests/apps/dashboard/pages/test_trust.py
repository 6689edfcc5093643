"""The page on how far forecasts can be trusted."""

from __future__ import annotations


def test_the_models_are_listed_best_first(done_shop, open_page) -> None:
    app = open_page(done_shop, "trust")
    assert app.dataframe[0].value["model"].tolist()[0] in {"ensemble", "moving_average"}
