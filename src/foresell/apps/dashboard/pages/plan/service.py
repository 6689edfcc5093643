"""What more service or another budget costs: the curve of the past, and a plan made with it for a look."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
import streamlit as st

from foresell.apps.dashboard.charts import base, cost_curve
from foresell.apps.dashboard.session import Session
from foresell.apps.dashboard.text import plain
from foresell.core.errors import ForesellError
from foresell.pipeline.plans import KINDS
from foresell.pipeline.views.plan import ShownPlan
from foresell.pipeline.views.what_if import PlanWhatIf
from foresell.serving.keys import Role

_ASKED = "plan_tried"


def show(session: Session, shown: ShownPlan) -> None:
    """The sliders of what the kind may be asked; nothing where there are none."""
    asked = [name for name in ("service", "budget") if name in KINDS[shown.kind].what_if]
    if not asked or not shown.has_quantities:
        return
    st.subheader("What if: more service, another budget" if "service" in asked else "What if: another budget")
    _what_if(session, shown, asked)


@st.fragment
def _what_if(session: Session, shown: ShownPlan, asked: Sequence[str]) -> None:
    changes: dict[str, float] = {}
    if "service" in asked:
        service = _service(session, shown)
        if service is not None:
            changes["service"] = service
    if "budget" in asked:
        budget = st.number_input(
            "Budget: the most that all lines may cost", min_value=0.0, value=None, step=100.0, format="%g",
            placeholder="no limit", key="plan_curve_budget",
        )  # fmt: skip
        if budget is not None:
            changes["budget"] = budget
    if not session.visitor.may(Role.PREDICT):
        st.caption("A plan is tried with a key of the role predict.")
        return
    words = " and ".join(f"this {name}" for name in changes)
    if st.button(f"Try the plan with {words}" if words else "Try the plan", key="plan_try", disabled=not changes,
                 help="Nothing is written. It takes as long as to make the plan."):  # fmt: skip
        st.session_state[_ASKED] = (shown.kind, shown.version, tuple(sorted(changes.items())))
    if st.session_state.get(_ASKED) == (shown.kind, shown.version, tuple(sorted(changes.items()))):
        _compared(session, shown, changes)


def _service(session: Session, shown: ShownPlan) -> float | None:
    """The slider along the curve, and the price in money; the chosen service."""
    reader, curve = session.reader, shown.curve
    if not {"fractile", "fill_rate", "cost"} <= set(curve.columns):
        st.caption(
            "What service costs is not known yet: too little of the past can be played again, or a policy is set in "
            "'orders.policy'."
        )
        return None
    curve = curve.sort("fractile")
    cheapest = curve.sort("cost").row(0, named=True)
    chosen = st.select_slider(
        "Service: the probability that no sale is lost until the next order arrives",
        curve["fractile"].to_list(), value=cheapest["fractile"], key="plan_curve_service",
        format_func=lambda share: reader.share(share, 1),
    )  # fmt: skip
    row = curve.row(by_predicate=pl.col("fractile") == chosen, named=True)
    more = row["cost"] - cheapest["cost"]
    st.markdown(
        f"In the past this would have met **{reader.share(row['fill_rate'], 1)}** of the demand and cost "
        f"**{reader.number(row['cost'])}**: "
        + ("the least of all." if not more else f"{reader.number(more)} more than the cheapest service, "
           f"{reader.share(cheapest['fractile'], 1)}, which would have met {reader.share(cheapest['fill_rate'], 1)}.")
    )  # fmt: skip
    table = curve.rename({"fractile": "service", "fill_rate": "demand met"})
    table = table.rename({name: name.replace("_", " ") for name in table.columns})
    shares = {name: st.column_config.NumberColumn(format="percent") for name in ("service", "demand met")}
    spec = cost_curve.spec(session, curve, chosen)
    base.show_chart(spec, "What it would have cost in the past to meet more of the demand.", table, shares,
                    key="plan_curve")  # fmt: skip
    return float(chosen)


def _compared(session: Session, shown: ShownPlan, changes: dict[str, float]) -> None:
    reader = session.reader
    try:
        session.require(Role.PREDICT)
        with st.spinner("Making the plan with this, to look at …", show_time=True):
            compared: PlanWhatIf = session.view("plan_what_if", kind=shown.kind, **changes)
    except ForesellError as error:
        st.error("The plan cannot be tried.", icon=":material/error:")
        st.text(str(error))
        return
    words = ", ".join(
        f"{name} {reader.share(value, 1) if name == 'service' else reader.number(value)}"
        for name, value in changes.items()
    )
    st.markdown(f"**The plan with {plain(words)}, beside the one above**")
    titles = {"figure": "", "before": "now", "after": "then", "change": "change"}
    numbers = {
        name: st.column_config.NumberColumn(title, format="localized") for name, title in titles.items() if title
    }
    st.dataframe(compared.totals, hide_index=True, column_config={**numbers, "figure": ""})
    st.markdown("\n".join(f"- {plain(sentence)}" for sentence in compared.sentences))
    if compared.lines.height:
        with st.expander("The lines that change most"):
            st.dataframe(compared.lines, hide_index=True, column_config=numbers)
    st.caption(
        f"To keep it, set {' and '.join(f'{name}: {value:g}' for name, value in changes.items())} in the section "
        f"{KINDS[shown.kind].section} of foresell.yaml, and make the plan again."
    )
