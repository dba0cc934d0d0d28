"""A sentence as the check reads it: its words in order, each with its root and the clause it stands in."""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from assistant.grounding.lexicon import root
from assistant.grounding.quantities import unit_of, value_of
from knowledge.words import FUNCTION_WORDS

# Markdown that is not part of the words.
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKS = re.compile(r"[*`#>|]+|(?<!\w)_+|_+(?!\w)|\\(?=\W)")
_WORD = re.compile(r"\d+(?:[.,:]\d+)*(?![^\W\d_])|[^\W_]+(?:['’][^\W_]+)*|[.,;:!?()—–-]|[^\w\s]")
_NOT = re.compile(r"\b(can)not\b|\b(ca|wo|sha)n['’]t\b|(?<=\w)n['’]t\b", re.IGNORECASE)
_JOINED = re.compile(r"\b([Nn]on|[Aa]nti|[Rr]e|[Uu]n)-(?=[a-z])")
_BREAKS = frozenset(".,;:!?()—–")
# Words that begin a clause of their own.
_CLAUSE_WORDS = frozenset(
    """because although though whereas while if when whenever unless until since that which who whom whose where but
    so""".split()
)
NEGATORS = frozenset(
    """not no never none nothing nobody neither nor without hardly scarcely barely lack lacks lacked lacking absence
    nowhere unless""".split()
)
# Words of a claim that need not stand in its evidence: they carry grammar, or say how something is told.
LIGHT = FUNCTION_WORDS | frozenset(
    """not no never none cannot nor neither without able according allow allowed allows available based become becomes
    begin call called case cases come comes contain contains currently different enable enables ensure ensures exist
    exists following follow follows found generally having help helps include included includes including instead
    involve involves involved it's lets like main moreover namely necessary new note number obtain occur occurs
    order overall particular particularly perform performed possible provide provided provides put refer refers related
    require required requires result specific specifically specify take taken takes text together typically usually
    various well example examples however therefore thus additionally means part people person someone everything
    anything everyone yes took came went gave began became put per away later""".split()
)


@dataclass(frozen=True, slots=True)
class Word:
    """A word in lower case; `written` is how it stands there.

    `phrase` counts the marks that break the sentence before it, `clause` the words that begin a clause as well.
    """

    lower: str
    written: str
    root: str
    clause: int
    phrase: int

    @property
    def content(self) -> bool:
        return self.lower not in LIGHT and not self.number

    @property
    def number(self) -> bool:
        return self.root[0].isdigit()


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A sentence without Markdown, and its words. The same text is read once, so that identity is equality."""

    text: str
    words: tuple[Word, ...]

    @property
    def content(self) -> list[int]:
        """Positions of the words that carry subject matter."""
        return [i for i, word in enumerate(self.words) if word.content and not self._unit(i)]

    def _unit(self, i: int) -> bool:
        """Whether it is the unit of a number, which is compared together with that."""
        return i > 0 and self.words[i - 1].number and unit_of(self.words[i].lower) is not None


# What tells how the rest is told.
_LEAD = re.compile(
    r"""(?:(?:in\s(?:other\swords|short|summary|addition|general|fact|essence)|to\ssum\sup|overall|however|moreover
    |furthermore|additionally|therefore|thus|also|finally|specifically|similarly|please
    |as\s(?:described|mentioned|noted|stated|explained|shown)(?:\s(?:above|below|earlier|before|here))?
    |according\sto\s(?:the|your|these|this)\s(?:text|documents?|documentation|passages?|sources?|handbook|manual|guide|data
    |material|course|notes|context|information|page|article|study|authors?)),\s|(?:please\s)?note\sthat\s)""",
    re.IGNORECASE | re.VERBOSE,
)


def unled(claim: str) -> str:
    """A claim without "In short," and the like before it."""
    lead = _LEAD.match(claim)
    return claim[lead.end() :] if lead else claim


def plain(text: str) -> str:
    """Without Markdown, with contractions written out and one kind of quotes, digits and spaces."""
    text = _LINK.sub(r"\1", unicodedata.normalize("NFKC", text))
    text = _MARKS.sub(" ", text.replace("()", "").replace("’", "'").replace("‘", "'").replace("−", "-"))
    text = _NOT.sub(_written_out, _JOINED.sub(r"\1", text))
    return " ".join(text.split())


def _written_out(match: re.Match[str]) -> str:
    short = {"ca": "can", "wo": "will", "sha": "shall"}.get((match[2] or "").lower(), match[1] or match[2] or "")
    return f"{short} not"


def _root(lower: str) -> str:
    """What equal words share. Numbers share their digits: "three" and "3", "3,000" and "3000"."""
    return value_of(lower) or root(lower.removesuffix("'s"))


@lru_cache(maxsize=20_000)
def read(text: str) -> Reading:
    """The words of a sentence. Never raises, whatever the text."""
    text = plain(text)
    words: list[Word] = []
    clause = phrase = 0
    for match in _WORD.finditer(text):
        written = match.group()
        lower = written.lower()
        if written in _BREAKS:
            clause, phrase = clause + 1, phrase + 1
        elif written[0].isalnum():
            clause += lower in _CLAUSE_WORDS
            words.append(Word(lower.removesuffix("'s"), written, _root(lower), clause, phrase))
    return Reading(text, tuple(words))
