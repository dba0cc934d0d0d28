"""Is a sentence supported by the passages? `Grounding.check` is what stands between the model and the person.

claims      what of an answer states something at all, and the statements that a sentence joins
reading     a sentence as its words, each with its root and clause
lexicon     which words mean the same, which the contrary (WordNet)
evidence    the sentences of the passages, alone, with a neighbour, with their pronouns resolved
alignment   which word of the evidence each word of the claim stands for
quantities  numbers, units, bounds and dates
names       names
formulas    formulas
negation    negations and opposites
order       who does what to whom
borrowing   words of several sentences put together
verdict     contradiction, and enough support
languages   what is not English
check       Grounding, which puts these together
"""

from assistant.grounding.check import Grounding, Support, judge, nearest, quotable
from assistant.grounding.claims import is_claim
from assistant.grounding.evidence import Evidence, content_stems

__all__ = ["Evidence", "Grounding", "Support", "content_stems", "is_claim", "judge", "nearest", "quotable"]
