"""Markdown for a terminal, as documents about programs need it."""

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.emphasis import tokenize as emphasis
from rich.markdown import Markdown

from connectors.cli.console import clean


def _only_asterisks(state: StateInline, silent: bool) -> bool:
    """Underscores are names here, not emphasis: a quotation must keep the ones in `__init__`."""
    return state.src[state.pos] != "_" and emphasis(state, silent)


def _parser() -> MarkdownIt:
    # Without HTML: Rich would drop what looks like a tag, and with it half of `List<int>`.
    parser = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"])
    parser.inline.ruler.at("emphasis", _only_asterisks)
    return parser


PARSER = _parser()


def markdown(text: str) -> Markdown:
    """Something Rich can print. Addresses are written out, so that no text hides where a link goes."""
    rendered = Markdown("", code_theme="ansi_dark", hyperlinks=False)
    rendered.markup = clean(text)
    rendered.parsed = PARSER.parse(rendered.markup)
    return rendered


def finished_length(text: str) -> int:
    """How many characters from the start nothing that follows can change: all blocks but the last."""
    starts = [token.map[0] for token in PARSER.parse(text) if token.level == 0 and token.map]
    if not starts:
        return 0
    lines = text.split("\n")[: starts[-1]]
    return sum(len(line) + 1 for line in lines)
