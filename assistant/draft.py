"""The answer as it grows: only sentences that were checked, each with its citation."""

import re
from dataclasses import dataclass, field

from assistant.grounding import Grounding, Support, is_claim
from assistant.settings import Policy
from assistant.types import Citation
from assistant.untrusted.answers import clean_answer
from assistant.untrusted.instructions import gives_away, is_instruction
from knowledge.words import content_stems, words

_MARKER = re.compile(r"\s*(?:[-*+]|\d+[.)]) ")
POINTERS = frozenset(["it", "this", "that", "these", "those", "they", "he", "she", "such", "here", "above"])
# The model's own citation marks and passage numbers point nowhere that a person can go.
_OWN_MARKS = re.compile(r"\s*[\[(](?:passage\s*)?\d+(?:,\s*\d+)*[\])]", re.IGNORECASE)


# What makes no claim is a word in passing; in characters.
LONGEST_REMARK = 200
# Before a sentence that nothing bears out, where the policy shows it.
UNCONFIRMED = "⚠ "


@dataclass(slots=True)
class Draft:
    """Sentences in, checked Markdown out.

    By the policy "strict" a sentence that nothing bears out is dropped, by "mark" it is shown with a mark before it,
    and by "off" nothing is checked. What makes no claim, a question or a hint, may follow what was checked.
    """

    grounding: Grounding
    policy: Policy = "strict"
    system_prompt: str = ""
    text: str = ""
    citations: list[Citation] = field(default_factory=list)
    dropped_in_a_row: int = 0
    unconfirmed: int = 0
    _said: set[str] = field(default_factory=set)

    def add(self, sentence: str) -> str:
        """Check one sentence of the model. Returns the Markdown it adds to the answer, or nothing."""
        clean = _OWN_MARKS.sub("", sentence).strip()
        shown = clean_answer(clean, self.grounding.passages) if clean else ""
        if not shown:
            return ""
        # Under every policy: an order that a document smuggled in, and the prompt itself, are no answers.
        if is_instruction(clean) or gives_away(clean, self.system_prompt):
            return self._drop()
        if self.policy == "off":
            return self._append(shown)
        return self._add_checked(clean, shown)

    def _add_checked(self, clean: str, shown: str) -> str:
        support = None if self._dangles(clean) else self.grounding.check(clean)
        if self._says_nothing_new(clean):
            return self._drop()
        if support:
            self.dropped_in_a_row = 0
            return self._append(shown, f" [{self.cite(support)}]")
        if not is_claim(clean):
            return self._append(shown) if self._may_remark(clean) else ""
        if self.policy == "strict":
            return self._drop()
        self.unconfirmed += 1
        return self._append(shown, before=UNCONFIRMED)

    def _may_remark(self, sentence: str) -> bool:
        """What makes no claim may follow what was checked; but what announces something would be left without it."""
        return bool(self.citations) and len(sentence) <= LONGEST_REMARK and not sentence.endswith(":")

    def _drop(self) -> str:
        self.dropped_in_a_row += 1
        return ""

    def _dangles(self, sentence: str) -> bool:
        """A first sentence that points back ("It is…") points at something that was dropped."""
        return not self.text and bool(words(sentence)) and words(sentence)[0] in POINTERS

    def _says_nothing_new(self, sentence: str) -> bool:
        """Small models repeat themselves, in the same words or fewer."""
        return content_stems(sentence) <= self._said

    def _append(self, sentence: str, mark: str = "", before: str = "") -> str:
        self._said |= content_stems(sentence)
        if sentence.startswith(("```", "~~~")):
            # On lines of its own: joined to others, what stands in it could come alive.
            return self.write("\n\n" * bool(self.text) + f"{before}\n{sentence}\n{mark}".strip() + "\n\n")
        gap = "" if not self.text else "\n" if _MARKER.match(sentence) else " "
        return self.write(f"{gap}{before}{sentence}{mark}")

    def close(self, notice: str) -> str:
        """Add a remark on the answer as a whole, apart from it."""
        return self.write(f"\n\n_{notice}_")

    def quote(self, support: Support) -> str:
        """Add the passage's own words, marked as a quotation; of the row of a table each cell under its column."""
        row = self.grounding.row(support)
        exact = clean_answer(" ".join((row or support.quote).split()), self.grounding.passages)
        return self.write(f"\n\n> {exact if row else f'“{exact}”'} [{self.cite(support)}]")

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
