"""What the global options say, and the assistant they describe."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import typer

    from assistant import Assistant
    from assistant.settings import Settings
    from knowledge import KnowledgeBase


@dataclass(frozen=True, slots=True)
class Options:
    profile: str
    data_dir: Path | None
    debug: bool

    def settings(self) -> "Settings":
        from assistant.settings import load_profile

        return load_profile(self.profile, self.data_dir)

    def assistant(self) -> "Assistant":
        from assistant import Assistant

        return Assistant(self.settings())

    def knowledge(self) -> "KnowledgeBase":
        from assistant.agent import open_knowledge

        return open_knowledge(self.settings())


def options(context: "typer.Context") -> Options:
    """The global options of the command that is running."""
    found = context.find_object(Options)
    if found is None:
        raise RuntimeError("no options were given to this command")
    return found
