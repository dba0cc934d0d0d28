"""A cross-encoder, which reads question and passage together: slower than both halves, and a better judge."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from knowledge.cross_encoders import BATCH_SIZE, LazyCrossEncoder

if TYPE_CHECKING:
    from knowledge.cross_encoders import CrossEncoder


@runtime_checkable
class Reranker(Protocol):
    """What puts passages in order for a question."""

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers; more is better, and only the order matters."""
        ...


class CrossEncoderReranker:
    """A cross-encoder that gives a pair one score."""

    def __init__(self, model: str) -> None:
        self._model = LazyCrossEncoder(model, "The reranker", "[knowledge] reranker")

    def load(self) -> "CrossEncoder":
        """The model itself; raises StorageError when it cannot be had, or does not give one score to a pair."""
        model = self._model.load()
        classes = model.num_labels
        if classes != 1:
            raise self._model.unusable(f"it sorts pairs into {classes} classes instead of giving each a score.")
        return model

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers; more is better, and only the order matters. Raises StorageError."""
        pairs = [(query, text) for text in texts]
        if not pairs:
            return []
        return [float(score) for score in self.load().predict(pairs, batch_size=BATCH_SIZE, show_progress_bar=False)]
