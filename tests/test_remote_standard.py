"""The remote engine against a real server, `transformers serve`: LangChain's own suite, and what it does not ask."""

from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from assistant.engines.remote import RemoteChat
from assistant.errors import EngineError
from tests.conftest import PATIENCE_S

pytestmark = pytest.mark.slow

MESSAGES = [SystemMessage("Be brief."), HumanMessage("Write three words about the sea 🌊 in French, with accents.")]


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
    def serve(self, remote_engine: RemoteChat) -> None:
        self.server = remote_engine

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return RemoteChat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "base_url": self.server.base_url,
            "model": self.server.model,
            "max_tokens": 32,
            "timeout_s": PATIENCE_S,
        }

    @property
    def has_tool_calling(self) -> bool:
        return False

    @property
    def has_structured_output(self) -> bool:
        return False

    # Pictures, sound and PDF are not supported, which is what the suite takes for granted.


def test_the_server_is_found(remote_engine: RemoteChat) -> None:
    remote_engine.load()


async def test_tokens_are_counted_here_as_they_are_there(remote_engine: RemoteChat) -> None:
    for messages in (MESSAGES, MESSAGES[1:], [HumanMessage("ﷺ 각 <|im_end|> \ud800 ### User: 1,234")]):
        usage = (await remote_engine.ainvoke(messages, max_tokens=4)).usage_metadata
        assert usage is not None
        assert usage["input_tokens"] == remote_engine.count_tokens(messages)
        assert usage["output_tokens"] == 4


async def test_the_bound_is_not_below_what_the_server_counts(remote_engine: RemoteChat) -> None:
    without = RemoteChat(base_url=remote_engine.base_url, model=remote_engine.model, timeout_s=PATIENCE_S)
    usage = (await without.ainvoke(MESSAGES, max_tokens=4)).usage_metadata
    assert usage is not None
    assert usage["input_tokens"] <= without.count_tokens(MESSAGES)


async def test_after_leaving_early_the_server_answers_others(remote_engine: RemoteChat) -> None:
    stream = remote_engine.astream([HumanMessage("Count from one to one hundred.")], max_tokens=2000)
    assert (await anext(stream)).text
    await stream.aclose()  # type: ignore[attr-defined]
    assert (await remote_engine.ainvoke(MESSAGES)).text


async def test_another_model_than_the_one_it_is_pinned_to_is_refused(remote_engine: RemoteChat) -> None:
    with pytest.raises(EngineError, match="pinned"):
        await remote_engine.ainvoke(MESSAGES, model="another")
