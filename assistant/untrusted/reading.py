"""What the model is given to read of texts that others wrote."""

import re
from functools import lru_cache

from assistant.sentences import cut
from assistant.untrusted.characters import visible
from assistant.untrusted.instructions import is_instruction
from assistant.untrusted.markers import neutralise, neutralise_tokens
from assistant.untrusted.markup import outside_code, plain, seen
from knowledge.words import sentences

_HEADING_LINE = re.compile(r"^#{1,6} .*\n?", re.MULTILINE)
_EMPHASIS = re.compile(r"\*\*|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)")


@lru_cache(maxsize=512)
def passage_text(text: str) -> str:
    """A passage as a person would see it, without addresses, forged roles, and sentences that speak to the model.

    Composing a prompt asks for the same passages again and again, so they are kept.
    """
    shown = plain(seen(visible(text)))
    kept = outside_code(_without_instructions(shown), _without_headings)
    return outside_code(neutralise_tokens(kept), neutralise).strip()


def spoken_text(text: str) -> str:
    """What a person asked or was told: nothing invisible, no addresses behind words, no forged roles. What it says to
    the model stays; a question is free to be strange, and only documents answer it."""
    return outside_code(neutralise_tokens(plain(visible(text))), neutralise).strip()


def _without_headings(markdown: str) -> str:
    """Without headings and emphasis, which small models go on writing instead of an answer."""
    return _EMPHASIS.sub("", _HEADING_LINE.sub("", markdown))


def _without_instructions(text: str) -> str:
    for sentence in filter(is_instruction, sentences(text)):
        text = text.replace(sentence, "")
    # What is no sentence: cells of tables, headings, lines of code.
    return "".join(piece for piece in cut(text) if not is_instruction(piece))
