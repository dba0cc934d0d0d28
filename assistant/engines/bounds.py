"""How many tokens a text can have at most, when nobody says which tokenizer will cut it.

**Derivation.** The tokenizers of today's chat models are byte-level BPE (GPT-2, Llama 3, Qwen, SmolLM) or
SentencePiece, BPE or Unigram, with or without byte fallback (Llama 2, SOLAR, Mistral, Gemma). Both work in two steps:

1. *Normalisation* rewrites characters. What it may do to one character is to decompose it, canonically or by
   compatibility (NFD, NFKD), and to change its case. Composition (NFC, NFKC) joins characters and never lengthens
   their UTF-8, and reordering keeps it. `_weight` is the longest UTF-8 that any of these makes of a character, so the
   sum over the characters is at least as long as the whole text's normal form, whichever that is.
2. *Cutting* covers the normalised text with tokens, each of which takes at least one byte of it: a byte-level token
   is one byte or more, a piece is one character or more, byte fallback gives an unknown character as many tokens as
   it has bytes, and an unknown-token is one for one character or more. So there are no more tokens than bytes.

SentencePiece also puts one space before a text, which is `_PREFIX`, and writes a space as "▁", which is a piece of its
own in every such vocabulary.

**Assumptions.** A normaliser does only what is said under 1 (a vocabulary with a hand-made character map could do
more). Control tokens are written in more than one byte. The template's own words fit `_TURN` and `_PROMPT`.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache

# A space that SentencePiece puts before a text.
_PREFIX = 1
# What a template writes around one message. The longest in use, Llama 3's, has 57 bytes with every control token
# spelt out: "<|start_header_id|>assistant<|end_header_id|>\n\n" and "<|eot_id|>". SOLAR's has 17.
_TURN = 64
# What it writes once: the token that begins a prompt, the opening of the answer (another `_TURN`), and a system text
# of its own where the messages have none, which takes 76 tokens in the longest in use (gpt-oss).
_PROMPT = 1 + _TURN + 127
# Unicode's own figure for the most that normalisation lengthens UTF-8; only for characters younger than this Python.
_WORST_GROWTH = 11
_UNASSIGNED = "Cn"


def text_bound(text: str) -> int:
    """No tokenizer of those kinds cuts the text into more tokens than this. Empty text has none."""
    return _PREFIX + _weigh(text) if text else 0


def prompt_bound(texts: Sequence[str]) -> int:
    """The same for a prompt whose messages have these texts, with all that a chat template adds."""
    return _PROMPT + sum(_TURN + text_bound(text) for text in texts)


def _weigh(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(_weight(character) * count for character, count in Counter(text).items())


@lru_cache(maxsize=65_536)
def _weight(character: str) -> int:
    """Bytes of the longest form that normalisation can give a character."""
    if unicodedata.category(character) == _UNASSIGNED:
        return _WORST_GROWTH * _size(character)
    forms = {character}
    for _ in range(2):
        # Twice, because case may be changed before decomposing or after.
        forms |= {changed for form in forms for changed in _changes(form)}
    return max(map(_size, forms))


def _changes(text: str) -> Iterable[str]:
    return (
        unicodedata.normalize("NFD", text),
        unicodedata.normalize("NFKD", text),
        text.lower(),
        text.upper(),
        text.casefold(),
    )


def _size(text: str) -> int:
    """Bytes of UTF-8. An unpaired surrogate is replaced by something shorter before it is sent."""
    return len(text.encode("utf-8", "surrogatepass"))
