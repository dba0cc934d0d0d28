"""Block Kit: what Slack would refuse, what a person reads, and what can be clicked.

https://docs.slack.dev/reference/block-kit
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from connectors.testing.slack.errors import SlackError

Block = dict[str, Any]

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
MARKDOWN_CHARACTERS = 12_000
ID_CHARACTERS = 255

# Block types, and the fields that each must have.
_REQUIRED: dict[str, tuple[str, ...]] = {
    "actions": ("elements",),
    "context": ("elements",),
    "context_actions": ("elements",),
    "divider": (),
    "header": ("text",),
    "image": ("alt_text",),
    "input": ("label", "element"),
    "markdown": ("text",),
    "rich_text": ("elements",),
    "section": (),
    "table": ("rows",),
}
_ONLY_IN_MESSAGES = ("context_actions", "markdown", "table")
# Fields that hold a text object: the longest text, and whether it must be plain_text.
_TEXTS: dict[tuple[str, str], tuple[int, bool]] = {
    ("section", "text"): (3_000, False),
    ("header", "text"): (150, True),
    ("image", "title"): (2_000, True),
    ("input", "label"): (2_000, True),
    ("input", "hint"): (2_000, True),
}
_MOST_ELEMENTS = {"actions": 25, "context": 10, "context_actions": 5}
_MENUS = ("static_select", "multi_static_select")
_PICKERS = ("users_select", "conversations_select", "channels_select", "datepicker", "timepicker", "datetimepicker")
_CHOICES = ("radio_buttons", "checkboxes")
_INTERACTIVE = ("button", "overflow", *_MENUS, *_PICKERS, *_CHOICES)
_ELEMENTS: dict[str, tuple[str, ...]] = {
    "actions": _INTERACTIVE,
    "context": ("plain_text", "mrkdwn", "image"),
    "context_actions": ("feedback_buttons", "icon_button"),
    "accessory": (*_INTERACTIVE, "image"),
    "input": (*_MENUS, *_PICKERS, *_CHOICES, "plain_text_input", "email_text_input", "url_text_input", "number_input"),
    "rich_text": ("rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"),
}
_RICH = ("text", "link", "emoji", "user", "usergroup", "channel", "broadcast", "date", "color", "rich_text_section")
_MOST_OPTIONS = {"overflow": 5, "radio_buttons": 10, "checkboxes": 10}
_FEEDBACK = ("positive_button", "negative_button")


class _WrongError(Exception):
    """What is wrong with a block, and where."""


@dataclass(frozen=True, slots=True)
class Button:
    """Something to click: the element, its block, what it would send, and what is written on it."""

    block_id: str
    element: Mapping[str, Any]
    value: str
    label: str


# -- what is refused


def check_message(blocks: object) -> list[Block]:
    """The blocks, each with a block_id. Raises SlackError invalid_blocks, and msg_blocks_too_long for Markdown."""
    checked = _check(blocks, MESSAGE_BLOCKS, in_view=False)
    if sum(len(block["text"]) for block in checked if block["type"] == "markdown") > MARKDOWN_CHARACTERS:
        raise SlackError("msg_blocks_too_long")
    return checked


def check_view(blocks: object) -> list[Block]:
    """The same for a view. Raises SlackError invalid_arguments."""
    try:
        return _check(blocks, VIEW_BLOCKS, in_view=True)
    except SlackError as error:
        raise SlackError("invalid_arguments", **error.more) from error


def _check(blocks: object, most: int, *, in_view: bool) -> list[Block]:
    try:
        _that(isinstance(blocks, list), "must be an array [json-pointer:/blocks]")
        assert isinstance(blocks, list)  # noqa: S101 (for mypy)
        _that(len(blocks) <= most, f"no more than {most} items allowed [json-pointer:/blocks]")
        checked = [_check_block(block, f"/blocks/{number}", in_view) for number, block in enumerate(blocks)]
        ids = [block["block_id"] for block in checked if "block_id" in block]
        _that(len(ids) == len(set(ids)), "block_id values must be unique [json-pointer:/blocks]")
    except _WrongError as wrong:
        raise SlackError("invalid_blocks", response_metadata={"messages": [f"[ERROR] {wrong}"]}) from None
    return [{"block_id": f"b{number}", **block} for number, block in enumerate(checked)]


def _check_block(block: object, at: str, in_view: bool) -> Block:
    _that(isinstance(block, dict), f"must be an object [json-pointer:{at}]")
    assert isinstance(block, dict)  # noqa: S101 (for mypy)
    kind = str(block.get("type"))
    known = kind in _REQUIRED and not (in_view and kind in _ONLY_IN_MESSAGES)
    _that(known, f"unsupported type: {kind} [json-pointer:{at}/type]")
    for name in _REQUIRED[kind]:
        _that(block.get(name) not in (None, "", []), f"missing required field: {name} [json-pointer:{at}]")
    _check_length(block.get("block_id", "x"), ID_CHARACTERS, f"{at}/block_id")
    for (owner, name), (longest, plain) in _TEXTS.items():
        if owner == kind and name in block:
            _check_text(block[name], longest, f"{at}/{name}", plain=plain)
    _SPECIFIC.get(kind, _nothing)(block, at)
    return block


def _check_section(block: Block, at: str) -> None:
    _that("text" in block or "fields" in block, f"text or fields must be given [json-pointer:{at}]")
    fields = block.get("fields", [])
    _that(isinstance(fields, list) and len(fields) <= 10, f"no more than 10 fields [json-pointer:{at}/fields]")
    for number, text in enumerate(fields):
        _check_text(text, 2_000, f"{at}/fields/{number}")
    if "accessory" in block:
        _check_element(block["accessory"], "accessory", f"{at}/accessory")


def _check_elements(block: Block, at: str) -> None:
    kind, elements = block["type"], block["elements"]
    _that(isinstance(elements, list), f"must be an array [json-pointer:{at}/elements]")
    most = _MOST_ELEMENTS[kind]
    _that(len(elements) <= most, f"no more than {most} items allowed [json-pointer:{at}/elements]")
    for number, element in enumerate(elements):
        _check_element(element, kind, f"{at}/elements/{number}")
    ids = [element["action_id"] for element in elements if "action_id" in element]
    _that(len(ids) == len(set(ids)), f"action_id values must be unique in a block [json-pointer:{at}/elements]")


def _check_input(block: Block, at: str) -> None:
    _check_element(block["element"], "input", f"{at}/element")


def _check_markdown(block: Block, at: str) -> None:
    _that(isinstance(block["text"], str), f"must be a string [json-pointer:{at}/text]")


def _check_image(block: Block, at: str) -> None:
    _that("image_url" in block or "slack_file" in block, f"missing required field: image_url [json-pointer:{at}]")
    _check_length(block.get("image_url", "x"), 3_000, f"{at}/image_url")
    _check_length(block["alt_text"], 2_000, f"{at}/alt_text")


def _check_rich_text(block: Block, at: str) -> None:
    for number, element in enumerate(block["elements"]):
        here = f"{at}/elements/{number}"
        _check_type(element, "rich_text", here)
        inner = element.get("elements")
        _that(isinstance(inner, list), f"missing required field: elements [json-pointer:{here}]")
        for count, part in enumerate(inner):
            known = isinstance(part, dict) and part.get("type") in _RICH
            _that(known, f"unsupported type [json-pointer:{here}/elements/{count}]")
            if part["type"] == "text":
                filled = isinstance(part.get("text"), str) and part["text"] != ""
                _that(filled, f"must be more than 0 characters [json-pointer:{here}/elements/{count}/text]")


def _check_table(block: Block, at: str) -> None:
    rows = block["rows"]
    _that(isinstance(rows, list) and len(rows) <= 100, f"no more than 100 rows [json-pointer:{at}/rows]")
    for number, row in enumerate(rows):
        fits = isinstance(row, list) and len(row) <= 20
        _that(fits, f"no more than 20 cells [json-pointer:{at}/rows/{number}]")


def _nothing(block: Block, at: str) -> None:
    return None


_SPECIFIC: dict[str, Callable[[Block, str], None]] = {
    "section": _check_section,
    "actions": _check_elements,
    "context": _check_elements,
    "context_actions": _check_elements,
    "input": _check_input,
    "markdown": _check_markdown,
    "image": _check_image,
    "rich_text": _check_rich_text,
    "table": _check_table,
}


def _check_type(element: object, place: str, at: str) -> None:
    known = isinstance(element, dict) and element.get("type") in _ELEMENTS[place]
    kind = element.get("type") if isinstance(element, dict) else element
    _that(known, f"unsupported type: {kind} [json-pointer:{at}/type]")


def _check_element(element: Any, place: str, at: str) -> None:
    _check_type(element, place, at)
    _check_length(element.get("action_id", "x"), ID_CHARACTERS, f"{at}/action_id")
    kind = element["type"]
    if kind in ("plain_text", "mrkdwn"):
        _check_text(element, 2_000 if place == "context" else 3_000, at)
    elif kind == "button":
        _check_button(element, at)
    elif kind == "feedback_buttons":
        for name in _FEEDBACK:
            _that(isinstance(element.get(name), dict), f"missing required field: {name} [json-pointer:{at}]")
            _check_button(element[name], f"{at}/{name}", required="value")
    elif "options" in element or kind in (*_MENUS, *_CHOICES, "overflow"):
        _check_options(element, at)
    if "placeholder" in element:
        _check_text(element["placeholder"], 150, f"{at}/placeholder", plain=True)


def _check_button(element: Mapping[str, Any], at: str, required: str = "text") -> None:
    _that(required in element and "text" in element, f"missing required field: {required} [json-pointer:{at}]")
    _check_text(element["text"], 75, f"{at}/text", plain=True)
    _check_length(element.get("value", ""), 2_000, f"{at}/value", least=0)
    _check_length(element.get("url", "x"), 3_000, f"{at}/url")
    _that(element.get("style") in (None, "primary", "danger"), f"must be primary or danger [json-pointer:{at}/style]")
    _check_confirm(element.get("confirm"), f"{at}/confirm")


def _check_confirm(confirm: Mapping[str, Any] | None, at: str) -> None:
    longest = {"title": 100, "text": 300, "confirm": 30, "deny": 30}
    for name, characters in longest.items() if confirm else ():
        _that(bool(confirm and confirm.get(name)), f"missing required field: {name} [json-pointer:{at}]")
        _check_text(confirm[name] if confirm else None, characters, f"{at}/{name}", plain=name != "text")


def _check_options(element: Mapping[str, Any], at: str) -> None:
    groups = element.get("option_groups")
    options = [o for group in groups for o in group["options"]] if groups else element.get("options")
    most = _MOST_OPTIONS.get(element["type"], 100)
    fits = isinstance(options, list) and 0 < len(options) <= most
    _that(fits, f"must be 1 to {most} options [json-pointer:{at}/options]")
    for number, option in enumerate(options or ()):
        here = f"{at}/options/{number}"
        filled = isinstance(option, dict) and "text" in option and "value" in option
        _that(filled, f"missing required field: text or value [json-pointer:{here}]")
        _check_text(option["text"], 75, f"{here}/text", plain=element["type"] in (*_MENUS, "overflow"))
        _check_length(option["value"], 150, f"{here}/value")


def _check_text(text: object, longest: int, at: str, *, plain: bool = False) -> None:
    kinds = ("plain_text",) if plain else ("plain_text", "mrkdwn")
    known = isinstance(text, dict) and text.get("type") in kinds
    _that(known, f"must be a {' or '.join(kinds)} object [json-pointer:{at}]")
    assert isinstance(text, dict)  # noqa: S101 (for mypy)
    _check_length(text.get("text"), longest, f"{at}/text")


def _check_length(text: object, longest: int, at: str, least: int = 1) -> None:
    _that(isinstance(text, str), f"must be a string [json-pointer:{at}]")
    assert isinstance(text, str)  # noqa: S101 (for mypy)
    _that(len(text) >= least, f"must be more than {least - 1} characters [json-pointer:{at}]")
    _that(len(text) <= longest, f"must be less than {longest + 1} characters [json-pointer:{at}]")


def _that(right: bool, wrong: str) -> None:
    if not right:
        raise _WrongError(wrong)


# -- what is read and clicked


def text_of(blocks: Sequence[Block]) -> str:
    """All that is written in blocks but for what is on buttons, a line a block."""
    return "\n".join(line for line in (_read(block) for block in blocks) if line)


def markdown_of(blocks: Sequence[Block]) -> str:
    """What stands in markdown blocks."""
    return "\n".join(block["text"] for block in blocks if block["type"] == "markdown")


def _read(node: Any) -> str:
    if isinstance(node, str):
        return node
    kind = node.get("type", "")
    if kind in ("table", "rich_text", "context", "rich_text_list"):
        separator = " " if kind == "context" else "\n"
        return separator.join(_read_row(part) for part in node.get("elements") or node.get("rows"))
    if kind.startswith("rich_text_"):
        return "".join(_read(part) for part in node["elements"])
    own = [node.get(name) for name in ("label", "title", "text", "hint", "element") if node.get(name)]
    parts = [_read(part) for part in (*own, *node.get("fields", ()), *node.get("options", ()))]
    return "\n".join(part for part in parts if part) or str(node.get("alt_text") or node.get("url") or "")


def _read_row(row: Any) -> str:
    return " | ".join(_read(cell) for cell in row) if isinstance(row, list) else _read(row)


def buttons(blocks: Sequence[Block]) -> list[Button]:
    """Everything in blocks that can be clicked, in order; a pair of feedback buttons is two."""
    return [found for block in blocks for found in _buttons(block)]


def _buttons(block: Block) -> Iterator[Button]:
    inside = block.get("elements", ()) if block["type"] in ("actions", "context_actions") else ()
    elements: Iterable[Mapping[str, Any]] = [*inside, *([block["accessory"]] if "accessory" in block else ())]
    for element in elements:
        if element["type"] == "feedback_buttons":
            both = [element[name] for name in _FEEDBACK]
            yield from (Button(block["block_id"], element, b["value"], b["text"]["text"]) for b in both)
        elif element["type"] in ("overflow", *_MENUS, *_CHOICES):
            for option in element["options"]:
                yield Button(block["block_id"], element, option["value"], option["text"]["text"])
        elif element["type"] != "image":
            label = element.get("text", {}).get("text", "")
            yield Button(block["block_id"], element, str(element.get("value", "")), label)
