"""A CSV file that is all there comes back with its predictions."""

from __future__ import annotations

import polars as pl
import pytest

from foresell.core.errors import UsageError
from foresell.serving.csv_predictions import ERROR, CsvPredictions, row_kind


def test_each_row_has_what_the_service_predicts(service) -> None:
    panel = service.panel
    day = service.about()["first"]
    rows = panel.series.select(panel.keys).head(3).with_columns(date=pl.lit(day), note=pl.lit("=1+1"))
    content = b"\xef\xbb\xbf" + rows.write_csv(separator=";").encode() + b"broken\n"
    output = CsvPredictions(row_kind(service, "series_day"), ";", escape_formulas=True).whole(content)
    table = pl.read_csv(output, separator=";", infer_schema=False)
    expected = service.predict(rows.drop("note"))
    assert table["predicted_units"].head(3).cast(pl.Float32).to_list() == expected["units"].cast(pl.Float32).to_list()
    assert table["note"].head(3).to_list() == ["'=1+1"] * 3
    assert table[ERROR].to_list() == [None] * 3 + ["line 5: it has 1 fields; the header has 4"]


def test_a_file_without_a_usable_header_is_refused(service) -> None:
    kind = row_kind(service, "series_day")
    with pytest.raises(UsageError, match="is empty"):
        CsvPredictions(kind, ",").whole(b"")
    with pytest.raises(UsageError, match="none of the columns"):
        CsvPredictions(kind, ",").whole(b"a,b\n1,2\n")
