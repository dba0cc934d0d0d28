"""Which text an embedding model can read: what its tokenizer makes pieces of, and not what it spells out.

A model of one language has the letters of others in its vocabulary, and no more: it spells their words letter by
letter, or calls them unknown, and the vectors of such texts say nothing.
"""

import re
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

# A vocabulary with so many single ideographs is one of Chinese or Japanese, where a character is a piece to be read.
IDEOGRAPHS = 2_000
_IDEOGRAPH = re.compile("[\u4e00-\u9fff]")
_WORD = re.compile(r"[^\W_]+")


class Readability:
    """How much of a text a tokenizer's model reads, 0 to 1. May be used from several threads."""

    def __init__(self, tokenizer: "Tokenizer") -> None:
        self.tokenizer = tokenizer

    @cached_property
    def _knows_ideographs(self) -> bool:
        pieces = (piece.removeprefix("##") for piece in self.tokenizer.get_vocab())
        return sum(len(piece) == 1 and bool(_IDEOGRAPH.fullmatch(piece)) for piece in pieces) >= IDEOGRAPHS

    def __call__(self, text: str) -> float:
        """The share of the text's pieces that stand in words the model reads; 1.0 for a text without words.

        A word is read when a piece of it is longer than a character, or when it is ASCII. An unknown piece counts
        as many as it has characters, since it stands for that much text.
        """
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        unknown = [piece in ("[UNK]", "<unk>") for piece in encoding.tokens]
        read = total = 0
        for start, end, pieces in _by_word(text, encoding):
            known = [piece for piece in pieces if not unknown[piece]]
            weight = len(known) + sum(_length(encoding, piece) for piece in pieces if unknown[piece])
            total += weight
            if self._is_read(text[start:end], [_length(encoding, piece) for piece in known]):
                read += weight
        return read / total if total else 1.0

    def _is_read(self, word: str, lengths: list[int]) -> bool:
        if not lengths:
            return False
        return word.isascii() or max(lengths) > 1 or (self._knows_ideographs and bool(_IDEOGRAPH.search(word)))


@lru_cache(maxsize=4)
def readability(embeddings: Any) -> Readability:
    """How much of a text an embedding model reads, by its `tokenizer`. Kept, because it looks through a whole
    vocabulary once."""
    return Readability(embeddings.tokenizer)


def _by_word(text: str, encoding: "Encoding") -> list[tuple[int, int, list[int]]]:
    """(start, end, its pieces) of each word that was encoded."""
    found = [(word.start(), word.end(), list[int]()) for word in _WORD.finditer(text)]
    at = 0
    for piece, (start, end) in enumerate(encoding.offsets):
        while at < len(found) and found[at][1] <= start:
            at += 1
        if at < len(found) and end > found[at][0]:
            found[at][2].append(piece)
    return [word for word in found if word[2]]


def _length(encoding: "Encoding", piece: int) -> int:
    start, end = encoding.offsets[piece]
    return max(1, end - start)
