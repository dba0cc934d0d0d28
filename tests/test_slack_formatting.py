"""What a model writes, as Slack is given it: it looks right, and no text can call people or hide where it leads."""

import copy
import html
import re
import time
from collections.abc import Iterator
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from connectors.slack.formatting import Formatter, Parts, formatted, link, mrkdwn, plain
from connectors.slack.mathematics import readable

ZWSP = "\u200b"
MENTIONS = [
    "<!channel>",
    "<!here|x>",
    "<!everyone>",
    "<@U012>",
    "<@W9|bob>",
    "<#C012>",
    "<!subteam^S1|@staff>",
    "<!date^1^{date}|x>",
    "@channel",
    "@here",
    "@everyone",
    "@Channel!",
    "(@here)",
]
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
    "$\\text{{{}}}$",
    "**{}**",
    "_{}_",
    "[{}](https://evil.example)",
    "````x\n{}",
    "> ```\n> {}",
]
TRICKS = [
    # Mentions in disguise.
    "&lt;!channel&gt;",
    "&amp;lt;!channel&amp;gt;",
    "&amp;amp;lt;&amp;excl;here>",
    "&#60;!here>",
    "&#x3c;@U1>",
    "&#0000000060&#0000000033;here>",
    "&lt!here>",
    "&LT;&#x40;U1>",
    "`&lt;!here&gt;`",
    "<\u200b!channel>",
    "<\u200d!channel>",
    "<\u2060!channel>",
    "<\ufeff@U1>",
    "<\U000e0041!here>",
    "\u202e>lennahc!<",
    "<!chan\u00adnel>",
    "<\\!channel>",
    "\\<!channel>",
    "<\r!here>",
    "@\u200bhere",
    "@\ufe0fhere",
    "@&#104;ere",
    "&commat;channel",
    "`@her&#101;`",
    "@chan$nel$",
    "@$channel$",
    "[@](http://evil.example)channel",
    "@[channel](http://evil.example)",
    "@chan[nel](http://evil.example)",
    "$<$!channel>",
    "$<!channel>$",
    "$&$lt;!channel>",
    "\\(<!here>\\)",
    "\\[ <!here> \\]",
    "@**here**",
    "@" * 200 + "here",
    "&amp;" * 200 + "lt;!here",
    # Links, images and tags.
    "[a](http://evil.example)",
    "[a]( <http://evil.example> 'good' )",
    "[https://good.example](http://evil.example)",
    "![x](http://evil.example/?q=secret)",
    "![x](data:image/png;base64,AAAA)",
    "[![x](http://evil.example/i)](http://evil.example)",
    "[a][b]\n\n[b]: http://evil.example",
    "[a]\n\n[a]: http://evil.example",
    "[a]\n\n[a]:\nhttp://evil.example",
    "> [a]: http://evil.example\n\n[a]",
    "[a](javascript:alert(1))",
    "javascript&colon;alert(1) slack://open javascript:alert(1)",
    "<javascript:alert(1)>",
    "<http://evil.example|click here>",
    "`<http://evil.example|click here>`",
    "&lt;http://evil.example|click here&gt;",
    "`<http://evil.example`|click here>",
    "slack\\:\\/\\/open",
    "@herehere",
    "<https://a.example|[<https://b.example|x>](https://c.example)>",
    "<a href='http://evil.example'>click</a>",
    "<a\nhref='http://evil.example'>click</a>",
    "<img src=http://evil.example/x.png>",
    "<!-- <!channel> -->[a](http://evil.example)",
    "[multi\nline](http://evil.example)",
    "[a](\nhttp://evil.example)",
    "&#91;a&#93;(http://evil.example)",
    "\\[a](http://evil.example)",
    "[a\\](http://evil.example)",
    "[a\\](b](http://evil.example)",
    "\\[a\\](http://evil.example)",
    "$[a](http://evil.example)$",
    "[x$]$(http://evil.example)",
    "[a[b](http://evil.example)](http://evil.example)",
    "[a](http://evil.example/[b](http://evil.example))",
    "[`a](http://evil.example)`](http://evil.example)",
    "[" * 500 + "](http://evil.example)",
    # Where code begins and ends.
    "```\nnever closed <!channel>",
    "````\n```\n<!here>\n````",
    "~~~\n<!here>\n```\n~~~ [a](http://evil.example)",
    "~~~\n~~~~\n[a](http://evil.example)",
    "``` [a](http://evil.example) ```",
    "```a`b\n[a](http://evil.example)\n```",
    "`unclosed [a](http://evil.example)",
    "a ` b\nc `[a](http://evil.example)` d",
    "`a``[a](http://evil.example)`",
    "`a``` [a](http://evil.example) ``b`",
    "`a`[``b`c``](http://x.example) `[a](http://evil.example)`",
    "\\``[a](http://evil.example)`",
    "``\\`[a](http://evil.example)``",
    "``x` ``` y [a](http://evil.example) `` z",
    "    ```\n[a](http://evil.example)\n",
    "1. x\n\n        ```\n[a](http://evil.example)\n",
    "> ```\n[a](http://evil.example)",
    "> ```\n> <!channel>\n> ```\n[a](http://evil.example)",
    "> > ~~~\n> [a](http://evil.example)\n> > ~~~",
    "- ```\n  code\n[a](http://evil.example)\n",
    "- > ```\n> - ~~~\n[a](http://evil.example)",
    "[~~~](http://x.example)\n```\n~~~\n[a](http://evil.example)\n```",
    "~~[~a](http://x.example)\n```\n~~~\n[a](http://evil.example)\n```",
    "$\\text{~~~}$\n```\n~~~\n[a](http://evil.example)\n```",
    "$`$ [a](http://evil.example) $`$",
    "> " * 150 + "```\n[a](http://evil.example)",
    "~" * 250 + "\n[a](http://evil.example)",
    "`" * 499 + "<!here>",
    "```" + "x" * 400 + "\n[a](http://evil.example)\n```",
    # Tables and formulas.
    "| [a](http://evil.example) | b |\n|---|---|\n| ``` | <!here> |",
    "| `[a](http://evil.example) | y` |\n|---|---|\n",
    "a | `b\n--|--\n[a](http://evil.example) | `c`",
    "b |\n---\n`[a](http://evil.example) | x`",
    "`b|`\n:-:\n`[a](http://evil.example) | x`",
    "| b\n   -\n`[a](http://evil.example) | x`",
    "| a |\n- | -\n|---|---|\n| <http://evil.example|x> |",
    "| a |\n|---|\n| &lt;!here> |\n```\n[a](http://evil.example)",
    "$$\n```\n<!here>\n$$",
    "$unclosed [a](http://evil.example)",
    "\\[ unclosed [a](http://evil.example)",
    "$" * 333,
    # Characters.
    "z\u0300\u0301\u0302\u0303" * 50,
    "\x00\x1b[31m<!here>\x07",
    "👩\u200d\u200d> <!here>",
    "\u202eabc\u2066def\u2069",
    "\ud800<!here>",
    "\u2028# x\u2029```\u0085[a](http://evil.example)",
]
HOSTILE = [wrapping.format(mention) for mention in MENTIONS for wrapping in WRAPPINGS] + TRICKS
NASTY = st.text(alphabet=st.sampled_from("<>!@#[]()`~|$\\&;:*_-^{}/ \n\thereUCl1") | st.characters(), max_size=100)
PIECES = st.lists(
    st.sampled_from([*HOSTILE[:180:7], *TRICKS, "a b. ", "`", "```\n", "~~~", "| a |\n|---|\n", "](http://x.example)"])
    | NASTY,
    max_size=6,
)

# An independent reading of what Slack acts on.
CONTROL = re.compile(r"<\\?[!@#]", re.IGNORECASE)
LABELLED = re.compile(r"<[a-z]{2,10}:[^\s<>|]*\|", re.IGNORECASE)
SHOUT = re.compile(r"@(?:channel|here|everyone|group)", re.IGNORECASE)
SCHEME = re.compile(
    r"(?<![a-z])(?!https?:)(?:[a-z][a-z0-9+.-]*://|(?:javascript|mailto|data):[^\s\u200b])", re.IGNORECASE
)
ADDRESS = re.compile(r"https?://\S*", re.IGNORECASE)
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff\U000e0000-\U000e007f]")
# And of what Markdown is.
MARKDOWN = MarkdownIt("commonmark").enable(["table", "strikethrough"])
ACTIVE = {"link_open", "image", "html_inline", "html_block", "table_open"}


def read(shown: str) -> Iterator[tuple[str, str]]:
    """What a reader of Markdown makes of a text: kinds of tokens and their contents."""
    for block in MARKDOWN.parse(shown):
        yield block.type, block.content
        for inline in block.children or ():
            yield inline.type, inline.content


def check_harmless(shown: str, torn: bool = False) -> None:
    """A message that begins in the middle of an address is torn: what is left looks like another kind of address."""
    unescaped = shown
    for _ in range(4):
        assert not CONTROL.search(unescaped), shown
        assert not LABELLED.search(unescaped), shown
        assert not SHOUT.search(unescaped), shown
        unescaped = html.unescape(unescaped)
    assert not UNSEEN.search(shown), shown
    for kind, content in read(shown):
        assert kind not in ACTIVE, shown
        assert torn or kind != "text" or not SCHEME.search(ADDRESS.sub(" ", content)), shown


def streamed(text: str, sizes: list[int]) -> str:
    formatter, shown, at = Formatter(), "", 0
    while at < len(text):
        size = sizes[len(shown) % len(sizes)]
        shown += formatter.feed(text[at : at + size])
        at += size
    return shown + formatter.finish()


def test_the_corpus_is_large_enough() -> None:
    assert len(TRICKS) >= 60


def test_the_checker_sees_what_is_harmful() -> None:
    harmful = ["<!here>", "&lt;@U1>", "a @channel", "[a](http://x.example)", "<http://x.example|y>", "<b>", "![](x)"]
    for text in [*harmful, "\u202ea", "|a|b|\n|-|-|\n", "[a]\n\n[a]: x", "ftp://x.example"]:
        with pytest.raises(AssertionError):
            check_harmless(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_comes_to_life(text: str) -> None:
    check_harmless(formatted(text))
    assert streamed(text, [1]) == formatted(text)


@settings(max_examples=500, deadline=None)
@given(pieces=PIECES)
def test_no_text_at_all_comes_to_life(pieces: list[str]) -> None:
    check_harmless(formatted("".join(pieces)))


@settings(max_examples=400, deadline=None)
@given(pieces=PIECES, sizes=st.lists(st.integers(1, 40), min_size=1, max_size=5))
def test_how_it_arrives_makes_no_difference(pieces: list[str], sizes: list[int]) -> None:
    text = "".join(pieces)
    assert streamed(text, sizes) == formatted(text)


@pytest.mark.parametrize(
    "opening", ["[", "`", "$x", "$$", "\\[", "\\(", "<https://a", "[a](https://x.example/", "| ", ""]
)
@pytest.mark.parametrize("filling", ["x", "word ", "x\\\\", "é"])
def test_what_opens_and_never_ends_is_the_same_however_it_arrives(opening: str, filling: str) -> None:
    text = f"{opening}{filling * (4_200 // len(filling))}] ) $ ` > |\n"
    assert len({formatted(text), streamed(text, [997]), streamed(text, [1_999, 1, 2])}) == 1


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet=st.sampled_from("abc de.,!?'\"()-*_#> \n\té한😀@U12:"), max_size=200))
def test_ordinary_prose_is_shown_as_it_is(text: str) -> None:
    assert formatted(text).replace(ZWSP, "") == text


@settings(max_examples=200, deadline=None)
@given(text=st.text(alphabet=st.sampled_from("ab[]()<>!@#$\\&;:*_|-=\n\t 1x"), max_size=200))
def test_code_is_shown_as_it_is(text: str) -> None:
    shown = formatted(f"```py\n{text}\n```\n")
    assert shown.replace(ZWSP, "") == f"```py\n{text}\n```\n"
    assert [content.replace(ZWSP, "") for kind, content in read(shown) if kind == "fence"] == [f"{text}\n"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("A fuse melts. [1] It is thin. [2][3]", "A fuse melts. [1] It is thin. [2][3]"),
        ("See [the docs](https://docs.example/a_b).", "See the docs (https://docs.example/a_b)."),
        ("See [a_(b)](https://docs.example/a_(b) 'c').", "See a_(b) (https://docs.example/a_(b))."),
        ("[문서](https://docs.example)를 보세요", "문서 (https://docs.example) 를 보세요"),
        ("[https://docs.example](https://docs.example)", "https://docs.example"),
        ("![a plot](https://docs.example/p.png)", "a plot (https://docs.example/p.png)"),
        ("<https://docs.example|docs> <https://docs.example>", "docs (https://docs.example) https://docs.example"),
        ("[1]: https://docs.example", f"[1]{ZWSP}: https://docs.example"),
        ("see handlers[0](x)", f"see handlers[0]{ZWSP}(x)"),
        ("https://docs.example/?a=$b$&lt=1_2_3", "https://docs.example/?a=$b$&lt=1_2_3"),
        ("It costs $5 and $10, or 5$ and 10$.", "It costs $5 and $10, or 5$ and 10$."),
        ("It is $5 or 7$ then, \\$3 at most", "It is $5 or 7$ then, $3 at most"),
        ("So $x^2 + \\frac{a}{b}$ holds.", "So x² + a/b holds."),
        ("With \\(H_2O\\) too.", "With H₂O too."),
        ("From $n$th to $\\unheardof{x}$ and $y$.", "From nth to $\\unheardof{x}$ and y."),
        ("`$x^2$` and $`$", "`$x^2$` and ‘"),
        ("a < b <= c and a<b", f"a < b <= c and a<{ZWSP}b"),
        ("write me: a@b.example", "write me: a@b.example"),
        ("&copy; 2020 &lt;b&gt;", f"© 2020 <{ZWSP}b\\>"),
        ("```python\nhandlers[0](x)\nList[int]\n```", "```python\nhandlers[0](x)\nList[int]\n```"),
        ("`a[0](x)` and `<b>`, ``a`b``", "`a[0](x)` and `<b>`, ``a`b``"),
        ("```x = 1``` and `no end", "`x = 1` and \\`no end"),
        ("$$E = mc^2$$", "```\nE = mc²\n```\n"),
        ("So\n\\[\na &= b \\\\\nc &= d\n\\]\nthen", "So\n```\na = b\nc = d\n```\nthen"),
        ("> “quoted” [1]", "> “quoted” [1]"),
        ("# Head\n\n- one\n- **two**\n  1. ~~three~~", "# Head\n\n- one\n- **two**\n  1. ~~three~~"),
        ("| not a table\nnext", f"{ZWSP}| not a table\nnext"),
        ("~~~~ js {1}\n~~~\n~~~~\nx", "```js\n~~~\n```\nx"),
        ("1. Do:\n   ```sh\n   ls\n     -l\n   ```\n2. See", "1. Do:\n```sh\nls\n  -l\n```\n2. See"),
        ("> ```\n> a\n> ```\n> b", "```\na\n```\n> b"),
        ("> ```\n> a\nb", "```\na\n```\nb"),
        ("```print(1)\nx\n```", "```\nprint(1)\nx\n```"),
        ("````\n```\n````", f"```\n``{ZWSP}`\n```"),
        ("```\nopen", "```\nopen\n```"),
        ("a\r\nb\rc\u2028d\ve", "a\nb\nc\nd\ne"),
        ("👩\u200d🔬 1\ufe0f\u20e3 می\u200cخواهم", "👩\u200d🔬 1\ufe0f\u20e3 می\u200cخواهم"),
    ],
)
def test_what_is_harmless_is_shown_as_it_was_meant(text: str, shown: str) -> None:
    assert formatted(text) == shown


@pytest.mark.parametrize(
    ("latex", "shown"),
    [
        (r"\frac{a+b}{2c}", "(a+b)/(2c)"),
        (r"\sqrt[3]{x+1} \le \sqrt{2}", "∛(x+1) ≤ √2"),
        (r"R_{\text{total}} = R_1 + R_{20}", "Rₜₒₜₐₗ = R₁ + R₂₀"),
        (r"x_{Q} \neq e^{-kt}", "x_Q ≠ e⁻ᵏᵗ"),
        (r"\lim_{x \to 0} \frac{\sin x}{x} = 1", "lim_(x → 0) (sin x)/x = 1"),
        (r"\sum_{i=1}^{n} i^2", "∑ᵢ₌₁ⁿ i²"),
        (r"5\,\Omega \cdot 90^\circ", "5 Ω · 90°"),
        (r"\vec{F} = m\vec{a} \in \mathbb{R}^3", "F⃗ = ma⃗ ∈ ℝ³"),
        (r"\begin{pmatrix} 1 & 2 \\ 3 & 4 \end{pmatrix}", "(1, 2; 3, 4)"),
        (r"\begin{cases} 1 & x > 0 \\ 0 & \text{else} \end{cases}", "{ 1, x > 0; 0, else"),
        (r"\left( \dfrac{1}{2} \right) 50\% a*b", "(1/2) 50% a∗b"),
    ],
)
def test_a_formula_is_readable(latex: str, shown: str) -> None:
    assert readable(latex) == shown


@pytest.mark.parametrize("latex", [r"\undefined x", r"\frac{a}", "{a", "a}", r"\begin{tikz}\end{tikz}", "", "x^"])
def test_a_formula_that_cannot_be_told_stays_as_it_is(latex: str) -> None:
    assert readable(latex) is None
    assert formatted(f"a ${latex}$ b") == f"a ${latex}$ b"


@settings(max_examples=300, deadline=None)
@given(
    pieces=st.lists(
        st.sampled_from(r"\frac \hat \sqrt[ \begin{matrix} \end{matrix} \left \not { } ^ _ & \\ [ ] x 1 '".split()),
        max_size=80,
    )
)
def test_no_formula_is_too_much(pieces: list[str]) -> None:
    shown = readable("".join(pieces))
    assert shown is None or not set(shown) & set("\\`*~|")


def test_a_table_is_text_in_columns() -> None:
    table = "|Name|Ω|\n|:-|-:|\n|저항 | **10** |\n|`wire`|[x](https://a.example)\\|y|extra|\n|short|\nnext"
    rows = ["Name   Ω", "─────  ───────────────────────", "저항   10", "wire   x (https://a.example)|y", "short"]
    assert formatted(table) == "```\n" + "\n".join(rows) + "\n```\nnext"


def test_long_cells_are_wrapped_and_lose_nothing() -> None:
    words = [f"word{number}" for number in range(30)]
    shown = formatted(f"| a | b |\n|---|---|\n| {' '.join(words)} | 1 |\n")
    assert max(map(len, shown.split("\n"))) <= 40
    assert [word for word in shown.split() if word.startswith("word")] == words


def test_a_long_table_goes_on_while_it_arrives() -> None:
    formatter = Formatter()
    rows = [f"| {number} | {'x' * 20} |\n" for number in range(200)]
    shown = formatter.feed("| n | x |\n|---|---|\n" + "".join(rows[:100]))
    assert shown.count("\n") > 90
    shown += formatter.feed("".join(rows[100:])) + formatter.finish()
    lines = shown.splitlines()
    assert [line.split()[-1] for line in lines[3:-1] if line.endswith("x")] == ["x" * 20] * 200
    assert {line.index("x") for line in lines[3:-1] if "x" in line} == {lines[1].index("x")}


def test_prose_is_released_with_each_word() -> None:
    formatter = Formatter()
    assert formatter.feed("A fuse melts. [1]") == "A fuse melts. "
    assert formatter.feed(" It is thin.") == "[1] It is thin."
    assert formatter.feed(" One word af") == " One word "
    assert formatter.feed("ter 2") == "after "
    assert formatter.finish() == "2"


@pytest.mark.parametrize(
    "opening", ["[", "`", "$x", "$5 ", "$$", "\\[", "<https://a", "[a](https://x.example/", "| a", "&", "@"]
)
def test_nothing_is_held_back_for_long(opening: str) -> None:
    formatter = Formatter()
    assert len(formatter.feed(opening + "word " * 700)) > 1_000


LONG = [
    "[" * 9,
    "a`",
    "$a ",
    "&amp;",
    "<@U ",
    "| ",
    "word ",
    "x",
    "`a``b",
    "[a](https://x.example) ",
    "> ",
    "$x_1$ ",
    "\\[",
]


@pytest.mark.parametrize("unit", [*LONG, "```\n" + "y" * 9_000, "| a |\n|---|\n" + "| b |\n" * 900])
def test_a_long_text_takes_time_in_proportion_to_its_length(unit: str) -> None:
    def seconds(length: int) -> float:
        started = time.process_time()
        formatted(unit * (length // len(unit)))
        return time.process_time() - started

    seconds(1_000)
    assert seconds(120_000) < 12 * seconds(30_000) + 0.3


# -- division into messages


def messages(pieces: list[str], parts: Parts) -> list[str]:
    """The texts of the messages; checks after each addition that they could end there."""
    shown: dict[int, str] = {}
    for piece in pieces:
        for added in parts.add(piece):
            shown[added.part] = shown.get(added.part, "") + added.text
        now = dict(shown)
        for added in copy.deepcopy(parts).roll():
            now[added.part] = now.get(added.part, "") + added.text
        assert all(len(text.encode()) <= parts._limits[0] for text in now.values())
        assert all(len(text) <= parts._limits[1] for text in now.values())
    assert sorted(shown) == list(range(len(shown)))
    return [shown[part] for part in sorted(shown)]


def join_to(texts: list[str], whole: str) -> bool:
    """Whether these messages, without what was added to close and open code at the seams, are that text."""

    @cache
    def follows(number: int, at: int) -> bool:
        if number == len(texts):
            return at == len(whole)
        text = texts[number]
        openings = {"", "`", "``", f"`{ZWSP}", f"``{ZWSP}", text.partition("\n")[0] + "\n"} if number else {""}
        closings = {"", "```", "\n```", "`", "``", f"{ZWSP}`", f"{ZWSP}``"} if number + 1 < len(texts) else {""}
        bodies = {
            text[len(opening) : len(text) - len(closing)]
            for opening in openings
            for closing in closings
            if text.startswith(opening) and text.endswith(closing) and len(opening) + len(closing) <= len(text)
        }
        return any(whole.startswith(body, at) and follows(number + 1, at + len(body)) for body in bodies)

    return follows(0, 0)


@settings(max_examples=300, deadline=None)
@given(pieces=PIECES, limit=st.integers(64, 300), size=st.integers(1, 60))
@example(["``` [a](http://evil.example) ```", "`" * 400 + "<!here>", "``` [a](http://evil.example) ```"], 64, 1)
def test_messages_are_harmless_within_the_limits_and_lose_nothing(pieces: list[str], limit: int, size: int) -> None:
    formatter, text = Formatter(), "".join(pieces)
    released = [formatter.feed(text[at : at + size]) for at in range(0, len(text), size)] + [formatter.finish()]
    texts = messages(released, Parts(max_bytes=limit, max_characters=max(64, limit - size)))
    assert join_to(texts, formatted(text))
    for shown in texts:
        check_harmless(shown, torn=True)


@settings(max_examples=200, deadline=None)
@given(words=st.lists(st.text("abc한é👩\u200d .\n", max_size=30), max_size=40), limit=st.integers(64, 200))
def test_messages_hold_any_text(words: list[str], limit: int) -> None:
    assert "".join(messages(words, Parts(limit, limit))) == "".join(words)


def test_code_that_goes_on_in_the_next_message_is_code_there_too() -> None:
    code = "```python\n" + "x = 1  # one\n" * 40 + "```\nThe end."
    texts = messages([code], Parts(120, 120))
    assert len(texts) > 3
    assert all(text.startswith("```python\nx = 1") and "\n```" in text for text in texts[:-1])
    assert join_to(texts, code)


def test_a_span_of_code_that_goes_on_in_the_next_message_is_code_there_too() -> None:
    text = "Words " * 8 + "`" + "a [b](https://evil.example) " * 4 + "` end"
    texts = messages([text], Parts(100, 100))
    assert len(texts) > 1
    assert join_to(texts, text)
    for shown in texts:
        check_harmless(shown, torn=True)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("A line of words.\n" * 20, ".\n"),
        ("A sentence of words. " * 20, ". "),
        ("word " * 60, " "),
        ("👩\u200d🔬" * 30, "🔬"),
        ("e\u0301" * 100, "\u0301"),
    ],
)
def test_a_message_ends_where_it_hurts_least(text: str, ends: str) -> None:
    texts = messages([text], Parts(100, 100))
    assert len(texts) > 2
    assert all(shown.endswith(ends) for shown in texts[:-1])


def test_a_message_that_is_nearly_full_ends_with_the_sentence() -> None:
    texts = messages(["Some words here. "] * 80, Parts(400, 400))
    assert all(380 < len(shown) <= 400 and shown.endswith(". ") for shown in texts[:-1])


def test_a_message_that_has_grown_old_is_followed_by_another() -> None:
    parts = Parts()
    assert parts.roll() == []
    parts.add("```c\na\n")
    assert [(piece.part, piece.text) for piece in parts.roll()] == [(0, "```")]
    assert parts.roll() == []
    assert [(piece.part, piece.text) for piece in parts.add("b\n")] == [(1, "```c\nb\n")]
    assert [(piece.part, piece.text) for piece in parts.add("```\n")] == [(1, "```\n")]


def test_code_that_ends_at_the_seam_is_not_opened_again() -> None:
    parts = Parts()
    parts.add("```c\na\n")
    parts.roll()
    assert [(piece.part, piece.text) for piece in parts.add("```\nSo.")] == [(1, "\nSo.")]


def test_limits_that_hold_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="64"):
        Parts(max_bytes=10)


# -- texts in other places


@settings(max_examples=300, deadline=None)
@given(text=NASTY, limit=st.integers(0, 80))
def test_texts_in_blocks_stay_in_their_place(text: str, limit: int) -> None:
    escaped = mrkdwn(text, limit)
    assert len(escaped) <= limit
    assert not set("<>*`~\n") & set(escaped)
    assert not re.search(r"(?<![^\W_])_|_(?![^\W_])", escaped)
    assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt);)*", escaped)
    short = plain(text, limit)
    assert len(short) <= limit
    assert "\n" not in short
    for shown in (escaped, short):
        assert not SHOUT.search(shown)
        assert not CONTROL.search(html.unescape(shown))
        assert not UNSEEN.search(shown)
    assert not LABELLED.search(short)


@pytest.mark.parametrize(
    ("text", "limit", "shown"),
    [
        ("Fish & *chips*", 40, "Fish &amp; ∗chips∗"),
        ("a&b", 5, "a…"),
        ("a&b", 6, "a…"),
        ("a&bc", 7, "a&amp;…"),
        ("my_file_name.md _x_", 40, "my_file_name.md ˍxˍ"),
        ("two\n lines\t here", 40, "two lines here"),
        ("<!channel>", 40, f"&lt;{ZWSP}!channel&gt;"),
    ],
)
def test_mrkdwn_shows_just_these_words(text: str, limit: int, shown: str) -> None:
    assert mrkdwn(text, limit) == shown


def test_plain_text_is_cut_between_characters() -> None:
    assert plain("a long title", 7) == "a long…"
    assert plain("👩\u200d🔬👩\u200d🔬👩\u200d🔬", 6) == "👩\u200d🔬…"
    assert plain("short", 5) == "short"


@settings(max_examples=300, deadline=None)
@given(
    url=NASTY | st.sampled_from(["https://good.example/a?b=1&c=2"]) | NASTY.map("https://x.example/".__add__),
    label=NASTY,
    limit=st.integers(1, 200),
)
def test_a_link_is_one_link_to_the_web_or_none(url: str, label: str, limit: int) -> None:
    shown = link(url, label, limit)
    assert len(shown) <= limit
    if shown.startswith("<"):
        assert re.fullmatch(r"<https?://[^<>|\s]+\|[^<>|\n]+>", shown)
    else:
        assert shown == mrkdwn(label, limit)


def test_a_link_keeps_its_address_and_a_bad_address_leaves_the_label() -> None:
    assert link("https://a.example/x?a=1&b=|2", "A|B", 80) == "<https://a.example/x?a=1&amp;b=%7C2|A¦B>"
    for url in ("javascript:alert(1)", "https://", "http://[", "ftp://a.example", "https://a.example/" + "x" * 90):
        assert link(url, "label", 80) == "label"
