"""What a chat model asks of whatever holds the weights, whichever library that is."""

import threading
from dataclasses import dataclass
from typing import Any, Literal, Protocol

FinishReason = Literal["stop", "length", "cancelled"]


class Sink(Protocol):
    """Where a request's tokens go. Called from the thread that generates; must not block."""

    def __call__(self, ids: list[int], finished: FinishReason | None, error: BaseException | None) -> None: ...


@dataclass(eq=False, slots=True)
class Request:
    """One prompt on its way. `temperature` 0 means the likeliest token, always."""

    prompt: list[int]
    max_tokens: int
    sink: Sink
    temperature: float = 0.0
    seed: int = 0
    ignore_eos: bool = False
    handle: Any = None
    cancelled: bool = False


class Served(Protocol):
    """A model in memory that writes for those who submit requests."""

    @property
    def bos_token(self) -> str:
        """The text of the token that begins a prompt; empty when there is none."""
        ...

    @property
    def eos_token(self) -> str: ...

    @property
    def idle(self) -> bool:
        """Whether no request holds a place."""
        ...

    def encode(self, text: str) -> list[int]:
        """Token ids of the text and nothing else; control tokens written out in it become what they name."""
        ...

    def encode_prompt(self, text: str) -> list[int]:
        """The same, with the token in front that the model expects at the beginning of a prompt."""
        ...

    def decode(self, ids: list[int]) -> str:
        """The text, without control tokens."""
        ...

    def submit(self, request: Request) -> None:
        """Begin. Everything that follows, errors too, goes to the request's sink."""
        ...

    def cancel(self, request: Request) -> None:
        """Give the request's place to others; its sink hears no more of it. Harmless when it has ended."""
        ...

    def close(self) -> None: ...


# A large model on a small processor is slow to read even one word.
WARM_UP_SECONDS = 300


def warm_up(served: Served, prompt: list[int]) -> None:
    """Two tokens, so that not the first question pays for what is done once, or finds out that nothing works.

    Raises what went wrong.
    """
    done = threading.Event()
    errors: list[BaseException] = []

    def sink(ids: list[int], finished: FinishReason | None, error: BaseException | None) -> None:
        if error:
            errors.append(error)
        if error or finished:
            done.set()

    served.submit(Request(prompt, 2, sink, ignore_eos=True))
    if not done.wait(WARM_UP_SECONDS):
        raise TimeoutError(f"no token within {WARM_UP_SECONDS} s")
    if errors:
        raise errors[0]
