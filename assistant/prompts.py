"""What the model is asked: one system message and one user message, since SOLAR was tuned for single turns.

All that is not ours in them, passages, conversation and question, is read by `assistant.untrusted.reading` first.
"""

from collections.abc import Sequence
from datetime import date

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage

from assistant import languages, placeholders
from assistant.budget import Content
from assistant.settings import PersonaSettings
from assistant.types import Passage, Turn
from assistant.untrusted.reading import passage_text, spoken_text

# A remembered answer only has to say what a follow-up refers to.
REMEMBERED_CHARACTERS = 400
# A question that is only named says what the conversation was about.
NAMED_CHARACTERS = 80
# Asked again after an answer of which nothing could be believed.
FIRM_REQUEST = "Answer in the text's own words: copy the sentences that answer the question, and write nothing else."
SUMMARY_INSTRUCTIONS = "You sum up what people wrote. Use full sentences, with facts from the text only."
SUMMARY_REQUEST = "Summarise the text in three to five short sentences, in the words of the text."


def compose(content: Content, language: str = "", firm: bool = False) -> list[BaseMessage]:
    """The prompt: instructions; then the passages, the best one last; the conversation so far; the question.

    What stands nearest to the question is what a small model attends to. `firm` is for the second time.
    """
    passages, conversation = _text(content.passages[::-1]), _conversation(content.turns, content.earlier)
    asked = f"According to the text: {spoken_text(content.question)}"
    ending = (_in_language(language), FIRM_REQUEST if firm else "")
    return _messages(content.instructions, passages, conversation, asked, *ending)


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
    return "Read this text.\n\n" + "\n\n".join(filter(None, (passage_text(passage.text) for passage in passages)))


def _conversation(turns: Sequence[Turn], earlier: Sequence[str]) -> str:
    lines = [
        f"They asked: {spoken_text(turn.question)}\nYou answered: {_shortened(turn.answer, REMEMBERED_CHARACTERS)}"
        for turn in turns
    ]
    if earlier:
        questions = "; ".join(_shortened(question, NAMED_CHARACTERS) for question in earlier)
        lines = [f"They had asked before: {questions}", *lines]
    return "\n".join(["Earlier in this conversation:", *lines]) if lines else ""


def _shortened(text: str, characters: int) -> str:
    return spoken_text(text if len(text) <= characters else f"{text[:characters].rstrip()}…")
