"""Tokens of what is sent to a server: exactly, with its model's tokenizer, or at most, without."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from langchain_core.messages import BaseMessage

from assistant.engines.bounds import prompt_bound, text_bound
from assistant.engines.template import ChatTemplate, encodable, neutralise
from assistant.engines.tokens import Tokens
from assistant.errors import EngineError


class Counting(Protocol):
    @property
    def is_exact(self) -> bool: ...

    def text(self, text: str) -> int: ...

    def prompt(self, messages: Sequence[BaseMessage]) -> int: ...


@dataclass(frozen=True, slots=True)
class Exact:
    """As good as the server's own count, as long as it uses the chat template that its model came with."""

    tokens: Tokens
    template: ChatTemplate
    is_exact: bool = True

    def text(self, text: str) -> int:
        return len(self.tokens.encode(encodable(text)))

    def prompt(self, messages: Sequence[BaseMessage]) -> int:
        text = self.template.render(messages, bos_token=self.tokens.bos_token, eos_token=self.tokens.eos_token)
        return len(self.tokens.encode_prompt(encodable(text)))


@dataclass(frozen=True, slots=True)
class AtMost:
    """Never too low. English has four or five bytes to a token, so the bound is four or five times the truth."""

    is_exact: bool = False

    def text(self, text: str) -> int:
        return text_bound(text)

    def prompt(self, messages: Sequence[BaseMessage]) -> int:
        return prompt_bound([neutralise(message.text) for message in messages])


def read_counting(tokenizer: str | None) -> Counting:
    """`tokenizer`: a folder, a GGUF file, or a model's name. Raises EngineError when there is none or it is broken."""
    if not tokenizer:
        return AtMost()
    path = _find(tokenizer)
    try:
        tokens = _read(path)
    except EngineError:
        raise
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise EngineError(
            f"The tokenizer {path} cannot be read: {reason}",
            "Set [engine] tokenizer to the folder or the GGUF file of the model that the server has.",
        ) from error
    return Exact(tokens, ChatTemplate(tokens.chat_template))


def _find(tokenizer: str) -> Path:
    """A model that is here; or a folder with a tokenizer alone, which is all that is needed."""
    from assistant import models

    path = Path(tokenizer).expanduser()
    found = models.find(tokenizer)
    return found or (path if path.is_dir() else models.locate(tokenizer))


def _read(path: Path) -> Tokens:
    from assistant.engines.weights import read_tokens

    is_file = path.is_file()
    where: Mapping[str, Any] = {"pretrained_model_name_or_path": path.parent if is_file else path}
    return read_tokens({**where, "gguf_file": path.name} if is_file else where)
