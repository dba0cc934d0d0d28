"""What sets a summary apart: all that was written is on topic, and what matters is what most of it is about."""

from collections.abc import Callable, Sequence

import numpy as np
from langchain_core.embeddings import Embeddings

from assistant.grounding import Grounding, Support, quotable
from assistant.types import Passage
from knowledge import Entailment

# Sentences that stand for a text whose summary cannot be believed.
QUOTES = 3


class Digest(Grounding):
    """Checks the sentences of a summary against what it sums up."""

    def __init__(
        self,
        passages: Sequence[Passage],
        embeddings: Embeddings,
        rarity: Callable[[str], float],
        entailment: Entailment | None = None,
    ) -> None:
        super().__init__("", passages, embeddings, rarity, entailment)
        self._on_topic = set(range(len(self.evidence)))

    def _choose(self, held: "np.ndarray") -> list[int]:
        return list(range(len(self.evidence)))

    def _worth(self, question: str, held: "np.ndarray") -> "np.ndarray":
        """How near each sentence is to the middle of them all."""
        if not self.evidence:
            return np.zeros(0)
        middle = self._vectors.mean(axis=0)
        worth: np.ndarray = self._vectors @ (middle / np.linalg.norm(middle))
        return worth

    def best(self, count: int) -> list[Support]:
        """The most central sentences, in their order; such as say the same count once."""
        found: dict[frozenset[str], int] = {}
        for i in np.argsort(-self._values, kind="stable").tolist():
            if quotable(self.evidence[i]) and not self.evidence[i].is_row:
                found.setdefault(frozenset(self.evidence[i].stems), i)
        chosen = sorted(list(found.values())[:count])
        return [Support(self.evidence[i].passage, self.evidence[i].sentence) for i in chosen]
