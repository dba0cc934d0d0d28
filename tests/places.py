"""Where a made sentence comes from, and how one is changed: what rewordings and falsehoods share."""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass

from knowledge.words import sentences

# What may begin a sentence and is no name.
LOWERABLE = frozenset("The A An This These You It They We In Our All Some Many If When".split())
NUMBER_WORDS = "two three four five six seven eight nine ten eleven twelve".split()


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence, the text it stands in, other texts of the same corpus, and a sentence of none of these."""

    sentence: str
    text: str
    others: tuple[str, ...]
    foreign: str

    @property
    def passages(self) -> tuple[str, ...]:
        return (self.text, *self.others)

    @property
    def beside(self) -> list[str]:
        """The other sentences of the text, each on one line."""
        flat = [" ".join(sentence.split()) for sentence in sentences(self.text)]
        return [sentence for sentence in flat if sentence != self.sentence]

    @property
    def following(self) -> str:
        """The sentence after this one, or nothing."""
        flat = [" ".join(sentence.split()) for sentence in sentences(self.text)]
        place = flat.index(self.sentence) + 1 if self.sentence in flat else len(flat)
        return flat[place] if place < len(flat) else ""


Change = Callable[[Place, random.Random], str | None]


def replace(sentence: str, match: re.Match[str], new: str) -> str:
    return sentence[: match.start()] + new + sentence[match.end() :]


def one(pattern: str | re.Pattern[str], text: str, chance: random.Random) -> re.Match[str] | None:
    found = list(re.finditer(pattern, text))
    return chance.choice(found) if found else None


def begun(text: str) -> str:
    """With a capital at the beginning."""
    return text[:1].upper() + text[1:]


def inside(text: str) -> str:
    """As it is written within a sentence, where its first word is no name."""
    return text[0].lower() + text[1:] if text.split()[0] in LOWERABLE else text
