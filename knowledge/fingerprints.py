"""What says whether vectors made before can be compared with those made now."""

import hashlib
from pathlib import Path

from knowledge import chunking

# Small files that say what a model is; of the weights, their size must do: hashing gigabytes takes too long.
_TOLD_BY = ("config.json", "modules.json", "config_sentence_transformers.json", "tokenizer.json", "vocab.txt")


def model_fingerprint(model: str) -> str:
    """A name as it is; for a folder also a hash of what it holds, so that another model put there is noticed."""
    folder = Path(model)
    if not folder.is_dir():
        return model
    digest = hashlib.sha256()
    for file in sorted(folder.rglob("*")):
        if file.name in _TOLD_BY:
            digest.update(file.read_bytes())
        elif file.suffix in (".safetensors", ".bin"):
            digest.update(f"{file.name} {file.stat().st_size}".encode())
    return f"{model}#{digest.hexdigest()[:12]}"


def cutting_fingerprint(window: int) -> str:
    """How texts are cut for a model that reads `window` tokens."""
    return f"{chunking.VERSION}/{window}"
