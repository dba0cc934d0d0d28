"""The examination: every check in its order."""

from collections.abc import Iterator

from assistant.doctor import documents, engine, fitting, licence, machine, model, persona, server, speed
from assistant.doctor.checks import Around, Check
from assistant.fit import judge
from assistant.hardware import Hardware
from assistant.settings import Settings


def examine(settings: Settings, around: Around | None = None) -> Iterator[Check]:
    """Look at everything a question needs, cheapest first. No model is loaded."""
    around = around or Around()
    yield machine.python()
    yield _profile(settings)
    yield from persona.instructions(settings)
    hardware = around.hardware(settings.engine.kind == "transformers")
    yield machine.hardware(settings.engine, hardware)
    yield machine.data_folder(settings.data_dir)
    yield documents.embedding_model(settings)
    if settings.engine.kind == "remote":
        yield from server.answering(settings.engine, around)
    else:
        yield from _local(settings, hardware, around)
    yield from licence.restriction(settings)
    yield from documents.ingested(settings)


def _profile(settings: Settings) -> Check:
    return Check("profile", "ok", f"{settings.name}: engine {settings.engine.kind}, model {settings.engine.model}")


def _local(settings: Settings, hardware: Hardware, around: Around) -> Iterator[Check]:
    """A model in this process."""
    found = model.find(settings.engine, around)
    plan = found.plan(settings.engine)
    fit = judge(plan, hardware) if plan else None
    yield engine.missing_packages(settings.engine, found, around) or engine.serving(settings.engine, found, fit)
    yield found.check
    if plan and fit:
        yield fitting.verdict(settings.engine, plan, fit, hardware)
        yield from speed.waiting(settings, plan, hardware) if fit.fits else ()
