"""Dialogs: a source word for word, why an answer was not helpful, a question about a message, files to add.

Each is a view for `views.open`. What a person entered is in `view["state"]["values"][NAME][NAME]`: a field's block and
its action have the same name.
"""

from collections.abc import Sequence
from typing import Any

from slack_sdk.models.blocks import (
    Block,
    ContextBlock,
    InputBlock,
    MarkdownTextObject,
    Option,
    PlainTextInputElement,
    PlainTextObject,
    RadioButtonsElement,
    SectionBlock,
    StaticSelectElement,
)
from slack_sdk.models.views import View

from assistant import Citation
from connectors.slack.blocks import NAME_CHARACTERS, grouped, is_web, quote_blocks, source_name, web_link, within
from connectors.slack.characters import one_line, visible
from connectors.slack.formatting import mrkdwn, plain
from connectors.slack.wording import Wording

# callback_ids of what people send.
FEEDBACK_REASON = "feedback_reason"
ASK_ABOUT = "ask_about"
ADD_FILES = "add_files"

# Fields, and the values of the choice where to answer.
REASON = "reason"
QUESTION = "question"
WHERE = "where"
COLLECTION = "collection"
NEW_COLLECTION = "new_collection"
IN_THREAD = "in_thread"
ONLY_ME = "only_me"

# What Slack lets a person enter at most.
INPUT_CHARACTERS = 3_000
COLLECTION_CHARACTERS = 64
MAX_QUOTES = 20
MAX_FILES = 20
MAX_OPTIONS = 100


def source_modal(citations: Sequence[Citation], number: int, words: Wording) -> dict[str, Any]:
    """What the answer quotes from the place that `number` points to; that it is gone, when there is no such number."""
    group = next((group for group in grouped(citations) if any(c.number == number for c in group)), [])
    return View(type="modal", title=words.source_title, close=words.close, blocks=_source(group, words)).to_dict()


def feedback_modal(question_id: str, words: Wording) -> dict[str, Any]:
    """Asks why an answer was not helpful; an empty reason is one, too."""
    element = PlainTextInputElement(action_id=REASON, multiline=True, max_length=INPUT_CHARACTERS)
    field = InputBlock(
        block_id=REASON, label=words.feedback_label, hint=words.feedback_hint, element=element, optional=True
    )
    return _form(FEEDBACK_REASON, words.feedback_title, words.send, question_id, [field], words)


def ask_modal(text: str, metadata: str, words: Wording) -> dict[str, Any]:
    """A question about a message, whose text it begins with.

    `metadata`, at most 3,000 characters, comes back with what is sent, here and below.
    """
    question = PlainTextInputElement(
        action_id=QUESTION,
        multiline=True,
        focus_on_load=True,
        max_length=INPUT_CHARACTERS,
        initial_value=visible(text).strip()[:INPUT_CHARACTERS] or None,
    )
    choices = [Option(text=words.ask_in_thread, value=IN_THREAD), Option(text=words.ask_only_me, value=ONLY_ME)]
    where = RadioButtonsElement(action_id=WHERE, options=choices, initial_option=choices[0])
    fields = [
        InputBlock(block_id=QUESTION, label=words.ask_label, element=question),
        InputBlock(block_id=WHERE, label=words.ask_where, element=where),
    ]
    return _form(ASK_ABOUT, words.ask_title, words.send, metadata, fields, words)


def add_file_modal(files: Sequence[str], collections: Sequence[str], metadata: str, words: Wording) -> dict[str, Any]:
    """Where to put files: one of the collections there are, or one that is named here."""
    fields = [_file_list(files, words), *_collection_choice(collections, words), _new_collection(collections, words)]
    return _form(ADD_FILES, words.add_title, words.add, metadata, fields, words)


def _form(
    callback_id: str, title: str, submit: str, metadata: str, blocks: Sequence[Block], words: Wording
) -> dict[str, Any]:
    view = View(
        type="modal",
        callback_id=callback_id,
        title=title,
        submit=submit,
        close=words.cancel,
        private_metadata=metadata,
        blocks=blocks,
    )
    return view.to_dict()


def _source(group: Sequence[Citation], words: Wording) -> list[Block]:
    if not group:
        return [SectionBlock(text=PlainTextObject(text=words.source_gone))]
    first = group[0]
    heading = SectionBlock(text=MarkdownTextObject(text=f"*{mrkdwn(source_name(first.source), NAME_CHARACTERS)}*"))
    where = within(first, words)
    quotes = dict.fromkeys(citation.quote for citation in group)
    blocks: list[Block] = [heading, *([ContextBlock(elements=[MarkdownTextObject(text=where)])] if where else [])]
    for quote in list(quotes)[:MAX_QUOTES]:
        blocks += quote_blocks(quote)
    return [*blocks, *_document_link(first.url, words)]


def _document_link(url: str, words: Wording) -> list[Block]:
    if not is_web(url):
        return []
    return [SectionBlock(text=MarkdownTextObject(text=web_link(url, words.open_document)))]


def _file_list(files: Sequence[str], words: Wording) -> Block:
    lines = [f"• {mrkdwn(source_name(name), NAME_CHARACTERS)}" for name in files[:MAX_FILES]]
    if len(files) > MAX_FILES:
        lines.append(words.more.format(count=len(files) - MAX_FILES))
    return SectionBlock(text=MarkdownTextObject(text="\n".join([words.add_files, *lines])))


def _collection_choice(collections: Sequence[str], words: Wording) -> list[Block]:
    """None when there is nothing to choose from. A name that is too long for a choice has to be typed."""
    names = [name for name in dict.fromkeys(collections) if one_line(name) and len(name) <= Option.value_max_length]
    options = [
        Option(text=PlainTextObject(text=plain(name, Option.label_max_length), emoji=False), value=name)
        for name in names[:MAX_OPTIONS]
    ]
    if not options:
        return []
    element = StaticSelectElement(action_id=COLLECTION, options=options, initial_option=options[0])
    return [InputBlock(block_id=COLLECTION, label=words.add_collection, element=element)]


def _new_collection(collections: Sequence[str], words: Wording) -> Block:
    element = PlainTextInputElement(action_id=NEW_COLLECTION, max_length=COLLECTION_CHARACTERS)
    known = bool(_collection_choice(collections, words))
    label = words.add_new_collection if known else words.add_collection
    hint = words.add_new_collection_hint if known else None
    return InputBlock(block_id=NEW_COLLECTION, label=label, hint=hint, element=element, optional=known)
