"""True sentences get through with the right quote; false ones, however near, do not."""

import numpy as np
import pytest

from assistant.draft import Draft
from assistant.grounding import Grounding
from assistant.grounding.alignment import align
from assistant.grounding.negation import denials
from assistant.grounding.quantities import numbers, unsupported
from assistant.grounding.reading import read
from assistant.types import Passage
from knowledge import SentenceEmbeddings

METERS = """An ammeter is connected in series, so that the current to be measured flows through it.
An ideal ammeter has no resistance. A voltmeter is connected in parallel to the part whose voltage is measured."""
DEVICE = """A residual-current device switches off within 0.3 seconds when the difference is more than 30 mA.
Anna Berg described the effect in 1911. The lowest grade is dropped. Ohm's law is written V = I × R.
The examination counts for 50 % of the grade and the exercises count for 20 %. A fuse does not protect people.

```python
print("volt")
```
"""
PASSAGES = (
    Passage(METERS, "meters.md", None, "Measuring", "file:///meters.md", 0.7),
    Passage(DEVICE, "safety.pdf", 3, "", "file:///safety.pdf#page=3", 0.6),
)


def everywhere(word: str) -> float:
    return 1.0


@pytest.fixture(scope="module")
def grounding(embeddings: SentenceEmbeddings) -> Grounding:
    class Everything(Grounding):
        """Every sentence is on topic, so that the check itself is seen."""

        def __init__(self) -> None:
            super().__init__("meters and devices", PASSAGES, embeddings, everywhere)
            self._on_topic = set(range(len(self.evidence)))

        def _choose(self, held: "np.ndarray") -> list[int]:
            return list(range(len(self.evidence)))

    return Everything()


@pytest.mark.parametrize(
    ("claim", "quote"),
    [
        (
            "An ammeter is connected in series, so that the current to be measured flows through it.",
            METERS.split("\n")[0],
        ),
        ("The ammeter is connected in series, so the current being measured flows through it.", METERS.split("\n")[0]),
        (
            "A residual-current device switches off within 0.3 seconds when the difference is more than 30 mA.",
            DEVICE.split("\n")[0],
        ),
        ("A fuse doesn't protect people.", "A fuse does not protect people."),
        ("Anna Berg described the effect in 1911.", "Anna Berg described the effect in 1911."),
        (
            "Both the exercises and the examination count for the grade.",
            "The examination counts for 50 % of the grade and the exercises count for 20 %.",
        ),
    ],
)
def test_a_true_sentence_is_supported_by_the_words_that_say_it(grounding: Grounding, claim: str, quote: str) -> None:
    support = grounding.check(claim)
    assert support is not None
    assert support.quote == quote
    assert support.quote in PASSAGES[support.passage].text


@pytest.mark.parametrize(
    "claim",
    [
        "A voltmeter is connected in series, so that the current to be measured flows through it.",
        "An ammeter is connected in parallel, so that the current to be measured flows through it.",
        "An ideal ammeter has a large resistance.",
        "A residual-current device switches off within 0.5 seconds when the difference is more than 30 mA.",
        "A residual-current device switches off within 0.3 minutes when the difference is more than 30 mA.",
        "A residual-current device switches off within 0.3 seconds when the difference is less than 30 mA.",
        "A residual-current device switches off when the difference is 30 mA.",
        "A residual-current device never switches off within 0.3 seconds when the difference is more than 30 mA.",
        "Ohm's law is written I = V × R.",
        "Anna Holm described the effect in 1911.",
        "Anna Berg described the effect in 1912.",
        "The highest grade is dropped.",
        "The exercises count for 50 % of the grade.",
        "A fuse protects people.",
        "An ammeter must always be connected in series by an electrician.",
        "An ideal ammeter has no resistance for alternating current.",
        "An ideal ammeter with a fuse has no resistance.",
        "Refunds are paid within thirty days.",
        "Electricity was discovered in ancient Greece.",
        "The capital of France is Paris.",
    ],
)
def test_a_false_or_foreign_sentence_is_not_supported(grounding: Grounding, claim: str) -> None:
    assert grounding.check(claim) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "## An ammeter is connected in series.",
        "Is an ammeter connected in series?",
        "Sure!",
        "An ammeter is conn",
        "…",
    ],
)
def test_what_makes_no_statement_is_not_supported(grounding: Grounding, text: str) -> None:
    assert grounding.check(text) is None


def test_code_is_supported_only_as_it_stands(grounding: Grounding) -> None:
    assert grounding.check('```python\nprint("volt")\n```') is not None
    assert grounding.check('```python\nprint("ampere")\n```') is None
    assert grounding.check("```\nAn ideal ammeter has no resistance.\n```") is None


def test_an_answer_must_rest_on_what_speaks_of_the_question(embeddings: SentenceEmbeddings) -> None:
    many = "\n".join(f"Cable number {n} of the {n}th kind carries a current of {n} amperes." for n in range(20, 40))
    passages = (*PASSAGES, Passage(many, "cables.md", None, "", "file:///cables.md", 0.5))
    grounding = Grounding("Which current does cable number 25 carry?", passages, embeddings, everywhere)
    assert grounding.check("An ideal ammeter has no resistance.") is None


def test_the_best_quotation_answers_the_question(embeddings: SentenceEmbeddings) -> None:
    grounding = Grounding("How is an ammeter connected?", PASSAGES, embeddings, everywhere)
    assert grounding.best(1)[0].quote == METERS.split("\n")[0]
    assert Grounding("What is the refund policy?", PASSAGES, embeddings, everywhere).best(3) == []


def test_learning_goals_and_exercises_are_not_answers(embeddings: SentenceEmbeddings) -> None:
    goals = Passage("Explain how an ammeter is connected in series.", "a.md", None, "Meters > Goals", "", 0.9)
    mixed = Passage("## Exercises\n\nSay how an ammeter is connected in series.\n", "a.md", None, "Meters", "", 0.9)
    assert Grounding("How is an ammeter connected?", [goals, mixed], embeddings, everywhere).best(1) == []


def test_an_answer_grows_by_checked_sentences_and_numbers_them_by_first_use(grounding: Grounding) -> None:
    draft = Draft(grounding)
    assert draft.add("It is connected so.") == ""
    assert draft.add("An ideal ammeter has no resistance.") == "An ideal ammeter has no resistance. [1]"
    assert draft.add("An ideal ammeter has no resistance [Passage 7].") == ""
    assert draft.add("The capital of France is Paris.") == ""
    assert draft.add("A fuse does not protect people (2).") == " A fuse does not protect people. [2]"
    assert [(c.number, c.source, c.page) for c in draft.citations] == [(1, "meters.md", None), (2, "safety.pdf", 3)]
    assert draft.text == "An ideal ammeter has no resistance. [1] A fuse does not protect people. [2]"


def test_numbers_are_compared_by_value() -> None:
    assert numbers("3,000 ohms, 2.50 V and twelve lamps") == {"3000", "2.5", "12"}
    assert not unsupported("It has 3 lamps.", "It has three lamps.")
    assert unsupported("It has 4 lamps.", "It has three lamps.")


def test_opposites_and_negations_contradict() -> None:
    def contradicts(claim: str, evidence: str) -> bool:
        return denials(align(read(claim), read(evidence))) > 0

    assert contradicts("The resistance rises.", "The resistance falls.")
    assert contradicts("It does not conduct.", "It conducts.")
    assert not contradicts("It doesn't conduct.", "It does not conduct.")
    assert not contradicts("That is not allowed.", "That is forbidden.")
    assert contradicts("That is not forbidden.", "That is forbidden.")


def test_two_true_sentences_do_not_make_a_false_one(embeddings: SentenceEmbeddings) -> None:
    text = (
        "A circuit breaker is a switch that opens by itself when the current is too large, and it can be switched on "
        "again. Fuses and circuit breakers protect cables from overheating; the current that kills a person is far too "
        "small to trip them."
    )
    grounding = Grounding("What is a fuse?", [Passage(text, "a.md", None, "", "", 0.9)], embeddings, everywhere)
    assert grounding.check("A circuit breaker is a switch that switches on a current that kills a person.") is None
