"""What a person wrote, as the assistant should read it."""

import html
import re
from dataclasses import dataclass

# Longer than any question: what is pasted with one, such as a program or a letter.
LONGEST_QUESTION = 2_000

# <@U1>, <@U1|name>, <#C1|general>, <!subteam^S1|@staff>, <!here>, <https://…|label>
_TOKEN = re.compile(r"<([@#!]?)([^<>|]*)(?:\|([^<>]*))?>")
_EMOJI_NAME = re.compile(r":[a-z0-9_+'\-]+:(?::skin-tone-\d:)?")
# Pictographs with their joiners, selectors, skin tones, flags and keycaps.
_PICTOGRAPHS = re.compile(
    "[\U0001f000-\U0001faff\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u200d\ufe0f\u20e3]"
)
_STOP = frozenset("stop cancel 멈춰 중지 그만 취소".split())
_SUMMARY = re.compile(
    r"(?:please\s+)?(?:can you\s+|could you\s+)?(?:summari[sz]e|sum up|tl;?dr|recap)\b.{0,40}"
    r"|(?:.{0,20})요약(?:.{0,20})",
    re.IGNORECASE | re.DOTALL,
)
_OPENING = re.compile(
    r"(?:who|what|when|where|why|which|whose|how|is|are|was|were|do|does|did|can|could|should|would|will|may|has|have)\b",
    re.IGNORECASE,
)
_ASKING_IN_KOREAN = re.compile(r"(?:나요|까요|인가요|습니까|ㅂ니까|어때|뭐예요|무엇|어떻게|왜)")


@dataclass(frozen=True, slots=True)
class Asking:
    """A question, and what was pasted with it."""

    question: str
    pasted: str = ""


def readable(text: str, bot: str = "") -> str:
    """Slack's markup as plain text; the bot's own mention is left out.

    https://docs.slack.dev/messaging/formatting-message-text
    """
    return html.unescape(_TOKEN.sub(lambda found: _token(found, bot), text)).strip()


def _token(found: re.Match[str], bot: str) -> str:
    sign, target, label = found.group(1), found.group(2), found.group(3)
    if sign == "@":
        return "" if target == bot else f"@{label or target}"
    if sign == "#":
        return f"#{label or target}"
    if sign == "!":
        return label or f"@{target.partition('^')[0]}"
    return f"{label} ({target})" if label and label != target else target


def mentions(text: str) -> set[str]:
    """The ids of the people whom a text mentions."""
    return {target for sign, target, _ in _TOKEN.findall(text) if sign == "@"}


def only_emoji(text: str) -> bool:
    """Whether nothing but emoji was written."""
    without = _PICTOGRAPHS.sub("", _EMOJI_NAME.sub("", text))
    return bool(text.strip()) and not without.strip()


def is_stop(text: str) -> bool:
    return text.strip().rstrip(".!").casefold() in _STOP


def is_summary(text: str) -> bool:
    """Whether a summary is asked for, and nothing else."""
    return bool(_SUMMARY.fullmatch(text.strip()))


def is_question(text: str) -> bool:
    """Whether it reads like a question."""
    stripped = text.strip()
    asks = stripped.endswith(("?", "？")) or _OPENING.match(stripped) or _ASKING_IN_KOREAN.search(stripped)
    return bool(asks) and len(stripped.split()) > 1


def parted(text: str) -> Asking:
    """A long text as a question and what was pasted with it: the question is its first line or its last one."""
    if len(text) <= LONGEST_QUESTION:
        return Asking(text)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    ends = [lines[0], lines[-1]] if lines else []
    short = [line for line in ends if len(line) <= LONGEST_QUESTION]
    asking = [line for line in short if is_question(line)] or short
    return Asking(asking[0], text) if asking else Asking(text)
