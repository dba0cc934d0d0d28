"""Sentences in a document that speak to the model instead of the reader: no evidence, and not worth reading.

A manual orders its reader about too ("Ignore the warning and press OK"). What counts here is what only a model can do:
drop its instructions or show them, be another assistant, answer in a given way whatever it is asked. `instructions.txt`
holds the rules, in the languages that such texts come in. What is worded otherwise is stopped by the check of every
sentence, not here.
"""

import html
import re
from functools import lru_cache
from importlib import resources

from assistant import languages
from assistant.untrusted.characters import folded, visible
from assistant.untrusted.markers import forges_turn
from knowledge.words import words

_CODE = re.compile(r"`[^`]*`")
# A text about such attacks quotes them.
_QUOTED = re.compile(
    r"“[^”]*”|„[^“”]*[“”]|\"[^\"]*\"|(?<!\w)'[^']*'(?!\w)|«[^»]*»|「[^」]*」|『[^』]*』|`[^`]*`|\*[^*]+\*"
)
_REPORTED = re.compile(
    r"\b(?:injections?|attack(?:s|er|ers|ing)?|malicious|examples?|such as|for instance|phrases?|jailbreaks?|hostile"
    r"|adversar\w+|attempts?|angriff\w*|angreifer\w*|beispiel\w*|ataques?|atacantes?|ejemplos?|attaques?|exemples?)\b"
    r"|공격|인젝션|예를 들|예시|문구|攻撃|インジェクション|例えば|攻击|注入|例如|比如"
)
# No sentence of a person is longer; of a wall of text the beginning tells enough.
_LONGEST = 2_000


def _rules() -> tuple[list[str], re.Pattern[str], re.Pattern[str]]:
    """Words one of which every rule for the Latin script needs; those rules; those for other scripts."""
    names = {"LANGUAGES": "|".join(name.lower() for name in dict.fromkeys(languages.NAMES.values()))}
    sections: dict[str, list[str]] = {"": []}
    section = sections[""]
    lines = resources.files(__package__).joinpath("instructions.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), [])
        elif line and not line.startswith("#"):
            section.append(line)
    names |= dict(definition.split(" = ", 1) for definition in sections[""])
    return sections["telling"], _any(sections["latin"], names), _any(sections["other"], names)


def _any(rules: list[str], names: dict[str, str]) -> re.Pattern[str]:
    joined = "|".join(f"(?:{rule})" for rule in rules)
    return re.compile(re.sub("<([A-Z]+)>", lambda name: names[name[1]], joined))


_TELLING, _LATIN, _OTHER = _rules()
# So many words in the same order are no coincidence.
RUN = 6


def gives_away(sentence: str, prompt: str) -> bool:
    """Whether a sentence that a model wrote repeats what it was told to do: six words of its system prompt on end."""
    told, said = words(prompt), words(sentence)
    runs = {tuple(told[i : i + RUN]) for i in range(len(told) - RUN + 1)}
    return any(tuple(said[i : i + RUN]) in runs for i in range(len(said) - RUN + 1))


@lru_cache(maxsize=4096)
def is_instruction(sentence: str) -> bool:
    """Whether a sentence of a document speaks to the model, or to whatever answers, or forges a turn of its own.

    One that only quotes such words, as texts about these attacks do, does not.
    """
    text = " ".join(visible(html.unescape(sentence[:_LONGEST])).split())
    if forges_turn(_CODE.sub("", text)):
        return True
    if not _speaks_to_model(text):
        return False
    return not _REPORTED.search(text.lower()) or _speaks_to_model(_QUOTED.sub("…", text))


def _speaks_to_model(text: str) -> bool:
    lower, alike = text.lower(), folded(text).lower()
    latin = any(telling in alike for telling in _TELLING) and _LATIN.search(alike)
    return bool(latin or (not text.isascii() and (_OTHER.search(lower) or _OTHER.search(alike))))
