"""The words of a question and of a passage, in scripts that part words by spaces and in those that do not."""

import math
import re
import unicodedata
from collections.abc import Mapping, Set
from dataclasses import dataclass
from functools import lru_cache

from knowledge.words import content_words, stem, words

# Hangul agglutinates (a word carries its particles); Han, Kana, Thai, Lao, Khmer, Myanmar and Tibetan leave no spaces.
_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003134f"
_UNSPACED = (
    _HAN + "\u1100-\u11ff\uac00-\ud7a3\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f"
    "\u0e01-\u0e2e\u0e81-\u0eae\u0f40-\u0fbc\u1000-\u102a\u1780-\u17b3\u3131-\u318e\uff66-\uffdc"
)
_RUN = re.compile(f"[{_UNSPACED}]+")
_IDEOGRAPH = re.compile(f"[{_HAN}]")
# Letters and digits of other scripts that stand in one word with such a run: "Docker를".
_MIXED = re.compile(f"(?=[^\\W_]*[{_UNSPACED}])[^\\W_]+")
_OTHER = re.compile(f"[^\\W_{_UNSPACED}]+")
_WHOLE_RUN = re.compile(f"(?<![^\\W_])[{_UNSPACED}]+(?![^\\W_])")

# Korean words that ask, refer or carry grammar, and that say nothing of the subject.
KOREAN_FUNCTION_WORDS = frozenset(
    """무엇 무엇을 무엇이 무엇인가 무엇인가요 무엇입니까 무슨 뭐 뭔가요 뭐예요 누구 누가 누구인가
    누구인가요 누구의 언제 언제인가 언제인가요 언제부터 언제까지 어디 어디에 어디에서 어디서 어디인가
    어디인가요 어느 어떤 어떻게 어떠한 왜 얼마 얼마나 얼마인가 얼마인가요 몇 그 이 저 이것 그것
    저것 여기 거기 및 등 또는 그리고 그러나 하지만 수 것 것은 것이 것을 것인가 것인가요 때 대한
    대해 대하여 관한 위한 위해 위하여 통해 통하여 따른 따라 하는 하나 하나요 하는가 하였는가
    했는가 했나요 합니까 하려면 한 할 해야 되는 되나요 되는가 됩니까 된 될 있는 있나요 있는가
    있습니까 있을까요 있다 있는지 없는 없나요 인가 인가요 입니까 인지 여부 좀 알려 알려줘
    알려주세요 설명해 설명해줘 설명해주세요 주세요 말해줘 방법은""".split()
)

# More than a question ever needs, and few enough for SQLite's query parser.
MAX_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked up for a question: `words` in any form, and `grams`, of text whose words no space parts."""

    words: tuple[str, ...]
    grams: tuple[str, ...] = ()

    @property
    def tokens(self) -> tuple[str, ...]:
        """Each once, the words first. Tokens hold letters and digits, and apostrophes inside a word."""
        return tuple(dict.fromkeys(self.words + self.grams))


def query(text: str) -> Query:
    """The words that carry the question; all of them when it has none ("What is it?")."""
    plain = unicodedata.normalize("NFKC", text)
    carrying = content_words(_without_grammar(plain)) or list(dict.fromkeys(words(text)))
    pieces = [piece for word in carrying if _MIXED.fullmatch(word) for piece in _OTHER.findall(word)]
    found = tuple(dict.fromkeys(carrying + pieces))[:MAX_TOKENS]
    pairs = _pairs(_without_grammar(_unmarked(plain)))
    return Query(found, tuple(dict.fromkeys(pairs))[: MAX_TOKENS - len(found)])


def grams(text: str) -> str:
    """What the index needs besides the words: "한국어 SOLAR는" gives "한국 국어 는 solar".

    Overlapping pairs of characters of scripts that do not part words by spaces, single ideographs (many are words),
    and the rest of words in which scripts mix. Pairs find Korean better than whole words and as well as triples, or
    better: "환불은" and "환불을" share "환불". Marks above and below letters are left out, since full-text
    indexes take them for ends of words. Empty for text of other scripts.
    """
    if not _RUN.search(text):
        return ""
    plain = unicodedata.normalize("NFKC", text)
    others = [piece.lower() for word in _MIXED.findall(plain) for piece in _OTHER.findall(word)]
    single = [character for run in _RUN.findall(plain) if len(run) > 1 for character in _IDEOGRAPH.findall(run)]
    return " ".join([*_pairs(_unmarked(plain)), *single, *others])


def _without_grammar(text: str) -> str:
    return _WHOLE_RUN.sub(lambda run: " " if run.group() in KOREAN_FUNCTION_WORDS else run.group(), text)


def _unmarked(text: str) -> str:
    return "".join(character for character in text if unicodedata.category(character)[0] != "M")


def _pairs(text: str) -> list[str]:
    """Overlapping pairs of each run, and runs of one character whole."""
    return [run[at : at + 2] for run in _RUN.findall(text) for at in range(max(1, len(run) - 1))]


def telling(frequencies: Mapping[str, int], rows: int, common: float = math.inf) -> list[str]:
    """The rarest tokens, as many as together occur in up to `rows` passages, and one at least, unless even that one
    occurs in `common` passages or more.

    The time of a full-text search goes with the passages that hold any of the words. Those that are nearly
    everywhere cost most and tell least, so they are left out when rarer ones are there.
    """
    known = [token for token, found in frequencies.items() if 0 < found < common]
    chosen: list[str] = []
    for token in sorted(known, key=lambda token: frequencies[token]):
        rows -= frequencies[token]
        if chosen and rows < 0:
            break
        chosen.append(token)
    return chosen


def rarities(frequencies: Mapping[str, int], total: int) -> dict[str, float]:
    """The inverse document frequency of each token among `total` passages, as BM25 has it and never negative.

    Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009), with 1 added
    in the logarithm.
    """
    return {token: math.log(1 + (max(total - found, 0) + 0.5) / (found + 0.5)) for token, found in frequencies.items()}


# A question is compared with the same passages several times over.
@lru_cache(maxsize=512)
def held(text: str) -> frozenset[str]:
    """What a text says in the form that tokens are compared in: stems of its words, and its grams."""
    return frozenset(stem(word) for word in words(text)).union(grams(text).split())


def coverage(rarity: Mapping[str, float], found: Set[str]) -> float:
    """The share, 0 to 1, of the weight of a question's tokens (`rarity`) that a text holds, as `held` says."""
    total = sum(rarity.values())
    return sum(weight for token, weight in rarity.items() if stem(token) in found) / total if total else 0.0
