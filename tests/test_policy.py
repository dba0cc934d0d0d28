"""What becomes of sentences that the documents do not bear out: dropped, marked, or neither, and the reader is told."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk, BaseMessage

from assistant import Assistant, Question, TextDelta, phrases
from assistant.draft import Draft
from assistant.grounding import Grounding
from assistant.settings import AnswerSettings, Policy, load_profile
from assistant.types import Passage
from knowledge import SentenceEmbeddings
from tests.conftest import ScriptedEngine, ingest

pytestmark = pytest.mark.slow

COURSE = """# Fuses

A fuse is a thin wire that melts when the current is too large and so opens the circuit.
A circuit breaker is a switch that opens by itself when the current is too large.
"""
TRUE = "A fuse is a thin wire that melts when the current is too large."
ALSO_TRUE = "A circuit breaker is a switch that opens by itself when the current is too large."
FALSE = "A fuse was invented in 1890 by a man called Thomas."


@dataclass
class SecondThoughts(ScriptedEngine):
    """Says one thing, and when asked again another; `ends` is why it stops."""

    answers: Sequence[str] = ()
    ends: str = "stop"
    left: list[str] = field(default_factory=list)

    async def astream(self, messages: list[BaseMessage], /) -> AsyncIterator[AIMessageChunk]:
        self.left = self.left or list(self.answers)
        self.says = self.left.pop(0)
        async for chunk in super().astream(messages):
            yield chunk
        yield AIMessageChunk(content="", response_metadata={"finish_reason": self.ends})


@pytest.fixture
def engine_says() -> SecondThoughts:
    return SecondThoughts()


@pytest.fixture
async def make(
    tmp_path: Path, engine_says: SecondThoughts, embeddings: SentenceEmbeddings, write: Callable[[str, str], Path]
) -> AsyncIterator[Callable[..., Assistant]]:
    made: list[Assistant] = []

    def make(policy: Policy = "strict", retry: bool = True) -> Assistant:
        profile = load_profile("docs", tmp_path / "data")
        answers = AnswerSettings(policy=policy, retry=retry, quotes=1)
        made.append(Assistant(profile.model_copy(update={"answers": answers}), engine_says, embeddings))
        ingest(made[-1].knowledge, write("course.md", COURSE))
        return made[-1]

    yield make
    for assistant in made:
        await assistant.aclose()


async def test_by_the_strict_policy_what_is_not_borne_out_is_dropped(
    make: Callable[..., Assistant], engine_says: SecondThoughts
) -> None:
    engine_says.answers = [f"{TRUE} {FALSE}"]
    assert (await make().ask(Question("What is a fuse?"))).text == f"{TRUE} [1]"
    assert len(engine_says.prompts) == 1


async def test_marked_sentences_are_shown_with_the_mark_and_what_it_means(
    make: Callable[..., Assistant], engine_says: SecondThoughts
) -> None:
    engine_says.answers = [f"{TRUE} {FALSE}"]
    answer = await make("mark").ask(Question("What is a fuse?"))
    assert answer.text == f"{TRUE} [1] ⚠ {FALSE}\n\n_{phrases.UNCONFIRMED['en']}_"


async def test_where_nothing_is_borne_out_marked_sentences_are_followed_by_a_quotation(
    make: Callable[..., Assistant], engine_says: SecondThoughts
) -> None:
    engine_says.answers = [FALSE]
    answer = await make("mark").ask(Question("What is a fuse?"))
    assert answer.text.startswith(f"⚠ {FALSE}\n\n_{phrases.UNCONFIRMED['en']}_\n\n")
    assert "“A fuse is a thin wire" in answer.text
    assert len(answer.citations) == 1


async def test_what_is_not_checked_is_said_to_be_unchecked(
    make: Callable[..., Assistant], engine_says: SecondThoughts
) -> None:
    engine_says.answers = [f"{TRUE} {FALSE}"]
    answer = await make("off").ask(Question("What is a fuse?"))
    assert answer.text == f"{TRUE} {FALSE}\n\n_{phrases.UNCHECKED['en']}_"
    assert answer.citations == ()


async def test_a_second_firmer_request_comes_before_a_quotation(
    make: Callable[..., Assistant], engine_says: SecondThoughts
) -> None:
    engine_says.answers = [FALSE, TRUE]
    events = [event async for event in make().stream(Question("What is a fuse?"))]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == f"{TRUE} [1]"
    first, second = engine_says.prompts
    assert second.startswith(first)
    assert "own words" in second.removeprefix(first)


async def test_it_is_asked_only_once_more_and_not_at_all_where_the_profile_says_so(
    make: Callable[..., Assistant], engine_says: SecondThoughts
) -> None:
    engine_says.answers = [FALSE, FALSE]
    answer = await make().ask(Question("What is a fuse?"))
    assert answer.text.startswith(phrases.QUOTATION["en"])
    assert len(engine_says.prompts) == 2
    assert answer.usage.prompt_tokens == sum(engine_says.count_text(prompt) for prompt in engine_says.prompts)
    await make(retry=False).ask(Question("What is a fuse?"))
    assert len(engine_says.prompts) == 3


@pytest.mark.parametrize("policy", ["strict", "mark", "off"])
async def test_an_answer_that_is_cut_in_mid_sentence_says_so(
    make: Callable[..., Assistant], engine_says: SecondThoughts, policy: Policy
) -> None:
    engine_says.answers, engine_says.ends = [f"{TRUE} A circuit breaker is a sw"], "length"
    answer = await make(policy).ask(Question("What is a fuse?"))
    assert answer.text.startswith(TRUE)
    assert f"_{phrases.CUT_OFF['en']}_" in answer.text
    assert "a sw" not in answer.text


@pytest.mark.parametrize("ends", ["stop", "length"])
async def test_an_answer_that_ends_with_a_sentence_is_not_said_to_break_off(
    make: Callable[..., Assistant], engine_says: SecondThoughts, ends: str
) -> None:
    engine_says.answers, engine_says.ends = [TRUE], ends
    assert (await make().ask(Question("What is a fuse?"))).text == f"{TRUE} [1]"


async def test_questions_and_greetings_make_no_claim_but_may_follow_what_was_checked(
    make: Callable[..., Assistant], engine_says: SecondThoughts
) -> None:
    engine_says.answers = [f"What a question, isn't it? {TRUE} What would a thicker wire do?"]
    answer = await make().ask(Question("What is a fuse?"))
    assert answer.text == f"{TRUE} [1] What would a thicker wire do?"


async def test_what_announces_something_is_not_left_without_it(
    make: Callable[..., Assistant], engine_says: SecondThoughts
) -> None:
    engine_says.answers = [f"{TRUE} Here is how a fuse is changed:\n{FALSE}"]
    assert (await make().ask(Question("What is a fuse?"))).text == f"{TRUE} [1]"


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=st.lists(st.sampled_from([TRUE, ALSO_TRUE, FALSE, "Why?", "It is so.", "- " + TRUE, "\n"]), max_size=6),
    policy=st.sampled_from(["strict", "mark", "off"]),
)
def test_only_used_sources_are_listed_numbered_by_first_use(
    embeddings: SentenceEmbeddings, said: list[str], policy: Policy
) -> None:
    passages = [Passage(text, f"{n}.md", None, "", f"file:///{n}.md", 0.9) for n, text in enumerate((ALSO_TRUE, TRUE))]
    draft = Draft(Grounding("What is a fuse?", passages, embeddings, lambda word: 1.0), policy)
    text = "".join(draft.add(sentence) for sentence in said)
    assert text == draft.text
    assert [citation.number for citation in draft.citations] == list(range(1, len(draft.citations) + 1))
    places = [text.find(f"[{citation.number}]") for citation in draft.citations]
    assert -1 not in places
    assert places == sorted(places)
    assert all(c.quote in (ALSO_TRUE, TRUE) for c in draft.citations)
