"""A tokenizer as the engines need it: no padding, no truncation, safe to use from many threads."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Tokens:
    """`backend` is a `tokenizers.Tokenizer`; `adds_bos` says whether a prompt begins with a token of its own."""

    backend: Any
    chat_template: str
    bos_token: str
    eos_token: str
    bos_id: int | None
    eos_ids: tuple[int, ...]
    adds_bos: bool

    @property
    def pad_id(self) -> int:
        """Padding is never read; any id will do."""
        return self.eos_ids[0] if self.eos_ids else 0

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self.backend.encode(text, add_special_tokens=False).ids
        return ids

    def encode_prompt(self, text: str) -> list[int]:
        ids = self.encode(text)
        return [self.bos_id, *ids] if self.adds_bos and self.bos_id is not None and ids[:1] != [self.bos_id] else ids

    def decode(self, ids: list[int]) -> str:
        text: str = self.backend.decode(ids, skip_special_tokens=True)
        return text


class Vocabulary:
    """The part of `Served` that a tokenizer answers."""

    tokens: Tokens

    @property
    def bos_token(self) -> str:
        return self.tokens.bos_token

    @property
    def eos_token(self) -> str:
        return self.tokens.eos_token

    def encode(self, text: str) -> list[int]:
        return self.tokens.encode(text)

    def encode_prompt(self, text: str) -> list[int]:
        return self.tokens.encode_prompt(text)

    def decode(self, ids: list[int]) -> str:
        return self.tokens.decode(ids)
