"""What stands below an answer, or in its place: sources that open, notes, who wrote it, and buttons to judge it.

Every function returns blocks as Slack takes them, within Slack's limits whatever the texts are.
https://docs.slack.dev/reference/block-kit/blocks
"""

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any
from urllib.parse import unquote, urlsplit

from slack_sdk.models.blocks import (
    ActionsBlock,
    Block,
    ButtonElement,
    ContextActionsBlock,
    ContextBlock,
    FeedbackButtonObject,
    FeedbackButtonsElement,
    MarkdownTextObject,
    PlainTextObject,
    RichTextBlock,
    RichTextElementParts,
    RichTextQuoteElement,
    SectionBlock,
)

from assistant import Citation
from connectors.slack.characters import one_line, visible, whole
from connectors.slack.formatting import link, mrkdwn, plain
from connectors.slack.neutral import neutral
from connectors.slack.wording import Reason, Wording, counted

# action_ids, by which Slack tells what was clicked.
SHOW_SOURCE = "show_source"
FEEDBACK = "feedback"
ASK_AGAIN = "ask_again"

MAX_SOURCES = 10
MAX_NOTES = 10
# What is shown of a name, of a heading path, of a note and of one quotation.
NAME_CHARACTERS = 120
SECTION_CHARACTERS = 160
# A whole link: an address may be long, which nobody sees.
LINK_CHARACTERS = 2_400
NOTE_CHARACTERS = 600
HELP_CHARACTERS = 2_000
QUOTE_CHARACTERS = 3_000
REASON_CHARACTERS = 1_400
# Numbers in front of one source. More than these tell nobody more.
MAX_NUMBERS = 12

# Written by a model: all but what is quoted word for word.
_QUOTED = ("abstained", "quoted")


def answer_blocks(
    *, question_id: str, status: str, citations: Sequence[Citation], notes: Sequence[str], words: Wording
) -> list[dict[str, Any]]:
    """The end of an answer. Notes are plain text.

    `status` is the answer's, or "quoted" when it was answered and a model wrote nothing of what is shown.
    """
    return _dicts(
        [
            *_sources(question_id, citations, words),
            *(note_block(note) for note in notes[:MAX_NOTES] if one_line(note)),
            ContextBlock(elements=[PlainTextObject(text=footer(status, citations, words))]),
            _feedback(question_id, words),
        ]
    )


def reason_blocks(reason: Reason, words: Wording, help_text: str = "", question_id: str = "") -> list[dict[str, Any]]:
    """Why there is no answer and what to do next.

    `help_text` is the profile's, which may mention people and channels; with an id there is a button to ask again.
    """
    problem, remedy = (text[:REASON_CHARACTERS] for text in (reason.problem, reason.remedy))
    blocks: list[Block] = [SectionBlock(text=MarkdownTextObject(text=f"*{problem}*\n{remedy}"))]
    if help_text.strip():
        blocks.append(ContextBlock(elements=[MarkdownTextObject(text=help_text.strip()[:HELP_CHARACTERS])]))
    if question_id:
        again = ButtonElement(text=_label(words.ask_again), action_id=ASK_AGAIN, value=question_id)
        blocks.append(ActionsBlock(elements=[again]))
    return _dicts(blocks)


def root_blocks(user: str, text: str, words: Wording) -> list[dict[str, Any]]:
    """A question that its asker did not post: who asked, and what."""
    asked = MarkdownTextObject(text=words.asked.format(user=mrkdwn(user, NAME_CHARACTERS)))
    return _dicts([SectionBlock(text=asked), *quote_blocks(text)])


def footer(status: str, citations: Sequence[Citation], words: Wording) -> str:
    """Who wrote the answer."""
    if status in _QUOTED:
        return words.footer_quoted
    return words.footer if citations else words.footer_bare


def quote_blocks(text: str) -> list[Block]:
    """Just these words, lines and all, in a form that Slack does not read for markup."""
    shown = neutral(visible(text)).strip("\n")
    if len(shown) > QUOTE_CHARACTERS:
        shown = shown[: whole(shown, QUOTE_CHARACTERS - 1)].rstrip() + "…"
    if not shown.strip():
        return []
    quote = RichTextQuoteElement(elements=[RichTextElementParts.Text(text=shown)])
    return [RichTextBlock(elements=[quote])]


def grouped(citations: Iterable[Citation]) -> list[list[Citation]]:
    """Citations of the same place together, in the order of their first numbers."""
    places: dict[tuple[object, ...], list[Citation]] = {}
    for citation in citations:
        places.setdefault((citation.source, citation.page, citation.section, citation.url), []).append(citation)
    return list(places.values())


def place(citation: Citation, words: Wording) -> str:
    """Where to look, in mrkdwn: "lab-handbook.pdf · page 3 · Safety"; the name is a link where there is an address."""
    name = source_name(citation.source)
    title = web_link(citation.url, name) if is_web(citation.url) else mrkdwn(name, NAME_CHARACTERS)
    where = within(citation, words)
    return f"{title} · {where}" if where else title


def within(citation: Citation, words: Wording) -> str:
    """Where in the document, in mrkdwn: "page 3 · Safety"; empty when nothing is known but the document."""
    page = words.page.format(page=citation.page) if citation.page is not None else ""
    return " · ".join(part for part in (page, mrkdwn(citation.section, SECTION_CHARACTERS)) if part)


def source_name(source: str) -> str:
    """A document's name for people: a relative path as it is, else the last part, never a path on this machine."""
    text = one_line(source)
    if is_web(text) or text.lower().startswith("file:"):
        text = unquote(_path(text)).rstrip("/") or urlsplit(text).netloc
    posix, windows = PurePosixPath(text), PureWindowsPath(text)
    local = posix.is_absolute() or windows.anchor or text.startswith("~") or ".." in windows.parts
    name = windows.name if local else text
    return name if name.strip("~.") else "?"


def web_link(url: str, label: str) -> str:
    """A link in mrkdwn; the label alone when Slack takes no such address."""
    return link(url, plain(label, NAME_CHARACTERS), LINK_CHARACTERS)


def is_web(url: str) -> bool:
    """Whether that is an address a browser can open and Slack links to."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return url


def _sources(question_id: str, citations: Sequence[Citation], words: Wording) -> list[Block]:
    places = grouped(citations)
    if not places:
        return []
    heading = ContextBlock(elements=[MarkdownTextObject(text=f"*{words.sources}*")])
    shown: list[Block] = [_source(question_id, group, words) for group in places[:MAX_SOURCES]]
    left = len(places) - len(shown)
    more = [ContextBlock(elements=[PlainTextObject(text=counted(words.more_sources, left))])] if left else []
    return [heading, *shown, *more]


def _source(question_id: str, group: Sequence[Citation], words: Wording) -> Block:
    first = group[0]
    numbers = "".join(f"[{citation.number}]" for citation in group[:MAX_NUMBERS])
    value = f"{question_id}:{first.number}"
    button = ButtonElement(text=_label(words.show), action_id=SHOW_SOURCE, value=value)
    return SectionBlock(text=MarkdownTextObject(text=f"*{numbers}* {place(first, words)}"), accessory=button)


def note_block(note: str) -> Block:
    """What the person must be told besides, as plain text."""
    return ContextBlock(elements=[PlainTextObject(text=plain(note, NOTE_CHARACTERS), emoji=False)])


def _feedback(question_id: str, words: Wording) -> Block:
    good = FeedbackButtonObject(text=_label(words.helpful), value=f"good:{question_id}")
    bad = FeedbackButtonObject(text=_label(words.not_helpful), value=f"bad:{question_id}")
    buttons = FeedbackButtonsElement(action_id=FEEDBACK, positive_button=good, negative_button=bad)
    return ContextActionsBlock(elements=[buttons])


def _label(text: str) -> PlainTextObject:
    return PlainTextObject(text=text)


def _dicts(blocks: Iterable[Block]) -> list[dict[str, Any]]:
    """Raises SlackObjectFormationError for what Slack would refuse."""
    return [block.to_dict() for block in blocks]
