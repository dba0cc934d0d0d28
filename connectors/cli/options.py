"""The global options, and what they open."""

import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from assistant import Assistant
    from assistant.settings import Settings
    from knowledge import KnowledgeBase

# Options that several commands have.
Collection = Annotated[
    str | None, typer.Option("--collection", "-c", metavar="NAME", help="Only this collection of documents.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]
Session = Annotated[str | None, typer.Option("--session", "-s", metavar="ID", help="Go on with this conversation.")]


@dataclass(slots=True)
class Options:
    """What was said before the command."""

    profile: str = "docs"
    data_dir: Path | None = None
    debug: bool = False

    def command(self) -> str:
        """What to type to run this program again from here, with the same options."""
        words = [_program()]
        if self.profile != "docs":
            words += ["--profile", self.profile]
        if self.data_dir:
            words += ["--data-dir", str(self.data_dir)]
        return shlex.join(words)

    def settings(self) -> "Settings":
        from assistant.settings import load_profile
        from connectors.registry import check_sections

        settings = load_profile(self.profile, self.data_dir)
        check_sections(settings)
        return settings

    def assistant(self) -> "Assistant":
        from assistant import Assistant

        return Assistant(self.settings())

    @contextmanager
    def knowledge(self) -> Iterator["KnowledgeBase"]:
        from assistant.opening import open_knowledge

        knowledge = open_knowledge(self.settings())
        try:
            yield knowledge
        finally:
            knowledge.close()


def _program() -> str:
    """The program as it was typed: by its bare name when that finds it."""
    found = shutil.which(Path(sys.argv[0]).name)
    if found and Path(found).resolve() == Path(sys.argv[0]).resolve():
        return Path(found).name
    return sys.argv[0]


def options_of(context: typer.Context) -> Options:
    return context.ensure_object(Options)
