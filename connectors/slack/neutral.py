"""Making sure that no text can call people, hide an address or break out of its place in Slack."""

import re

# Between two characters that must not be read together; nobody sees it.
ZWSP = "\u200b"
# Controls, marks without width, and what reverses the direction of text: tricks, or nothing that a reader would miss.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
# <!channel>, <@U1>, <#C1>, in characters or in entities; and the bare words that Slack may take for them.
_CONTROL = re.compile(r"(<|&(?:lt|LT|#0*60|#[xX]0*3[cC]);?)(?=[!@#])")
_SHOUT = re.compile(r"@(?=(?:channel|here|everyone|group)\b)", re.IGNORECASE)
# The end of a text that could be the beginning of one of these.
_BEGINNING = re.compile(
    r"(?:<|&(?:l|lt|lt;|L|LT|LT;|#0*6?0?;?|#[xX]0*3?[cC]?;?)?|@[a-z]{0,8})$",
    re.IGNORECASE,
)


def visible(text: str) -> str:
    """The text without characters that nobody sees. Tabs and newlines stay."""
    return _INVISIBLE.sub("", text)


def neutral(text: str) -> str:
    """The text with every mention broken up; it looks the same."""
    return _SHOUT.sub(f"@{ZWSP}", _CONTROL.sub(rf"\1{ZWSP}", text))


def open_end(text: str) -> int:
    """Where the end of a text begins that more text could turn into a mention; its length when there is none."""
    found = _BEGINNING.search(text, max(0, len(text) - 16))
    return found.start() if found else len(text)
