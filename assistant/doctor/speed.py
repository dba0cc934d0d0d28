"""How long an answer takes on a processor."""

from collections.abc import Iterator

from assistant.doctor.checks import Check
from assistant.engines.shapes import SOLAR
from assistant.fit import Plan
from assistant.hardware import Hardware
from assistant.settings import Settings

# Measured with a SOLAR-shaped file of 6.1 GB on two cores: tokens a second read and written. Writing is bound by the
# bytes of the weights; more cores help until the memory is the bound.
MEASURED_BYTES, MEASURED_CORES, READ_RATE, WRITE_RATE = 6.1e9, 2, 40.0, 1.4
HELPING_CORES = 8
# A prompt of four passages; and what a person waits for without asking whether something is broken.
PROMPT_TOKENS = 1500
PATIENCE_S = 30.0


def waiting(settings: Settings, plan: Plan, hardware: Hardware) -> Iterator[Check]:
    """Told before they wait; a card is quick enough, and a small model too."""
    if plan.kind == "transformers" and hardware.usable_gpus:
        return
    factor = MEASURED_BYTES / _weight_bytes(plan) * min(hardware.cores, HELPING_CORES) / MEASURED_CORES
    seconds = PROMPT_TOKENS / (READ_RATE * factor) + settings.engine.max_tokens / (WRITE_RATE * factor)
    if seconds <= PATIENCE_S:
        return
    detail = (
        f"on a processor of {hardware.cores} cores this model writes about {WRITE_RATE * factor:.1f} tokens a second: "
        f"an answer takes about {_duration(seconds)}, the first one longer, since the model loads before it"
    )
    yield Check("speed", "warning", detail, _patience(settings, plan, seconds))


def _weight_bytes(plan: Plan) -> int:
    if plan.kind == "openvino":
        return plan.file_bytes or plan.shape.weight_bytes(4)
    return plan.shape.weight_bytes(plan.bits)


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
