"""What people see of a text, and what it looks like."""

import re
import unicodedata
from functools import lru_cache

# Controls, characters without width and what turns the direction round: tricks, or nothing that a reader would miss.
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Sequences that drive a terminal, whole, so that "\x1b[31mred" leaves "red" and not "[31mred".
SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # control sequences: colours, cursor, erasing
    r"|(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)"  # titles, links
    r"|\x1b[ -/]*[0-~]"
)
BREAK = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
SURROGATE = re.compile("[\ud800-\udfff]")
# A joiner shapes the letters of some scripts and joins emoji; a selector gives one character another look. Anywhere
# else, and more than one of them, they carry what nobody sees.
_JOINED = (
    "\u0590-\u109f\u1780-\u18af\u1a00-\u1cff\ua840-\uabff\ufb1d-\ufdff\ufe70-\ufefc\u2190-\u2bff\ufe0f"
    "\U00010a00-\U0001faff"
)
_STRAY = re.compile(
    f"(?<![{_JOINED}])[\u200c\u200d]+|(?<=[\u200c\u200d])[\u200c\u200d]+"
    "|(?<![0-9#*©®\u2000-\u3300\u3400-\u9fff\uf900-\ufaff\U0001f000-\U0002ffff])[\ufe00-\ufe0f]+"
    "|(?<=[\ufe00-\ufe0f])[\ufe00-\ufe0f]+"
)
# Letters of other alphabets, and signs, that are drawn like those of ASCII.
_ALIKE = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеѕіјорсухԁԛһⅼΑΒΕΖΗΙΚΜΝΟΡΤΥΧαονιｌɡıɑ∣❘│┃ǀ⎮‹〈⟨⟩〉›〔〕【】∶꞉ː﹕׃",
    "ABESIJKMHOPCTYXaesijopcyxdqhlABEZHIKMNOPTYXaovilgia||||||<<<>>>[][]:::::",
)


def visible(text: str) -> str:
    """The text without what nobody sees. Tabs stay; any kind of line break becomes a newline."""
    if text.isascii() and text.replace("\n", "").replace("\t", "").isprintable():
        return text
    text = SEQUENCE.sub("", BREAK.sub("\n", SURROGATE.sub("\ufffd", text)))
    return _STRAY.sub("", INVISIBLE.sub("", text))


def folded(text: str) -> str:
    """The text in plain letters of ASCII where it looks like them: "Ｓyѕtem：" is "System:".

    Every character has its place: what is found in one is at the same place in the other.
    """
    return "".join(map(_plain, text)) if not text.isascii() else text


@lru_cache(maxsize=4096)
def _plain(character: str) -> str:
    alike = character.translate(_ALIKE)
    normal = unicodedata.normalize("NFKC", alike)
    return normal if len(normal) == 1 and normal.isascii() else alike
