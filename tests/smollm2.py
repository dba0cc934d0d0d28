"""The bundled chat model as a folder in the Hugging Face layout, for engines that read no GGUF quickly."""

from pathlib import Path
from typing import Any

from assistant.engines.gguf import bundled_model


def write_folder(folder: Path) -> Path:
    """Unpack the GGUF file to 16-bit safetensors, with its tokenizer and template. Takes about 20 seconds."""
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    path = bundled_model()
    where: dict[str, Any] = {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name}
    model = AutoModelForCausalLM.from_pretrained(
        **where, dtype="bfloat16", quantization_config=GgufConfig(dequantize=True), local_files_only=True
    )
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**where, local_files_only=True).save_pretrained(folder)
    return folder
