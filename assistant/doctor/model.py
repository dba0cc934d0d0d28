"""The chat model in this process: where it is, and what it is."""

from dataclasses import dataclass
from pathlib import Path

from assistant.doctor.checks import Around, Check, gigabytes
from assistant.engines.gguf import read_card
from assistant.engines.shapes import Shape
from assistant.fit import SHAPES, Plan
from assistant.models import named
from assistant.settings import EngineSettings
from knowledge import UserError


@dataclass(frozen=True, slots=True)
class Found:
    """The chat model as far as it is known; `shape` is None when its sizes are not."""

    check: Check
    shape: Shape | None = None
    file_bytes: int | None = None

    def plan(self, engine: EngineSettings) -> Plan | None:
        if self.shape is None or engine.kind == "remote":
            return None
        return Plan(
            self.shape,
            engine.kind,
            engine.quantization,
            engine.context_tokens,
            engine.parallel,
            engine.cache_gb,
            self.file_bytes,
        )


def find(engine: EngineSettings, around: Around) -> Found:
    try:
        path = around.locate(engine.model, engine.revision)
        return _describe_file(engine, path) if path.is_file() else _describe_folder(engine, path)
    except UserError as error:
        known = named(engine.model)
        check = Check("chat model", "problem", error.problem, error.remedy)
        size = known.size_bytes if known and known.engine == "openvino" else None
        return Found(check, SHAPES.get(known.name) if known else None, size)


def _describe_file(engine: EngineSettings, path: Path) -> Found:
    from assistant.engines.openvino import ARCHITECTURES

    card = read_card(path)
    size = path.stat().st_size
    if engine.kind == "openvino" and card.architecture not in ARCHITECTURES:
        problem = f"{path} is a {card.architecture!r} model, which OpenVINO does not read."
        return Found(Check("chat model", "problem", problem, "Use a GGUF file of the Llama family."))
    detail = f"{card.name}, {gigabytes(size)}, {card.context_length:,} tokens of context"
    if engine.model == "smollm2":
        check = Check(
            "chat model",
            "warning",
            f"{detail}. It is small and writes little that holds; answers are mostly exact quotations.",
            "That is enough to try things out. Set [engine] model to a larger GGUF file for better prose.",
        )
        return Found(check, SHAPES["smollm2"], size)
    return Found(Check("chat model", "ok", detail), card.shape, size)


def _describe_folder(engine: EngineSettings, path: Path) -> Found:
    """A folder in the Hugging Face layout, which OpenVINO does not read."""
    from assistant.engines.weights import read_config

    shape = Shape.from_config(read_config(path))
    if engine.kind == "openvino":
        problem = f"OpenVINO reads GGUF files, and {engine.model} is a folder of weights."
        remedy = 'Set [engine] kind = "transformers", or model to a GGUF file such as "solar-gguf".'
        return Found(Check("chat model", "problem", problem, remedy))
    size = sum(file.stat().st_size for file in path.glob("*.safetensors"))
    context = f"{shape.context:,} tokens of context" if shape else "a model of unknown kind"
    return Found(Check("chat model", "ok", f"{engine.model}, {gigabytes(size)}, {context}"), shape)
