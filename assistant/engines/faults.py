"""What goes wrong with a server, as two lines for a person: what happened, and what to do next."""

import json
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2

from assistant.engines.wire import MOST_BYTES, NotEventsError, SilenceError, TooMuchError
from assistant.errors import EngineError

KEY_VARIABLE = "ASSISTANT_ENGINE__API_KEY"
# Of what a server says, so much is shown.
_QUOTED = 200
# How servers say that a prompt is too long: vLLM, llama.cpp, SGLang, OpenAI.
_TOO_LONG = re.compile(
    r"context[ _](?:length|window|size)|exceed_context|maximum (?:context|model) length|prompt is too long"
    r"|input (?:is too long|tokens exceed)|longer than the model",
    re.IGNORECASE,
)
# Of what is called an error of the protocol, that which is only an early end.
_GONE = re.compile("disconnected|closed", re.IGNORECASE)
_LOOK_AT_SERVER = "Try again; if it happens again, look at the server's log."
_IS_IT_RUNNING = "Start it, or correct [engine] base_url."


@dataclass(frozen=True, slots=True)
class Place:
    """A server as it is spoken of: its address, what is asked of it, and the key that nobody may read."""

    url: str
    model: str
    key: str = field(repr=False)
    timeout_s: float
    names: tuple[str, ...] = ()
    """The models it said that it has."""

    def explain(self, error: BaseException, *, wrote: bool = False) -> EngineError:
        """`wrote`: whether a part of the answer had come before."""
        if isinstance(error, EngineError):
            return error
        status = getattr(error, "status_code", None)
        if isinstance(status, int):
            return self.refusal(status, said(getattr(error, "body", None), getattr(error, "response", None)))
        links = list(_chain(error))
        broken = next((link for link in links if isinstance(link, _TRANSPORT)), None)
        if broken:
            return self._broken(broken, wrote=wrote)
        if isinstance(error, NotEventsError):
            return self.garbage(str(error))
        # An error in the midst of the events: vLLM, transformers and others send it with status 200.
        if hasattr(error, "body"):
            return self._reported(said(error.body, None))
        return self.garbage(f"{type(error).__name__}: {error}")

    def unprepared(self, error: BaseException) -> EngineError:
        return EngineError(
            f"A connection to {self.url} cannot be prepared{self.quote(f'{type(error).__name__}: {error}')}.",
            "Correct what the environment says of proxies and certificates: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, "
            "SSL_CERT_FILE.",
        )

    # -- answers with a status

    def refusal(self, status: int, text: str) -> EngineError:
        quote = self.quote(text)
        if status in (401, 403):
            return self._wrong_key(status)
        if status == 404:
            return self._not_found(text)
        if _TOO_LONG.search(text):
            return self._too_long(quote)
        if status == 429:
            return EngineError(
                f"The server at {self.url} is busy: it answered 429{quote}.",
                "Ask again in a minute, or let fewer questions in at once: lower [engine] parallel.",
            )
        if 300 <= status < 400:
            return EngineError(
                f"The server at {self.url} answered {status}: what was asked for is at another address.",
                "Set [engine] base_url to the address that it is at now.",
            )
        if status >= 500:
            return EngineError(f"The server at {self.url} failed: it answered {status}{quote}.", _LOOK_AT_SERVER)
        return EngineError(
            f"The server at {self.url} refused the request: it answered {status}{quote}.",
            "See whether [engine] model and the other keys there are what this server takes.",
        )

    def _wrong_key(self, status: int) -> EngineError:
        if self.key:
            return EngineError(
                f"The server at {self.url} does not accept the key ({status}).",
                f"Set the environment variable {KEY_VARIABLE} to a key that it knows.",
            )
        return EngineError(
            f"The server at {self.url} wants a key ({status}).", f"Set the environment variable {KEY_VARIABLE}."
        )

    def _not_found(self, text: str) -> EngineError:
        if "model" in text.lower():
            return self.unknown_model()
        return EngineError(
            f"The server at {self.url} has nothing at that address (404).",
            'Correct [engine] base_url; with most servers it ends in "/v1".',
        )

    def unknown_model(self) -> EngineError:
        names = ", ".join(map(_plain, self.names[:10]))
        known = (
            f"Set [engine] model to one that it has: {names}." if names else "Set [engine] model to one that it has."
        )
        return EngineError(f"The server at {self.url} has no model {self.model!r}.", known)

    def _too_long(self, quote: str) -> EngineError:
        return EngineError(
            f"The prompt is too long for the model at {self.url}{quote}.",
            "Set [engine] context_tokens to the context that the server was started with, or ask with less text.",
        )

    # -- answers that are none

    def _reported(self, text: str) -> EngineError:
        if _TOO_LONG.search(text):
            return self._too_long(self.quote(text))
        return EngineError(f"The server at {self.url} broke off with an error{self.quote(text)}.", _LOOK_AT_SERVER)

    def garbage(self, reason: str) -> EngineError:
        return EngineError(
            f"What the server at {self.url} sent cannot be understood{self.quote(reason)}.",
            'See whether [engine] base_url is that of an OpenAI-compatible server; with most it ends in "/v1".',
        )

    def incomplete(self, *, wrote: bool) -> EngineError:
        """It ended as if it were whole, and did not say that it was."""
        if wrote:
            return EngineError(f"The answer of {self.url} broke off in the middle.", _LOOK_AT_SERVER)
        return EngineError(f"The server at {self.url} sent no answer and did not say why.", _LOOK_AT_SERVER)

    # -- the connection

    def _broken(self, error: BaseException, *, wrote: bool) -> EngineError:
        if isinstance(error, SilenceError | httpx2.ReadTimeout):
            where = "fell silent in the middle of its answer" if wrote else "does not answer"
            return EngineError(
                f"The server at {self.url} {where}: nothing came for {self.timeout_s:g} seconds.",
                "See whether it is overloaded, or raise [engine] timeout_s.",
            )
        if isinstance(error, TooMuchError):
            return self.garbage(f"more than {MOST_BYTES // 1024 // 1024} MB for one answer")
        if isinstance(error, ssl.SSLError) or _is_tls(error):
            return EngineError(
                f"No secure connection to {self.url}{self.quote(str(error))}.",
                'See whether the server speaks https (else write "http://"); for a certificate of your own, '
                "set the environment variable SSL_CERT_FILE to the file of its authority.",
            )
        if isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
            reason = self.quote(str(error)) or ": it takes no connection"
            return EngineError(f"There is no connection to the server at {self.url}{reason}.", _IS_IT_RUNNING)
        if isinstance(error, httpx2.RemoteProtocolError) and not _GONE.search(str(error)):
            return self.garbage(str(error))
        return self._dropped(error, wrote=wrote)

    def _dropped(self, error: BaseException, *, wrote: bool) -> EngineError:
        when = "in the middle of its answer" if wrote else "before it answered"
        return EngineError(
            f"The server at {self.url} closed the connection {when}{self.quote(str(error))}.", _LOOK_AT_SERVER
        )

    # -- what the server said

    def quote(self, text: str) -> str:
        """The beginning of it, harmless for a terminal and without the key, which some servers repeat."""
        text = text.replace(self.key, "***") if self.key else text
        text = _plain(re.sub(r"<[^<>]{0,500}>", " ", text[: 20 * _QUOTED]))
        return f": {text[:_QUOTED].rstrip()}…" if len(text) > _QUOTED else f": {text.rstrip('.')}" if text else ""


_TRANSPORT = (httpx2.TransportError, ssl.SSLError, SilenceError, TooMuchError)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what caused it; langchain-openai and openai each wrap it once."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_tls(error: BaseException) -> bool:
    return isinstance(error, httpx2.ConnectError) and any(isinstance(link, ssl.SSLError) for link in _chain(error))


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def said(body: Any, response: Any) -> str:
    """The words in an error's body: {"error": {"message": …}}, {"error": …}, {"message": …}, {"detail": …} or text."""
    while isinstance(body, Mapping):
        inner = next((body[key] for key in ("error", "message", "detail") if body.get(key)), None)
        if inner is None:
            return json.dumps(body, default=str)
        body = inner
    if isinstance(body, str):
        return body
    return json.dumps(body, default=str) if body is not None else getattr(response, "text", "")
