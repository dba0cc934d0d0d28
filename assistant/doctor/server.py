"""A chat model on a server: whether it answers, and has the model."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import TYPE_CHECKING

from assistant.doctor.checks import Around, Check
from assistant.doctor.engine import missing_packages
from assistant.errors import EngineError
from assistant.settings import EngineSettings
from knowledge import UserError

if TYPE_CHECKING:
    from assistant.engines.faults import Place
    from assistant.engines.listing import Listing

SERVER_SECONDS = 3.0


def answering(engine: EngineSettings, around: Around) -> Iterator[Check]:
    missing = missing_packages(engine, None, around)
    if missing:
        yield missing
        return
    yield Check("engine", "ok", f"{engine.kind}, {engine.base_url or 'no address'}")
    try:
        yield from _server(engine)
    except UserError as error:
        yield Check("server", "problem", error.problem, error.remedy)


def _server(engine: EngineSettings) -> Iterator[Check]:
    """Raises EngineError, as the engine itself would when it is first used."""
    from assistant.engines.remote import DEFAULT_CONTEXT

    listing, place = _answer(engine)
    names = ", ".join(listing.names[:8]) or "none that it would tell"
    yield Check("server", "ok", f"{place.url} answers; models: {names}")
    if not listing.has(engine.model):
        raise replace(place, names=listing.names).unknown_model()
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


def _answer(engine: EngineSettings) -> "tuple[Listing, Place]":
    """A server that answers a byte at a time is left to a thread that nobody waits for."""
    answer: Future[tuple[Listing, Place]] = Future()

    def ask() -> None:
        try:
            answer.set_result(_ask(engine))
        except UserError as error:
            answer.set_exception(error)

    threading.Thread(target=ask, name="doctor-server", daemon=True).start()
    try:
        return answer.result(SERVER_SECONDS + 0.5)
    except TimeoutError:
        raise EngineError(
            f"The server has not answered within {SERVER_SECONDS:g} seconds.", "See whether it is overloaded."
        ) from None


def _ask(engine: EngineSettings) -> "tuple[Listing, Place]":
    import httpx2

    from assistant.engines import listing, wire
    from assistant.engines.faults import Place
    from assistant.engines.remote import connect

    chat = connect(engine)  # sends nothing; says what is wrong with the address
    key = engine.api_key.get_secret_value() if engine.api_key else ""
    place = Place(chat.base_url, engine.model, key, SERVER_SECONDS)
    with wire.Client(**wire.options(place.url, key, SERVER_SECONDS, httpx2.create_ssl_context())) as client:
        return listing.fetch(client, place), place
