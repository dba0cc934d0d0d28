"""Answers, sources and errors on a terminal, and as plain text in a pipe."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from connectors.cli.console import printable, short_path

if TYPE_CHECKING:
    from rich.console import Console
    from rich.live import Live

    from assistant import Answer, Citation, Event

STAGES = {"searching": "Searching…", "reading": "Reading {passages} passages…", "writing": "Writing…"}


class AnswerView:
    """Shows one answer as it comes: a line of progress, Markdown by blocks, then the sources.

    In a pipe it shows plain text and no progress.
    """

    def __init__(self, out: "Console", err: "Console") -> None:
        self.out = out
        self.err = err
        self._text = ""
        self._shown = 0
        self._passages = 0
        self._live: Live | None = None
        self._status = err.status("", spinner="dots") if out.is_terminal and err.is_terminal else None

    def show(self, event: "Event") -> None:
        from assistant import Finished, Retrieved, Stage, TextDelta

        match event:
            case Stage(name):
                self._progress(STAGES[name].format(passages=self._passages))
            case Retrieved(passages):
                self._passages = len(passages)
            case TextDelta(text):
                self._write(text)
            case Finished(answer):
                self._finish(answer)

    def close(self) -> None:
        """Leave the terminal tidy, whatever happened."""
        if self._status:
            self._status.stop()
        if self._live:
            self._live.stop()
            self._live = None

    def _progress(self, text: str) -> None:
        if self._status and not self._text:
            self._status.update(f"[dim]{text}")
            self._status.start()

    def _write(self, text: str) -> None:
        if self._status:
            self._status.stop()
        self._text += printable(text)
        if self.out.is_terminal:
            self._refresh()
        else:
            self.out.file.write(printable(text))
            self.out.file.flush()

    def _refresh(self) -> None:
        """Print the blocks that are whole, once; keep redrawing the last one only.

        A picture that is redrawn may not be taller than the screen, and what is printed stays in the scrollback.
        """
        from rich.live import Live
        from rich.markdown import Markdown

        done, rest = whole_blocks(self._text[self._shown :])
        if done:
            self.close()
            self.out.print(Markdown(done))
            self._shown = len(self._text) - len(rest)
            self.out.print()
        if rest.strip():
            self._live = self._live or Live(console=self.out, auto_refresh=False)
            self._live.start()
            self._live.update(Markdown(rest), refresh=True)

    def _finish(self, answer: "Answer") -> None:
        self.close()
        if not self.out.is_terminal:
            self.out.file.write("\n")
        print_sources(self.out, answer.citations)


def whole_blocks(text: str) -> tuple[str, str]:
    """Markdown cut at its last blank line outside a code block: what is finished, and the rest."""
    end, fenced, at = 0, False, 0
    for line in text.splitlines(keepends=True):
        at += len(line)
        fenced ^= line.lstrip().startswith(("```", "~~~"))
        if not line.strip() and not fenced:
            end = at
    return text[:end].strip("\n"), text[end:]


def print_sources(out: "Console", citations: "Sequence[Citation]") -> None:
    """Where each number of an answer leads: the place, and the words that stand there."""
    if not citations:
        return
    out.print("\nSources:", style="bold")
    for citation in citations:
        print_source(out, citation)


def print_source(out: "Console", citation: "Citation") -> None:
    from rich.padding import Padding
    from rich.text import Text

    quote = " ".join(printable(citation.quote).split())
    line = Text(f"[{citation.number}] ", style="bold cyan")
    line.append(place(citation), style=f"link {citation.url}" if citation.url else "")
    out.print(line)
    if out.is_terminal:
        out.print(Padding(Text(f"“{quote}”", style="dim"), (0, 0, 0, 4)))
    else:
        out.print(f"    “{quote}”")


def place(citation: "Citation") -> str:
    """Where in which file: "guide.pdf, page 3 · Loops > The for loop"."""
    page = f", page {citation.page}" if citation.page else ""
    section = f" · {citation.section}" if citation.section else ""
    return printable(f"{short_path(citation.source)}{page}{section}")


def print_error(err: "Console", problem: str, remedy: str) -> None:
    """The two lines of every error: what happened, and what to do next."""
    from rich.text import Text

    err.print(Text(_one_line(problem), style="bold red"), soft_wrap=True)
    err.print(Text(_one_line(remedy)), soft_wrap=True)


def _one_line(text: str) -> str:
    return " ".join(printable(text).split())
