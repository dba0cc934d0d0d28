"""LangChain's own suite for chat models, against the engines that run in this process."""

from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests

from assistant.engines.gguf import bundled_model
from assistant.engines.local import LocalChat
from assistant.engines.openvino import OpenVINOChat
from assistant.engines.transformers import TransformersChat

pytestmark = pytest.mark.slow


class LocalUnit(ChatModelUnitTests):
    """Made and described, not loaded."""

    __test__ = False

    @property
    def has_tool_calling(self) -> bool:
        return False  # SOLAR was tuned without

    @property
    def has_structured_output(self) -> bool:
        return False


class TestOpenVINOUnit(LocalUnit):
    __test__ = True

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return OpenVINOChat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model_path": bundled_model(), "model": "smollm2"}


class TestTransformersUnit(LocalUnit):
    __test__ = True

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return TransformersChat

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model_path": Path("solar"), "model": "solar"}


class LocalIntegration(ChatModelIntegrationTests):
    """Asked for real, with the weights that are in memory already."""

    __test__ = False
    loaded: LocalChat

    @pytest.fixture
    def model(self, request: pytest.FixtureRequest) -> BaseChatModel:
        """As the suite's own fixture, without loading anew for every test."""
        return self.loaded.model_copy(update=getattr(request, "param", None) or {})

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return type(self.loaded)

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model_path": self.loaded.model_path, "max_tokens": 32}

    @property
    def has_tool_calling(self) -> bool:
        return False

    @property
    def has_structured_output(self) -> bool:
        return False


class TestOpenVINOIntegration(LocalIntegration):
    __test__ = True

    @pytest.fixture(autouse=True)
    def load(self, engine: OpenVINOChat) -> None:
        self.loaded = engine


class TestTransformersIntegration(LocalIntegration):
    __test__ = True

    @pytest.fixture(autouse=True)
    def load(self, transformers_engine: TransformersChat) -> None:
        self.loaded = transformers_engine
