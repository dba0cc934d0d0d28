"""Draws what people see in Slack: `python -m tests.slack_pictures [FOLDER]`, with Debian's Chromium.

The blocks are those that the connector sends, and every quotation is one of the bundled samples'. Only the look is
imitated here, with a style sheet of our own.
"""

import html
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from PIL import Image

import assistant.samples
import connectors.slack
from assistant import Citation
from connectors.slack.blocks import answer_blocks, reason_blocks
from connectors.slack.formatting import formatted
from connectors.slack.home import Recent, home_view
from connectors.slack.modals import source_modal
from connectors.slack.wording import wording

SAMPLES = Path(assistant.samples.__file__).parent
PICTURES = Path(connectors.slack.__file__).parent / "pictures"
CHROMIUM = "/usr/bin/chromium"
SCALE = 1.5
WINDOW = 1_600
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    f"--force-device-scale-factor={SCALE}",
)
LARGEST = 150_000

EN, KO = wording("en"), wording("ko")
ID = "q1"
APP = "Ohm"
PEOPLE = {"U1": "Student", "U2": "Instructor", "UBOT": APP}
CHANNELS = {"C1": "circuits-101"}
ASKED_AT = datetime(2026, 9, 21, 14, 13, tzinfo=UTC).timestamp()

Block = Mapping[str, Any]


# -- blocks as HTML

_MRKDWN = re.compile(r"<([^>|]+)(?:\|([^>]*))?>|`([^`\n]+)`|(?<!\w)\*([^*\n]+)\*(?!\w)|(?<!\w)_([^_\n]+)_(?!\w)")


def mrkdwn(text: str) -> str:
    """Slack's own markup; `&amp;`, `&lt;` and `&gt;` are escaped already."""
    return _MRKDWN.sub(_marked, text).replace("\n", "<br>")


def _marked(found: re.Match[str]) -> str:
    target, label, code, bold, italic = found.groups()
    if target:
        return _reference(target, label or "")
    if code:
        return f"<code>{code}</code>"
    return f"<b>{mrkdwn(bold)}</b>" if bold else f"<i>{mrkdwn(italic)}</i>"


def _reference(target: str, label: str) -> str:
    if target.startswith("@"):
        return f'<span class="mention">@{PEOPLE[target[1:]]}</span>'
    if target.startswith("#"):
        return f'<span class="mention">#{CHANNELS[target[1:]]}</span>'
    if target.startswith("!date^"):
        at = datetime.fromtimestamp(int(target.split("^")[1]), UTC)
        return f"{at:%b} {at.day}, {at:%-I:%M %p}"
    return f'<a href="{target}">{label or target}</a>'


def markdown(text: str) -> str:
    return str(MarkdownIt("commonmark", {"html": False}).enable("strikethrough").render(text))


def text_object(text: Block) -> str:
    return mrkdwn(text["text"]) if text["type"] == "mrkdwn" else html.escape(text["text"])


def blocks_html(blocks: Sequence[Block]) -> str:
    return "".join(f'<div class="{block["type"]}">{_DRAWN[block["type"]](block)}</div>' for block in blocks)


def _section(block: Block) -> str:
    accessory = _element(block["accessory"]) if "accessory" in block else ""
    return f"<div>{text_object(block['text'])}</div>{accessory}"


def _elements(block: Block) -> str:
    return "".join(_element(element) for element in block["elements"])


def _element(element: Block) -> str:
    kind = element["type"]
    if kind == "button":
        return f'<button class="{element.get("style", "")}">{text_object(element["text"])}</button>'
    if kind == "feedback_buttons":
        names = (element["positive_button"]["text"]["text"], element["negative_button"]["text"]["text"])
        return "".join(
            f'<span class="thumb {way}" title="{html.escape(name)}">{THUMB}</span>'
            for way, name in zip(("up", "down"), names, strict=True)
        )
    if kind == "rich_text_quote":
        return f"<blockquote>{html.escape(''.join(part['text'] for part in element['elements']))}</blockquote>"
    return f"<span>{text_object(element)}</span>"


def _heading(block: Block) -> str:
    return text_object(block["text"])


_DRAWN = {
    "actions": _elements,
    "context": _elements,
    "context_actions": _elements,
    "divider": lambda block: "",
    "header": _heading,
    "markdown": lambda block: markdown(block["text"]),
    "rich_text": _elements,
    "section": _section,
}

THUMB = (
    '<svg viewBox="0 0 20 20"><path d="M2.5 9h3v8h-3zM5.5 9.5 9 3c1.6 0 2.3 1 2 2.6L10.5 8H16c1.2 0 1.9 1 1.6 2.1l-1.5 '
    '5.5c-.2.9-1 1.4-1.9 1.4H8c-1 0-1.6-.4-2.5-1z" fill="none" stroke="currentColor" stroke-width="1.4"/></svg>'
)


# -- pages around them


def message(who: str, time: str, body: str, *, app: bool = False) -> str:
    badge = '<span class="badge">APP</span>' if app else ""
    name = PEOPLE[who]
    face = f'<div class="face face-{who}">{"Ω" if app else name[0]}</div>'
    head = f'<div class="head"><b>{name}</b>{badge}<span class="time">{time}</span></div>'
    return f'<div class="message">{face}<div class="body">{head}{body}</div></div>'


def said(who: str, time: str, text: str) -> str:
    return message(who, time, f'<div class="section"><div>{mrkdwn(text)}</div></div>')


def answered(time: str, text: str, blocks: Sequence[Block]) -> str:
    """An answer as it stands in the end: its Markdown as the connector formats it, and the blocks below."""
    return message("UBOT", time, blocks_html([{"type": "markdown", "text": formatted(text)}, *blocks]), app=True)


def thread(*messages: str) -> str:
    first, *replies = messages
    count = f"{len(replies)} {'reply' if len(replies) == 1 else 'replies'}"
    top = f'<div class="bar"><b>Thread</b><span>#{CHANNELS["C1"]}</span></div>'
    return f'{top}{first}<div class="count"><span>{count}</span></div>{"".join(replies)}<div class="end"></div>'


def home_page(view: Block) -> str:
    top = f'<div class="bar app"><div class="face face-UBOT">Ω</div><b>{APP}</b></div>'
    tabs = '<div class="tabs"><b>Home</b><span>Messages</span><span>About</span></div>'
    return f'{top}{tabs}<div class="surface">{blocks_html(view["blocks"])}</div>'


def modal_page(view: Block) -> str:
    title = f'<div class="title"><b>{view["title"]["text"]}</b><span>×</span></div>'
    close = f'<div class="foot"><button>{view["close"]["text"]}</button></div>'
    surface = f'<div class="surface">{blocks_html(view["blocks"])}</div>'
    return f'<div class="around"><div class="modal">{title}{surface}{close}</div></div>'


STYLE = """
* { box-sizing: border-box }
body { margin: 0; background: #fff; color: #1d1c1d; font: 15px/1.466 Lato, "Noto Sans", "Noto Sans CJK KR", sans-serif }
.bar { display: flex; gap: 8px; align-items: baseline; padding: 12px 20px; border-bottom: 1px solid #ddd;
  font-size: 18px }
.bar span { font-size: 13px; color: #616061 }
.bar.app { align-items: center; border: 0 }
.message { display: flex; gap: 8px; padding: 8px 20px }
.body { flex: 1; min-width: 0 }
.face { flex: none; width: 36px; height: 36px; border-radius: 8px; display: grid; place-items: center; color: #fff;
  font-weight: bold; font-size: 18px }
.face-U1 { background: #2f855a } .face-U2 { background: #b7791f } .face-UBOT { background: #4a154b }
.head b { font-weight: 900 }
.badge { margin-left: 5px; padding: 1px 3px; border-radius: 2px; background: #ececec; color: #616061; font-size: 10px;
  font-weight: bold; vertical-align: 2px }
.time { margin-left: 8px; color: #616061; font-size: 12px }
.count { display: flex; align-items: center; gap: 12px; margin: 4px 20px; color: #616061; font-size: 13px }
.count::after { content: ""; flex: 1; border-top: 1px solid #ddd }
.end { height: 10px }
a, .mention { color: #1264a3; text-decoration: none }
.mention { background: #e8f5fa; border-radius: 3px; padding: 0 2px }
.section { display: flex; justify-content: space-between; align-items: flex-start; gap: 16px; margin: 4px 0 }
.section > div { min-width: 0 }
.context { display: flex; flex-wrap: wrap; gap: 4px 10px; margin: 6px 0; color: #616061; font-size: 13px }
.context_actions { display: flex; gap: 4px; margin: 6px 0 0 }
.thumb { width: 28px; height: 28px; padding: 5px; border-radius: 6px; color: #616061 }
.thumb svg { display: block } .thumb.down svg { transform: rotate(180deg) }
.actions { display: flex; gap: 8px; margin: 8px 0 }
.divider { border-top: 1px solid #ddd; margin: 14px 0 }
.header { font-size: 18px; font-weight: 900; margin: 8px 0 4px }
button { font: bold 13px/26px Lato, "Noto Sans CJK KR", sans-serif; padding: 0 12px; border: 1px solid #bbb;
  border-radius: 8px; background: #fff; color: #1d1c1d; white-space: nowrap; flex: none }
button.danger { color: #e01e5a; border-color: #e01e5a }
code { font: 12px/1.5 "Noto Sans Mono", monospace; color: #c01343; background: #f6f6f6; border: 1px solid #ddd;
  border-radius: 3px; padding: 1px 3px }
pre { background: #f8f8f8; border: 1px solid #ddd; border-radius: 4px; padding: 8px; margin: 6px 0;
  overflow: hidden; line-height: 1 }
pre code { display: block; line-height: 1.45; color: inherit; background: none; border: 0; padding: 0;
  white-space: pre }
.markdown p { margin: 4px 0 } .markdown ul, .markdown ol { margin: 4px 0; padding-left: 26px }
.markdown h1, .markdown h2, .markdown h3 { font-size: 16px; margin: 8px 0 4px }
blockquote { margin: 4px 0; padding: 2px 0 2px 12px; border-left: 4px solid #ddd; white-space: pre-wrap }
.tabs { display: flex; gap: 22px; padding: 0 20px; border-bottom: 1px solid #ddd; font-size: 13px; color: #616061 }
.tabs b { color: #1d1c1d; border-bottom: 2px solid #4a154b } .tabs > * { padding: 6px 0 }
.surface { padding: 12px 24px }
.around { padding: 24px 0 36px }
.modal { margin: 0 auto; width: 520px; border-radius: 8px; box-shadow: 0 0 0 1px #ddd, 0 8px 30px #0003 }
.title { display: flex; justify-content: space-between; padding: 18px 24px 8px; font-size: 22px }
.title b { font-weight: 900 } .title span { color: #616061 }
.foot { display: flex; justify-content: flex-end; padding: 12px 24px 20px }
"""


# -- what is shown


@dataclass(frozen=True, slots=True)
class Picture:
    name: str
    body: str
    width: int = 640


def cited(number: int, source: str, section: str, quote: str) -> Citation:
    """A citation of a bundled sample. Raises ValueError for words that are not in it."""
    words = " ".join((SAMPLES / source).read_text(encoding="utf-8").split())
    if quote not in words:
        raise ValueError(f"{source} does not say: {quote}")
    return Citation(number, Path(source).name, None, section, "", quote)


VOLTMETER = cited(
    1,
    "course/10-measuring.md",
    "Lesson 10: Measuring > Measuring voltage",
    "A voltmeter is connected in parallel to the part whose voltage is measured.",
)
IDEAL = cited(
    2,
    "course/10-measuring.md",
    "Lesson 10: Measuring > Measuring voltage",
    "An ideal voltmeter has an infinite resistance, so that no current flows through it.",
)
AMMETER = cited(
    3,
    "course/10-measuring.md",
    "Lesson 10: Measuring > Measuring current",
    "An ammeter is connected in series, so that the current to be measured flows through it.",
)
LAW = cited(
    1,
    "course/04-ohms-law.md",
    "Lesson 4: Ohm's law > The law",
    "The formula is V = I × R: the voltage in volts equals the current in amperes times the resistance in ohms.",
)
PROGRAM = cited(
    2,
    "course/04-ohms-law.md",
    "Lesson 4: Ohm's law > A small program",
    "The program prints 3.0, because 12 V across 4 Ω drive a current of 3 A.",
)
DIVIDER = cited(
    3,
    "course/05-series-circuits.md",
    "Lesson 5: Series circuits > How the voltage divides",
    "A voltage divider is made of two resistors in series, and its output is the voltage across the second one",
)

METERS = (VOLTMETER, IDEAL, AMMETER)

CODE = r"""Ohm's law is $V = I \times R$, so the current is $I = \frac{V}{R}$ [1]. As a program [2]:

```python
def current(voltage, resistance):
    return voltage / resistance


print(current(12, 4))
```

The output of a voltage divider is [3]:

$$V_{out} = V_{in} \times \frac{R_2}{R_1 + R_2}$$

| quantity | sign | unit |
|---|---|---|
| voltage | V | volt |
| current | I | ampere |
| resistance | R | ohm |
"""


def below(citations: Sequence[Citation], status: str = "answered", notes: Sequence[str] = ()) -> list[dict[str, Any]]:
    return answer_blocks(question_id=ID, status=status, citations=citations, notes=notes, words=EN)


def pictures() -> list[Picture]:
    return [_answer(), _no_answer(), _code(), _home(), _source()]


def _answer() -> Picture:
    text = f"{VOLTMETER.quote} [1] {IDEAL.quote} [2]\n\nFor a current it is the other way round: {AMMETER.quote} [3]"
    asked = said("U1", "2:13 PM", "<@UBOT> how is a voltmeter connected, and why not like an ammeter?")
    return Picture("answer", thread(asked, answered("2:13 PM", text, below(METERS))))


def _no_answer() -> Picture:
    asked = said("U1", "3:02 PM", "<@UBOT> when is the final exam of the chemistry course?")
    silent = answered("3:02 PM", "The course does not say.", below((), "abstained"))
    again = said("U1", "3:05 PM", "and where do I find the lab?")
    reasons = reason_blocks(EN.reason("line_full"), EN, "Ask <@U2> about the course itself.", ID)
    return Picture(
        "no_answer", thread(asked, silent, again, message("UBOT", "3:05 PM", blocks_html(reasons), app=True))
    )


def _code() -> Picture:
    asked = said("U1", "4:40 PM", "<@UBOT> show me Ohm's law as a formula and as a program")
    notes = ["A file was not read. old-notes.doc is not of a kind that can be read. Save it as a PDF file."]
    return Picture("code", thread(asked, answered("4:41 PM", CODE, below((LAW, PROGRAM, DIVIDER), notes=notes))))


def _home() -> Picture:
    permalink = "https://example.slack.com/archives/C1/p1"
    view = home_view(
        name=APP,
        collections=[(folder, len(list((SAMPLES / folder).iterdir()))) for folder in ("course", "handbook")],
        documents=sorted(path.name for path in (SAMPLES / "course").iterdir())[:6],
        recent=[
            Recent("How is a voltmeter connected, and why not like an ammeter?", "answered", permalink, ASKED_AT),
            Recent("When is the final exam of the chemistry course?", "abstained", permalink, ASKED_AT - 86_400),
        ],
        help_text="Ask <@U2>, who teaches the course, or write in <#C1>.",
        command="/ohm",
        words=EN,
    )
    return Picture("home", home_page(view), 720)


def _source() -> Picture:
    return Picture("source", modal_page(source_modal(METERS, 1, EN)), 600)


# -- pages as pictures


def page(picture: Picture) -> str:
    # The height is read from the document's title, once the browser has laid it out.
    script = "document.title = document.body.scrollHeight"
    head = f'<meta charset="utf-8"><style>{STYLE}</style>'
    return f"<!doctype html><html><head>{head}</head><body>{picture.body}<script>{script}</script></body></html>"


def draw(picture: Picture, folder: Path) -> Path:
    """Write the picture as PNG. Raises CalledProcessError when the browser fails."""
    target = folder / f"{picture.name}.png"
    with tempfile.TemporaryDirectory() as place:
        source, shot = Path(place) / "page.html", Path(place) / "shot.png"
        source.write_text(page(picture), encoding="utf-8")
        dumped = _browse(source, picture.width, "--dump-dom", f"--screenshot={shot}")
        found = re.search(r"<title>(\d+)</title>", dumped)
        if not found:
            raise ValueError("the browser did not say how high the page is")
        _cut(shot, target, round(picture.width * SCALE), round(int(found[1]) * SCALE))
    return target


def _browse(source: Path, width: int, *what: str) -> str:
    """Look at a page in a window that is higher than any of ours. Returns what the browser printed."""
    size = (f"--window-size={width},{WINDOW}", f"--user-data-dir={source.parent / 'browser'}")
    command = [CHROMIUM, *FLAGS, *size, *what, source.as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def _cut(shot: Path, target: Path, width: int, height: int) -> None:
    with Image.open(shot) as image:
        cut = image.convert("RGB").crop((0, 0, width, height))
        cut.quantize(128, dither=Image.Dither.NONE).save(target, optimize=True)


def main(arguments: Sequence[str]) -> None:
    folder = Path(arguments[0]) if arguments else PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    for picture in pictures():
        target = draw(picture, folder.absolute())
        size = target.stat().st_size
        sys.stdout.write(f"{target.name}: {size / 1000:.0f} kB\n")
        if size > LARGEST:
            raise ValueError(f"{target.name} is larger than {LARGEST / 1000:.0f} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
