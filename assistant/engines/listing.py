"""What a server says of its models: GET /models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from assistant.engines.faults import Place, said
from assistant.engines.wire import Client

# Whose list holds every model that a request may name, by the `owned_by` of its entries: vLLM, SGLang, Ollama.
# llama.cpp serves its one model whatever it is called, and `transformers serve` lists the hub's cache, from which
# it may also load what is not listed, or a folder: their lists prove nothing.
_COMPLETE = {"vllm", "sglang", "library"}


@dataclass(frozen=True, slots=True)
class Listing:
    names: tuple[str, ...] = ()
    is_complete: bool = False
    context: int | None = None

    def has(self, model: str) -> bool:
        """Whether the model may be there. Ollama's names have a tag, which may be left out."""
        return not self.is_complete or model in self.names or f"{model}:latest" in self.names


def fetch(client: Client, place: Place) -> Listing:
    """Raises EngineError when the server is not there, wants another key, or is no such server at all.

    A server that answers but has no such list is not at fault: the first question will tell. `transformers serve`
    answers 500 where there is no cache to list.
    """
    try:
        with client.stream("GET", f"{place.url}/models") as response:
            response.read()
    except Exception as error:  # noqa: BLE001 (whatever it is, it is said in two lines)
        raise place.explain(error) from None
    if response.status_code in (404, 405) or response.status_code >= 500:
        return Listing()
    if response.status_code != 200:
        raise place.refusal(response.status_code, said(_json(response), response))
    return read(_json(response), place)


def read(body: Any, place: Place) -> Listing:
    entries = body.get("data") if isinstance(body, Mapping) else None
    if entries is None and isinstance(body, Mapping) and body.get("object") == "list":
        # Ollama without a model.
        entries = []
    if not isinstance(entries, list):
        raise place.garbage("its list of models is none")
    models = [entry for entry in entries if isinstance(entry, Mapping) and isinstance(entry.get("id"), str)]
    return Listing(
        names=tuple(str(entry["id"]) for entry in models),
        is_complete=bool(models) and all(entry.get("owned_by") in _COMPLETE for entry in models),
        context=_context(models, place.model),
    )


def _json(response: httpx2.Response) -> Any:
    try:
        return response.json()
    except ValueError:
        return response.text


def _context(models: list[Mapping[str, Any]], name: str) -> int | None:
    """vLLM and SGLang say `max_model_len`; llama.cpp what the model was trained for, and lately what it serves."""
    named = [model for model in models if model["id"] == name] or (models if len(models) == 1 else [])
    for model in named:
        meta = model.get("meta")
        meta = meta if isinstance(meta, Mapping) else {}
        for value in (model.get("max_model_len"), meta.get("n_ctx"), meta.get("n_ctx_train")):
            if isinstance(value, int) and not isinstance(value, bool) and value > 0:
                return value
    return None
