"""The section ``monitoring``: how forecasts are compared with sales, and where alerts are sent."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import field

from foresell.core.settings.base import Columns, Positive, Probability, Share, Strict, about


class Alerts(Strict, frozen=True):
    """Where alerts are sent. ``${NAME}`` in an address is filled in from the environment."""

    webhook: Annotated[str | None, about("an http(s):// address that takes a JSON body", "${SLACK_WEBHOOK}")] = None
    format: Annotated[Literal["plain", "slack"], about("the format of that body", "slack")] = "plain"
    smtp: Annotated[
        str | None,
        about(
            "smtp://user:${PASSWORD}@host:587; smtps:// for TLS from the start",
            "smtp://planner:${MAIL_PASSWORD}@mail.example:587",
        ),
    ] = None
    sender: Annotated[str | None, about("the sender of e-mails", "foresell@example.com")] = None
    receivers: Annotated[Columns, about("the receivers of e-mails", ["planning@example.com"])] = ()
    severity: Annotated[Literal["error", "warning", "info"], about("the lowest severity of findings that are sent")] = (
        "warning"
    )
    again_days: Annotated[Positive, about("days after which an unchanged finding is sent again")] = 7


class Monitoring(Strict, frozen=True):
    """How forecasts are compared with sales, and when a new model is requested."""

    days: Annotated[Positive, about("how many of the newest days with known sales are checked")] = 28
    false_alarms: Annotated[
        Probability, about("the probability of a false alarm per run of the monitor, accuracy and drift together")
    ] = 0.01
    drifted_share: Annotated[Share, about("more drifted columns than this share are an error")] = 0.3
    sample: Annotated[Positive, about("rows of each side that are compared for drift")] = 50_000
    retrain_on: Annotated[
        Literal["warning", "error", "never"],
        about("findings after which `retrain` trains a new model: warning and worse, error, or never"),
    ] = "warning"
    max_age: Annotated[Positive, about("days of sales after which `retrain` takes the champion to be old")] = 35
    every: Annotated[
        Positive | None, about("days of sales between trainings, whatever the findings; none where not given", 28)
    ] = None
    keep: Annotated[
        Positive | None,
        about("days of sales for which a forecast is kept as it was made; its score is kept for good; null: for ever"),
    ] = 400
    alerts: Annotated[Alerts, about("where alerts are sent; ${NAME} comes from the environment")] = field(
        default_factory=Alerts
    )
