"""Is there anything in the documents about this question? Decided before the model is asked."""

import math
from collections.abc import Callable, Sequence

from assistant.types import Passage
from knowledge.words import content_stems, content_words, stem

# Logistic regression, classes balanced, on 796 questions to three document sets of which some held no answer:
# held out, it told them apart with balanced accuracy 0.95 and more across subjects, 0.76 within one subject.
BIAS, COSINE_WEIGHT, COVERAGE_WEIGHT = -7.6, 14.2, 3.4


def relevance(question: str, passages: Sequence[Passage], rarity: Callable[[str], float]) -> float:
    """Evidence, 0 to 1, that the passages speak of the question.

    A logistic function of the best cosine and of the share of the question's words, weighed by how rare each is
    in the documents (`rarity`), that the best passage covers.
    """
    if not passages:
        return 0.0
    cosine = max(passage.score for passage in passages)
    coverage = max(covered(question, f"{p.section} {p.text}", rarity) for p in passages)
    return 1.0 / (1.0 + math.exp(-(BIAS + COSINE_WEIGHT * cosine + COVERAGE_WEIGHT * coverage)))


def covered(question: str, text: str, rarity: Callable[[str], float]) -> float:
    """The share of the question's content words that stand in the text, rare words counting for more."""
    asked = {word: rarity(word) for word in content_words(question)}
    total = sum(asked.values())
    there = content_stems(text)
    return sum(weight for word, weight in asked.items() if stem(word) in there) / total if total else 0.0
