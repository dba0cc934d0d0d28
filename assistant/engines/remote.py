"""Any server that speaks OpenAI's chat completions: vLLM, `transformers serve`, llama.cpp's server, Ollama.

Connections live for one answer: nothing is left behind in an event loop that has ended, leaving an answer early is
closing its connection, which every server takes for "stop", and one more handshake is nothing beside an answer.
"""

import asyncio
import importlib.util
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import aclosing, closing, contextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from pydantic import PrivateAttr, SecretStr

from assistant.engines.arriving import ArrivingAnswer
from assistant.engines.counting import Counting, read_counting
from assistant.engines.stops import Stops
from assistant.engines.streamed import StreamedChat
from assistant.engines.template import encodable, neutralise
from assistant.errors import EngineError
from assistant.settings import EngineSettings

if TYPE_CHECKING:
    from langchain_openai.chat_models.base import BaseChatOpenAI

    from assistant.engines.faults import Place
    from assistant.engines.listing import Listing

_Client = TypeVar("_Client")

# SOLAR's, and the least that is in use.
DEFAULT_CONTEXT = 4096
# What a call may say for itself.
_ASKED = ("max_tokens", "temperature", "seed", "model")
# A list of models takes no thought.
_LISTING_SECONDS = 10.0


def connect(settings: EngineSettings) -> "RemoteChat":
    """Nothing is sent yet. Raises EngineError when the address is none, or what speaks to it is not installed."""
    url = _check_address(settings.base_url)
    if importlib.util.find_spec("langchain_openai") is None:
        raise EngineError(
            f"Speaking to {url} needs langchain-openai, which is not installed.",
            "Run `pip install 'solar-assistant[remote]'`.",
        )
    return RemoteChat(
        base_url=url,
        model=settings.model,
        api_key=settings.api_key,
        context_tokens=settings.context_tokens,
        max_tokens=settings.max_tokens,
        temperature=settings.temperature,
        tokenizer=settings.tokenizer,
        timeout_s=settings.timeout_s,
        retries=settings.retries,
    )


def _check_address(url: str) -> str:
    remedy = 'Set [engine] base_url, for example "http://127.0.0.1:8000/v1".'
    if not url:
        raise EngineError("There is no address of a server.", remedy)
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole:
        raise EngineError(f"{url!r} is not the address of a server.", remedy)
    if "@" in parts.netloc or parts.query or parts.fragment:
        # A password or a key would be shown in every message.
        raise EngineError(
            f"The address of the server at {parts.hostname} holds more than an address.",
            "Take name, password and everything from a ? on out of [engine] base_url; "
            "a key goes into the environment variable ASSISTANT_ENGINE__API_KEY.",
        )
    return url.rstrip("/")


class RemoteChat(StreamedChat):
    """Many may ask at once. A call may override `max_tokens`, `temperature`, `seed` and `model`.

    Roles in messages are neutralised before they are sent: the server writes the prompt, and cannot tell.
    """

    base_url: str
    model: str
    api_key: SecretStr | None = None
    context_tokens: int | None = None
    """A limit on prompt and answer together; None is what the server says, else SOLAR's."""
    max_tokens: int = 256
    temperature: float = 0.0
    tokenizer: str | None = None
    """The tokenizer that the server's model has; without it tokens are not counted but bounded."""
    timeout_s: float = 60.0
    """Silence that is waited out, before the answer and within it."""
    retries: int = 2
    """How often a server is asked again that is not there, is busy or fails, as long as it has written nothing."""
    stop: list[str] | None = None
    """Strings that end an answer, where a call names none."""

    _listing: "Listing | None" = PrivateAttr(default=None)
    _counting: Counting | None = PrivateAttr(default=None)
    _lock: threading.Lock = PrivateAttr(default_factory=threading.Lock)

    @property
    def _llm_type(self) -> str:
        return "remote"

    @property
    def model_name(self) -> str:
        return self.model

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "base_url": self.base_url,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
        }

    # -- the server

    @property
    def context_length(self) -> int:
        """Tokens of prompt and answer together."""
        return self.context_tokens or self._list().context or DEFAULT_CONTEXT

    def load(self) -> None:
        """See that the server is there and has the model, once, and read the tokenizer. Raises EngineError."""
        self._list()
        self._count()

    def close(self) -> None:
        """Forget the server; a later question looks for it again. No connection outlives its answer."""
        self._listing = None

    def _list(self) -> "Listing":
        """Without a lock: waiting for one another, many would wait long for a server that is away."""
        if self._listing is None:
            self._listing = self._look()
        return self._listing

    def _look(self) -> "Listing":
        from assistant.engines import listing
        from assistant.engines.wire import Client

        place = replace(self._place, timeout_s=min(self.timeout_s, _LISTING_SECONDS))
        with self._open(Client, place.timeout_s) as client:
            found = listing.fetch(client, place)
        if not found.has(self.model):
            raise self._named(found).unknown_model()
        return found

    @property
    def _place(self) -> "Place":
        return self._named(self._listing)

    def _named(self, listing: "Listing | None") -> "Place":
        from assistant.engines.faults import Place

        return Place(self.base_url, self.model, self._key, self.timeout_s, listing.names if listing else ())

    @property
    def _key(self) -> str:
        return self.api_key.get_secret_value() if self.api_key else ""

    def _open(self, kind: type[_Client], timeout_s: float) -> _Client:
        from assistant.engines.wire import options

        try:
            return kind(**options(self.base_url, self._key, timeout_s, self._tls))
        except Exception as error:  # a proxy or a certificate file in the environment that is none
            raise self._place.unprepared(error) from error

    @cached_property
    def _tls(self) -> Any:
        """Reading the certificate authorities takes longer than all else before a request."""
        import httpx2

        return httpx2.create_ssl_context()

    # -- counting

    def count_text(self, text: str) -> int:
        return self._count().text(text)

    def count_tokens(self, messages: Sequence[BaseMessage]) -> int:
        """Tokens of the prompt that the server makes of these messages: exact with a tokenizer, else never too low."""
        return self._count().prompt(messages)

    def _count(self) -> Counting:
        with self._lock:
            if self._counting is None:
                self._counting = read_counting(self.tokenizer)
            return self._counting

    # -- generating

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        from openai import OpenAI

        from assistant.engines.wire import Client

        answer = self._begin(messages, stop, **kwargs)
        with self._explained(answer), self._open(Client, self.timeout_s) as client:
            speaker = self._speak(OpenAI(http_client=client, **self._manners))
            stream: Any = speaker._stream(answer.messages, **answer.asked)
            with closing(stream) as chunks:
                for chunk in chunks:
                    yield from answer.take(chunk)
                    if answer.stops.hit:
                        break
        yield from answer.finish()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        answer = await asyncio.to_thread(self._begin, messages, stop, **kwargs)
        from openai import AsyncOpenAI

        from assistant.engines.wire import AsyncClient

        with self._explained(answer):
            async with self._open(AsyncClient, self.timeout_s) as client:
                speaker = self._speak(AsyncOpenAI(http_client=client, **self._manners))
                stream: Any = speaker._astream(answer.messages, **answer.asked)
                async with aclosing(stream) as chunks:
                    async for chunk in chunks:
                        for piece in answer.take(chunk):
                            yield piece
                        if answer.stops.hit:
                            break
        for piece in answer.finish():
            yield piece

    def _begin(self, messages: Sequence[BaseMessage], stop: list[str] | None, **kwargs: Any) -> ArrivingAnswer:
        import langchain_openai  # noqa: F401 (takes a second: here and not in the event loop)

        counting = self._count()
        prompt_tokens = counting.prompt(messages)
        stops = (self.stop if stop is None else stop) or None
        asked: dict[str, Any] = {"stop": stops, "max_tokens": self.max_tokens, "temperature": self.temperature}
        asked |= {name: kwargs[name] for name in _ASKED if kwargs.get(name) is not None}
        room = self._room(prompt_tokens, is_exact=counting.is_exact)
        asked["max_tokens"] = min(asked["max_tokens"], room or asked["max_tokens"])
        return ArrivingAnswer(
            [_harmless(message) for message in messages],
            asked,
            place=self._place,
            stops=Stops(tuple(stops or ())),
            prompt_tokens=prompt_tokens,
            count=counting.text,
        )

    def _room(self, prompt_tokens: int, *, is_exact: bool) -> int | None:
        """Tokens left for the answer; None where it cannot be told: a bound may be over the context where the prompt
        is not."""
        room = self.context_length - prompt_tokens
        if room < 1 and not is_exact:
            return None
        if room < 1:
            raise EngineError(
                f"The prompt has {prompt_tokens} tokens and the context of the model at {self.base_url} "
                f"{self.context_length}.",
                "Ask with less text.",
            )
        return room

    # -- langchain-openai

    @property
    def _manners(self) -> dict[str, Any]:
        # The key is in the HTTP client. Without one here, openai would look for its own in the environment.
        return {"base_url": self.base_url, "api_key": "unused", "max_retries": self.retries}

    def _speak(self, client: Any) -> "BaseChatOpenAI":
        """langchain-openai's model over a client of ours; one that it made would obey OPENAI_PROXY and its like."""
        from langchain_openai.chat_models.base import BaseChatOpenAI

        completions = client.chat.completions
        return BaseChatOpenAI(
            model=self.model,
            api_key=SecretStr("unused"),
            base_url=self.base_url,
            openai_proxy="",
            use_responses_api=False,
            output_version="v0",
            stream_usage=True,
            # Silence is measured in bytes, below.
            stream_chunk_timeout=None,
            # Either side is filled, or it would make a client of its own for the one that is never used.
            client=completions,
            async_client=completions,
            root_client=client,
            root_async_client=client,
        )

    @contextmanager
    def _explained(self, answer: ArrivingAnswer) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # noqa: BLE001 (whatever it is, it is said in two lines)
            if answer.is_whole:
                return
            # Not `from error`: what a server says of a key may hold the key, and would be in the traceback.
            raise answer.place.explain(error, wrote=answer.has_begun) from None


def _harmless(message: BaseMessage) -> BaseMessage:
    text = encodable(neutralise(message.text))
    return message.model_copy(update={"content": text, "response_metadata": {}, "additional_kwargs": {}})
