"""The sentence-transformers model, as LangChain Embeddings: sorted by length, batched by tokens."""

import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from langchain_core.embeddings import Embeddings

from knowledge.encoders import BUNDLED, Encoder, load_encoders

if TYPE_CHECKING:
    import tokenizers

# Lengths are rounded up to a multiple of this, so that few shapes are made ready and kept by the processor's kernels.
LENGTH_STEP = 8


@dataclass(frozen=True, slots=True)
class Batch:
    """Texts of similar length: their positions among all, token ids padded to the longest, and which are no padding.

    `ids` and `mask` are int64 arrays of shape (texts, tokens).
    """

    positions: list[int]
    ids: np.ndarray
    mask: np.ndarray


class SentenceEmbeddings(Embeddings):
    """Unit-length sentence vectors. The model loads at first use, once, whichever thread comes first.

    `model` is "minilm" (all-MiniLM-L6-v2, carried by a package: 384 dimensions, a window of 256 tokens,
    English), a folder, or a name that sentence-transformers can find. `devices` are torch's names of those to use;
    by default all accelerators, or else the processor.
    """

    def __init__(self, model: str = BUNDLED, devices: Sequence[str] = ()) -> None:
        self.model = model
        self.devices = tuple(devices)
        self._encoders: list[Encoder] = []
        self._lock = threading.Lock()

    def load(self) -> Encoder:
        """The model, the first where there is one on each device; raises StorageError when it cannot be had."""
        return self._load()[0]

    def _load(self) -> list[Encoder]:
        with self._lock:
            if not self._encoders:
                self._encoders = load_encoders(self.model, self.devices)
            return self._encoders

    @property
    def tokenizer(self) -> "tokenizers.Tokenizer":
        """The model's own fast tokenizer: what passages are measured with."""
        return self.load().tokenizer

    @property
    def window(self) -> int:
        """Tokens the model reads of one text, special tokens included; the rest it ignores."""
        encoder = self.load()
        prompt = encoder.tokenizer.encode(encoder.document_prompt, add_special_tokens=False)
        return encoder.window - len(prompt.ids)

    def vectors(self, texts: Sequence[str]) -> np.ndarray:
        """One float32 vector a text, of shape (texts, dimensions)."""
        return _gathered(self.stream(texts), len(texts))

    def stream(self, texts: Sequence[str]) -> Generator[tuple[list[int], np.ndarray]]:
        """(positions in `texts`, their vectors) of one batch after the other as they are done, the longest first.

        All texts are sorted together, so the more come at once, the less is padding.
        """
        encoder = self.load()
        yield from self._encoded([encoder.document_prompt + text for text in texts])

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        rows: list[list[float]] = self.vectors(texts).tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        return [float(x) for x in self.embed_queries([text])[0]]

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        """One float32 vector a query, of shape (texts, dimensions): several take little longer than one."""
        prompt = self.load().query_prompt
        return _gathered(self._encoded([prompt + text for text in texts]), len(texts))

    def _encoded(self, texts: Sequence[str]) -> Iterator[tuple[list[int], np.ndarray]]:
        encoders = self._load()
        tokens = [encoding.ids for encoding in encoders[0].tokenizer.encode_batch(list(texts))]
        batches = batched(tokens, encoders[0].batch_tokens)
        if len(encoders) == 1:
            for batch in batches:
                yield batch.positions, encoders[0].encode(batch.ids, batch.mask)
        else:
            yield from _shared(encoders, batches)


def batched(tokens: Sequence[Sequence[int]], budget: int) -> Iterator[Batch]:
    """The texts' token ids in batches of at most `budget` tokens, padding included, the longest texts first.

    A text that is longer than that is a batch by itself.
    """
    order = sorted(range(len(tokens)), key=lambda position: -len(tokens[position]))
    start = 0
    while start < len(order):
        width = -(-max(len(tokens[order[start]]), 1) // LENGTH_STEP) * LENGTH_STEP
        positions = order[start : start + max(budget // width, 1)]
        yield _padded(positions, [tokens[position] for position in positions], width)
        start += len(positions)


def _padded(positions: list[int], tokens: Sequence[Sequence[int]], width: int) -> Batch:
    # What stands in the padding does not matter: the mask hides it.
    ids, mask = (np.zeros((len(tokens), width), dtype=np.int64) for _ in range(2))
    for row, text in enumerate(tokens):
        ids[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return Batch(positions, ids, mask)


def _shared(encoders: Sequence[Encoder], batches: Iterator[Batch]) -> Iterator[tuple[list[int], np.ndarray]]:
    """Each device takes the next batch as soon as it is free. The threads end with the iteration."""
    free = list(encoders)

    def encode(batch: Batch) -> tuple[list[int], np.ndarray]:
        encoder = free.pop()
        try:
            return batch.positions, encoder.encode(batch.ids, batch.mask)
        finally:
            free.append(encoder)

    with ThreadPoolExecutor(len(encoders), thread_name_prefix="embedding") as pool:
        # Not all at once: whoever stops reading waits for these few only.
        while turn := list(islice(batches, 4 * len(encoders))):
            yield from pool.map(encode, turn)


def _gathered(found: Iterable[tuple[list[int], np.ndarray]], count: int) -> np.ndarray:
    rows: np.ndarray | None = None
    for positions, vectors in found:
        if rows is None:
            rows = np.empty((count, vectors.shape[1]), dtype=np.float32)
        rows[positions] = vectors
    return rows if rows is not None else np.empty((0, 0), dtype=np.float32)
