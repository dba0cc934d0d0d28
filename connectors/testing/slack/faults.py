"""What goes wrong on purpose."""

import random
from collections import Counter
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

Kind = Literal[
    "ratelimited",
    "http_status",
    "error",
    "slow",
    "closed_before",
    "closed_after",
    "expire_stream",
    "duplicate",
    "delay",
    "drop_socket",
    "refuse_handshake",
]
DELIVERY, HANDSHAKE = "delivery", "handshake"


@dataclass(slots=True)
class Fault:
    """Befalls what matches `where`, a method's name or a pattern of it, `times` times (None: always) with a
    probability."""

    where: str
    kind: Kind
    probability: float = 1.0
    times: int | None = None
    seconds: float = 0.0
    code: str = ""


class Faults:
    """Each method adds a fault and returns it; `remove` and `clear` take faults away. Chance follows `seed`.

    Methods are named as Slack names them; patterns such as "chat.*" are allowed. What befell is counted in `counts`.
    """

    def __init__(self, seed: int = 0) -> None:
        self.random = random.Random(seed)  # noqa: S311 (chance that can be repeated)
        self.counts: Counter[str] = Counter()
        self._faults: list[Fault] = []

    # -- calls of the Web API

    def ratelimit(
        self, method: str = "*", *, retry_after: float = 1, probability: float = 1.0, times: int | None = None
    ) -> Fault:
        """HTTP 429 with Retry-After."""
        return self._add(Fault(method, "ratelimited", probability, times, retry_after))

    def fail(
        self, method: str = "*", *, status: int = 500, probability: float = 1.0, times: int | None = None
    ) -> Fault:
        """An HTTP error with a page that is not JSON."""
        return self._add(Fault(method, "http_status", probability, times, code=str(status)))

    def refuse(self, method: str, code: str, *, probability: float = 1.0, times: int | None = None) -> Fault:
        """Slack's own word for it, such as internal_error."""
        return self._add(Fault(method, "error", probability, times, code=code))

    def slow(
        self, method: str = "*", *, seconds: float = 1.0, probability: float = 1.0, times: int | None = None
    ) -> Fault:
        """The answer comes late; what was asked is done at once."""
        return self._add(Fault(method, "slow", probability, times, seconds))

    def cut(
        self, method: str = "*", *, after: bool = False, probability: float = 1.0, times: int | None = None
    ) -> Fault:
        """The connection is closed without an answer, before or `after` the call took effect."""
        return self._add(Fault(method, "closed_after" if after else "closed_before", probability, times))

    def expire_streams(self, *, probability: float = 1.0, times: int | None = None) -> Fault:
        """A stream is found dead by the next append."""
        return self._add(Fault("chat.appendStream", "expire_stream", probability, times))

    # -- deliveries and connections

    def duplicate(self, *, after: float = 0.0, probability: float = 1.0, times: int | None = None) -> Fault:
        """The same event, with the same event_id, comes once more, so many seconds later."""
        return self._add(Fault(DELIVERY, "duplicate", probability, times, after))

    def delay(self, *, seconds: float, probability: float = 1.0, times: int | None = None) -> Fault:
        """A delivery is late; others overtake it."""
        return self._add(Fault(DELIVERY, "delay", probability, times, seconds))

    def drop_sockets(self, *, probability: float = 1.0, times: int | None = None) -> Fault:
        """A websocket breaks off right after something was sent on it."""
        return self._add(Fault(DELIVERY, "drop_socket", probability, times))

    def refuse_handshakes(self, *, probability: float = 1.0, times: int | None = None) -> Fault:
        """A websocket's ticket is refused."""
        return self._add(Fault(HANDSHAKE, "refuse_handshake", probability, times))

    # -- as they take effect

    def remove(self, fault: Fault) -> None:
        self._faults.remove(fault)

    def clear(self) -> None:
        self._faults.clear()

    def strike(self, where: str, *kinds: Kind) -> Fault | None:
        """The fault of one of these kinds that happens there now, if one does."""
        for fault in self._faults:
            if fault.kind in kinds and fault.times != 0 and fnmatchcase(where, fault.where) and self._chance(fault):
                self.counts[fault.kind] += 1
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    def _chance(self, fault: Fault) -> bool:
        return fault.probability >= 1.0 or self.random.random() < fault.probability

    def _add(self, fault: Fault) -> Fault:
        self._faults.append(fault)
        return fault
