"""Alerts: sends each receiver in the settings what it does not know yet, and remembers what each receiver knows.

What each receiver knows is kept in the project's ``results/alerts.json``. It is not among the results of a step,
because those are replaced when the step runs again. The file is written after a message was delivered. A run that is
killed in between sends the message again, and nothing is lost. The next run sends what could not be delivered.
Nothing here raises an error: problems are part of the return value.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import msgspec

from foresell.core.errors import UsageError
from foresell.core.finding import Finding, Severity
from foresell.core.settings import Alerts
from foresell.monitor.alerts.channels import GRACE, AlertOutcome, Channel, Notification, RetryLimits, send
from foresell.monitor.alerts.digest import AlertMessage, AlertRules, Memory, compose, remember
from foresell.monitor.alerts.mail import Mail, checked
from foresell.monitor.alerts.text import as_json, as_slack, as_text, clip, subject
from foresell.monitor.alerts.webhook import Webhook
from foresell.store.lock import file_lock
from foresell.store.tables import atomic_path

STATE, LOCK = "alerts.json", ".alerts.lock"  # under results/
RETRY_LIMITS = RetryLimits()
TRIAL = "trial"


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The content of ``results/alerts.json``: what each receiver knows, without any secrets."""

    receivers: dict[str, Memory]
    version: int = 1


@dataclass(frozen=True)
class Route:
    """A channel and the receivers that it reaches; `format` is the format of the body."""

    channel: Channel
    receivers: tuple[str, ...]
    format: str


def send_alerts(
    findings: Sequence[Finding],
    alerts: Alerts,
    folder: str | Path,
    *,
    project: str | None = None,
    about: str = "monitor",
    link: str = "",
    whole: bool = True,
    now: datetime | None = None,
    limits: RetryLimits = RETRY_LIMITS,
) -> list[AlertOutcome]:
    """Sends each receiver in `alerts` one message about what is new, worse or over. Returns each message's outcome.

    `findings` are all findings of the reporter `about`, none where all is well. A finding that it reported before and
    does not report now is over, unless `whole` is False, which says that not everything was checked. Findings of other
    reporters do not change. `folder` is the folder of the project, and `project` its name, by default that of the
    folder. Never raises an error.

    A receiver for which nothing is new is not in the result. Of two calls at once, only one sends.
    """
    routes, results = _routes(alerts)
    if not routes:
        return results
    base = Path(folder).resolve()
    report = _Report(findings, alerts, clip(project or base.name, 80), about, link, whole, now or datetime.now(UTC))
    path = base / "results" / STATE
    try:
        with ExitStack() as stack:
            locked = True
            with suppress(OSError):  # no lock is possible here; a message sent twice is better than none
                locked = stack.enter_context(file_lock(path.with_name(LOCK), limits.seconds + 2 * GRACE))
            if not locked:
                reason = "another run is sending alerts; the next run sends what is left"
                return [*results, AlertOutcome("all", "", False, reason)]
            return results + report.send(routes, path, limits)
    except Exception as error:  # alerts never stop the work that they report on
        return [*results, AlertOutcome("all", "", False, f"unexpected: {type(error).__name__}")]


def send_trial_alerts(alerts: Alerts, project: str, *, limits: RetryLimits = RETRY_LIMITS) -> list[AlertOutcome]:
    """Sends every receiver a message that only tests delivery. Returns the outcomes; never raises an error."""
    routes, results = _routes(alerts)
    message = AlertMessage(clip(project, 80), TRIAL, datetime.now(UTC), trial=True)
    batches = [
        (route.channel, [_notification(message, receiver, route.format) for receiver in route.receivers])
        for route in routes
    ]
    return results + list(send(batches, limits))


@dataclass(frozen=True)
class _Report:
    """The findings of one call, and how they are to be sent."""

    findings: Sequence[Finding]
    alerts: Alerts
    project: str
    about: str
    link: str
    whole: bool
    now: datetime

    def send(self, routes: Iterable[Route], path: Path, limits: RetryLimits) -> list[AlertOutcome]:
        """Sends the messages that are due. Updates the file at `path` as soon as the outcome of a message is known."""
        state = read_state(path).receivers
        before = dict(state)
        messages: dict[str, AlertMessage] = {}
        batches = []
        for route in routes:
            notifications = []
            for receiver in route.receivers:
                message = self._message(state.get(receiver, Memory()))
                if message.due:
                    messages[receiver] = message
                    notifications.append(_notification(message, receiver, route.format))
                elif receiver in state:
                    state[receiver] = remember(state[receiver], message, delivered=False)
            if notifications:
                batches.append((route.channel, notifications))
        results = []
        for sent in send(batches, limits):
            memory = state.get(sent.receiver, Memory())
            state[sent.receiver] = remember(memory, messages[sent.receiver], delivered=sent.delivered)
            results.append(_recorded(sent, path, state))
        if not results and state != before:
            _write_state(path, state)
        return results

    def _message(self, memory: Memory) -> AlertMessage:
        rules = AlertRules(Severity(self.alerts.severity), self.alerts.again_days)
        return compose(
            self.findings,
            memory,
            rules,
            self.now,
            project=self.project,
            about=self.about,
            link=self.link,
            whole=self.whole,
        )


def _routes(alerts: Alerts) -> tuple[list[Route], list[AlertOutcome]]:
    """The routes that the settings name, and a failure for each that cannot be used."""
    routes: list[Route] = []
    failures: list[AlertOutcome] = []
    if alerts.webhook:
        try:
            webhook = Webhook.at(alerts.webhook)
            routes.append(Route(webhook, (webhook.receiver,), alerts.format))
        except UsageError as error:
            failures.append(AlertOutcome("webhook", "", False, str(error)))
    if alerts.smtp:
        try:
            routes.append(Route(_mail(alerts), tuple(dict.fromkeys(alerts.receivers)), "text"))
        except UsageError as error:
            failures.append(AlertOutcome("e-mail", "", False, str(error)))
    return routes, failures


def _mail(alerts: Alerts) -> Mail:
    if not alerts.receivers:
        raise UsageError("'monitoring.alerts.receivers' is empty; give at least one e-mail address.")
    for receiver in alerts.receivers:
        checked(receiver, "'monitoring.alerts.receivers'")
    return Mail.over(alerts.smtp or "", alerts.sender)


def _notification(message: AlertMessage, receiver: str, format: str) -> Notification:
    name = uuid4().hex
    body = as_slack(message) if format == "slack" else {**as_json(message), "id": name}
    return Notification(receiver, name, message.when, subject(message), as_text(message), body)


def read_state(path: Path) -> State:
    """What the receivers know. Empty where the file is missing or cannot be read, so that everything is sent again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return State({})


def _recorded(sent: AlertOutcome, path: Path, state: dict[str, Memory]) -> AlertOutcome:
    """The outcome `sent` after `state` was written; with an error where writing failed."""
    error = _write_state(path, state)
    if error is None or sent.error is not None:
        return sent
    return replace(sent, error=f"{path} could not be written, so the next run sends the message again: {error}")


def _write_state(path: Path, state: dict[str, Memory]) -> str | None:
    try:
        with atomic_path(path) as part:
            part.write_bytes(msgspec.json.format(msgspec.json.encode(State(state))) + b"\n")
    except OSError as error:
        return error.strerror or type(error).__name__
    return None
