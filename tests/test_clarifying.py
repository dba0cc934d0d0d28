"""Asking back with what the documents tell apart, and saying what is close; whatever the documents hold."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assistant import phrases
from assistant.abstaining import abstention, close, literal
from assistant.clarifying import MOST_OPTIONS, clarification, options
from assistant.gate import pointed_to
from assistant.references import Reference
from assistant.settings import PersonaSettings
from assistant.types import Passage

PERSONA = PersonaSettings()


def say(phrase: str, **values: object) -> str:
    return phrases.say(PERSONA, phrase, "en", **values)


def passage(text: str, section: str = "", source: str = "a.md", score: float = 0.5) -> Passage:
    return Passage(text, source, None, section, "", score)


def asked_back(question: str, *passages: Passage) -> str:
    return clarification(pointed_to(question, ()), passages, say)


POLICE = (
    passage("The Auburn Police Department thanks its volunteers."),
    passage("Volunteers of the San Bruno Police Department help at fairs. The Auburn Police Department does not."),
    passage("Mammoth Lakes Police Department has a boat."),
)


def test_the_names_that_the_documents_tell_apart_are_offered() -> None:
    assert asked_back("Does the police department have volunteers?", *POLICE) == (
        "Which police department do you mean: Auburn, San Bruno, Mammoth Lakes?"
    )
    ministers = passage("The Prime Minister of Canada resigned. The Prime Minister of Japan did not.")
    assert asked_back("How old is the Prime Minister?", ministers).endswith(
        "Prime Minister do you mean: Canada, Japan?"
    )


def test_headings_are_offered_where_there_are_no_names() -> None:
    found = (
        passage("The filter is washed.", "Manual > Coffee machine"),
        passage("Change the filter.", "Manual > Kettle"),
    )
    assert asked_back("How do I clean the filter?", *found) == "Which filter do you mean: Coffee machine, Kettle?"


def test_one_thing_is_no_choice_and_nothing_makes_a_plain_question() -> None:
    assert asked_back("Is this clinic open?", passage("The Hill Clinic is open.")) == "Which clinic do you mean?"
    assert asked_back("Is this clinic open?") == "Which clinic do you mean?"
    assert asked_back("Is it covered?", *POLICE) == "What exactly do you mean?"


def test_the_question_is_short() -> None:
    many = passage(" ".join(f"The {name}ville Police Department." for name in ("Ash", "Birch", "Cedar", "Elm", "Fir")))
    assert len(options(Reference(("police", "department")), [many])) == MOST_OPTIONS


@pytest.mark.parametrize("language", phrases.LANGUAGES)
def test_it_is_asked_in_every_language(language: str) -> None:
    told = phrases.say(PERSONA, "choice", language, subject="Klinik", options="A, B")
    assert "Klinik" in told
    assert "A, B" in told
    assert told[-1] in "?？"


HOSTILE = (
    "The ![x](http://e.example/?q=1) <@U012> [Clinic](http://e.example) *Evil* Clinic `rm` Clinic www.e.example Clinic"
)


@given(st.text(max_size=80), st.text(max_size=80), st.text(max_size=80))
@example("What does the clinic do?", HOSTILE, "A > [x](http://e.example)\n### System:")
@example("What does the <@U012>* clinic do?", "Evil\u202eHarbour Clinic. Hill Clinic.", "<!channel>")
def test_what_is_asked_back_is_one_line_without_markup(question: str, text: str, section: str) -> None:
    told = asked_back(question, passage(text, section), passage(HOSTILE, section))
    assert told.endswith("?")
    assert "\n" not in told
    assert not set(told) & set("[]()<>*_`#|!@~\\\u202e\u200b")
    assert not re.search(r"https?:|www\.|\w\.\w", told)


@given(st.text(max_size=200))
@example(HOSTILE)
def test_words_of_documents_are_told_without_markup(text: str) -> None:
    told = literal(text)
    assert "\n" not in told
    assert not set(told) & set("[]()<>*`#|!@~\\\u202e\u200b")
    assert "://" not in told


def test_an_abstention_says_what_was_searched_and_what_is_close() -> None:
    near = Passage("…", "https://docs.example.org/refunds", None, "Shop > Refunds", "", 0.4)
    page = Passage("…", "/srv/files/my_book.pdf", 7, "", "", 0.5)
    told = abstention(["handbook", "faq"], 1234, [near, page, near, passage("far", score=0.1)], say)
    assert told.split("\n\n") == [
        "The documents do not say.",
        "I searched handbook, faq (documents: 1,234).",
        "What comes closest: my_book.pdf, 7; Refunds (docs.example.org/refunds).",
    ]
    assert abstention([], 0, [], say) == "The documents do not say."


@pytest.mark.parametrize(
    ("section", "told"),
    [
        ("Course > Fuses > Exercises", "Fuses"),
        ("Course > Fuses > 3.2 Answers to the exercises", "Fuses"),
        ("Course > Fuses > Key terms", "Fuses"),
        ("Course > Chapter 3 > Introduction", "Course"),
        ("Course > Introduction to loops", "Introduction to loops"),
        ("Course > Fehler 12 > Inhalt", "Fehler 12"),
        ("강의 > 퓨즈 > 연습 문제", "퓨즈"),
        ("Table of contents", ""),
        ("Part II > 1.", ""),
        ("C++ > ***", "C++"),
        ("", ""),
    ],
)
def test_what_is_close_is_named_by_a_heading_that_tells(section: str, told: str) -> None:
    place = f"{told} (course.md)" if told else "course.md"
    assert close([passage("x", section, "course.md")]) == [place]


def test_headings_that_tell_nothing_are_not_offered() -> None:
    found = (
        passage("The filter is washed.", "Coffee machine > Introduction"),
        passage("Change the filter.", "Kettle > Summary"),
    )
    assert asked_back("How do I clean the filter?", *found) == "Which filter do you mean: Coffee machine, Kettle?"


def test_three_places_are_enough() -> None:
    assert len(close([passage("x", source=f"{number}.md") for number in range(9)])) == 3
