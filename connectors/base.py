"""What a connector is."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from assistant import Assistant


@runtime_checkable
class Connector(Protocol):
    """Carries questions from people to an assistant and its answers back.

    A class that satisfies this, registered under the entry-point group `assistant.connectors` and
    constructible without arguments, is started by `assistant run NAME`.
    """

    async def serve(self, assistant: "Assistant") -> None:
        """Serve until there is nothing more to do; cancelled on shutdown."""
        ...
