"""Words, stems and sentences: the plain view of text that search and checking share."""

import re
from functools import lru_cache

import sentencex
import snowballstemmer

# Closed-class words of English: they carry grammar, not subject matter. Negations and numbers are not among
# them, because a check must notice when one is lost.
FUNCTION_WORDS = frozenset(
    """a about above after again against all also am an and any are as at be because been before being below
    between both but by can could did do does doing done down during each either else ever every few for from
    further get gets give given go goes got had has have having he hence her here hers herself him himself his
    how however i if in into is it its itself just kind know least let lot made make makes many may me mean means might
    more most much must my myself need needs of off often on once one only onto or other our ours ourselves out
    over own please quite rather same say says see shall she should show since so some someone something still
    such tell than that the their theirs them themselves then there therefore these they thing things this those
    though through thus to together too toward towards under until up upon us use used uses using very want was
    way ways we well were what when where whether which while who whom whose why will with within would yet you
    your yours yourself yourselves explain describe""".split()
)

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
# A line that starts something new, so that no sentence runs across it.
_FRESH_LINE = re.compile(r"\s*(?:$|#{1,6} |[-*+] |\d+[.)] |\||>|={3,}|-{3,}|!\[)")
_MARKER = re.compile(r"\s*(?:[-*+] |\d+[.)] |> ?)*\s*")


def words(text: str) -> list[str]:
    """The words of a text in lower case, in order."""
    return [match.group().lower().replace("’", "'") for match in _WORD.finditer(text)]


@lru_cache(maxsize=100_000)
def stem(word: str) -> str:
    """The Porter 2 stem: "loops" and "looping" are both "loop"."""
    # One of its own for each word, which costs little: a stemmer keeps the word in itself, and threads that shared one
    # would stem each other's.
    stemmed: str = snowballstemmer.stemmer("english").stemWord(word.removesuffix("'s"))
    return stemmed


def content_words(text: str) -> list[str]:
    """The words that carry subject matter, each once, in order; every contracted negation is "not"."""
    plain = ("not" if word.endswith("n't") else word for word in words(text))
    return [word for word in dict.fromkeys(plain) if word not in FUNCTION_WORDS]


def content_stems(text: str) -> set[str]:
    return {stem(word) for word in content_words(text)}


def sentences(text: str) -> list[str]:
    """The sentences of a Markdown text, each a verbatim slice of it.

    Headings, table rows and code blocks are left out: they are not sentences.
    List markers are not part of a sentence.
    """
    return [sentence for block in _prose_blocks(text) for sentence in _split(block)]


def _prose_blocks(text: str) -> list[str]:
    """Runs of lines that read on, without headings, tables and code."""
    blocks: list[str] = []
    fence = ""
    fresh = True
    for line in text.splitlines(keepends=True):
        opening = _FENCE.match(line)
        if opening or fence:
            fence = _next_fence(fence, opening)
            fresh = True
        elif re.match(r"\s*(?:$|#{1,6} |\||={3,}|-{3,})", line):
            fresh = True
        elif fresh or _FRESH_LINE.match(line):
            blocks.append(line)
            fresh = False
        else:
            blocks[-1] += line
    return blocks


def _next_fence(fence: str, line: re.Match[str] | None) -> str:
    """The marker of the code block that is open after this line, or nothing."""
    if line is None or (fence and line.group(1) != fence):
        return fence
    return "" if fence else line.group(1)


def _split(block: str) -> list[str]:
    marker = _MARKER.match(block)
    block = block[marker.end() :] if marker else block
    # The splitter ends a sentence at a line's end; a space of the same length lets wrapped lines read on.
    flat = block.replace("\n", " ")
    found, position = [], 0
    for piece in sentencex.segment("en", flat):
        sentence = block[position : position + len(piece)].strip()
        position += len(piece)
        if sentence:
            found.append(sentence)
    return found
