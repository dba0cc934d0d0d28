"""The engine: whether its packages are installed, and how many it serves at once."""

from assistant.doctor.checks import Around, Check
from assistant.doctor.model import Found
from assistant.fit import Fit
from assistant.settings import EngineSettings

PACKAGES = {
    "openvino": ("openvino_genai",),
    "transformers": ("torch", "accelerate"),
    "remote": ("langchain_openai",),
}
DISTRIBUTIONS = {
    "openvino": "openvino-genai",
    "transformers": "'solar-assistant[gpu]'",
    "remote": "'solar-assistant[remote]'",
}


def missing_packages(engine: EngineSettings, found: Found | None, around: Around) -> Check | None:
    """A problem, if something is missing. `found` is None for a model on a server."""
    wanted = PACKAGES[engine.kind]
    if found and _packs(engine, found):
        wanted = (*wanted, "bitsandbytes")
    missing = [name for name in wanted if not around.is_installed(name)]
    if not missing:
        return None
    return Check(
        "engine",
        "problem",
        f'The engine "{engine.kind}" needs {" and ".join(missing)}, which is not installed.',
        f"Run `pip install {DISTRIBUTIONS[engine.kind]}`.",
    )


def serving(engine: EngineSettings, found: Found, fit: Fit | None) -> Check:
    """What serves, and how many at once."""
    name = engine.kind if fit is None else f"{engine.kind} on {fit.place}".replace("main memory", "the processor")
    if fit and fit.one_at_a_time:
        return Check("engine", "warning", f"{name}, one at a time, because {fit.one_at_a_time}")
    if fit and not fit.fits:
        return Check("engine", "ok", f"{name}, which does not hold the model as things are")
    detail = f"{name}, up to {engine.parallel} at once by continuous batching"
    if engine.quantization != "none" and not _packs(engine, found):
        return Check(
            "engine",
            "warning",
            f"{detail}; a GGUF file is taken as it is, and quantization changes nothing",
            "Take [engine] quantization out of the profile.",
        )
    return Check("engine", "ok", detail)


def _packs(engine: EngineSettings, found: Found) -> bool:
    """Whether weights are packed while they are loaded. A GGUF file is taken as it is."""
    return engine.kind == "transformers" and engine.quantization != "none" and found.file_bytes is None
