"""How much of a question a text holds, word by word."""

import re
from collections.abc import Callable, Iterable

from knowledge import lexical

_HANGUL = re.compile("[가-힣]+")


def covered(question: str, texts: Iterable[str], rarity: Callable[[str], float]) -> list[float]:
    """The share of the question's words that stand in each text in some form, rare words counting for more."""
    counted = weighted(question, rarity)
    return [lexical.coverage(counted, lexical.held(text)) for text in texts]


def weighted(question: str, rarity: Callable[[str], float]) -> dict[str, float]:
    """The words of a question, each with what it counts for."""
    return {token: rarity(token) for token in _telling(question)}


def _telling(question: str) -> list[str]:
    """The words of a question; of Korean ones their beginnings, since grammar follows: "환불은" is about "환불"."""
    asked = lexical.query(question)
    hangul = [word for word in asked.words if _HANGUL.fullmatch(word)]
    if not hangul:
        return list(asked.tokens)
    spaced = [word for word in asked.words if not _HANGUL.search(word)]
    return list(dict.fromkeys([word[:2] for word in hangul] + spaced))
