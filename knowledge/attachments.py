"""Files and texts that come with a question: read and searched like documents, and kept nowhere."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from langchain_core.documents import Document

from knowledge import lexical, scoring
from knowledge.chunking import Chunk, Chunker, Format, embedded_text
from knowledge.embeddings import SentenceEmbeddings
from knowledge.errors import LoadError
from knowledge.isolation import Reader
from knowledge.words import stem

# Some two thousand passages: a thick book, and on two cores half a minute's work.
MAX_CHARACTERS = 2_000_000
# Passages and vectors of attachments that are remembered: a dozen thick books.
CACHE_BYTES = 64_000_000


@dataclass(frozen=True, slots=True)
class Attachment:
    """Text that came with a question, a page or another part of a file each: evidence for this question only.

    `page`, `section` and `url` are what a person can open, and become part of its citations.
    """

    name: str
    text: str
    page: int | None = None
    section: str = ""
    url: str = ""
    format: Format = "text"


def read(reader: Reader, path: Path, name: str, url: str = "") -> list[Attachment]:
    """The pages or the whole of a file that is called `name`, which says its kind, wherever it lies.

    Raises LoadError, which names the file by `name`.
    """
    documents = reader.read(path, name)
    characters = sum(len(document.page_content) for document in documents)
    if characters > MAX_CHARACTERS:
        raise LoadError(
            f"{name} holds {characters:,} characters of text; with a question up to {MAX_CHARACTERS:,} are read.",
            "Take the part that the question is about, or add the file to a collection.",
        )
    return [
        Attachment(name, d.page_content, d.metadata["page"], d.metadata["section"], url, d.metadata["format"])
        for d in documents
    ]


@dataclass(frozen=True, slots=True)
class Cut:
    """A text's passages, and their vectors, one a row."""

    chunks: list[Chunk]
    vectors: np.ndarray

    @property
    def size(self) -> int:
        """Bytes, more or less."""
        return self.vectors.nbytes + sum(len(chunk.text) for chunk in self.chunks)


class AttachmentIndex:
    """Searches attachments. The latest are remembered by what they hold, up to `cache_bytes`, so that a further
    question about the same file does not embed it again. May be used from several threads.
    """

    def __init__(self, embeddings: SentenceEmbeddings, cache_bytes: int = CACHE_BYTES) -> None:
        self.embeddings = embeddings
        self.cache_bytes = cache_bytes
        self._cuts: OrderedDict[str, Cut] = OrderedDict()
        self._lock = threading.Lock()

    @cached_property
    def _chunker(self) -> Chunker:
        return Chunker(self.embeddings.tokenizer, self.embeddings.window)

    def nearest(self, query: str, attachments: Sequence[Attachment], k: int) -> list[Document]:
        """The passages nearest to the query, best first, with a `score` that compares with those of a search."""
        found = self._scored(attachments, np.asarray(self.embeddings.embed_query(query), dtype=np.float32))
        trusted = scoring.trust(self.embeddings, query) if found else 1.0
        if trusted < 1.0:
            _weigh_words(query, trusted, found)
        return sorted(found, key=lambda document: -document.metadata["score"])[:k]

    def all(self, attachments: Sequence[Attachment]) -> list[Document]:
        """Every passage in its order; `score` is the cosine with the middle of them all: how central it is."""
        vectors = [cut.vectors for cut in self._cut(attachments) if cut.chunks]
        if not vectors:
            return []
        middle = np.concatenate(vectors).mean(axis=0)
        return self._scored(attachments, middle / np.linalg.norm(middle))

    def _scored(self, attachments: Sequence[Attachment], vector: np.ndarray) -> list[Document]:
        found: list[Document] = []
        for attachment, cut in zip(attachments, self._cut(attachments), strict=True):
            scores = cut.vectors @ vector if cut.chunks else ()
            found += [_document(attachment, *one) for one in zip(cut.chunks, scores, strict=True)]
        return found

    def _cut(self, attachments: Sequence[Attachment]) -> list[Cut]:
        """The passages of each. What is not remembered is embedded together, so that it fills batches."""
        keys = [_key(attachment) for attachment in attachments]
        with self._lock:
            cuts = {key: self._cuts[key] for key in keys if key in self._cuts}
        new = {key: attachment for key, attachment in zip(keys, attachments, strict=True) if key not in cuts}
        cuts |= self._embedded(new)
        self._remember({key: cuts[key] for key in keys})
        return [cuts[key] for key in keys]

    def _embedded(self, attachments: dict[str, Attachment]) -> dict[str, Cut]:
        # Where an attachment says no section of its own, its headings are known from its text.
        chunks = {key: self._chunker.split(a.text, a.format) for key, a in attachments.items()}
        texts = [embedded_text("", c.section, c.text).strip() for several in chunks.values() for c in several]
        vectors = np.asarray(self.embeddings.embed_documents(texts) if texts else [], dtype=np.float32)
        ends = np.cumsum([len(several) for several in chunks.values()], dtype=int)
        # Copies: a slice would keep the vectors of all alive.
        return {
            key: Cut(several, vectors[end - len(several) : end].copy())
            for (key, several), end in zip(chunks.items(), ends, strict=True)
        }

    def _remember(self, cuts: dict[str, Cut]) -> None:
        with self._lock:
            for key, cut in cuts.items():
                self._cuts[key] = cut
                self._cuts.move_to_end(key)
            while sum(cut.size for cut in self._cuts.values()) > self.cache_bytes:
                self._cuts.popitem(last=False)


def _weigh_words(query: str, trusted: float, documents: Sequence[Document]) -> None:
    """What the model cannot read of the query counts by its words, the rarer among these passages the more."""
    held = [lexical.held(f"{d.metadata['section']}\n{d.page_content}") for d in documents]
    tokens = lexical.query(query).tokens
    rarity = lexical.rarities({t: sum(stem(t) in one for one in held) for t in tokens}, len(documents))
    for document, one in zip(documents, held, strict=True):
        score = scoring.score(document.metadata["score"], trusted, rarity, one)
        document.metadata["score"] = round(score, 4)


def _key(attachment: Attachment) -> str:
    """By what is cut and embedded; names and places come from the attachment each time."""
    return hashlib.sha256(f"{attachment.format}\0{attachment.text}".encode("utf-8", "replace")).hexdigest()


def _document(attachment: Attachment, chunk: Chunk, score: float) -> Document:
    section = " > ".join(part for part in (attachment.section, chunk.section) if part)
    place = {"source": attachment.name, "page": attachment.page, "section": section, "url": attachment.url}
    return Document(page_content=chunk.text, metadata={**place, "score": round(float(score), 4)})
