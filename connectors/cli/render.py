"""Answers and sources as text for people."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from connectors.cli.console import one_line

if TYPE_CHECKING:
    from rich.console import Console
    from rich.style import Style
    from rich.text import Text

    from assistant import Answer, Citation

# What a click may open. A document must not be able to offer anything else.
SCHEMES = {"file", "http", "https"}


def display_path(source: str) -> str:
    """A path as a person would type it here: relative, from home, or whole; other names as they are."""
    path = Path(source)
    if not path.is_absolute():
        return one_line(source)
    if path.is_relative_to(Path.cwd()):
        return one_line(str(path.relative_to(Path.cwd())))
    if path.is_relative_to(Path.home()):
        return one_line(f"~/{path.relative_to(Path.home())}")
    return one_line(source)


def place(source: str, page: int | None, section: str) -> str:
    """Where to look: "notes/loops.pdf, page 3 · Loops > The for loop"."""
    where = display_path(source) + (f", page {page}" if page is not None else "")
    return f"{where} · {one_line(section)}" if section else where


def link(url: str) -> "Style":
    """A style that makes text open the address, where a terminal can; none for one not worth trusting."""
    from rich.style import Style

    try:
        known = urlsplit(url).scheme in SCHEMES
    except ValueError:
        known = False
    # Quoted, but for what an address is made of: no byte of it can end the escape sequence.
    return Style(link=quote(url, safe="%/:?#[]@!$&'()*+,;=~")) if known else Style()


def print_sources(console: "Console", citations: Sequence["Citation"], *, quotes: bool = True) -> None:
    """The list below an answer; with the exact words that each citation points to."""
    if not citations:
        return
    from rich.text import Text

    console.print()
    console.print(Text("Sources:", "bold"))
    for citation in citations:
        _print_source(console, citation)
        if quotes:
            print_indented(console, Text(f"“{one_line(citation.quote)}”", "dim"))


def _print_source(console: "Console", citation: "Citation") -> None:
    from rich.text import Text

    where = place(citation.source, citation.page, citation.section)
    line = Text.assemble((f"[{citation.number}] ", "cyan"), (where, link(citation.url)))
    console.print(line, soft_wrap=not console.is_terminal)


def print_indented(console: "Console", text: "Text", width: int = 4) -> None:
    from rich.padding import Padding

    if console.is_terminal:
        console.print(Padding(text, (0, 0, 0, width)))
    else:
        console.out(" " * width + text.plain)


def answer_json(answer: "Answer", session: str) -> dict[str, object]:
    """The shape that `ask --json` promises."""
    from dataclasses import asdict

    return {
        "answer": answer.text,
        "status": answer.status,
        "citations": [citation_json(citation) for citation in answer.citations],
        "session": session,
        "usage": asdict(answer.usage),
        "timings": asdict(answer.timings),
    }


def citation_json(citation: "Citation") -> dict[str, object]:
    keys = ("number", "source", "page", "section", "url", "quote")
    return {key: getattr(citation, key) for key in keys}


def footer(answer: "Answer") -> str:
    """What an answer cost: "found in 35 ms · first word after 0.12 s · 2.3 s in all · 812 + 64 tokens"."""
    timings, usage = answer.timings, answer.usage
    parts = [] if answer.status == "answered" else [answer.status.replace("_", " ")]
    parts.append(f"found in {timings.retrieve_ms:.0f} ms")
    if timings.first_token_ms is not None:
        parts.append(f"first token {timings.first_token_ms:.0f} ms")
    parts.append(f"{timings.total_ms / 1000:.1f} s")
    if usage.completion_tokens:
        parts.append(f"{usage.prompt_tokens} + {usage.completion_tokens} tokens")
    return " · ".join(parts)


def highlighted(text: str, words: Iterable[str]) -> "Text":
    """The text with the words standing out, whatever their case."""
    from rich.text import Text

    shown = Text(text)
    shown.highlight_words(words, "bold yellow", case_sensitive=False)
    return shown
