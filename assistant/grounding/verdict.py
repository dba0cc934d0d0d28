"""Does a piece of evidence bear a claim out? What contradicts it comes first, then how much of it is there."""

import math
from collections.abc import Set
from itertools import pairwise

from assistant.grounding import formulas, names, negation, order, quantities
from assistant.grounding.alignment import Alignment
from assistant.grounding.lexicon import verbs
from assistant.grounding.reading import Reading

# Words that make a claim stronger than its evidence: none may be added.
STRONG = frozenset("always only must exactly regardless best worst".split())
# What says as much as "only".
_LIMITING = frozenset("single sole solely unless except just one alone until exclusively".split())
_LIMITED = frozenset("restricted limited confined".split())
# What says as much as "must"; so does an instruction.
_OBLIGING = frozenset("must required require requires mandatory obliged need needs needed have has shall".split())

# Logistic regression (scikit-learn, C = 3, classes balanced) on four features of the evidence that contradicted
# nothing: 540 true sentences (by hand; half of four corpora's documents, reworded by rule; a model's answers of
# conversations over their passages, not all of which these bear out) against some 150 that their passages do not hold
# (of other documents, cut out of their own, or spliced). Of documents not used, 93 % of what was cut out was refused.
COSINE_WEIGHT, COVERAGE_WEIGHT, SUBJECT_WEIGHT, LENGTH_WEIGHT, BIAS = 4.4, 6.8, -1.2, -1.2, -8.1
# Under an even chance: a true sentence that is worded freely is dropped more often than a false one is kept.
ENOUGH = 0.32
# Content words, and the share of neighbours that stay neighbours, of a claim that repeats a part of a sentence.
SHORTEST_RUN, RUN_SHARE = 5, 0.9


def contradicted(aligned: Alignment, claim: str, evidence: str, passage: frozenset[str]) -> bool:
    """Whether the evidence says otherwise than the claim, or not as much.

    `claim` and `evidence` are what stands there, Markdown included; `passage`: all words of
    its text and its headings in lower case.
    """
    return (
        at_odds(aligned, claim, evidence, passage)
        or order.swapped(aligned)
        or order.exchanged(aligned)
        or order.interchanged(aligned)
        or order.objects_exchanged(aligned)
        or order.other_subject(aligned)
    )


def at_odds(aligned: Alignment, claim: str, evidence: str, passage: frozenset[str]) -> bool:
    """Whether the evidence has not the claim's numbers, formulas or names, or denies what it says: what a model that
    reads for meaning overlooks most easily."""
    return (
        quantities.unsupported(aligned.claim.text, aligned.evidence.text)
        or formulas.foreign(claim, evidence)
        or names.foreign(aligned, passage)
        or negation.denials(aligned) > 0
        or overstated(aligned)
    )


def overstated(aligned: Alignment) -> bool:
    """Whether the claim is surer than its evidence: "only", "always", "must"."""
    words = aligned.evidence.words
    known = {word.lower for word in words}
    added = {word.lower for word in aligned.claim.words} & STRONG - known
    instructs = bool(words) and words[0].lower in verbs()
    if instructs or known & _OBLIGING:
        added.discard("must")
    if known & _LIMITING or _says(aligned.evidence, _LIMITED, "to") or _says(aligned.claim, {"not"}, "only"):
        added.discard("only")
    return bool(added)


def _says(reading: Reading, first: Set[str], second: str) -> bool:
    """Whether one of these words stands before the second."""
    return any(one.lower in first and other.lower == second for one, other in pairwise(reading.words))


def support(aligned: Alignment, cosine: float) -> float:
    """The chance, 0 to 1, that evidence which contradicts nothing bears the claim out.

    It rises with the cosine between the two, and with the share of the claim's content words that the evidence has;
    it falls with the share of the claim's subject that the evidence has not, and with the length of the claim beside
    that of the evidence, as the cosine with a part of a long sentence is low. A claim that is practically a part of
    the sentence is borne out by it.
    """
    if _in_one_run(aligned):
        return 1.0
    mine = order.subject(aligned.claim)
    missing = sum(i in aligned.missing for i in mine) / len(mine) if mine else 0.0
    share = math.log((len(aligned.evidence.content) + 1) / (len(aligned.claim.content) + 1))
    score = BIAS + COSINE_WEIGHT * cosine + COVERAGE_WEIGHT * aligned.coverage + SUBJECT_WEIGHT * missing
    score += LENGTH_WEIGHT * share
    return 1.0 / (1.0 + math.exp(-score))


def _in_one_run(aligned: Alignment) -> bool:
    """Whether the claim is practically a part of the sentence, word by word."""
    last = len(aligned.claim.words) - 1
    steps = sum(aligned.pairs.get(i, -9) + 1 == aligned.pairs.get(i + 1) for i in range(last))
    return len(aligned.claim.content) >= SHORTEST_RUN and steps >= RUN_SHARE * last


def closeness(aligned: Alignment, cosine: float) -> float:
    """By how much a sentence is the one that the claim was made of; only the order among sentences matters."""
    return aligned.coverage + 0.5 * cosine + 0.2 * _monotone(aligned)


def _monotone(aligned: Alignment) -> float:
    """The share of neighbouring words that stand in the same order in both."""
    places = [aligned.pairs[i] for i in aligned.claim.content if i in aligned.pairs]
    steps = list(pairwise(places))
    return sum(later > earlier for earlier, later in steps) / len(steps) if steps else 1.0
