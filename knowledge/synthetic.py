"""Passages to measure with: many, made of few sentences.

What a knowledge base of real documents has and this keeps: words by Zipf's law, sentences that read on, and vectors
that lie about where the model would put the passage, near others of its subject and near a question about it.
"""

import random
from collections.abc import Iterator, Sequence

import numpy as np

from knowledge.base import KnowledgeBase
from knowledge.catalog import NewPassage, Source
from knowledge.databases import held
from knowledge.reading import new_passage

# To be raised when other passages are made.
VERSION = 1
PER_SOURCE = 100
SENTENCES = 5
# Words of a passage that are made up, drawn by Zipf's law from so many; real documents hold far more rare words
# than a few hundred sentences do.
MADE_UP, VOCABULARY = 0.1, 30_000
# Length of what is added to a vector at random, beside a sum of unit length.
NOISE = 0.4
_SYLLABLES = [consonant + vowel for consonant in "bdfgklmnprstvz" for vowel in "aeiou"]


def fill(base: KnowledgeBase, sentences: Sequence[str], count: int, collection: str = "default") -> Iterator[int]:
    """Put in `count` passages, of five of the sentences each; gives how many are in.

    The base must hold a document already, so that it is known how it cuts and embeds. Raises StorageError.
    """
    generation = base.catalog.live()
    assert generation  # noqa: S101 (there is a document)
    makes = Recombined(sentences, base.embeddings.vectors(sentences))
    with held(base.catalog.writer()), base.store.writing() as store:
        vectors = store.at(generation.number)
        for start in range(0, count, PER_SOURCE):
            made = [makes.passage(number) for number in range(start, min(start + PER_SOURCE, count))]
            vectors.add(collection, [passage.id for passage, _ in made], np.stack([vector for _, vector in made]))
            source = _source(start // PER_SOURCE, collection)
            base.catalog.put(generation, source, [passage for passage, _ in made])
            yield start + len(made)
        store.publish()


class Recombined:
    """Passages of sentences put together at random, the same ones whenever they are made."""

    def __init__(self, sentences: Sequence[str], vectors: np.ndarray) -> None:
        self.sentences = sentences
        self.vectors = vectors
        self._chance = random.Random(1)  # noqa: S311 (nothing is kept secret by it)
        self._noise = np.random.default_rng(1)

    def passage(self, number: int) -> tuple[NewPassage, np.ndarray]:
        """A passage and its vector: about that of its sentences together, since the model takes a mean of words."""
        chosen = self._chance.sample(range(len(self.sentences)), min(SENTENCES, len(self.sentences)))
        text = " ".join(self._varied(self.sentences[at]) for at in chosen)
        noise = self._noise.standard_normal(self.vectors.shape[1:])
        vector: np.ndarray = _unit(_unit(np.mean(self.vectors[chosen], axis=0)) + NOISE * _unit(noise))
        section = f"Part {number // PER_SOURCE} > Section {number % PER_SOURCE}"
        return new_passage(f"synthetic-{number}", text, section, None, text), vector

    def _varied(self, sentence: str) -> str:
        words = [self._word() if self._chance.random() < MADE_UP else word for word in sentence.split()]
        return " ".join(words)

    def _word(self) -> str:
        number, word = int(VOCABULARY ** self._chance.random()), ""
        while number:
            number, syllable = divmod(number, len(_SYLLABLES))
            word += _SYLLABLES[syllable]
        return word


def _unit(vector: np.ndarray) -> np.ndarray:
    unit: np.ndarray = vector / np.linalg.norm(vector)
    return unit


def _source(number: int, collection: str) -> Source:
    path = f"synthetic/{number}.md"
    return Source(path, collection, f"Part {number}", "ready", None, 0, 0, "", f"https://example.invalid/{path}", "")
