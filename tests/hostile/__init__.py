"""Documents and questions that try to take the assistant over, and what must never come of it."""

from markdown_it import MarkdownIt


def live(text: str) -> list[str]:
    """Where everything in a Markdown text leads that leads anywhere; pictures and tags by their kind."""
    found = []
    for block in MarkdownIt("commonmark", {"html": True}).parse(text):
        for token in [block, *(block.children or ())]:
            if token.type in ("image", "html_inline", "html_block"):
                found.append(token.type)
            elif token.type == "link_open":
                found.append(str(token.attrs["href"]))
    return found
