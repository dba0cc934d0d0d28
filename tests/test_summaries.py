"""Summing up what people wrote: in their order, checked against their words, and from their words alone if need be."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from assistant import Answer, Assistant, Attachment, Finished, Question, Retrieved, Stage, phrases
from assistant.engines.openvino import OpenVINOChat
from assistant.errors import EmptyQuestionError, QuestionTooLongError
from assistant.settings import load_profile
from knowledge import SentenceEmbeddings
from tests.conftest import ScriptedEngine

pytestmark = pytest.mark.slow

SAID = (
    "The payment service has failed for every customer since nine this morning.",
    "ok thanks",
    "The payment service failed because its certificate expired in the night.",
    "Does anybody want pizza for lunch?",
    "I renewed the certificate of the payment service and restarted it.",
    "Payments work again, and an alarm will warn us before the next certificate expires.",
)
THREAD = tuple(
    Attachment(f"Message {number}", text, url=f"https://example.test/p{number}")
    for number, text in enumerate(SAID, start=1)
)


def summary(*messages: Attachment, text: str = "Summarise this thread.", language: str = "") -> Question:
    return Question(text, "c", attachments=messages, task="summary", language=language)


@pytest.fixture
def says() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
async def assistant(tmp_path: Path, says: ScriptedEngine, embeddings: SentenceEmbeddings) -> AsyncIterator[Assistant]:
    async with Assistant(load_profile("docs", tmp_path / "data"), says, embeddings) as assistant:
        yield assistant


def is_sound(answer: Answer) -> bool:
    return all(
        any(c.quote in message and c.source == f"Message {n}" for n, message in enumerate(SAID, 1))
        for c in answer.citations
    )


async def test_the_messages_stand_in_the_prompt_in_their_order(assistant: Assistant, says: ScriptedEngine) -> None:
    await assistant.ask(summary(*THREAD))
    (prompt,) = says.prompts
    places = [prompt.index(message) for message in SAID]
    assert places == sorted(places)
    assert "three to five" in prompt[places[-1] :]
    assert assistant.settings.persona.instructions not in prompt


async def test_what_the_model_says_is_checked_against_the_messages_and_cited(
    assistant: Assistant, says: ScriptedEngine
) -> None:
    says.says = (
        "The payment service failed because its certificate expired in the night. "
        "A hacker called Thomas attacked the payment service at noon. "
        "Payments work again, and an alarm will warn us before the next certificate expires."
    )
    answer = await assistant.ask(summary(*THREAD))
    assert answer.text == (
        "The payment service failed because its certificate expired in the night. [1] "
        "Payments work again, and an alarm will warn us before the next certificate expires. [2]"
    )
    assert [(c.source, c.url) for c in answer.citations] == [
        ("Message 3", "https://example.test/p3"),
        ("Message 6", "https://example.test/p6"),
    ]


async def test_nothing_that_was_written_is_off_topic(assistant: Assistant, says: ScriptedEngine) -> None:
    others = [Attachment(f"m{n}", f"The payment service number {n} has failed for customer {n}.") for n in range(20)]
    says.says = "The lift on the fourth floor is out of order until Friday."
    answer = await assistant.ask(summary(*others, Attachment("lift", says.says)))
    assert answer.citations[0].source == "lift"


@pytest.mark.parametrize("words", ["", "The weather was fine.", "Everybody agreed on everything, always and at once."])
async def test_when_nothing_holds_the_most_central_sentences_are_quoted_in_their_order(
    assistant: Assistant, says: ScriptedEngine, words: str
) -> None:
    says.says = words
    answer = await assistant.ask(summary(*THREAD))
    assert answer.text.startswith(phrases.say(assistant.settings.persona, "quotation", "en"))
    assert (answer.status, len(answer.citations)) == ("answered", 3)
    assert is_sound(answer)
    assert [c.source for c in answer.citations] == sorted(c.source for c in answer.citations)
    assert "pizza" not in answer.text
    assert SAID[2] in answer.text


async def test_no_documents_are_needed_and_none_are_searched(assistant: Assistant, says: ScriptedEngine) -> None:
    says.says = SAID[0]
    events = [event async for event in assistant.stream(summary(*THREAD))]
    assert assistant.knowledge.documents() == []
    assert Stage("searching") not in events
    (found,) = [event for event in events if isinstance(event, Retrieved)]
    assert [passage.source for passage in found.passages] == [f"Message {number}" for number in range(1, 7)]
    assert isinstance(events[-1], Finished)


async def test_a_summary_is_remembered_like_an_answer(assistant: Assistant, says: ScriptedEngine) -> None:
    says.says = SAID[0]
    first = summary(*THREAD)
    await assistant.ask(first)
    (turn,) = await assistant.history("c")
    assert (turn.question, turn.id) == ("Summarise this thread.", first.id)
    await assistant.ask(Question("Why did it fail?", "c", attachments=THREAD))
    assert f"You answered: {SAID[0]} [1]" in says.prompts[-1]


async def test_of_a_long_thread_the_first_the_last_and_the_central_messages_are_read(
    assistant: Assistant, says: ScriptedEngine
) -> None:
    chatter = [f"My number {n} favourite colour is green, said somebody on the bus." for n in range(60)]
    pump = [f"The coolant pump leaks at valve {n} and must be replaced by the mechanic." for n in range(90)]
    middle = [text for pair in zip(pump, chatter, strict=False) for text in pair] + pump[60:]
    said = ["Good morning to all of you.", *middle, "See you tomorrow at the usual place."]
    says.context_length = 900
    await assistant.ask(summary(*(Attachment("m", text) for text in said)))
    (prompt,) = says.prompts
    assert says.count_text(prompt) <= 900 - assistant.settings.engine.max_tokens
    assert says.count_text(prompt) > 900 - assistant.settings.engine.max_tokens - 15, "what fits is used"
    assert said[0] in prompt
    assert said[-1] in prompt
    assert "favourite colour" not in prompt
    kept = [text for text in said if text in prompt]
    assert [prompt.index(text) for text in kept] == sorted(prompt.index(text) for text in kept)


async def test_one_message_of_a_hundred_thousand_characters_is_summed_up_in_parts(
    assistant: Assistant, says: ScriptedEngine
) -> None:
    long = " ".join(f"The pump number {n} was replaced on day {n} of the overhaul." for n in range(1_700))
    answer = await assistant.ask(summary(Attachment("letter", long)))
    assert answer.citations
    assert says.count_text(says.prompts[0]) <= says.context_length


async def test_a_context_too_small_for_anything_is_told(assistant: Assistant, says: ScriptedEngine) -> None:
    says.context_length = assistant.settings.engine.max_tokens + 20
    with pytest.raises(QuestionTooLongError, match="to be summed up takes"):
        await assistant.ask(summary(*THREAD))


@pytest.mark.parametrize("messages", [(), (Attachment("m", " \n"),)])
async def test_nothing_to_sum_up_is_told(
    assistant: Assistant, says: ScriptedEngine, messages: tuple[Attachment, ...]
) -> None:
    with pytest.raises(EmptyQuestionError, match="nothing to sum up"):
        await assistant.ask(summary(*messages))
    assert says.prompts == []


async def test_a_thread_in_which_nothing_was_said_is_not_summed_up(assistant: Assistant) -> None:
    answer = await assistant.ask(summary(Attachment("m", "ok"), Attachment("m", "thanks!"), Attachment("m", "?")))
    assert (answer.status, answer.citations) == ("abstained", ())


async def test_a_summary_needs_no_words_of_the_person(assistant: Assistant, says: ScriptedEngine) -> None:
    says.says = SAID[0]
    assert (await assistant.ask(summary(*THREAD, text=""))).status == "answered"


async def test_the_language_is_asked_for(assistant: Assistant, says: ScriptedEngine) -> None:
    await assistant.ask(summary(*THREAD, language="ko"))
    assert says.prompts[0].endswith("Answer in Korean.")


async def test_the_bundled_model_sums_up_truly_or_quotes(
    tmp_path: Path, engine: OpenVINOChat, embeddings: SentenceEmbeddings
) -> None:
    assistant = Assistant(load_profile("docs", tmp_path / "data"), engine, embeddings)
    answer = await assistant.ask(summary(*THREAD))
    assert answer.status == "answered"
    assert answer.citations
    assert is_sound(answer)
