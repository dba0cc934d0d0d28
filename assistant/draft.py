"""The answer as it grows: only sentences that were checked, each with its citation."""

import re
from dataclasses import dataclass, field

from assistant.grounding import Grounding, Support, content_stems
from assistant.types import Citation
from knowledge.words import words

_MARKER = re.compile(r"\s*(?:[-*+]|\d+[.)]) ")
POINTERS = frozenset(["it", "this", "that", "these", "those", "they", "he", "she", "such", "here", "above"])
# The model's own citation marks and passage numbers point nowhere that a person can go.
_OWN_MARKS = re.compile(r"\s*[\[(](?:passage\s*)?\d+(?:,\s*\d+)*[\])]", re.IGNORECASE)


@dataclass(slots=True)
class Draft:
    """Sentences in, checked Markdown out."""

    grounding: Grounding
    text: str = ""
    citations: list[Citation] = field(default_factory=list)
    dropped_in_a_row: int = 0
    _said: set[str] = field(default_factory=set)

    def add(self, sentence: str) -> str:
        """Check one sentence of the model. Returns the Markdown it adds to the answer, or nothing."""
        clean = _OWN_MARKS.sub("", sentence).strip()
        support = self.grounding.check(clean) if clean and not self._dangles(clean) else None
        if support is None or self._says_nothing_new(clean):
            self.dropped_in_a_row += bool(clean)
            return ""
        self.dropped_in_a_row = 0
        return self._append(clean, support)

    def _dangles(self, sentence: str) -> bool:
        """A first sentence that points back ("It is…") points at something that was dropped."""
        return not self.text and bool(words(sentence)) and words(sentence)[0] in POINTERS

    def _says_nothing_new(self, sentence: str) -> bool:
        """Small models repeat themselves, in the same words or fewer."""
        stems = set(content_stems(sentence))
        old = stems <= self._said
        self._said |= stems
        return old

    def _append(self, sentence: str, support: Support) -> str:
        mark = f" [{self.cite(support)}]"
        gap = "" if not self.text else "\n" if _MARKER.match(sentence) else " "
        if sentence.startswith(("```", "~~~")):
            gap, mark = ("\n\n" if self.text else ""), f"\n{mark}\n\n"
        return self.write(f"{gap}{sentence}{mark}")

    def quote(self, support: Support) -> str:
        """Add the passage's own words, marked as a quotation."""
        exact = " ".join(support.quote.split())
        return self.write(f"\n\n> “{exact}” [{self.cite(support)}]")

    def write(self, text: str) -> str:
        self.text += text
        return text

    def cite(self, support: Support) -> int:
        """The number of the citation for these words of this passage; the same words keep their number."""
        passage = self.grounding.passages[support.passage]
        for citation in self.citations:
            if citation.quote == support.quote and citation.url == passage.url:
                return citation.number
        self.citations.append(
            Citation(
                number=len(self.citations) + 1,
                source=passage.source,
                page=passage.page,
                section=passage.section,
                url=passage.url,
                quote=support.quote,
                collection=passage.collection,
            )
        )
        return len(self.citations)
