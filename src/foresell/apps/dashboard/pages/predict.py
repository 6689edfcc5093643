"""Predictions of single series and days, and of a CSV file of them, by the code that answers ``POST /predict``."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st

from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.core.errors import ForesellError
from foresell.core.frequency import Frequency, date_text
from foresell.core.words import many
from foresell.serving.csv_predictions import ERROR, CsvPredictions, row_kind
from foresell.serving.keys import Role
from foresell.serving.request_rows import PRICE, PROMOTION
from foresell.serving.service import Service
from foresell.serving.source import RegistrySource

MOST_CHOICES = 2000  # values of a key that are listed to choose from; others are typed
_SHOWN_ROWS = 20
_PROMOTION = {"as known": None, "on": "on", "off": "off"}
_SEPARATORS = {"comma": ",", "semicolon": ";", "tab": "\t", "vertical bar": "|"}


def page(session: Session) -> None:
    """Asks for a series and a day, or a file of them. Nothing is written."""
    st.title("Predict")
    if not session.visitor.may(Role.PREDICT):
        st.info(f"Predictions need a key of the role {Role.PREDICT}.", icon=":material/lock:")
        return
    service = _service(session)
    if service is None:
        st.info("There is no champion to ask yet. Train and promote one with:", icon=":material/info:")
        st.code("foresell run\nforesell promote", language=None)
        return
    about = service.about()
    st.caption(
        f"Version {plain(service.version)} answers, as it does for the API, about {plain(about['first'])} to "
        f"{plain(about['last'])}."
    )
    one, several = st.tabs(["One series and day", "A CSV file"])
    with one:
        _single(session, service)
    with several:
        _file(session, service)


def _service(session: Session) -> Service | None:
    """The service of the champion, kept until another is promoted; None where there is none."""
    version = RegistrySource(session.folder).newest() if session.project.settings.tracking.enabled else None
    return None if version is None else _kept_service(str(session.folder), version)


@st.cache_resource(max_entries=1, show_spinner="Loading the model …")
def _kept_service(folder: str, version: str) -> Service:
    return RegistrySource(Path(folder)).load(version)


def _single(session: Session, service: Service) -> None:
    with st.form("predict", border=True):
        row = _row(service)
        asked = st.form_submit_button("Predict", type="primary")
    if not asked:
        return
    session.require(Role.PREDICT)
    given = {name: value for name, value in row.items() if value not in (None, "")}
    answer = service.predict(pl.DataFrame([given])).row(0, named=True) if given else {ERROR: "Nothing is entered."}
    if answer[ERROR] is not None:
        st.error("There is no prediction.", icon=":material/error:")
        st.text(answer[ERROR])
        return
    _answer(session, service, answer)


def _answer(session: Session, service: Service, answer: dict[str, Any]) -> None:
    reader, probability = session.reader, service.settings.serving.range
    with st.container(horizontal=True):
        for name, label in (("units", "Units"), ("revenue", "Revenue")):
            value, low, high = answer[name], answer[f"{name}_low"], answer[f"{name}_high"]
            st.metric(label, reader.number(value, 2), border=True)
            if low is not None:
                words = f"{reader.number(low)} to {reader.number(high)}"
                st.metric(f"{label}, range ({reader.share(probability)})", words, border=True)
    if answer["basis"] == "new":
        st.markdown("The series has no history; similar ones stand in for it.")
    for assumed in answer["assumed"] or ():
        st.markdown(f"- Assumed: {plain(assumed)}")


def _row(service: Service) -> dict[str, Any]:
    """What is entered, by column; None where nothing is."""
    series, keys, about = service.panel.series, service.panel.keys, service.about()
    row: dict[str, Any] = {}
    for key in keys:
        values = series[key].cast(pl.String).unique().sort()
        if len(values) <= MOST_CHOICES:
            row[key] = st.selectbox(
                key, values.to_list(), None, key=f"predict_{key}", accept_new_options=True, placeholder="Choose or type"
            )
        else:
            row[key] = st.text_input(key, key=f"predict_{key}", placeholder=values[0])
    row["date"] = _when(service, str(about["first"]), str(about["last"]))
    row[PRICE] = st.number_input("Price", 0.0, None, None, key="predict_price", help="Empty: as it is known.")
    promotion = st.radio("Promotion", list(_PROMOTION), horizontal=True, key="predict_promotion")
    row[PROMOTION] = _PROMOTION[promotion]
    others = [name for name in service.columns if name not in row]
    if others:
        with st.expander("More: other things known ahead, and attributes of a series without a history"):
            row.update({name: st.text_input(name, key=f"predict_{name}") for name in others})
    return row


def _when(service: Service, first: str, last: str) -> str | None:
    if service.panel.frequency == Frequency.HOUR:
        return st.text_input("Date and hour", first.replace("T", " ")[:16], key="predict_date")
    begin, end = date.fromisoformat(first[:10]), date.fromisoformat(last[:10])
    chosen = st.date_input("Date", begin, min_value=begin, max_value=end, key="predict_date", format="YYYY-MM-DD")
    return None if chosen is None else date_text(chosen)


def _file(session: Session, service: Service) -> None:
    kind = row_kind(service, "series_day")
    needed = ", ".join(f"`{plain(name)}`" for name in kind.needed)
    st.markdown(f"Each row is a series and a day. Columns that are needed: {needed}.")
    st.caption(f"Columns that may be there: {plain(', '.join(kind.read))}. Others come back as they are.")
    name = st.radio("Separator of columns", list(_SEPARATORS), horizontal=True, key="predict_separator")
    separator = _SEPARATORS[name]
    file = st.file_uploader("CSV file, in UTF-8", ["csv", "txt"], key="predict_file")
    if file is None or not st.button("Predict the file", type="primary"):
        return
    session.require(Role.PREDICT)
    rows = CsvPredictions(kind, separator, escape_formulas=True)
    try:
        output = rows.whole(file.getvalue())
    except ForesellError as error:
        st.error("The file cannot be predicted.", icon=":material/error:")
        st.text(str(error))
        return
    table = pl.read_csv(output, separator=separator, infer_schema=False)
    wrong = table[ERROR].count()
    number = session.reader.number
    st.success(f"{number(table.height - wrong)} of {number(table.height)} rows have a prediction.")
    if wrong:
        st.warning(f"Without a prediction: {many(wrong, 'row')}. The column {ERROR} says why. The first of them:")
        faults = table.filter(pl.col(ERROR).is_not_null()).select(ERROR, *rows.header)
        st.dataframe(faults.head(_SHOWN_ROWS), hide_index=True)
    st.download_button("Download the predictions", output, "predictions.csv", "text/csv", on_click="ignore")
    st.dataframe(table.head(_SHOWN_ROWS), hide_index=True)
