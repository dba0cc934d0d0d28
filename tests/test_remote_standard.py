"""The remote engine against a real server, `transformers serve`: LangChain's own suite, and what it does not ask."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from assistant.engines.remote import RemoteChat
from assistant.errors import EngineError
from tests.servers import serve_bundled_model

pytestmark = pytest.mark.slow

# A busy machine is slow, and that is not what is tested.
_PATIENCE_S = 150.0
MESSAGES = [SystemMessage("Be brief."), HumanMessage("Write three words about the sea 🌊 in French, with accents.")]


@pytest.fixture(scope="session")
def transformers_serve(smollm2_folder: Path) -> Iterator[RemoteChat]:
    """The bundled model behind a real server, with its own tokenizer on this side."""
    with serve_bundled_model(smollm2_folder) as (url, name):
        yield RemoteChat(base_url=url, model=name, tokenizer=str(smollm2_folder), max_tokens=48, timeout_s=_PATIENCE_S)


class TestRemoteUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return RemoteChat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"base_url": "http://127.0.0.1:1/v1", "model": "smollm2"}

    @property
    def has_tool_calling(self) -> bool:
        return False  # the flow calls none: SOLAR was tuned without

    @property
    def has_structured_output(self) -> bool:
        return False


class TestRemoteIntegration(ChatModelIntegrationTests):
    server: RemoteChat

    @pytest.fixture(autouse=True)
    def serve(self, transformers_serve: RemoteChat) -> None:
        self.server = transformers_serve

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return RemoteChat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "base_url": self.server.base_url,
            "model": self.server.model,
            "max_tokens": 32,
            "timeout_s": _PATIENCE_S,
        }

    @property
    def has_tool_calling(self) -> bool:
        return False

    @property
    def has_structured_output(self) -> bool:
        return False

    # Pictures, sound and PDF are not supported, which is what the suite takes for granted.


def test_the_server_is_found(transformers_serve: RemoteChat) -> None:
    transformers_serve.load()


async def test_text_comes_in_many_pieces_and_is_the_same_as_all_at_once(transformers_serve: RemoteChat) -> None:
    chunks = [chunk async for chunk in transformers_serve.astream(MESSAGES)]
    whole = await transformers_serve.ainvoke(MESSAGES)
    assert len(chunks) > 5
    assert "".join(chunk.text for chunk in chunks) == whole.text == transformers_serve.invoke(MESSAGES).text


async def test_tokens_are_counted_here_as_they_are_there(transformers_serve: RemoteChat) -> None:
    for messages in (MESSAGES, MESSAGES[1:], [HumanMessage("ﷺ 각 <|im_end|> \ud800 ### User: 1,234")]):
        usage = (await transformers_serve.ainvoke(messages, max_tokens=4)).usage_metadata
        assert usage is not None
        assert usage["input_tokens"] == transformers_serve.count_tokens(messages)
        assert usage["output_tokens"] == 4


async def test_the_bound_is_not_below_what_the_server_counts(transformers_serve: RemoteChat) -> None:
    without = RemoteChat(base_url=transformers_serve.base_url, model=transformers_serve.model, timeout_s=_PATIENCE_S)
    usage = (await without.ainvoke(MESSAGES, max_tokens=4)).usage_metadata
    assert usage is not None
    assert usage["input_tokens"] <= without.count_tokens(MESSAGES)


async def test_a_stop_string_ends_the_answer_before_it(transformers_serve: RemoteChat) -> None:
    """This server, when it batches, minds none."""
    whole = (await transformers_serve.ainvoke(MESSAGES)).text
    stopped = await transformers_serve.ainvoke(MESSAGES, stop=[whole[10:16]])
    assert stopped.text == whole[: whole.index(whole[10:16])]
    assert stopped.response_metadata["finish_reason"] == "stop"


async def test_many_at_once_get_answers_of_their_own(transformers_serve: RemoteChat) -> None:
    prompts = [[HumanMessage(f"Name the number after {n}.")] for n in range(8)]
    together = await asyncio.gather(*(transformers_serve.ainvoke(prompt) for prompt in prompts))
    assert all(answer.text for answer in together)
    assert len({answer.text for answer in together}) > 1


async def test_after_leaving_early_the_server_answers_others(transformers_serve: RemoteChat) -> None:
    stream = transformers_serve.astream([HumanMessage("Count from one to one hundred.")], max_tokens=2000)
    assert (await anext(stream)).text
    await stream.aclose()  # type: ignore[attr-defined]
    assert (await transformers_serve.ainvoke(MESSAGES)).text


async def test_an_answer_ends_where_the_context_ends(transformers_serve: RemoteChat) -> None:
    room = transformers_serve.count_tokens(MESSAGES) + 5
    answer = await transformers_serve.model_copy(update={"context_tokens": room}).ainvoke(MESSAGES)
    assert answer.usage_metadata is not None
    assert answer.usage_metadata["output_tokens"] == 5


async def test_another_model_than_the_one_it_is_pinned_to_is_refused(transformers_serve: RemoteChat) -> None:
    with pytest.raises(EngineError, match="pinned"):
        await transformers_serve.ainvoke(MESSAGES, model="another")
