"""What can be checked of a sentence whose language is not known here: whether it is practically a quotation."""

from assistant.grounding.lexicon import in_lexicon
from assistant.grounding.reading import Reading
from knowledge.words import FUNCTION_WORDS, words

# Of the words of an English sentence, at least this share is in the lexicon; names and new terms are not.
ENGLISH_SHARE = 0.4
# Greek letters and accents are in few of them.
FOREIGN_SHARE = 0.2
# What a sentence may be shortened to, as a share of its words.
KEPT_SHARE = 0.75
# Negations of the languages that are most read; cut out of a sentence, they turn it round.
NEGATIONS = frozenset(
    """nicht kein keine keinen keinem keiner keines nie niemals ohne weder non ne pas jamais sans aucun aucune no nunca
    jamás sin ningún ninguna não nem sem mai senza nessun nessuna niet geen nooit zonder inte ingen inget aldrig utan
    ikke ingen aldri aldrig uden uten nie bez żaden ei не нет без ни никогда ไม่ tidak bukan không değil yok""".split()
)
# Korean denies by these syllables inside its words, Chinese and Japanese by these characters.
_INSIDE = ("않", "없", "못", "아니", "안 ", "不", "没", "無", "ない", "ません", "لا", "ليس")


def english(reading: Reading) -> bool:
    """Whether most of what is written in letters is English. Names do not count; nothing but names passes."""
    plain = [word.lower for word in reading.words if not word.number and word.written.islower()]
    if not plain:
        return all(word.written.isascii() for word in reading.words)
    found = sum(word in FUNCTION_WORDS or in_lexicon(word) for word in plain)
    return found / len(plain) >= ENGLISH_SHARE and sum(not word.isascii() for word in plain) <= FOREIGN_SHARE * len(
        plain
    )


def quotes(claim: str, sentence: str) -> bool:
    """Whether the claim is the sentence, of which a few words may be left out that do not deny."""
    said, there = words(claim), words(sentence)
    if not said or len(said) < KEPT_SHARE * len(there) or _denials(claim) != _denials(sentence):
        return False
    rest = iter(there)
    return all(word in rest for word in said)


def _denials(text: str) -> int:
    low = text.lower()
    return sum(word in NEGATIONS for word in words(text)) + sum(low.count(part) for part in _INSIDE)
