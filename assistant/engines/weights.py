"""Weights and tokenizer from a folder, a GGUF file or the hub's cache: safetensors only, no code from elsewhere."""

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.engines.gguf import read_card
from assistant.engines.shapes import Shape
from assistant.engines.tokens import Tokens
from assistant.errors import EngineError
from assistant.fit import BITS, Quantization, whole_card, why_one_at_a_time

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model on its device or devices, with its tokenizer."""

    model: Any
    tokens: Tokens

    @property
    def one_at_a_time(self) -> str:
        """Why the continuous-batching manager cannot serve it; empty when it can."""
        return why_one_at_a_time(
            {str(device) for device in (getattr(self.model, "hf_device_map", None) or {}).values()}
        )


def read_config(path: Path) -> Mapping[str, Any]:
    """A model folder's `config.json`. Raises EngineError when the folder holds no usable model."""
    config = path / "config.json"
    if not path.is_dir() or not config.is_file():
        raise EngineError(
            f"{path} holds no model: there is no config.json.",
            "Name a folder in the Hugging Face layout, a GGUF file, or a model that `assistant models list` shows.",
        )
    _check_weights(path)
    try:
        values = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise EngineError(f"{config} cannot be read: {error}.", "Fetch the model again.") from error
    if not isinstance(values, dict):
        raise EngineError(f"{config} is not a model's configuration.", "Fetch the model again.")
    return values


def read_shape(path: Path) -> Shape | None:
    """The sizes of a model folder, without loading it. Raises EngineError."""
    return Shape.from_config(read_config(path))


def _check_weights(path: Path) -> None:
    if any(path.glob("*.safetensors")):
        return
    if any(file for pattern in _PICKLES for file in path.glob(pattern)):
        raise EngineError(
            f"The weights in {path} are pickled, and a pickle can run any code when it is opened.",
            "Use a version of the model with .safetensors files.",
        )
    raise EngineError(f"{path} holds no weights.", "Fetch the model again: its .safetensors files are missing.")


def load(path: Path, *, quantization: Quantization = "none") -> Loaded:
    """The model at its place: on the cards there are, else on the processor. Raises EngineError."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    is_file = path.suffix == ".gguf"
    if not is_file:
        read_config(path)
    where: dict[str, Any] = {"pretrained_model_name_or_path": path.parent if is_file else path}
    if is_file:
        where["gguf_file"] = path.name
    try:
        shape = read_card(path).shape if is_file else read_shape(path)
        model = _load_model(where, quantization, shape, is_file=is_file)
        return Loaded(model, read_tokens(where, model.generation_config.eos_token_id))
    except EngineError:
        raise
    except Exception as error:  # the library raises what it likes
        raise _explain(path, error) from error


def _load_model(where: Mapping[str, Any], quantization: Quantization, shape: Shape | None, *, is_file: bool) -> Any:
    from transformers import AutoModelForCausalLM, GgufConfig

    options: dict[str, Any] = {}
    if is_file:
        # Packed weights are unpacked at every use otherwise, which is slow.
        options["quantization_config"] = GgufConfig(dequantize=True)
    elif quantization != "none":
        options["quantization_config"] = _packing(quantization)
    model = AutoModelForCausalLM.from_pretrained(
        **where,
        **options,
        dtype=compute_dtype(),
        device_map=_device_map(shape, 16 if is_file else BITS[quantization]),
        use_safetensors=None if is_file else True,
        trust_remote_code=False,
        local_files_only=True,
    )
    return model.eval()


def _device_map(shape: Shape | None, bits: int) -> Any:
    """The whole model on one card where it fits; "auto" would spread it over all, and offload what it need not."""
    import torch

    if not torch.cuda.is_available():
        return "cpu"
    free = [torch.cuda.mem_get_info(card)[0] for card in range(torch.cuda.device_count())]
    card = whole_card(shape, bits, free) if shape else None
    return "auto" if card is None else {"": card}


def compute_dtype() -> Any:
    """bfloat16 where the device has it, else float16 (cards before Ampere, such as the T4)."""
    import torch

    if torch.cuda.is_available() and torch.cuda.get_device_capability()[0] < 8:
        return torch.float16
    return torch.bfloat16


def _packing(quantization: Quantization) -> Any:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise EngineError(
            f"Weights in {quantization[0]} bits need bitsandbytes, which is not installed.",
            "Run `pip install 'solar-assistant[gpu]'`.",
        )
    from transformers import BitsAndBytesConfig

    if quantization == "8bit":
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype(),
    )


def read_tokens(where: Mapping[str, Any], more_eos: int | list[int] | None = None) -> Tokens:
    """The tokenizer with its chat template, and all tokens that end an answer. Raises EngineError."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(**where, trust_remote_code=False, local_files_only=True)
    if not tokenizer.chat_template:
        raise EngineError(
            "The model has no chat template, so it was not tuned to answer questions.", "Use its instruct version."
        )
    backend = tokenizer.backend_tokenizer
    first = backend.encode("a", add_special_tokens=True).ids[:1]
    ends = [tokenizer.eos_token_id, *(more_eos if isinstance(more_eos, list) else [more_eos])]
    return Tokens(
        backend=backend,
        chat_template=str(tokenizer.chat_template),
        bos_token=tokenizer.bos_token or "",
        eos_token=tokenizer.eos_token or "",
        bos_id=tokenizer.bos_token_id,
        eos_ids=tuple(dict.fromkeys(id_ for id_ in ends if id_ is not None)),
        adds_bos=tokenizer.bos_token_id is not None and first == [tokenizer.bos_token_id],
    )


def _explain(path: Path, error: Exception) -> EngineError:
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return EngineError(
            f"{path.name} does not fit the GPU.",
            'Set [engine] quantization = "4bit"; `assistant doctor` says what fits.',
        )
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return EngineError(f"The model {path} cannot be loaded: {reason}", "Fetch it again, or use another one.")
