"""What a person is shown of a sentence: nothing that calls people, opens what is not a source, or hides.

`clean_answer` reads one sentence, and what it returns is as harmless when others stand before and after it: no
bracket, back-tick or fence is left open that something else could close. A block of code must be put on lines of its
own.
"""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from urllib.parse import urlsplit

from markdown_it import MarkdownIt

from assistant.types import Passage
from assistant.untrusted.characters import visible
from assistant.untrusted.markers import neutralise
from assistant.untrusted.markup import DEFINITION, LINK

# What was judged already stands aside under a character that no text may have.
_HELD, _PRIVATE = "\ue000{}\ue001", re.compile("[\ue000-\uf8ff]")
_HOLDER = re.compile("\ue000(\\d+)\ue001")
_FENCE = re.compile(r"\s*(?P<mark>`{3,}|~{3,})(?P<info>[\w+#.-]{0,30})")
_CODE_SPAN = re.compile(r"(?<![`\\])(?P<ticks>`+)(?!`)(?P<code>.+?)(?<!`)(?P=ticks)(?!`)", re.DOTALL)
# <@U1>, <#C1|name>, <!channel>, <https://…|label>: Slack's own markup.
_SLACK = re.compile(r"<(?P<sign>[@#!])(?P<id>[^<>|\s]{1,100})(?:\|(?P<name>[^<>]*))?>")
_SLACK_LINK = re.compile(r"<[a-z][a-z0-9+.-]{1,30}:[^<>|\s]*\|(?P<label>[^<>]*)>", re.IGNORECASE)
_LOUD = re.compile(r"(?<![\w`])(?:[@＠﹫](?:channel|here|everyone|group|all)\b)+", re.IGNORECASE)
# Addresses with a scheme that opens something, and such as need none.
_ADDRESS = re.compile(
    r"<?(?P<url>(?:(?:https?|ftps?|file|wss?|slack|vscode|ms-[a-z]+|intent|blob|view-source)://|www\.)[^\s<>\"'`\ue000\ue001]+"
    r"|(?<!\w)(?:(?:javascript|vbscript|mailto|tel|sms):|data:[\w.+-]+/[\w.+-]+[;,])[^\s<>\"'`\ue000\ue001]+)>?",
    re.IGNORECASE,
)
_SCRIPT = re.compile(r"(?:javascript|vbscript|data|mailto|tel|sms)\b", re.IGNORECASE)
# Behind an address, not a part of it.
_TRAILING = re.compile(r"[.,;:!?*_~|\])}]+$")
# Numbers that look like ours; directly behind a word they are an index.
_MARK = re.compile(r"(?:[^\S\n]+|(?<![\w\])]))\[\d{1,3}(?:\s*[,–-]\s*\d{1,3})*\](?![(\[:])")
_GAP = re.compile(r"(?<=\S)[ \t]{2,}")
_QUOTE_MARK = re.compile(r"^[^\S\n]*(?:>[^\S\n]*)+", re.MULTILINE)
_PARSER = MarkdownIt("commonmark")
GONE = "…"


def clean_answer(sentence: str, sources: Sequence[Passage]) -> str:
    """The sentence as it may be shown, before our own citation mark is put behind it.

    Pictures are removed. A link stays when it leads to one of the sources, or to what a source says on a page of the
    same host; of others the words stay. An address that a source mentions is shown as code, which nobody can click; one
    that no source has is left out. Tags, mentions, forged roles and citation numbers are broken up. Code stays as it
    is, but for what is invisible.
    """
    text = _PRIVATE.sub("", visible(sentence))
    if _FENCE.match(text):
        return _fenced(text)
    prose = _Prose(text, sources)
    shown = prose.cleaned().strip()
    return shown if _harmless(shown, prose.kept) else _escaped(shown)


def _fenced(block: str) -> str:
    """The block between marks of one kind: what differs, or stands within, could end it elsewhere than it seems."""
    opening, *lines = block.splitlines()
    fence = _FENCE.match(opening)
    info = fence["info"] if fence else ""
    kept = [line for line in lines if not _FENCE.match(line)]
    return "\n".join([f"```{info}", *kept, "```"])


class _Prose:
    """One sentence that is not a block of code, on its way to being shown."""

    def __init__(self, text: str, sources: Sequence[Passage]) -> None:
        self._text = text
        self._urls = {source.url for source in sources if source.url}
        self._hosts = {_host(url) for url in self._urls} - {""}
        self._mentioned = self._urls.union(*(_addresses_in(source.text) for source in sources))
        self._held: list[str] = []
        self.kept: set[str] = set()

    def cleaned(self) -> str:
        text = _CODE_SPAN.sub(lambda span: self._hold(span.group()), self._text)
        text = self._addresses(self._links(text))
        text = _LOUD.sub(lambda call: self._hold(f"`{call.group()}`"), text)
        text = neutralise(_QUOTE_MARK.sub("", _GAP.sub(" ", _MARK.sub("", text))))
        return self._released(_closed(text))

    def _hold(self, text: str) -> str:
        self._held.append(text)
        return _HELD.format(len(self._held) - 1)

    def _released(self, text: str) -> str:
        """What was held may itself hold something."""
        while _HOLDER.search(text):
            text = _HOLDER.sub(lambda holder: self._held[int(holder[1])], text)
        return text

    def _links(self, text: str) -> str:
        """From the innermost outwards: a link in a picture, a picture in a link."""
        text, before = DEFINITION.sub("", text), None
        while before != text:
            before, text = text, LINK.sub(self._link, text, count=1)
        text = _SLACK_LINK.sub(lambda link: link["label"], text)
        return _SLACK.sub(lambda call: call["name"] or call["id"], text)

    def _link(self, link: re.Match[str]) -> str:
        if link["image"]:
            return ""
        target = link.group()[link.end("label") - link.start() + 1 :].strip("()[] \t")
        url = target.split()[0].strip("<>") if target else ""
        # A label with an address in it says one thing and does another.
        if self._is_source(url) and not _ADDRESS.search(link["label"]):
            self.kept.add(url)
            return self._hold(f"[{_closed(link['label'])}]({f'<{url}>' if '(' in url else url})")
        return link["label"]

    def _addresses(self, text: str) -> str:
        return _ADDRESS.sub(self._address, text)

    def _address(self, found: re.Match[str]) -> str:
        url = _trimmed(found["url"])
        rest = found["url"].removeprefix(url)
        if _SCRIPT.match(url) or url not in self._mentioned:
            return self._hold(GONE) + rest
        if not self._is_source(url):
            return self._hold(f"`{url}`") + rest
        self.kept.add(url)
        return self._hold(f"<{url}>" if found.group()[0] == "<" else url) + rest

    def _is_source(self, url: str) -> bool:
        """Whether it is where a source is, or on the same host and in a source's text."""
        return url in self._urls or (_host(url) in self._hosts and url in self._mentioned)


@lru_cache(maxsize=512)
def _addresses_in(text: str) -> frozenset[str]:
    return frozenset(_trimmed(found["url"]) for found in _ADDRESS.finditer(text))


def _trimmed(url: str) -> str:
    """The address without what ends the sentence; a closing bracket may be a part of it that has an opening one."""
    rest = _TRAILING.search(url)
    return url[: rest.start()] if rest and "(" not in url else url


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").lower() if url.startswith(("http://", "https://")) else ""
    except ValueError:
        return ""


def _closed(text: str) -> str:
    """Without anything that opens a link, a tag or code, alone or with what follows."""
    text = re.sub(r"\\+(?=[`<])", "", text)
    text = re.sub(r"(?<=\])(?=[(\[:])|(?<=!)(?=\[)", " ", text)
    return re.sub(r"`|<(?=[a-zA-Z/!?@#])", r"\\\g<0>", text)


def _harmless(text: str, urls: Collection[str]) -> bool:
    """Whether what reads the Markdown sees no tag, no picture, and no link but to one of the addresses."""
    allowed = {_PARSER.normalizeLink(url) for url in urls}
    for block in _PARSER.parse(text):
        for token in [block, *(block.children or ())]:
            foreign = token.type == "link_open" and token.attrs.get("href") not in allowed
            if foreign or token.type in ("image", "html_inline", "html_block"):
                return False
    return True


def _escaped(text: str) -> str:
    """Every sign that Markdown could read as markup, shown as itself."""
    return re.sub(r"\\*([\[\]<>`!])", r"\\\1", text)
