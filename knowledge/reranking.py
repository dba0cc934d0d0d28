"""A cross-encoder, which reads question and passage together: slower than both halves, and a better judge."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from knowledge.errors import StorageError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

BATCH_SIZE = 16


@runtime_checkable
class Reranker(Protocol):
    """What puts passages in order for a question."""

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers; more is better, and only the order matters."""
        ...


class CrossEncoderReranker:
    """A cross-encoder of sentence-transformers: a folder, or a name that it can find. It loads at first use, once."""

    def __init__(self, model: str) -> None:
        self.model = model
        self._loaded: CrossEncoder | None = None
        self._lock = threading.Lock()

    def load(self) -> "CrossEncoder":
        """The model itself; raises StorageError when it cannot be had, or does not give one score to a pair."""
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self.model)
            return self._loaded

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers; more is better, and only the order matters. Raises StorageError."""
        pairs = [(query, text) for text in texts]
        if not pairs:
            return []
        return [float(score) for score in self.load().predict(pairs, batch_size=BATCH_SIZE, show_progress_bar=False)]


def _load(name: str) -> "CrossEncoder":
    from sentence_transformers import CrossEncoder

    try:
        model: CrossEncoder = CrossEncoder(name)
        labels = model.num_labels
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise _unusable(name, str(error).strip().partition("\n")[0] or type(error).__name__) from error
    if labels != 1:
        raise _unusable(name, f"it sorts pairs into {labels} classes instead of giving each a score.")
    return model


def _unusable(name: str, reason: str) -> StorageError:
    return StorageError(
        f"The reranker {name!r} cannot be used: {reason}",
        "Set [knowledge] reranker to a folder with a cross-encoder, or leave it out.",
    )
