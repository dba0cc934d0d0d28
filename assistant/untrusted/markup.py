"""What of a document's Markdown a model reads: the text that a person sees, without addresses and without tags."""

import re
from collections.abc import Callable

# Code is left as it is: a page about HTML shows tags there.
_CODE = re.compile(
    r"(?P<fence>^[^\S\n]{0,3}(?P<mark>```|~~~).*?(?:^[^\S\n]{0,3}(?P=mark)[`~]*[^\S\n]*$|\Z))"
    r"|(?P<ticks>(?<![`\\])`{1,3})(?!`)(?:(?!\n\s*\n).){1,400}?(?<!`)(?P=ticks)(?!`)",
    re.MULTILINE | re.DOTALL,
)
# Of a comment or a script that is not closed nobody sees the rest.
_HIDDEN = re.compile(
    r"<!--.*?(?:-->|\Z)"
    r"|<(?P<name>script|style|template|noscript|iframe|object|svg|head|title)\b[^<>]*>.*?(?:</(?P=name)\s*>|\Z)",
    re.DOTALL | re.IGNORECASE,
)
# The beginning of an element that is not shown.
_UNSEEN = re.compile(
    r"<(?P<name>[a-z][a-z0-9]*)\b(?=[^<>]{0,500}(?:\shidden\b|aria-hidden\s*=\s*[\"']?true"
    r"|style\s*=\s*[\"'][^\"'<>]{0,300}(?:display\s*:\s*none|visibility\s*:\s*hidden|opacity\s*:\s*0(?![.\d]*[1-9])"
    r"|font-size\s*:\s*0(?![.\d]*[1-9]))))[^<>]*>",
    re.IGNORECASE,
)
_TAG = re.compile(
    r"</?(?:a|abbr|b|big|blockquote|br|button|center|code|dd|del|details|div|dl|dt|em|embed|figcaption|figure|font|form|h[1-6]"
    r"|hr|i|img|input|ins|kbd|label|li|link|mark|meta|ol|p|picture|pre|s|section|small|source|span|strike|strong|sub"
    r"|summary|sup|table|tbody|td|tfoot|th|thead|tr|tt|u|ul|video|audio|base|body|html)\b[^<>]*>",
    re.IGNORECASE,
)
_LABEL = r"\[(?P<label>(?:[^\[\]\\]|\\.){0,500})\]"
_TITLE = r"(?:\"[^\"]*\"|'[^']*'|\([^()]*\))"
_TARGET = (
    rf"(?:\([^\S\n]*(?:<[^<>\n]*>|(?:[^\s()]|\([^\s()]*\))*)(?:\s+{_TITLE})?\s*\)"  # (address "title")
    r"|\[[^\[\]]{0,100}\])"  # [name of a definition]
)
LINK = re.compile(rf"(?P<image>!?){_LABEL}{_TARGET}", re.DOTALL)
# "[name]: https://…", which is not shown, and could hide a text in its title.
DEFINITION = re.compile(
    rf"^[^\S\n]{{0,3}}\[[^\[\]\n]{{1,100}}\]:[^\S\n]*(?:<[^<>\n]*>|\S+)(?:[^\S\n]*\n?[^\S\n]*{_TITLE})?[^\S\n]*$",
    re.MULTILINE,
)
_DATA = re.compile(r"\bdata:[\w.+-]{1,60}/[\w.+-]{1,60}[;,]\S*", re.IGNORECASE)
# No word is so long; a key, a picture in letters or a wall of nonsense is.
LONGEST_RUN = 200
_RUN = re.compile(rf"[^\s]{{{LONGEST_RUN},}}")


def seen(text: str) -> str:
    """The text without what a page that is shown leaves out: comments, scripts, elements that are hidden.

    A blank line stands in their place, so that what is left of a sentence is found in the text word by word.
    """
    return outside_code(text, _without_hidden)


def plain(text: str) -> str:
    """The text without addresses, pictures and tags; of a link or a picture the words are kept."""
    return outside_code(_RUN.sub(_shortened, _DATA.sub("", text)), _without_markup)


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """The text with everything changed but its code."""
    pieces, at = [], 0
    for code in _CODE.finditer(text):
        pieces += [change(text[at : code.start()]), code.group()]
        at = code.end()
    return "".join([*pieces, change(text[at:])])


def _without_hidden(text: str) -> str:
    text = _HIDDEN.sub("\n\n", text)
    found = _UNSEEN.search(text)
    while found:
        text = f"{text[: found.start()]}\n\n{text[_end(text, found) :]}"
        found = _UNSEEN.search(text, found.start())
    return text


def _end(text: str, start: re.Match[str]) -> int:
    """Where the element ends that begins there; where the text does when it is not closed."""
    if start["name"].lower() in ("img", "input", "br", "hr", "meta", "link", "source", "embed"):
        return start.end()
    depth = 1
    for tag in re.finditer(rf"<(?P<close>/?){start['name']}\b[^<>]*>", text[start.end() :], re.IGNORECASE):
        depth += -1 if tag["close"] else 1
        if not depth:
            return start.end() + tag.end()
    return len(text)


def _without_markup(text: str) -> str:
    return _TAG.sub("", without_links(DEFINITION.sub("", text)))


def without_links(text: str) -> str:
    """The words of each link and picture, from the innermost outwards."""
    before = None
    while before != text:
        before, text = text, LINK.sub(lambda link: link["label"], text)
    return text


def _shortened(run: re.Match[str]) -> str:
    return f"{run.group()[:40]}…"
