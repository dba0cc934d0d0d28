"""The OpenVINO engine with the bundled model, for real."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage

from assistant.engines.gguf import bundled_model, read_card
from assistant.engines.openvino import OpenVINOChat
from assistant.errors import EngineError

pytestmark = pytest.mark.slow

MESSAGES = [SystemMessage("Be brief."), HumanMessage("Write three words about the sea 🌊 in French, with accents.")]


async def idle(engine: OpenVINOChat) -> bool:
    for _ in range(100):
        if engine.idle:
            return True
        await asyncio.sleep(0.02)
    return False


async def test_text_comes_in_many_pieces_and_is_the_same_as_all_at_once(engine: OpenVINOChat) -> None:
    chunks = [chunk async for chunk in engine.astream(MESSAGES)]
    whole = await engine.ainvoke(MESSAGES)
    assert len(chunks) > 5
    assert "".join(chunk.text for chunk in chunks) == whole.text
    assert "�" not in whole.text


async def test_the_last_piece_counts_the_tokens(engine: OpenVINOChat) -> None:
    answer = await engine.ainvoke(MESSAGES)
    assert isinstance(answer.usage_metadata, dict)
    assert answer.usage_metadata["input_tokens"] == engine.count_tokens(MESSAGES)
    assert 0 < answer.usage_metadata["output_tokens"] <= 48
    assert answer.response_metadata["finish_reason"] in ("stop", "length")


def test_the_same_question_asked_without_an_event_loop_has_the_same_answer(engine: OpenVINOChat) -> None:
    assert engine.invoke(MESSAGES).text == "".join(chunk.text for chunk in engine.stream(MESSAGES))


async def test_many_at_once_get_what_each_would_get_alone(engine: OpenVINOChat) -> None:
    prompts = [[HumanMessage(f"Name the number after {n}.")] for n in range(8)]
    together = await asyncio.gather(*(engine.ainvoke(prompt) for prompt in prompts))
    assert all(answer.text for answer in together)
    assert len({answer.text for answer in together}) > 1
    assert await idle(engine)


async def test_leaving_early_frees_the_place(engine: OpenVINOChat) -> None:
    stream = engine.astream([HumanMessage("Count from one to one hundred.")])
    assert isinstance(await anext(stream), AIMessageChunk)
    await stream.aclose()  # type: ignore[attr-defined]
    assert await idle(engine)


async def test_cancelling_the_task_frees_the_place(engine: OpenVINOChat) -> None:
    task = asyncio.create_task(engine.ainvoke([HumanMessage("Count from one to one hundred.")]))
    await asyncio.sleep(0.1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await idle(engine)


async def test_a_stop_string_ends_the_answer_before_it(engine: OpenVINOChat) -> None:
    whole = (await engine.ainvoke(MESSAGES)).text
    stop = whole[10:16]
    stopped = await engine.ainvoke(MESSAGES, stop=[stop])
    assert stopped.text == whole[: whole.index(stop)]
    assert stopped.response_metadata["finish_reason"] == "stop"


async def test_a_prompt_beyond_the_context_is_refused_with_its_size(engine: OpenVINOChat) -> None:
    small = engine.model_copy(update={"context_tokens": 512})
    assert small.context_length == 512
    with pytest.raises(EngineError, match="512"):
        await small.ainvoke([HumanMessage("word " * 2000)])


async def test_an_answer_ends_where_the_context_ends(engine: OpenVINOChat) -> None:
    message = [HumanMessage("Count from one to one hundred.")]
    small = engine.model_copy(update={"context_tokens": engine.count_tokens(message) + 5})
    answer = await small.ainvoke(message)
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] <= 5


@settings(deadline=None, max_examples=60)
@given(text=st.text(max_size=200))
def test_any_text_can_be_counted(engine: OpenVINOChat, text: str) -> None:
    assert engine.get_num_tokens(text) == len(engine.get_token_ids(text))
    assert engine.count_tokens([HumanMessage(text)]) >= engine.count_tokens([HumanMessage("")])


def test_the_card_of_the_bundled_model_is_read() -> None:
    card = read_card(bundled_model())
    assert (card.architecture, card.context_length) == ("llama", 8192)
    assert "<|im_start|>" in card.chat_template


@pytest.mark.parametrize("content", [None, b"", b"GGUF", b"not a model at all", b"GGUF\x03\x00\x00\x00" + b"\xff" * 64])
def test_a_file_that_is_no_model_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EngineError, match=r"model\.gguf"):
        OpenVINOChat(model_path=path).load()


async def test_an_engine_that_was_closed_serves_again_when_asked(engine: OpenVINOChat) -> None:
    other = OpenVINOChat(model_path=bundled_model(), max_tokens=4)
    assert (await other.ainvoke(MESSAGES)).text
    other.close()
    assert (await other.ainvoke(MESSAGES)).text
    other.close()
