"""Alerts: tells each receiver in the settings what it does not know yet, and remembers what it was told.

What each receiver knows is kept in the project, ``results/alerts.json``, and not within the results of a step, which
are thrown away when it is done again. It is written after a message is delivered: who is killed in between tells it
twice, and nothing is lost. What could not be delivered is told by the next run. Nothing here raises an error: what goes
wrong is in what is given back.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from foresell.core.errors import UsageError
from foresell.core.finding import Finding, Severity
from foresell.core.settings import Alerts
from foresell.monitor.alerts.digest import Memory, Message, Rules, compose, remember
from foresell.monitor.alerts.sending import GRACE, Letter, Patience, Sent, Way, send
from foresell.monitor.alerts.text import as_json, as_slack, as_text, clip, subject
from foresell.store.lock import held
from foresell.store.tables import beside

if TYPE_CHECKING:
    from foresell.monitor.alerts.mail import Mail
    from foresell.monitor.alerts.webhook import Webhook

STATE, LOCK = "alerts.json", ".alerts.lock"  # under results/
PATIENCE = Patience()
TRIAL = "trial"


class State(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What ``results/alerts.json`` holds: what each receiver was told, none of their secrets."""

    receivers: dict[str, Memory]
    version: int = 1


@dataclass(frozen=True)
class Exit:
    """A way out and those whom it reaches; `format` is that of the body."""

    way: Way
    receivers: tuple[str, ...]
    format: str


def tell(
    findings: Sequence[Finding],
    alerts: Alerts,
    folder: str | Path,
    *,
    project: str | None = None,
    about: str = "monitor",
    link: str = "",
    whole: bool = True,
    now: datetime | None = None,
    patience: Patience = PATIENCE,
) -> list[Sent]:
    """Tells the receivers in `alerts` what is new, worse or over, one message each; what became of each message.

    `findings` are all that `about` has found, none where all is well: what it reported before and does not now is told
    as over, unless `whole` is False, because not all was looked at. Findings of another reporter are left alone.
    `folder` is the project's and `project` its name, that of the folder where not given. Never raises an error.

    A receiver that has nothing new to hear is not in the list. Two calls at once do not both tell.
    """
    exits, results = _exits(alerts)
    if not exits:
        return results
    base = Path(folder).resolve()
    news = _News(findings, alerts, clip(project or base.name, 80), about, link, whole, now or datetime.now(UTC))
    path = base / "results" / STATE
    try:
        with ExitStack() as stack:
            mine = True
            with suppress(OSError):  # no lock can be had here, and telling twice is better than silence
                mine = stack.enter_context(held(path.with_name(LOCK), patience.seconds + 2 * GRACE))
            if not mine:
                return [*results, Sent("all", "", False, "another run is telling; the next one tells what is left")]
            return results + news.spread(exits, path, patience)
    except Exception as error:  # whatever it is: alerts never stop what they are about
        return [*results, Sent("all", "", False, f"unexpected: {type(error).__name__}")]


def tell_trial(alerts: Alerts, project: str, *, patience: Patience = PATIENCE) -> list[Sent]:
    """Sends every receiver a message that only tries out whether it arrives; what became of each. Never raises."""
    exits, results = _exits(alerts)
    message = Message(clip(project, 80), TRIAL, datetime.now(UTC), trial=True)
    batches = [(each.way, [_letter(message, to, each.format) for to in each.receivers]) for each in exits]
    return results + list(send(batches, patience))


@dataclass(frozen=True)
class _News:
    """What one call has to tell."""

    findings: Sequence[Finding]
    alerts: Alerts
    project: str
    about: str
    link: str
    whole: bool
    now: datetime

    def spread(self, exits: Iterable[Exit], path: Path, patience: Patience) -> list[Sent]:
        """Sends what is due, and writes down what became of each message as soon as that is known."""
        state = read_state(path).receivers
        before = dict(state)
        messages: dict[str, Message] = {}
        batches = []
        for each in exits:
            letters = []
            for receiver in each.receivers:
                message = self._message(state.get(receiver, Memory()))
                if message.due:
                    messages[receiver] = message
                    letters.append(_letter(message, receiver, each.format))
                elif receiver in state:
                    state[receiver] = remember(state[receiver], message, delivered=False)
            if letters:
                batches.append((each.way, letters))
        results = []
        for sent in send(batches, patience):
            memory = state.get(sent.receiver, Memory())
            state[sent.receiver] = remember(memory, messages[sent.receiver], delivered=sent.delivered)
            results.append(_noted(sent, path, state))
        if not results and state != before:
            _write_state(path, state)
        return results

    def _message(self, memory: Memory) -> Message:
        rules = Rules(Severity(self.alerts.severity), self.alerts.again_days)
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


def _exits(alerts: Alerts) -> tuple[list[Exit], list[Sent]]:
    """The ways out that the settings name, and what is wrong with those that cannot be used."""
    exits: list[Exit] = []
    wrong: list[Sent] = []
    if alerts.webhook:
        try:
            webhook = _webhook(alerts.webhook)
            exits.append(Exit(webhook, (webhook.receiver,), alerts.format))
        except UsageError as error:
            wrong.append(Sent("webhook", "", False, str(error)))
    if alerts.smtp:
        try:
            exits.append(Exit(_mail(alerts), tuple(dict.fromkeys(alerts.receivers)), "text"))
        except UsageError as error:
            wrong.append(Sent("e-mail", "", False, str(error)))
    return exits, wrong


def _webhook(address: str) -> Webhook:
    from foresell.monitor.alerts.webhook import Webhook

    return Webhook.at(address)


def _mail(alerts: Alerts) -> Mail:
    from foresell.monitor.alerts.mail import Mail, checked

    if not alerts.receivers:
        raise UsageError("'monitoring.alerts.receivers' names nobody; give one e-mail address or more.")
    for each in alerts.receivers:
        checked(each, "'monitoring.alerts.receivers'")
    return Mail.over(alerts.smtp or "", alerts.sender)


def _letter(message: Message, receiver: str, format: str) -> Letter:
    name = uuid4().hex
    body = as_slack(message) if format == "slack" else {**as_json(message), "id": name}
    return Letter(receiver, name, message.when, subject(message), as_text(message), body)


def read_state(path: Path) -> State:
    """What the receivers know; nothing where it was never written or cannot be read, so that all is told again."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return State({})


def _noted(sent: Sent, path: Path, state: dict[str, Memory]) -> Sent:
    """`sent`, once it is written down; where that fails, with the error."""
    error = _write_state(path, state)
    if error is None:
        return sent
    said = f"it could not be written down in {path}, so the next run tells it again: {error}"
    return replace(sent, error=said) if sent.error is None else sent


def _write_state(path: Path, state: dict[str, Memory]) -> str | None:
    try:
        with beside(path) as part:
            part.write_bytes(msgspec.json.format(msgspec.json.encode(State(state))) + b"\n")
    except OSError as error:
        return error.strerror or type(error).__name__
    return None
