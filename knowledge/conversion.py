"""The embedding model for OpenVINO, which runs it on a processor more than twice as fast as torch does.

Converting takes some seconds and needs torch, so the result is kept in the user's cache folder: from then on neither
torch nor sentence-transformers is imported to search. OpenVINO multiplies in bfloat16 where the processor can, or in
whole numbers where that is faster.
"""

import hashlib
import json
import logging
import shutil
import sys
import tempfile
import threading
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from knowledge import quantizing
from knowledge.encoders import PROCESSOR_TOKENS, Encoder, TorchEncoder, load_model

# To be raised when what is kept changes.
VERSION = 2
# A conversion of a model that does not convert well gives other vectors; of the bundled model's, bfloat16 keeps the
# cosines of these probes above 0.999, whole numbers above 0.998.
LEAST_COSINE = 0.995
PROBES = ("One short text.", "Another text, which is a good deal longer than the first one. " * 8)

log = logging.getLogger(__name__)


class OpenVINOEncoder:
    """A converted model, read from its folder. May be called from several threads; they take turns."""

    def __init__(self, folder: Path) -> None:
        from tokenizers import Tokenizer

        about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.window: int = about["window"]
        self.document_prompt: str = about["document_prompt"]
        self.query_prompt: str = about["query_prompt"]
        self.batch_tokens = PROCESSOR_TOKENS
        settings = {"CACHE_DIR": str(folder / "compiled"), "PERFORMANCE_HINT": "LATENCY"}
        settings |= quantizing.SETTINGS if about["quantized"] else {}
        model = _openvino().Core().compile_model(folder / "model.xml", "CPU", settings)
        self._request = model.create_infer_request()
        self._lock = threading.Lock()

    def encode(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        with self._lock:
            self._request.infer([ids, mask])
            vectors = np.array(self._request.get_output_tensor(0).data, dtype=np.float32)
        rows: np.ndarray = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
        return rows


def _openvino() -> Any:
    # It tells its makers of each import and conversion, unless the package that it does that with is not there.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino

    return openvino


def converted(name: str, place: Path | str) -> Encoder:
    """The model for OpenVINO, converted unless it was before; as torch runs it when it cannot be converted.

    Raises StorageError when the model cannot be had.
    """
    folder = _kept_in(place)
    try:
        return OpenVINOEncoder(folder) if folder else _convert(name, None)
    except (OSError, ValueError, KeyError, RuntimeError):
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
        return _convert(name, folder)


def _kept_in(place: Path | str) -> Path | None:
    """Where the conversion of the model in this folder is kept, by all that decides what it is; None for a mere name,
    behind which the model may change.
    """
    if not Path(place).is_dir():
        return None
    files = sorted(path for path in Path(place).rglob("*") if path.is_file())
    facts: list[object] = [
        VERSION,
        quantizing.pays(),
        *(version(package) for package in ("openvino", "sentence-transformers")),
    ]
    facts += [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    key = hashlib.sha256(repr(facts).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return platformdirs.user_cache_path("solar-assistant", appauthor=False) / "embeddings" / key


def _convert(name: str, folder: Path | None) -> Encoder:
    plain = TorchEncoder(load_model(name, "float32"), "cpu")
    for quantized in (True, False) if quantizing.pays() else (False,):
        try:
            return convert(plain, folder, quantized=quantized)
        # Converting walks through the code of a model that anybody may have written.
        except Exception as error:  # noqa: BLE001
            log.warning("The embedding model %r cannot be converted and is slower so: %s", name, error)
            if folder:
                shutil.rmtree(folder, ignore_errors=True)
    return plain


def convert(plain: TorchEncoder, folder: Path | None, *, quantized: bool) -> Encoder:
    """The model for OpenVINO, kept in the folder if there is one. Raises whatever goes wrong."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        _write(plain, Path(scratch), quantized=quantized)
        encoder = OpenVINOEncoder(_moved(Path(scratch), folder))
        _check(encoder, plain)
    return encoder


def _write(plain: TorchEncoder, folder: Path, *, quantized: bool) -> None:
    openvino = _openvino()
    with warnings.catch_warnings():
        # torch warns of every branch that a trace cannot see; `_check` looks at what came of it.
        warnings.simplefilter("ignore")
        model = openvino.convert_model(_traceable(plain), example_input=_example(plain))
    if quantized:
        quantizing.quantize(model)
    openvino.save_model(model, folder / "model.xml", compress_to_fp16=False)
    plain.tokenizer.save(str(folder / "tokenizer.json"))
    about = {key: getattr(plain, key) for key in ("window", "document_prompt", "query_prompt")}
    about["quantized"] = quantized
    (folder / "about.json").write_text(json.dumps(about), encoding="utf-8")


def _traceable(plain: TorchEncoder) -> Any:
    import torch

    class Sentences(torch.nn.Module):
        """All the model's modules, from token ids to the vector: pooling and what may follow it are part of it."""

        def __init__(self) -> None:
            super().__init__()
            self.model = plain.model

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            vectors: torch.Tensor = self.model({"input_ids": ids, "attention_mask": mask})["sentence_embedding"]
            return vectors

    return Sentences().eval()


def _example(plain: TorchEncoder) -> tuple[Any, Any]:
    """Two texts of different length, so that the trace sees padding."""
    import torch

    ids, mask = _probe(plain, ("Two words", "And a few words more than two"))
    return torch.from_numpy(ids), torch.from_numpy(mask)


def _probe(encoder: Encoder, texts: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    tokens = [encoding.ids for encoding in encoder.tokenizer.encode_batch(list(texts))]
    width = max(map(len, tokens))
    ids = np.array([[*ids, *[0] * (width - len(ids))] for ids in tokens], dtype=np.int64)
    mask = np.array([[1] * len(ids) + [0] * (width - len(ids)) for ids in tokens], dtype=np.int64)
    return ids, mask


def _check(encoder: Encoder, plain: TorchEncoder) -> None:
    """Raises ValueError when the vectors are not those of the model."""
    batch = _probe(plain, PROBES)
    cosine = float((encoder.encode(*batch) * plain.encode(*batch)).sum(axis=1).min())
    if not cosine >= LEAST_COSINE:
        raise ValueError(f"a vector has a cosine of {cosine:.4f} with what it should be")


def _moved(scratch: Path, folder: Path | None) -> Path:
    """The conversion where it is kept, whole or not at all; where it is when it cannot be kept."""
    if folder is None:
        return scratch
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, ignore_cleanup_errors=True) as copy:
            Path(shutil.copytree(scratch, Path(copy) / "whole")).rename(folder)
    except OSError:
        # Another process was quicker, or there is no room.
        return folder if folder.is_dir() else scratch
    return folder
