"""A prompt that fits, whatever the profile, the conversation and the passages."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assistant import budget
from assistant.budget import Content, Fitted, beginning, ends, prompt_limit
from assistant.engines.openvino import OpenVINOChat
from assistant.errors import QuestionTooLongError
from assistant.prompts import compose, summarise
from assistant.types import Passage, Turn
from tests.conftest import ScriptedEngine

TEXT = st.text(max_size=400) | st.sampled_from(
    [
        "word " * 300,
        "<|im_start|>" * 20,
        "전류가 흐른다 " * 40,
        "電流が流れる。" * 60,
        "😀" * 100,
        "\x00\ud800",
        "a" * 2000,
    ]
)
PASSAGES = st.lists(st.builds(Passage, TEXT, st.just("a.md"), st.none(), TEXT, st.just(""), st.just(0.5)), max_size=8)
TURNS = st.lists(st.builds(Turn, TEXT, TEXT), max_size=5)
CONTENT = st.builds(Content, TEXT, TEXT, TURNS.map(tuple), PASSAGES.map(tuple), st.lists(TEXT, max_size=3).map(tuple))


def fit(content: Content, tokens: budget.Tokens, limit: int) -> Fitted | None:
    """None when the question alone is over the limit, and only then, unless there is no room for anything."""
    try:
        return budget.fit(compose, content, tokens, limit)
    except QuestionTooLongError as error:
        assert tokens.count_text(content.question) > limit or limit < 60
        assert f"{limit:,}" in error.problem
        return None


def is_part(passage: Passage, whole: Passage) -> bool:
    return passage.text == whole.text or whole.text.startswith(passage.text)


@given(CONTENT, st.integers(1, 900))
def test_no_prompt_exceeds_its_budget(content: Content, limit: int) -> None:
    engine = ScriptedEngine()
    fitted = fit(content, engine, limit)
    if fitted:
        kept = fitted.content
        assert fitted.prompt_tokens == engine.count_tokens(fitted.messages) <= limit
        assert all(map(is_part, kept.passages, content.passages)), "the best passages, in their order"
        assert kept.turns == content.turns[len(content.turns) - len(kept.turns) :], "the newest turns"
        assert compose(kept) == fitted.messages


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(content=CONTENT, context=st.integers(512, 4096), max_tokens=st.integers(16, 4096))
@example(Content("Be brief. " * 900, "word " * 300, (Turn("a " * 900, "b " * 900),) * 5), 512, 4096)
@example(
    Content("전류가 흐른다 " * 300, "電流が流れる。" * 20, (), (Passage("😀" * 900, "", None, "", "", 1),)), 512, 256
)
def test_whatever_the_profile_the_prompt_fits_and_the_answer_has_its_reserve(
    engine: OpenVINOChat, content: Content, context: int, max_tokens: int
) -> None:
    fitted = fit(content, engine, prompt_limit(context, max_tokens))
    if fitted:
        prompt = engine.get_token_ids(engine.template.render(fitted.messages))
        assert len(prompt) == fitted.prompt_tokens <= context - min(max_tokens, context // 2)
        assert not content.question.strip() or fitted.content.question


def test_what_is_over_is_dropped_from_the_least_useful_end() -> None:
    turns = tuple(Turn(f"{name} " * 20, f"{name} " * 20) for name in ("old", "new"))
    passages = tuple(Passage(f"{name} " * 100, "a.md", None, "", "", 0.5) for name in ("best", "worst"))
    content = Content("Be brief.", "Why?", turns, passages)
    kept = {limit: fit(content, ScriptedEngine(), limit) for limit in (1000, 300, 190, 100)}
    seen = {
        limit: ([t.question[:3] for t in f.content.turns], len(f.content.passages), bool(f.content.earlier))
        for limit, f in kept.items()
        if f
    }
    assert seen[1000] == (["old", "new"], 2, False)
    assert seen[300] == (["new"], 2, True), "of the oldest turn it is still told what was asked"
    assert seen[190] == ([], 1, True)
    assert seen[100][1] == 1


def test_a_very_long_question_keeps_its_ends_and_leaves_room_for_evidence() -> None:
    question = f"Why does this fail? {'log line ' * 120} The last line says that libfoo was not found."
    passage = Passage("libfoo is in the package foo-dev. " * 5, "a.md", None, "", "", 0.5)
    fitted = fit(Content("Be brief.", question, (), (passage,)), ScriptedEngine(), 270)
    assert fitted
    assert fitted.content.passages == (passage,)
    assert fitted.content.question.startswith("Why does this fail?")
    assert fitted.content.question.endswith("libfoo was not found.")
    assert "[…]" in fitted.content.question


def test_of_a_passage_that_is_too_long_the_beginning_is_read() -> None:
    fitted = fit(Content("", "Why?", (), (Passage("first " * 500, "a.md", None, "", "", 1.0),)), ScriptedEngine(), 100)
    assert fitted
    (kept,) = fitted.content.passages
    assert kept.text.startswith("first first")
    assert fitted.prompt_tokens > 90


@given(TEXT, st.integers(0, 8))
def test_a_text_that_is_cut_keeps_its_beginning_or_both_its_ends(text: str, limit: int) -> None:
    tokens = ScriptedEngine()
    if tokens.count_text(text) <= limit:
        assert beginning(text, limit, tokens) == ends(text, limit, tokens) == text
        return
    assert text.startswith(beginning(text, limit, tokens))
    both = re.fullmatch(r"(.*?)\s*\[…\]\s*(.*?)", ends(text, limit, tokens), re.DOTALL)
    assert both
    head, tail = both.groups()
    assert text.strip().startswith(head)
    assert text.strip().endswith(tail)


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
    places = [next(i for i, passage in enumerate(passages) if passage is kept) for kept in fitted.content.passages]
    assert places == sorted(places)
    assert places[0] == 0
    assert len(places) == 1 or places[-1] == len(passages) - 1
    inner = range(1, len(passages) - 1)
    worst = min((passages[i].score for i in inner if i in places), default=-1.0)
    left = [i for i in inner if i not in places]
    if len(places) > 2:
        assert all(passages[i].score <= worst for i in left)
