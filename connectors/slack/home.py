"""The Home tab: what the assistant knows, what a person asked lately, how to ask and whom else to ask."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ConfirmObject,
    ContextBlock,
    DividerBlock,
    HeaderBlock,
    MarkdownTextObject,
    PlainTextObject,
    SectionBlock,
)
from slack_sdk.models.views import View

from connectors.slack.blocks import NAME_CHARACTERS, is_web, source_name, web_link
from connectors.slack.formatting import mrkdwn, plain
from connectors.slack.wording import Wording, counted

FORGET_ME = "forget_me"

MAX_COLLECTIONS = 15
MAX_DOCUMENTS = 10
MAX_RECENT = 10
QUESTION_CHARACTERS = 150
HELP_CHARACTERS = 2_000
# Slack dates messages itself, in the reader's time zone; it takes no year beyond this.
LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True)
class Recent:
    """A question that was asked `at` seconds since 1970. `permalink` leads to the answer; "" when there is none."""

    question: str
    status: str
    permalink: str
    at: float


def home_view(
    *,
    name: str,
    collections: Sequence[tuple[str, int]],
    documents: Sequence[str],
    recent: Sequence[Recent],
    help_text: str,
    command: str,
    words: Wording,
) -> dict[str, Any]:
    """The view for `views.publish`. Collections come with the number of their documents."""
    blocks = [
        *_knowledge(collections, documents, words),
        DividerBlock(),
        *_recent(recent, words),
        DividerBlock(),
        *_ways(name, command, words),
        *_help(help_text, words),
        DividerBlock(),
        *_privacy(words),
    ]
    return View(type="home", blocks=blocks).to_dict()


def _knowledge(collections: Sequence[tuple[str, int]], documents: Sequence[str], words: Wording) -> list[Block]:
    heading = _header(words.home_knows)
    if not collections:
        return [heading, SectionBlock(text=PlainTextObject(text=words.home_nothing))]
    lines = [f"• *{mrkdwn(name, NAME_CHARACTERS)}* · {counted(words.home_documents, n)}" for name, n in collections]
    names = [mrkdwn(source_name(name), NAME_CHARACTERS) for name in documents[:MAX_DOCUMENTS]]
    such_as = [ContextBlock(elements=[_markdown(words.home_such_as.format(names=", ".join(names)))])] if names else []
    return [heading, SectionBlock(text=_markdown("\n".join(_cut(lines, MAX_COLLECTIONS, words)))), *such_as]


def _recent(recent: Sequence[Recent], words: Wording) -> list[Block]:
    heading = _header(words.home_recent)
    if not recent:
        return [heading, SectionBlock(text=PlainTextObject(text=words.home_no_recent))]
    return [heading, *(block for question in recent[:MAX_RECENT] for block in _question(question, words))]


def _question(recent: Recent, words: Wording) -> list[Block]:
    text = mrkdwn(recent.question, QUESTION_CHARACTERS)
    answer = web_link(recent.permalink, words.home_open) if is_web(recent.permalink) else ""
    details = " · ".join(part for part in (_date(recent.at), words.status(recent.status), answer) if part)
    below = [ContextBlock(elements=[_markdown(details)])] if details else []
    return [SectionBlock(text=_markdown(text or "…")), *below]


def _ways(name: str, command: str, words: Wording) -> list[Block]:
    shown = mrkdwn(f"@{name}", NAME_CHARACTERS)
    lines = [f"• {way.format(name=shown, command=command, shortcut=words.shortcut_ask)}" for way in words.home_ways]
    return [_header(words.home_how), SectionBlock(text=_markdown("\n".join(lines)))]


def _help(help_text: str, words: Wording) -> list[Block]:
    """The profile's own words: whoever runs the assistant may mention people and channels in them."""
    if not help_text.strip():
        return []
    return [_header(words.home_help), SectionBlock(text=_markdown(help_text.strip()[:HELP_CHARACTERS]))]


def _privacy(words: Wording) -> list[Block]:
    confirm = ConfirmObject(
        title=words.forget_title,
        text=PlainTextObject(text=words.forget_text),
        confirm=words.forget_confirm,
        deny=words.cancel,
        style="danger",
    )
    button = ButtonElement(
        text=PlainTextObject(text=words.forget), action_id=FORGET_ME, style="danger", confirm=confirm
    )
    note = ContextBlock(elements=[PlainTextObject(text=words.home_privacy)])
    return [note, ActionsBlock(elements=[button])]


def _date(at: float) -> str:
    """A time that Slack shows in the reader's own zone and language."""
    if not 0 < at < LATEST:
        return ""
    written = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return f"<!date^{int(at)}^{{date_short_pretty}}, {{time}}|{written}>"


def _cut(lines: Sequence[str], limit: int, words: Wording) -> list[str]:
    left = len(lines) - limit
    return [*lines[:limit], *([words.more.format(count=left)] if left > 0 else [])]


def _header(text: str) -> Block:
    return HeaderBlock(text=PlainTextObject(text=plain(text, HeaderBlock.text_max_length)))


def _markdown(text: str) -> MarkdownTextObject:
    return MarkdownTextObject(text=text)
