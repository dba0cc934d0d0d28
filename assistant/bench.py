"""How fast a model is here, side by side with the published recipe.

Both sides are given prompts of the same length, write the same number of tokens, and are measured from the messages to
the last piece of text. A rate is the median, over as many rounds as there is time for, of new tokens by the time of the
whole round, the reading of the prompt included:

- the recipe, and one stream: prompts one after the other, no two of which begin alike, so that no cache helps;
- several at once: as many prompts together as there are streams, which begin alike, as those do that are asked about
  the same passages; that beginning was read before, as in an assistant that has been running for a while;
- first token: an answer of one token, to a prompt whose beginning was never read (cold), or was for another (warm).
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import BaseMessage

from assistant import hardware
from assistant.bandwidth import measure_bandwidth
from assistant.engines.base import create
from assistant.engines.local import LocalChat
from assistant.engines.recipe import Recipe, load_recipe
from assistant.errors import UsageError
from assistant.idleness import BUSY, busy_share
from assistant.settings import EngineSettings
from assistant.workload import Workload

ROUNDS = 5
# No round begins after this: a slow model is measured once and not five times.
ROUNDS_SECONDS = 12.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """What to measure. `apart`: those at once do not begin alike either, so that each fills memory of its own."""

    concurrency: tuple[int, ...] = (4, 16)
    prompt_tokens: int = 564
    new_tokens: int = 64
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """A model, and how the two sides load it. `bytes_per_token`: weights read for each token; 0 when not known."""

    model: str
    engine: LocalChat
    open_recipe: Callable[[], Recipe]
    bytes_per_token: int = 0


@dataclass(frozen=True, slots=True)
class Figures:
    """Rates in new tokens a second, `bandwidth_gb_s` in 10^9 bytes; `note` is what a reader should know besides."""

    machine: str
    model: str
    engine: str
    baseline_tok_s: float
    single_tok_s: float
    concurrent: dict[int, float]
    cold_ms: float
    warm_ms: float
    load_s: float
    bandwidth_gb_s: float | None = None
    bandwidth_limit_tok_s: float | None = None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The shape that `bench --json` promises. Memory's bandwidth is there when the weights' bytes are known."""
        told = {
            "machine": self.machine,
            "model": self.model,
            "engine": self.engine,
            "baseline_tok_s": round(self.baseline_tok_s, 2),
            "single_tok_s": round(self.single_tok_s, 2),
            "concurrent": {str(number): round(rate, 2) for number, rate in self.concurrent.items()},
            "first_token_ms": {"cold": round(self.cold_ms, 1), "warm": round(self.warm_ms, 1)},
            "load_s": round(self.load_s, 2),
        }
        if self.bandwidth_gb_s is None or self.bandwidth_limit_tok_s is None:
            return told
        limit = {"bandwidth_gb_s": self.bandwidth_gb_s, "bandwidth_limit_tok_s": self.bandwidth_limit_tok_s}
        return told | {key: round(value, 1) for key, value in limit.items()}


def served(settings: EngineSettings, plan: Plan) -> Subject:
    """The model that these settings name. Raises UsageError, and EngineError when it is not here."""
    if settings.kind == "remote":
        raise UsageError(
            "bench compares models in this process, and the engine is a server.",
            "Name a local engine: --engine openvino or --engine transformers.",
        )
    engine = create(settings.model_copy(update={"parallel": max(plan.concurrency)}))
    assert isinstance(engine, LocalChat)  # noqa: S101 (the two kinds that are left)
    return Subject(settings.model, engine, lambda: load_recipe(engine.model_path, settings.quantization))


def synthetic(plan: Plan) -> Subject:
    """SOLAR's shape with random weights, by the transformers engine."""
    from assistant.engines.synthetic import SyntheticChat, bytes_read_per_token, make, solar_shape

    shape, name = solar_shape()
    engine = SyntheticChat(shape=shape, at_once=max(plan.concurrency))
    return Subject(name, engine, lambda: Recipe(make(shape)), bytes_read_per_token(shape))


def measure(subject: Subject, plan: Plan, say: Say) -> Figures:
    """Measure one side, free its memory, and measure the other. Takes a minute or more. Raises UserError."""
    _check_room(subject.engine, plan)
    busy = busy_share()
    baseline = _measure_recipe(subject, plan, say)
    say(f"Loading {subject.engine._llm_type}…")
    busy = max(busy, busy_share())
    started = time.perf_counter()
    try:
        subject.engine.load()
        load_s = time.perf_counter() - started
        rates = asyncio.run(_measure_engine(subject.engine, plan, say))
    finally:
        subject.engine.close()
    return Figures(
        machine=describe(hardware.detect(with_torch=True)),
        model=subject.model,
        engine=subject.engine._llm_type,
        baseline_tok_s=baseline,
        load_s=load_s,
        **rates,
        **_bandwidth(subject, say),
        note=_note(subject.engine, busy),
    )


def describe(here: hardware.Hardware) -> str:
    """Such as "NVIDIA L4 (24 GB), AMD EPYC, 8 cores, 33 GB"."""
    cards = [f"{gpu.name} ({gpu.memory_bytes / 1e9:.0f} GB)" for gpu in here.usable_gpus]
    return ", ".join([*cards, here.processor, f"{here.cores} cores", f"{here.memory_bytes / 1e9:.0f} GB"])


def _check_room(engine: LocalChat, plan: Plan) -> None:
    wanted, room = plan.prompt_tokens + plan.new_tokens, engine.context_length
    if wanted > room:
        raise UsageError(
            f"A prompt of {plan.prompt_tokens} tokens and an answer of {plan.new_tokens} are more than the model's "
            f"{room} tokens of context.",
            "Ask for less with --prompt-tokens or --new-tokens.",
        )


def _note(engine: LocalChat, busy: float) -> str:
    reason = getattr(engine, "one_at_a_time", "")
    notes = [f"The engine answers one at a time: {reason}."] if reason else []
    if busy > BUSY:
        notes.append(
            f"{others_at_work(busy)}: the figures may be too low, the recipe's most of all, and the comparison "
            "may not hold."
        )
    return " ".join(notes)


def others_at_work(busy: float) -> str:
    return f"Other programs used {busy:.0%} of the processor"


def _bandwidth(subject: Subject, say: Say) -> dict[str, Any]:
    if not subject.bytes_per_token:
        return {}
    say("Measuring how fast memory is…")
    bandwidth = measure_bandwidth()
    return {"bandwidth_gb_s": bandwidth / 1e9, "bandwidth_limit_tok_s": bandwidth / subject.bytes_per_token}


def _measure_recipe(subject: Subject, plan: Plan, say: Say) -> float:
    say("The published recipe: loading…")
    recipe = subject.open_recipe()
    try:
        workload = Workload(recipe.count_tokens, plan.prompt_tokens)
        _rate_of_recipe(recipe, workload.distinct(), plan.new_tokens)  # warms up
        rates = []
        for number in _rounds():
            say(f"The published recipe: prompt {number} of {ROUNDS}…")
            rates.append(_rate_of_recipe(recipe, workload.distinct(), plan.new_tokens))
    finally:
        recipe.close()
    return statistics.median(rates)


def _rounds() -> Iterator[int]:
    """Their numbers: five, or fewer when they take long."""
    started = time.perf_counter()
    for number in range(1, ROUNDS + 1):
        yield number
        if time.perf_counter() - started > ROUNDS_SECONDS:
            return


def _rate_of_recipe(recipe: Recipe, prompt: Sequence[BaseMessage], new_tokens: int) -> float:
    started = time.perf_counter()
    recipe.answer(prompt, new_tokens)
    return new_tokens / (time.perf_counter() - started)


async def _measure_engine(engine: LocalChat, plan: Plan, say: Say) -> dict[str, Any]:
    workload = Workload(engine.count_tokens, plan.prompt_tokens)
    await _rate(engine, [workload.distinct()], plan.new_tokens)  # warms up
    say("One stream…")
    single = [await _rate(engine, [workload.distinct()], plan.new_tokens) for _ in _rounds()]
    say("First token…")
    cold, warm = await _first_tokens(engine, workload, plan)
    concurrent = {}
    for number in plan.concurrency:
        say(f"{number} at once…")
        concurrent[number] = await _rate_at_once(engine, workload, number, plan)
    return {
        "single_tok_s": statistics.median(single),
        "concurrent": concurrent,
        "cold_ms": cold * 1000,
        "warm_ms": warm * 1000,
    }


async def _first_tokens(engine: LocalChat, workload: Workload, plan: Plan) -> tuple[float, float]:
    """Seconds, cold and warm."""
    cold = [await _first_token(engine, workload.distinct()) for _ in _rounds()]
    alike = workload.alike()
    await _answer(engine, next(alike), plan.new_tokens)
    warm = [await _first_token(engine, next(alike)) for _ in _rounds()]
    return statistics.median(cold), statistics.median(warm)


async def _first_token(engine: LocalChat, prompt: list[BaseMessage]) -> float:
    """An answer of one token: it is given out at once, were it only half a character."""
    started = time.perf_counter()
    await _answer(engine, prompt, 1)
    return time.perf_counter() - started


async def _rate_at_once(engine: LocalChat, workload: Workload, number: int, plan: Plan) -> float:
    alike = workload.alike()
    if not plan.apart:
        await _answer(engine, next(alike), plan.new_tokens)
    rates = []
    for _ in _rounds():
        prompts = [workload.distinct() if plan.apart else next(alike) for _ in range(number)]
        rates.append(await _rate(engine, prompts, plan.new_tokens))
    return statistics.median(rates)


async def _rate(engine: LocalChat, prompts: Sequence[list[BaseMessage]], new_tokens: int) -> float:
    """New tokens a second of all prompts together."""
    started = time.perf_counter()
    written = await asyncio.gather(*(_answer(engine, prompt, new_tokens) for prompt in prompts))
    return sum(written) / (time.perf_counter() - started)


async def _answer(engine: LocalChat, prompt: list[BaseMessage], new_tokens: int) -> int:
    """Read an answer to its end. Returns its tokens."""
    written = 0
    async for chunk in engine.astream(prompt, max_tokens=new_tokens, ignore_eos=True):
        if chunk.usage_metadata:
            written += chunk.usage_metadata["output_tokens"]
    return written
