"""Texts of others in places of ours: titles, buttons, and lines in Slack's mrkdwn."""

import re
from collections.abc import Sequence
from itertools import accumulate
from urllib.parse import quote, urlsplit

from connectors.slack.characters import one_line, whole
from connectors.slack.neutral import ZWSP, neutral

# Slack takes no longer address.
MAX_URL = 2_000

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# They look like * ` ~ _ and are no markup. A low line within a word is none either, so that names stay as they are.
_LOOKALIKES = {"*": "∗", "`": "ˋ", "~": "∼", "_": "ˍ"}
_LOW_LINE = re.compile(r"(?<=[^\W_])_(?=[^\W_])")
_TAG = re.compile(r"<(?=[^\s\d=-])")


def plain(text: str, limit: int) -> str:
    """One line of plain text of at most `limit` characters, cut with an ellipsis."""
    line = neutral(_TAG.sub(f"<{ZWSP}", one_line(text)))
    return _cut(line, list(line), limit)


def mrkdwn(text: str, limit: int) -> str:
    """One line that shows just these words inside a mrkdwn text: at most `limit` characters when escaped."""
    line = neutral(one_line(text))
    kept = {found.start() for found in _LOW_LINE.finditer(line)}
    shown = [_ESCAPES.get(c) or (c if at in kept else _LOOKALIKES.get(c, c)) for at, c in enumerate(line)]
    return _cut(line, shown, limit)


def link(url: str, label: str, limit: int) -> str:
    """A link in mrkdwn of at most `limit` characters; the label alone where the address is not one of the web."""
    address = _address(url)
    shown = mrkdwn(label, limit - len(address) - 3).replace("|", "¦") if address else ""
    return f"<{address}|{shown}>" if shown else mrkdwn(label, limit)


def _address(url: str) -> str:
    """The address as it stands in a link; empty when it is none of the web."""
    try:
        parts = urlsplit(one_line(url))
    except ValueError:
        return ""
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return ""
    address = quote(parts.geturl(), safe="%/:?#[]@!$&'()+,;=~-._").replace("&", "&amp;")
    return address if len(address) <= MAX_URL else ""


def _cut(line: str, shown: Sequence[str], limit: int) -> str:
    """`shown` says how each character of the line is written."""
    if sum(map(len, shown)) <= limit:
        return "".join(shown)
    room = sum(length <= limit - 1 for length in accumulate(map(len, shown)))
    return "".join(shown[: whole(line, room)]).rstrip() + "…"[: max(0, limit)]
