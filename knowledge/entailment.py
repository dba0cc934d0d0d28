"""A cross-encoder for natural language inference: does it follow from a text that a sentence is true?"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from knowledge.cross_encoders import BATCH_SIZE, LazyCrossEncoder

if TYPE_CHECKING:
    from knowledge.cross_encoders import CrossEncoder

LABEL = "entailment"


class Entailment(Protocol):
    """What reads a text and a sentence together."""

    def probabilities(self, premises: Sequence[str], sentence: str) -> list[float]:
        """The chance, 0 to 1, that the sentence follows from each of the premises."""
        ...


def open_entailment(model: str) -> "CrossEncoderEntailment | None":
    """By the model of that name, which loads at first use; None where none is named."""
    return CrossEncoderEntailment(model) if model else None


class CrossEncoderEntailment:
    """A cross-encoder that sorts pairs into classes, one of which is called "entailment", as those do that were made
    for SNLI, MultiNLI or XNLI."""

    def __init__(self, model: str) -> None:
        self._model = LazyCrossEncoder(model, "The entailment model", "[knowledge] entailment_model")

    def load(self) -> "tuple[CrossEncoder, int]":
        """The model, and which of its classes is meant; raises StorageError when it cannot be had or has none."""
        model = self._model.load()
        labels = getattr(model.config, "id2label", None) or {}
        named = {str(name).lower(): int(number) for number, name in labels.items()}
        if LABEL not in named or model.num_labels < 2:
            found = ", ".join(sorted(named)) or "none"
            raise self._model.unusable(f'it has no classes of which one is "{LABEL}", but {found}.')
        return model, named[LABEL]

    def probabilities(self, premises: Sequence[str], sentence: str) -> list[float]:
        """The chance, 0 to 1, that the sentence follows from each of the premises. Raises StorageError."""
        if not premises:
            return []
        model, entails = self.load()
        pairs = [(premise, sentence) for premise in premises]
        chances = model.predict(pairs, batch_size=BATCH_SIZE, apply_softmax=True, show_progress_bar=False)
        # What overflows says nothing.
        return [float(one) for one in np.nan_to_num(np.asarray(chances)[:, entails])]
