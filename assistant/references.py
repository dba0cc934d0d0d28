"""What a question points to as if it were known, "this county" or "it", and what documents offer for it.

English is read closely; in Korean, what the words for "this" and "that" stand before. Other languages point to nothing
that is noticed here.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from knowledge.words import FUNCTION_WORDS, stem, words

_TOKEN = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*|[^\w\s]")
_DEMONSTRATIVES = frozenset(["this", "these", "those"])
# "That" joins sentences more often than it points; after these it points.
_BEFORE_THAT = frozenset("of in on for about to at by with from is was".split())
# What follows says which one is meant: "the difference between", "the case where".
_COMPLEMENTS = frozenset("of between for that who which whose to if where when from".split())
# "The best practices", "the next step": one of its kind, or said by what stands with it.
_UNIQUE = frozenset(
    """best worst most least first second third last next same only other others main whole entire total current latest
    newest right wrong following difference differences relationship way ways reason reasons purpose meaning number
    amount world sun moon earth internet web future past present time times year years month months week weeks day days
    night morning moment rest end beginning middle case fact thing things""".split()
)
# The documents themselves, in which the answer is looked for.
_SOURCES = frozenset("document documents documentation text texts manual handbook guide course passages".split())
# "This year" is known to everybody.
_DATES = frozenset(
    """year years month months week weeks weekend day days time morning afternoon evening night spring
    summer autumn fall winter season way case regard point""".split()
)
_AUXILIARIES = frozenset("do does did can could will would should must may".split())
_VERBS = _AUXILIARIES | frozenset("is are was were be been has have had".split())
_PLACES = frozenset("in on at near under by from with".split())
_ARTICLES = frozenset("the a an my our your".split())
# "How long does it take?"
_MEASURES = frozenset("long often far big large old fast high heavy wide deep soon late".split())
_PERSONAL = frozenset("it its they them their theirs he him his she her hers".split())
# "Is it possible to …": it stands for what follows.
_EXPLETIVE = re.compile(r"\b(?:is|isn't|was|would|will|does|did) it (?:be )?\w+ (?:that|to|if|for)\b")
# 이 제품은, 그 강의의, 저 사람: the noun without the particle that it carries.
_PARTICLE = "(?:은|는|이|가|을|를|의|에|에서|에게|도|와|과|로|으로)?(?=[\\s?.!,]|$)"
_KOREAN = re.compile(rf"(?<!\S)[이그저] ([가-힣]+?){_PARTICLE}")
_KOREAN_PRONOUN = re.compile(rf"(?<!\S)(?:[이그저]것|[이그저]거|[이그저]건|[이그저]게){_PARTICLE}")
# Words of a phrase that are read: a person names what they mean with fewer.
_LONGEST = 4
# Words of a name before the noun: "San Bruno Police Department".
_NAME = r"[A-Z][\w’'-]*\.?"
_SHOUTED = 4
# Words that ran together where a page was read: "ContactThe".
_RUN_TOGETHER = re.compile("[A-Z]{3,}[a-z]|[a-z]{3,}[A-Z]")


@dataclass(frozen=True, slots=True)
class Reference:
    """`words` say what kind of thing is meant, as the question has them; none for a pronoun.

    `demonstrative`: with "this" or the like; `named`: a word of it has a capital letter; `known`: it was spoken of
    before. What the question itself has named earlier is no reference.
    """

    words: tuple[str, ...] = ()
    demonstrative: bool = False
    named: bool = False
    known: bool = False


def references(question: str, before: str) -> list[Reference]:
    """What a question points to, in its order; `before` is what was said in the conversation until then."""
    said = {stem(word) for word in words(before)}
    return [*_phrases(question, said), *_korean(question, said), *_pronouns(question, before)]


def _phrases(question: str, said: set[str]) -> Iterator[Reference]:
    tokens = _TOKEN.findall(question)
    for at, token in enumerate(tokens):
        before = tokens[at - 1].lower() if at else ""
        lower = token.lower()
        demonstrative = lower in _DEMONSTRATIVES or (lower == "that" and before in _BEFORE_THAT)
        if lower != "the" and not demonstrative:
            continue
        # "Is this clinic open", but "how old is the clinic".
        phrase, after = _phrase(tokens[at + 1 :], before if at == 1 or before in _AUXILIARIES else "")
        if phrase and not _says_which(phrase, after, demonstrative=demonstrative):
            stems = {stem(word.lower()) for word in phrase}
            earlier = {stem(word.lower()) for word in tokens[:at]}
            if stem(phrase[-1].lower()) not in earlier:
                yield Reference(phrase, demonstrative, any(word[0].isupper() for word in phrase), bool(stems & said))


def _phrase(tokens: Sequence[str], before: str) -> tuple[tuple[str, ...], str]:
    """The noun at the beginning with what stands before it, and what follows: a word, a sign or nothing. `before` is
    the verb before them all, if there is one."""
    phrase: list[str] = []
    after = ""
    for token in tokens:
        lower = token.lower().replace("’", "'")
        if not lower[0].isalnum() or lower in FUNCTION_WORDS:
            after = lower
            break
        phrase.append(token.removesuffix("'s").removesuffix("’s"))
        if lower.endswith("'s"):
            return tuple(phrase[:_LONGEST]), ""
    if _ends_in_predicate(before, after) and len(phrase) > 1:
        del phrase[-1]
    short = phrase[:_LONGEST]
    while len(short) > 1 and short[-1].endswith("ed"):  # "the county recognized for"
        del short[-1]
    return tuple(short), after


def _ends_in_predicate(before: str, after: str) -> bool:
    """Whether the last word of a phrase is said of it: "does the clinic provide", "is this clinic open"."""
    if before in _AUXILIARIES:
        return after not in _VERBS
    return before in _VERBS and after not in _PLACES


def _says_which(phrase: Sequence[str], after: str, *, demonstrative: bool) -> bool:
    """Whether the phrase is none that points, or says by itself which one it points to."""
    first = phrase[0].lower()
    if len(phrase) == 1 and first.endswith("ed"):  # "when was this published"
        return True
    if first in _SOURCES:
        return True
    if demonstrative:
        return len(phrase) == 1 and first in _DATES
    return first in _UNIQUE or after in _COMPLEMENTS or after in ("(", ".", "`", "[", "/")


def _korean(question: str, said: set[str]) -> Iterator[Reference]:
    for found in _KOREAN.finditer(question):
        noun = found[1]
        yield Reference((noun,), demonstrative=True, known=any(noun in word for word in said))
    if _KOREAN_PRONOUN.match(question):
        yield Reference(known=bool(said))


def _pronouns(question: str, before: str) -> Iterator[Reference]:
    """The first pronoun. It is known where a conversation, or the question itself, has named something before."""
    spoken = words(_EXPLETIVE.sub(" ", question.lower()))
    for at, word in enumerate(spoken):
        if word.partition("'")[0] in _PERSONAL or _stands_alone(spoken, at):
            if before or not _names_something(spoken[:at]):
                yield Reference(known=bool(before))
            return


def _stands_alone(spoken: Sequence[str], at: int) -> bool:
    """Whether "this" or "that" is without a noun: "is this covered", "can I change that"."""
    if spoken[at] not in _DEMONSTRATIVES | {"that"}:
        return False
    last = at == len(spoken) - 1
    return last or (at > 0 and spoken[at - 1] in _VERBS and (spoken[at + 1] in _VERBS or spoken[at + 1].endswith("ed")))


def _names_something(spoken: Sequence[str]) -> bool:
    """Whether there is something before a pronoun that it may stand for: "how do I reset" names nothing yet."""
    if not _ARTICLES.isdisjoint(spoken[:-1]):
        return True
    return sum(word not in FUNCTION_WORDS and word not in _MEASURES for word in spoken) > 1


def choices(reference: Reference, texts: Iterable[str]) -> list[str]:
    """The names that stand in the texts before or after what is meant, each once, in the order of the texts: of the
    "Auburn Police Department" and of the "Prime Minister of Canada", "Auburn" and "Canada".
    """
    return _names(reference.words, texts) if reference.words else []


def _names(phrase: Sequence[str], texts: Iterable[str]) -> list[str]:
    head = r"\s+".join(re.escape(word) for word in phrase)
    before = re.compile(rf"((?:\b{_NAME}[ \t]+){{1,3}})(?i:{head})\b")
    after = re.compile(rf"\b(?i:{head})[ \t]+(?:of|in)[ \t]+((?:the[ \t]+)?{_NAME}(?:[ \t]+{_NAME}){{0,2}})")
    found: dict[str, str] = {}
    for text in texts:
        for match in (*before.finditer(text), *after.finditer(text)):
            name = _proper(match[1])
            if name:
                found.setdefault(name.lower(), name)
    return _shortest(list(found.values()))


def _proper(name: str) -> str:
    """Without small words at its ends; empty for what is no name: a verb in a heading, a word in capital letters."""
    parts = [part.strip(".") for part in name.split()]
    while parts and parts[0].lower() in FUNCTION_WORDS:
        del parts[0]
    broken = any((part.isupper() and len(part) > _SHOUTED) or _RUN_TOGETHER.search(part) for part in parts)
    if not parts or broken or parts[0].endswith("ing") or any(part.lower() in FUNCTION_WORDS for part in parts):
        return ""
    return " ".join(parts)


def _shortest(names: Sequence[str]) -> list[str]:
    """Without those that end like a shorter one: "CA Auburn" beside "Auburn"."""
    return [name for name in names if not any(name != other and name.endswith(f" {other}") for other in names)]
