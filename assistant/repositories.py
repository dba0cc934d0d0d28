"""What a repository of a model hub holds, and which of its files make a model: no pickles, no code."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from assistant.errors import EngineError
from assistant.models import missing_beside_weights

if TYPE_CHECKING:
    from huggingface_hub import HfApi

# What is fetched of a model's folder. No pickles (they can run any code when opened), no code, no other formats.
_WANTED = re.compile(
    r"[^/]+\.safetensors|[^/]+\.json|tokenizer\.model|chat_template\.jinja|README\.md|licen[cs]e[^/]*", re.IGNORECASE
)
# A second copy of the weights, in the layout of another program.
_DUPLICATE = re.compile(r"consolidated.*\.safetensors")
_PICKLE = re.compile(r".*\.(bin|pt|pth|ckpt)")
# Names of files in the cache come from the hub, so they are held to what a hash looks like: SHA-256, or git's SHA-1.
_HASH = re.compile(r"[0-9a-f]{64}|[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class File:
    """A file of a repository. Its hash, SHA-256 or git's SHA-1, is also its name in the cache."""

    path: str
    size: int
    hash: str


def wanted_files(hub: "HfApi", repo: str, revision: str | None, file: str) -> tuple[str, list[File]]:
    """The commit that a revision means, and the files that are wanted of it."""
    from huggingface_hub import RepoFile

    try:
        commit = str(hub.model_info(repo, revision=revision, timeout=10).sha)
        files = [
            File(entry.path, entry.size, entry.lfs.sha256 if entry.lfs else entry.blob_id)
            for entry in hub.list_repo_tree(repo, recursive=True, revision=commit)
            if isinstance(entry, RepoFile)
        ]
        if not all(_HASH.fullmatch(text) for text in (commit, *(listed.hash for listed in files))):
            raise ValueError("not a hash")
    except OSError:  # an answer of the hub that says no; some of these are a ValueError too
        raise
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise EngineError(
            f"{hub.endpoint} does not answer as a model hub does.",
            "Look at HF_ENDPOINT and at the proxy; a network that wants a login answers like that.",
        ) from error
    return commit, _wanted(repo, files, file)


def _wanted(repo: str, files: list[File], file: str) -> list[File]:
    if file:
        found = [listed for listed in files if listed.path == file]
        if not found:
            raise EngineError(f"{repo} has no file {file!r}.", "Leave out --revision, or name another one.")
        return found
    names = {listed.path for listed in files}
    if not any("/" not in name and name.endswith(".safetensors") for name in names):
        pickled = any(_PICKLE.fullmatch(name) for name in names)
        what = "only pickled weights, and a pickle can run any code when it is opened" if pickled else "no weights"
        raise EngineError(f"{repo} has {what}.", "Choose a repository with .safetensors files.")
    missing = missing_beside_weights(names)
    if missing:
        raise EngineError(f"{repo} has no {missing[0]}.", "Choose a whole model in the Hugging Face layout.")
    return [listed for listed in files if _WANTED.fullmatch(listed.path) and not _DUPLICATE.fullmatch(listed.path)]
