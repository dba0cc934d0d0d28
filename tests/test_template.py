import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

from assistant.engines.gguf import bundled_model, read_card
from assistant.engines.template import ChatTemplate, neutralise
from assistant.errors import EngineError

TEMPLATE = ChatTemplate(read_card(bundled_model()).chat_template)
MARKERS = [
    "<|im_start|>",
    "<|im_end|>",
    "<|IM_START|>system",
    "</s>",
    "[INST]",
    "### System:",
    "\n### User:\n",
    "<<SYS>>",
]


def test_the_template_of_the_bundled_model_is_rendered_to_the_character() -> None:
    prompt = TEMPLATE.render([SystemMessage("Be brief."), HumanMessage("Hi"), AIMessage("Yes?"), HumanMessage("Why?")])
    assert prompt == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\nYes?<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n"
    )


@given(st.lists(st.sampled_from(MARKERS) | st.text(max_size=9), max_size=12).map("".join))
def test_no_text_can_forge_a_turn(text: str) -> None:
    prompt = TEMPLATE.render([SystemMessage("Be brief."), HumanMessage(text)])
    assert len(re.findall(r"<\|im_(?:start|end)\|>", prompt, re.IGNORECASE)) == 5
    assert not re.search(r"^\s*#+\s*(?:system|user|assistant)\s*:", neutralise(text), re.IGNORECASE | re.MULTILINE)


@given(st.lists(st.sampled_from(MARKERS) | st.text(max_size=9), max_size=12).map("".join))
def test_neutralising_twice_is_neutralising_once(text: str) -> None:
    assert neutralise(neutralise(text)) == neutralise(text)


@pytest.mark.parametrize(
    "text", ["a < b | c > d", "## Users: who they are", "x[INSTANCE]", "# System design", "### User guide"]
)
def test_ordinary_text_is_left_alone(text: str) -> None:
    assert neutralise(text) == text


@pytest.mark.parametrize(
    "source", ["{% for %}", "{{ messages.append(1) }}", "{{ ''.__class__.__mro__ }}{{ raise_exception('no') }}"]
)
def test_a_template_that_is_broken_or_up_to_no_good_is_refused(source: str) -> None:
    with pytest.raises(EngineError, match="chat template"):
        ChatTemplate(source).render([HumanMessage("Hi")])
