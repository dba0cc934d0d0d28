"""Models that read two texts together, by sentence-transformers: a folder, or a name that it can find."""

import threading
from typing import TYPE_CHECKING

from knowledge.errors import StorageError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder as CrossEncoder

BATCH_SIZE = 16


class LazyCrossEncoder:
    """Loads at first use, once, whichever thread comes first. In messages `what` is its part ("The reranker") and
    `setting` where it is named in a profile."""

    def __init__(self, model: str, what: str, setting: str) -> None:
        self.model = model
        self.what = what
        self.setting = setting
        self._loaded: CrossEncoder | None = None
        self._lock = threading.Lock()

    def load(self) -> "CrossEncoder":
        """The model itself; raises StorageError when it cannot be had."""
        with self._lock:
            if self._loaded is None:
                self._loaded = self._load()
            return self._loaded

    def _load(self) -> "CrossEncoder":
        from sentence_transformers import CrossEncoder

        try:
            model: CrossEncoder = CrossEncoder(self.model)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise self.unusable(str(error).strip().partition("\n")[0] or type(error).__name__) from error
        return model

    def unusable(self, reason: str) -> StorageError:
        """What to raise when the model is not one for its part."""
        return StorageError(
            f"{self.what} {self.model!r} cannot be used: {reason}",
            f"Set {self.setting} to a folder with such a cross-encoder, or leave it out.",
        )
