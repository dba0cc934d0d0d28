"""Messages into the one string a model reads, by the model's own chat template."""

import re
from collections.abc import Sequence
from datetime import datetime

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from langchain_core.messages import BaseMessage

from assistant.errors import EngineError

_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}
# Control tokens of the usual templates, in any case.
_CONTROL = re.compile(r"<(?=\|[\w-]{1,40}\|>)|<(?=/?s>)|\[(?=/?INST\])|<(?=</?SYS>>)", re.IGNORECASE)
# Roles written as plain headings, as SOLAR's template has them. It sets one right behind an answer, without a line's
# end between them, so two hashes count anywhere and one at the beginning of a line, whatever ends the line before.
_HEADING = re.compile(
    r"(?:##|(?:^|(?<=[\r\v\f\x1c-\x1e\x85\u2028\u2029]))([^\S\n]*)#)[#\s]*"
    r"(?=(?:system|user|assistant|instruction|response)\s*:)",
    re.IGNORECASE | re.MULTILINE,
)


def neutralise(text: str) -> str:
    """The text with markers that could forge a turn made harmless, and nothing else changed.

    A control token loses its bracket's touch ("< |im_start|>"), a role heading its hashes. Doing it twice is
    the same as doing it once.
    """
    text = _CONTROL.sub(lambda match: f"{match.group()} ", text)
    return _HEADING.sub(lambda match: match[1] or "", text)


def encodable(text: str) -> str:
    """The text without unpaired surrogates: they have no UTF-8, and tokenizers crash on them."""
    return text.encode("utf-8", "replace").decode("utf-8")


class ChatTemplate:
    """A jinja2 chat template, in a sandbox: it came with a downloaded file."""

    def __init__(self, source: str) -> None:
        environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _refuse
        environment.globals["strftime_now"] = lambda form: datetime.now().astimezone().strftime(form)
        try:
            self._template = environment.from_string(source)
        except TemplateError as error:
            raise _template_error(error) from error

    def render(self, messages: Sequence[BaseMessage], bos_token: str = "", eos_token: str = "") -> str:
        """The prompt, ending where the assistant begins to speak."""
        turns = [{"role": _ROLES.get(m.type, m.type), "content": neutralise(m.text)} for m in messages]
        try:
            return self._template.render(
                messages=turns, add_generation_prompt=True, bos_token=bos_token, eos_token=eos_token
            )
        except TemplateError as error:
            raise _template_error(error) from error


def _refuse(message: str) -> None:
    raise TemplateError(message)


def _template_error(error: TemplateError) -> EngineError:
    return EngineError(
        f"The model's chat template cannot be used: {error.message or error}.",
        "Use another conversion of the model.",
    )
