"""Formulas, which must stand in the evidence sign by sign."""

import re
import unicodedata

_FORMULA = re.compile(r"[\w.()]+(?:\s*[=×*/+−·^<>≤≥]+\s*[\w.()]+)+")
# A slash or a star alone is more often prose: "and/or", "**bold**".
_SURE = re.compile(r"[=×+−·^<>≤≥]")


def foreign(claim: str, evidence: str) -> bool:
    """Whether the claim has a formula that the evidence has not."""
    there = _solid(evidence)
    found = _FORMULA.finditer(unicodedata.normalize("NFKC", claim).replace("`", ""))
    return any(_SURE.search(match[0]) and _solid(match[0]).strip(".()") not in there for match in found)


def _solid(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).replace("`", "").split())
