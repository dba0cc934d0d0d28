"""A passage that is cut in mid-thought, joined with what stands before or after it."""

import re

from knowledge.catalog import StoredPassage

# A joined passage has up to this many characters: three of the usual length.
MAX_JOINED = 3_000

_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_ITEM = re.compile(r"\s*(?:[-*+•] |\d+[.)] )")
_ROW = re.compile(r"\s*\|")
_HEADER = re.compile(r"\s*\|[^\n]*\n[ \t]*\|[ \t]*:?-+:?[ \t]*\|")
_LEADS_ON = re.compile(r"[:：,;]\s*$")
# A sentence's end, with the quotes, brackets and marks of emphasis that may close after it.
_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]*_`]*\s*$")
_MID_SENTENCE = re.compile(r"\s*[a-zà-öø-ÿ,;)\]]")


def joined(
    before: StoredPassage | None, passage: StoredPassage, after: StoredPassage | None, most: int = MAX_JOINED
) -> tuple[StoredPassage, ...]:
    """The passage with those of its neighbours that complete it, in their order, of `most` characters together."""
    parts = [passage]
    if after and cut_between(passage, after) and _length([*parts, after]) <= most:
        parts = [*parts, after]
    if before and cut_between(before, passage) and _length([before, *parts]) <= most:
        parts = [before, *parts]
    return tuple(parts)


def cut_between(before: StoredPassage, after: StoredPassage) -> bool:
    """Whether a thought runs across the place where one passage ends and the next of the same place begins."""
    return _place(before) == _place(after) and _runs_on(before.text, after.text)


def _place(passage: StoredPassage) -> tuple[str, str, str, int | None]:
    return passage.collection, passage.source, passage.section, passage.page


def _runs_on(before: str, after: str) -> bool:
    last, first = before.rstrip().rpartition("\n")[2], after.lstrip().partition("\n")[0]
    if len(_FENCE.findall(before)) % 2 or _LEADS_ON.search(last) or last.startswith("#"):
        return True
    if _HEADER.match(after):  # A table, or a part of one, that can be read by itself.
        return False
    for one_of_several in (_ITEM, _ROW):
        if one_of_several.match(last) and one_of_several.match(first):
            return True
    if _ROW.match(last) or _FENCE.match(last) or _ITEM.match(first):
        return False
    return bool(_MID_SENTENCE.match(first)) or not (_ITEM.match(last) or _SENTENCE_END.search(last))


def _length(parts: list[StoredPassage]) -> int:
    return sum(len(part.text) + 1 for part in parts) - 1
