"""Formulas, which must stand in the evidence sign by sign."""

import re
import unicodedata

from knowledge.words import FUNCTION_WORDS

_FORMULA = re.compile(r"[\w.()]+(?:\s*[=×*/+−·^<>≤≥]+\s*[\w.()]+)+")
# A slash or a star alone is more often prose: "and/or", "**bold**".
_SURE = re.compile(r"[=×+−·^<>≤≥]")


def foreign(claim: str, evidence: str) -> bool:
    """Whether the claim has a formula that the evidence has not."""
    there = _solid(evidence)
    found = _FORMULA.finditer(unicodedata.normalize("NFKC", claim).replace("`", ""))
    return any(_is_formula(match[0]) and _solid(match[0]).strip(".()") not in there for match in found)


def _is_formula(text: str) -> bool:
    operands = re.split(r"[\s=×*/+−·^<>≤≥]+", text.lower())
    return bool(_SURE.search(text)) and FUNCTION_WORDS.isdisjoint(word for word in operands if len(word) > 1)


def _solid(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).replace("`", "").split())
