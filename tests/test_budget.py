import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import BaseMessage

from assistant import budget
from assistant.engines.openvino import OpenVINOChat
from assistant.errors import QuestionTooLongError
from assistant.prompts import compose, summarise
from assistant.types import Passage, Turn
from tests.conftest import ScriptedEngine

TEXT = st.text(max_size=400) | st.sampled_from(
    ["word " * 300, "<|im_start|>" * 20, "전류가 흐른다 " * 40, "😀" * 100, "\x00\ud800"]
)
PASSAGES = st.lists(st.builds(Passage, TEXT, st.just("a.md"), st.none(), TEXT, st.just(""), st.just(0.5)), max_size=8)
TURNS = st.lists(st.builds(Turn, TEXT, TEXT), max_size=5)


def fit(
    question: str, turns: list[Turn], passages: list[Passage], tokens: budget.Tokens, limit: int
) -> budget.Fitted | None:
    def composed(
        turns: "list[Turn] | tuple[Turn, ...]", passages: "list[Passage] | tuple[Passage, ...]"
    ) -> list[BaseMessage]:
        return compose("Be brief.", question, turns, passages)

    try:
        return budget.fit(composed, turns, passages, tokens, limit)  # type: ignore[arg-type]
    except QuestionTooLongError as error:
        assert tokens.count_tokens(composed([], [])) > limit
        assert f"{limit:,}" in error.problem
        return None


@given(TEXT, TURNS, PASSAGES, st.integers(1, 900))
def test_no_prompt_exceeds_its_budget(question: str, turns: list[Turn], passages: list[Passage], limit: int) -> None:
    engine = ScriptedEngine()
    fitted = fit(question, turns, passages, engine, limit)
    if fitted:
        assert fitted.prompt_tokens == engine.count_tokens(fitted.messages) <= limit
        assert list(fitted.passages) == passages[: len(fitted.passages)]
        assert list(fitted.turns) == turns[len(turns) - len(fitted.turns) :]


@pytest.mark.slow
@settings(deadline=None, max_examples=40)
@given(question=TEXT, turns=TURNS, passages=PASSAGES, limit=st.integers(30, 1500))
def test_no_prompt_exceeds_its_budget_by_the_tokenizer_that_serves(
    engine: OpenVINOChat, question: str, turns: list[Turn], passages: list[Passage], limit: int
) -> None:
    fitted = fit(question, turns, passages, engine, limit)
    if fitted:
        assert len(engine.get_token_ids(engine.template.render(fitted.messages))) == fitted.prompt_tokens <= limit


def test_memory_gives_way_before_evidence_and_the_worst_evidence_first() -> None:
    turns = [Turn("old " * 50, "old " * 50), Turn("new " * 50, "new " * 50)]
    passages = [Passage(f"{name} " * 100, "a.md", None, "", "", 0.5) for name in ("best", "worst")]
    engine = ScriptedEngine()
    roomy = fit("Why?", turns, passages, engine, 1000)
    tight = fit("Why?", turns, passages, engine, 350)
    tighter = fit("Why?", turns, passages, engine, 130)
    assert roomy and tight and tighter
    assert (len(roomy.turns), len(roomy.passages)) == (2, 2)
    assert ([t.question[:3] for t in tight.turns], len(tight.passages)) == (["new"], 2)
    assert (len(tighter.turns), [p.text[:4] for p in tighter.passages]) == (0, ["best"])


SCORED = st.lists(st.builds(Passage, TEXT, st.just("m"), st.none(), st.just(""), st.just(""), st.floats(-1, 1)))


@given(SCORED.filter(bool), st.integers(1, 900))
def test_a_summary_reads_what_fits_in_its_order(passages: list[Passage], limit: int) -> None:
    engine = ScriptedEngine()
    try:
        fitted = budget.fit_summary(summarise, passages, engine, limit)
    except QuestionTooLongError:
        assert engine.count_tokens(summarise(passages[:1])) > limit
        return
    assert fitted.prompt_tokens == engine.count_tokens(fitted.messages) <= limit
    places = [next(i for i, passage in enumerate(passages) if passage is kept) for kept in fitted.passages]
    assert places == sorted(places)
    assert places[0] == 0
    assert len(places) == 1 or places[-1] == len(passages) - 1
    inner = range(1, len(passages) - 1)
    worst = min((passages[i].score for i in inner if i in places), default=-1.0)
    left = [i for i in inner if i not in places]
    if len(places) > 2:
        assert all(passages[i].score <= worst for i in left)
