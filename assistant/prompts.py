"""What the model is asked: one system message and one user message, since SOLAR was tuned for single turns."""

import re
from collections.abc import Sequence
from datetime import date

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from assistant import languages, placeholders
from assistant.settings import PersonaSettings
from assistant.types import Passage, Turn

# A remembered answer only has to say what a follow-up refers to.
REMEMBERED_CHARACTERS = 400
SUMMARY_INSTRUCTIONS = "You sum up what people wrote. Use full sentences, with facts from the text only."
SUMMARY_REQUEST = "Summarise the text in three to five short sentences, in the words of the text."

_HEADING_LINE = re.compile(r"^#{1,6} .*\n?", re.MULTILINE)
_EMPHASIS = re.compile(r"\*\*|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)")


def compose(
    instructions: str, question: str, turns: Sequence[Turn], passages: Sequence[Passage], language: str = ""
) -> list[BaseMessage]:
    """The prompt: instructions; then the passages, the best one last; the conversation so far; the question.

    What stands nearest to the question is what a small model attends to.
    """
    asked = f"According to the text: {question}"
    return _messages(instructions, _text(passages[::-1]), _conversation(turns), asked, _in_language(language))


def system(persona: PersonaSettings, language: str) -> str:
    """Who the model is and how it answers, on one line, for a question in the language with that code, if it is known.

    The day is that of this machine's clock.
    """
    values = {
        "name": persona.name or "the assistant",
        "language": languages.name(language) if language else "the language of the question",
        "today": date.today().isoformat(),
    }
    named = "name" in placeholders.placeholders(persona.instructions)
    lines = [
        f"You are {persona.name}." if persona.name and not named else "",
        placeholders.fill(persona.instructions, values),
        f"Be {persona.tone}." if persona.tone else "",
        *(placeholders.fill(line, values) for line in persona.policy),
    ]
    return " ".join(line for line in lines if line)


def summarise(passages: Sequence[Passage], language: str = "") -> list[BaseMessage]:
    """The prompt for a summary of the passages, which stand in their order."""
    return _messages(SUMMARY_INSTRUCTIONS, _text(passages), SUMMARY_REQUEST, _in_language(language))


def _messages(instructions: str, *parts: str) -> list[BaseMessage]:
    return [SystemMessage(instructions), HumanMessage("\n\n".join(part for part in parts if part))]


def _in_language(code: str) -> str:
    return f"Answer in {languages.name(code)}." if code else ""


def _text(passages: Sequence[Passage]) -> str:
    if not passages:
        return ""
    return "Read this text.\n\n" + "\n\n".join(_plain(passage.text) for passage in passages)


def _plain(markdown: str) -> str:
    """Without headings and emphasis, which small models go on writing instead of an answer."""
    return _EMPHASIS.sub("", _HEADING_LINE.sub("", markdown)).strip()


def _conversation(turns: Sequence[Turn]) -> str:
    if not turns:
        return ""
    lines = [f"They asked: {t.question}\nYou answered: {t.answer[:REMEMBERED_CHARACTERS]}" for t in turns]
    return "Earlier in this conversation:\n" + "\n".join(lines)
