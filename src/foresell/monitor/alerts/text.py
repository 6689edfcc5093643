"""Renders a message: subject and text for e-mail, a JSON body, blocks for Slack.

Findings of one code and severity are grouped, worst first. Each group shows a few places with a few examples.

The JSON body (``format: plain``) has these fields, and keeps them while ``version`` is 1:

| field | content |
|---|---|
| format, version | ``foresell-alert``, 1 |
| project, about, when | the project; the reporter (``monitor``, ``retrain``, ``trial``); UTC in ISO 8601 |
| subject, worst | one line; the severity of the worst finding, or null |
| link | where to read more, or null |
| findings | worst first: code, severity, where, count, message, examples, advice; ``news`` (``new``, ``worse``, ``again``, ``unchanged``), ``since`` |
| missed | earlier findings that were not delivered and are not found now: the same fields, with ``found`` |
| resolved | findings that are over: code, severity, where, since |
| left_out | the number of findings that are left out because the body would be too long |
"""  # noqa: E501

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from foresell.core.finding import Finding, Severity
from foresell.monitor.alerts.digest import AlertItem, AlertMessage, Novelty

PLACES, EXAMPLES = 5, 3  # shown in text and Slack: places of a group, examples of a place
MOST_FINDINGS = 500  # in a JSON body
LONGEST_LINE, LONGEST_SUBJECT = 350, 150  # characters
SLACK_BLOCKS, SLACK_TEXT = 50, 3000  # the limits of Slack: blocks of a message, characters of a block's text
MARKS = {"error": ":red_circle:", "warning": ":large_orange_circle:", "info": ":information_source:"}


def subject(message: AlertMessage) -> str:
    """One line with the worst news, and the number of all findings.

    >>> from datetime import UTC, datetime
    >>> from foresell.core.finding import Finding
    >>> now = datetime(2026, 11, 20, tzinfo=UTC)
    >>> worse = Finding("accuracy-worse", Severity.ERROR, "store 1", 40, "the error has doubled")
    >>> subject(AlertMessage("shop", "monitor", now, (AlertItem(worse, Novelty.NEW, now),)))
    'foresell shop: new error accuracy-worse in store 1'
    """
    return clip(f"foresell {message.project}: {_headline(message)}", LONGEST_SUBJECT)


def as_text(message: AlertMessage) -> str:
    """The whole message as plain text."""
    return "\n\n".join([_beginning(message), *("\n".join(lines) for lines in _sections(message)), _end(message)]) + "\n"


def as_json(message: AlertMessage) -> dict[str, Any]:
    """The whole message as plain data; the module's docstring has its fields."""
    items, missed, over = message.items, message.missed, message.over
    return {
        "format": "foresell-alert",
        "version": 1,
        "project": message.project,
        "about": message.about,
        "when": _moment(message.when),
        "subject": subject(message),
        "worst": str(items[0].finding.severity) if items else None,
        "link": message.link or None,
        "findings": [
            {**item.finding.to_dict(), "news": str(item.news), "since": _moment(item.since)}
            for item in items[:MOST_FINDINGS]
        ],
        "missed": [{**entry.finding.to_dict(), "found": _moment(entry.found)} for entry in missed],
        "resolved": [
            {"code": entry.code, "severity": str(entry.severity), "where": entry.where, "since": _moment(entry.since)}
            for entry in over[:MOST_FINDINGS]
        ],
        "left_out": max(0, len(items) - MOST_FINDINGS) + max(0, len(over) - MOST_FINDINGS),
    }


def as_slack(message: AlertMessage) -> dict[str, Any]:
    """The message for Slack's incoming webhooks: blocks, and a text for clients that show no blocks."""
    headline = subject(message)
    header = {"type": "header", "text": {"type": "plain_text", "text": _fitted(headline, LONGEST_SUBJECT)}}
    sections = [_slack_section(lines) for lines in _sections(message)]
    most = SLACK_BLOCKS - 3  # three are for the header, the line about what is left out, and the end
    left_out = sections[most:]
    if left_out:
        sections = [*sections[:most], _slack_section([f"and {len(left_out)} more kinds of findings"])]
    closing = f"{_beginning(message)} {_end(message)}"
    end = {"type": "context", "elements": [{"type": "mrkdwn", "text": _fitted(closing, SLACK_TEXT)}]}
    return {"text": _fitted(headline, SLACK_TEXT), "blocks": [header, *sections, end]}


def clip(text: str, longest: int) -> str:
    """`text` in one line of at most `longest` characters.

    >>> clip("sales of\\nstore 1", 12)
    'sales of st…'
    """
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


def escape(text: str) -> str:
    """`text` with the three control characters of Slack escaped.

    >>> escape("<!channel> R&D")
    '&lt;!channel&gt; R&amp;D'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _headline(message: AlertMessage) -> str:
    if message.trial:
        return "a trial of alerts"
    news = [item for item in message.items if item.news != Novelty.UNCHANGED]
    if news:
        first = min(news, key=lambda item: (_rank(item.finding.severity), list(Novelty).index(item.news)))
        word = "still" if first.news == Novelty.AGAIN else str(first.news)
        rest = f"; {_counted(message.items)} in all" if len(message.items) > 1 else ""
        return f"{word} {_named(first.finding)}{rest}"
    if message.missed:
        return f"missed {_named(message.missed[0].finding)}{_and_more(message.missed)}"
    if message.over:
        first_over = message.over[0]
        left = f"{_counted(message.items)} left" if message.items else "nothing is left"
        return f"over: {first_over.code} in {first_over.where}{_and_more(message.over)}; {left}"
    return _counted(message.items) or "nothing found"


def _named(finding: Finding) -> str:
    return f"{finding.severity} {finding.code} in {finding.where}"


def _and_more(several: Sequence[object]) -> str:
    return f" and {len(several) - 1} more" if len(several) > 1 else ""


def _counted(items: Sequence[AlertItem]) -> str:
    """The number of findings of each severity, such as ``2 errors, 1 warning``."""
    parts = []
    for severity, plural in zip(Severity, ("errors", "warnings", "infos"), strict=True):
        count = sum(item.finding.severity == severity for item in items)
        if count:
            parts.append(f"{count} {severity if count == 1 else plural}")
    return ", ".join(parts)


def _beginning(message: AlertMessage) -> str:
    if message.trial:
        return f"This is a trial: alerts of {message.project} reach you. AlertOutcome {_time(message)}."
    return f"{message.about} of {message.project}, {_time(message)}."


def _time(message: AlertMessage) -> str:
    return f"{message.when.astimezone(UTC):%Y-%m-%d %H:%M UTC}"


def _end(message: AlertMessage) -> str:
    more = f"More: {message.link}. " if message.link else ""
    return f"{more}What does not change is not sent again for some days."


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds")


def _sections(message: AlertMessage) -> Iterator[list[str]]:
    """Lists of lines: one for each code and severity, one for missed findings, one for findings that are over."""
    order = sorted(message.items, key=lambda item: (_rank(item.finding.severity), item.finding.code))
    for (severity, code), group in groupby(order, key=lambda item: (item.finding.severity, item.finding.code)):
        yield list(_group(severity, code, list(group)))
    if message.missed:
        lines = [
            f"{entry.found:%Y-%m-%d}: {_named(entry.finding)}: {entry.finding.message}" for entry in message.missed
        ]
        yield ["found before, when you could not be reached:", *_few(lines)]
    if message.over:
        lines = [f"{entry.code} in {entry.where}, since {entry.since:%Y-%m-%d}" for entry in message.over]
        yield ["over:", *_few(lines)]


def _group(severity: Severity, code: str, items: list[AlertItem]) -> Iterator[str]:
    fresh = sum(item.news in (Novelty.NEW, Novelty.WORSE) for item in items)
    yield f"{severity} {code}" + (f" ({len(items):,} places, {fresh:,} new or worse)" if len(items) > 1 else "")
    freshest = sorted(items, key=lambda item: (list(Novelty).index(item.news), -item.finding.count))
    yield from _few([_line(item) for item in freshest])
    advice = next((item.finding.advice for item in freshest if item.finding.advice), "")
    if advice:
        yield f"What to do: {clip(advice, LONGEST_LINE)}"


def _line(item: AlertItem) -> str:
    finding = item.finding
    news = "new" if item.news == Novelty.NEW else f"{item.news}, since {item.since:%Y-%m-%d}"
    examples = f" For example {'; '.join(finding.examples[:EXAMPLES])}." if finding.examples else ""
    return f"{finding.where}: {finding.message.rstrip('.')} (count {finding.count:,}; {news}).{examples}"


def _few(lines: Sequence[str]) -> list[str]:
    shown = [f"- {clip(line, LONGEST_LINE)}" for line in lines[:PLACES]]
    return [*shown, f"- and {len(lines) - PLACES:,} more"] if len(lines) > PLACES else shown


def _rank(severity: Severity) -> int:
    return list(Severity).index(severity)


def _slack_section(lines: Sequence[str]) -> dict[str, Any]:
    first, *rest = lines
    mark = MARKS.get(first.partition(" ")[0], "")
    text = "\n".join([f"{mark} *{escape(first)}*".strip(), *map(escape, rest)])
    return {"type": "section", "text": {"type": "mrkdwn", "text": _cut(text, SLACK_TEXT)}}


def _fitted(text: str, longest: int) -> str:
    return _cut(escape(text), longest)


def _cut(escaped: str, longest: int) -> str:
    """The beginning of an escaped text. It is never cut within an escape such as ``&lt;``."""
    return escaped if len(escaped) <= longest else re.sub(r"&\w*$", "", escaped[: longest - 1]) + "…"
