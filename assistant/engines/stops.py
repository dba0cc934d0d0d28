"""Stop strings, for text that comes in pieces."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(slots=True)
class Stops:
    """Pieces in, pieces out, nothing from a stop string on. `hit` says whether one was met.

    Of several, the one that is complete first counts: the pieces then make no difference.
    """

    strings: Sequence[str]
    hit: bool = False
    _held: str = ""

    def feed(self, text: str, *, last: bool = False) -> str:
        """What may be shown now. An end that may be the beginning of a stop string waits for the next piece."""
        text, self._held = self._held + text, ""
        found = [(text.index(stop) + len(stop), text.index(stop)) for stop in self.strings if stop and stop in text]
        if self.hit or found:
            self.hit = True
            return text[: min(found, default=(0, 0))[1]]
        keep = 0 if last else self._unsure(text)
        text, self._held = text[: len(text) - keep], text[len(text) - keep :]
        return text

    def _unsure(self, text: str) -> int:
        return max((n for stop in self.strings for n in range(1, len(stop)) if text.endswith(stop[:n])), default=0)
