"""What people see in Slack besides the text of an answer: always within Slack's limits, and never with more power
than it should have."""

import dataclasses
import re
import string
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import Citation
from connectors.slack import modals
from connectors.slack.blocks import answer_blocks, reason_blocks, root_blocks, source_name
from connectors.slack.home import Recent, home_view
from connectors.slack.settings import Language
from connectors.slack.wording import Reason, Wording, counted, wording

EN = wording("en")
LANGUAGES: tuple[Language, ...] = get_args(Language)

# What Slack allows: https://docs.slack.dev/reference/block-kit
TEXT_LIMITS = {"section": 3000, "header": 150, "button": 75, "context": 3000, "input": 2000}
CONTROL = re.compile(r"<([^>]*)>")

HOSTILE = [
    "<!channel>",
    "<!here|x>",
    "<@U0EVIL>",
    "<#C0EVIL>",
    "<https://evil.example|ok>",
    "&lt;!channel&gt;",
    "*_~`>",
]
texts = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from([*HOSTILE, "\n", "```", "| ", "word "]), max_size=30).map("".join),
    st.integers(0, 9_000).map(lambda n: "&<>" * (n // 3)),
    st.text(min_size=1, max_size=3).map(lambda unit: unit * 4_000),
)
urls = st.one_of(
    st.just(""), st.just("https://docs.example/a?b=1&c=<2>|3"), texts.map("https://docs.example/{}".format), texts
)
citations = st.builds(Citation, st.integers(1, 99), texts, st.none() | st.integers(0, 10**9), texts, urls, texts)
languages = st.sampled_from(LANGUAGES).map(wording)


def citation(
    number: int, source: str = "ohm.md", page: int | None = None, section: str = "", url: str = ""
) -> Citation:
    return Citation(number, source, page, section, url, f"quote {number}")


def answer(*cited: Citation, status: str = "answered", notes: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return answer_blocks(question_id="q1", status=status, citations=cited, notes=notes, words=EN)


def inside(node: Any) -> Iterator[Mapping[str, Any]]:
    """Every object within blocks, outermost first."""
    if isinstance(node, Mapping):
        yield node
        for value in node.values():
            yield from inside(value)
    elif isinstance(node, list):
        for value in node:
            yield from inside(value)


def shown(blocks: Any) -> str:
    """All the text there is."""
    return "\n".join(str(o["text"]) for o in inside(blocks) if isinstance(o.get("text"), str))


def buttons(blocks: Any) -> list[Mapping[str, Any]]:
    return [o for o in inside(blocks) if o.get("type") == "button"]


def check(blocks: list[dict[str, Any]], limit: int = 50, *, powers: str = "") -> None:
    """Slack takes these blocks, and they do nothing but what the pattern of `powers` allows."""
    assert 1 <= len(blocks) <= limit
    ids = [block["block_id"] for block in blocks if "block_id" in block]
    assert len(ids) == len(set(ids))
    for found in inside(blocks):
        check_object(found)
        if found.get("type") == "mrkdwn":
            for power in CONTROL.findall(found["text"]):
                assert re.fullmatch(powers or "(?!)", power, re.DOTALL), power


def check_object(found: Mapping[str, Any]) -> None:
    kind, text = str(found.get("type")), found.get("text")
    if kind in ("mrkdwn", "plain_text"):
        assert isinstance(text, str) and 1 <= len(text) <= 3000 and text.strip()
    if isinstance(text, Mapping) and kind in TEXT_LIMITS:
        assert len(text["text"]) <= TEXT_LIMITS[kind]
    if kind in ("context", "actions", "context_actions", "rich_text"):
        assert 1 <= len(found["elements"]) <= 10
    if "value" in found and "text" in found and kind == "None":
        assert len(found["text"]["text"]) <= 75 and 1 <= len(found["value"]) <= 2000
    if kind == "button":
        assert len(found.get("value", "")) <= 2000
    if "options" in found:
        check_options(found["options"])
    if "initial_value" in found:
        assert 1 <= len(found["initial_value"]) <= 3000


def check_options(options: list[Mapping[str, Any]]) -> None:
    assert 1 <= len(options) <= 100
    values = [option["value"] for option in options]
    assert len(values) == len(set(values))
    assert all(1 <= len(value) <= 150 for value in values)


def check_view(view: dict[str, Any], *, powers: str = "") -> None:
    check(view["blocks"], 100, powers=powers)
    assert view["type"] == "home" or 1 <= len(view["title"]["text"]) <= 24
    assert len(view.get("private_metadata", "")) <= 3000


LINKS = r"https?://[^|<>\s]*\|[^|]*"


@given(
    st.lists(citations, max_size=30),
    st.lists(texts, max_size=15),
    languages,
    st.sampled_from(["answered", "abstained"]),
)
def test_the_end_of_an_answer_is_within_limits_and_harmless(
    cited: list[Citation], notes: list[str], words: Wording, status: str
) -> None:
    blocks = answer_blocks(question_id="q" * 32, status=status, citations=cited, notes=notes, words=words)
    check(blocks, powers=LINKS)


@given(st.lists(citations, max_size=20), languages)
def test_a_source_opens_within_limits_and_harmless(cited: list[Citation], words: Wording) -> None:
    for number in [0, *(c.number for c in cited)]:
        check_view(modals.source_modal(cited, number, words), powers=LINKS)


@given(texts, st.lists(texts, max_size=30), st.lists(texts, max_size=120), languages)
def test_dialogs_are_within_limits_and_harmless(
    text: str, files: list[str], collections: list[str], words: Wording
) -> None:
    check_view(modals.ask_modal(text, "{}", words))
    check_view(modals.add_file_modal(files, collections, "{}", words))
    check_view(modals.feedback_modal("q1", words))


@given(
    st.lists(st.tuples(texts, st.integers(0, 10**6)), max_size=30),
    st.lists(texts, max_size=20),
    st.lists(st.builds(Recent, texts, st.sampled_from(["answered", "", "?"]), urls, st.floats()), max_size=20),
    languages,
)
def test_the_home_tab_is_within_limits_and_harmless(
    collections: list[tuple[str, int]], documents: list[str], recent: list[Recent], words: Wording
) -> None:
    view = home_view(
        name="Ohm",
        collections=collections,
        documents=documents,
        recent=recent,
        help_text="",
        command="/ask",
        words=words,
    )
    check_view(view, powers=rf"{LINKS}|!date\^\d+\^\{{date_short_pretty\}}, \{{time\}}\|[-0-9: ]+UTC")


@given(texts, languages)
def test_the_question_of_somebody_mentions_them_and_nobody_else(text: str, words: Wording) -> None:
    check(root_blocks("U123", text, words), powers="@U123")


@given(texts, languages, st.data())
def test_a_reason_is_within_limits_and_harmless_whatever_it_is_about(text: str, words: Wording, data: Any) -> None:
    name = data.draw(st.sampled_from(sorted(words.reasons)))
    reason = words.reason(name, limit=text, channel="C123", scope=text)
    check(reason_blocks(reason, words, question_id="q1"), powers="#C123")


@given(texts | st.lists(st.sampled_from(["/", "\\", "..", "~", "C:", "file:", "%2e", "a"]), max_size=8).map("".join))
def test_no_name_of_a_document_is_a_path_of_this_machine(source: str) -> None:
    name = source_name(source)
    assert name
    assert not PurePosixPath(name).is_absolute()
    assert not PureWindowsPath(name).root
    assert name != "~"
    assert not re.match(r"~[^/\\]*[/\\]", name)
    assert ".." not in PurePosixPath(name).parts


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("/home/ann/course/ohm.md", "ohm.md"),
        ("C:\\docs\\ohm.pdf", "ohm.pdf"),
        ("\\\\server\\share\\ohm.pdf", "ohm.pdf"),
        ("~/notes/ohm.md", "ohm.md"),
        ("../ohm.md", "ohm.md"),
        ("course/ohm.md", "course/ohm.md"),
        ("file:///srv/docs/a%20b.md", "a b.md"),
        ("https://docs.example/guide/start?x=1", "start"),
        ("https://docs.example", "docs.example"),
        ("question.txt", "question.txt"),
        ("/srv/~draft.md", "~draft.md"),
        ("/srv/..", "?"),
        ("~", "?"),
        ("", "?"),
    ],
)
def test_a_document_is_named_as_people_know_it(source: str, name: str) -> None:
    assert source_name(source) == name


def test_citations_of_one_place_are_one_source_and_its_button_names_the_first() -> None:
    blocks = answer(
        citation(1, "ohm.md", section="Units"), citation(2, "lab.pdf", 3), citation(3, "ohm.md", section="Units")
    )
    assert [button["value"] for button in buttons(blocks)] == ["q1:1", "q1:2"]
    assert {button["action_id"] for button in buttons(blocks)} == {"show_source"}
    assert "*[1][3]* ohm.md · Units" in shown(blocks)
    assert "*[2]* lab.pdf · page 3" in shown(blocks)


def test_only_ten_sources_are_listed_and_the_others_counted() -> None:
    blocks = answer(*(citation(n, f"{n}.md") for n in range(1, 15)))
    assert len(buttons(blocks)) == 10
    assert "and 4 more" in shown(blocks)


def test_a_web_address_is_a_link_and_a_file_is_not() -> None:
    blocks = answer(
        citation(1, "guide", url="https://docs.example/guide"), citation(2, "/srv/ohm.md", url="file:///srv/ohm.md")
    )
    assert "<https://docs.example/guide|guide>" in shown(blocks)
    assert "/srv" not in shown(blocks)
    assert len(buttons(blocks)) == 2


@pytest.mark.parametrize(
    ("status", "cited", "text"),
    [
        ("answered", (citation(1),), EN.footer),
        ("answered", (), EN.footer_bare),
        ("abstained", (), EN.footer_quoted),
        ("quoted", (citation(1),), EN.footer_quoted),
    ],
)
def test_the_footer_says_who_wrote_the_answer(status: str, cited: tuple[Citation, ...], text: str) -> None:
    assert shown(answer(*cited, status=status)).splitlines()[-3] == text


def test_an_answer_can_be_judged() -> None:
    (element,) = answer()[-1]["elements"]
    assert element["action_id"] == "feedback"
    assert (element["positive_button"]["value"], element["negative_button"]["value"]) == ("good:q1", "bad:q1")


def test_notes_are_shown_as_they_are() -> None:
    blocks = answer(notes=("notes_*old*.md was not read.", "  "))
    notes = [e for b in blocks if b["type"] == "context" for e in b["elements"] if "not read" in e["text"]]
    assert [(note["type"], note["text"]) for note in notes] == [("plain_text", "notes_*old*.md was not read.")]


def test_a_reason_comes_with_what_to_do_whom_to_ask_and_another_try() -> None:
    blocks = reason_blocks(Reason("It is late.", "Sleep."), EN, "Ask <@U9>.", "q1")
    assert [block["type"] for block in blocks] == ["section", "context", "actions"]
    assert shown(blocks).splitlines()[:3] == ["*It is late.*", "Sleep.", "Ask <@U9>."]
    assert [(b["action_id"], b["value"]) for b in buttons(blocks)] == [("ask_again", "q1")]
    assert len(reason_blocks(Reason("It is late.", "Sleep."), EN)) == 1


def test_a_reason_takes_values_that_cannot_break_out_of_it() -> None:
    reason = EN.reason("missing_scope", scope="x` <!channel>")
    assert "<!" not in reason.problem
    assert reason.problem.count("`") == 2


def test_a_reason_that_does_not_exist_is_an_error() -> None:
    with pytest.raises(KeyError):
        EN.reason("no_such_reason")


def test_a_source_opens_with_every_quote_of_its_place_word_for_word() -> None:
    cited = [
        Citation(1, "/srv/ohm.md", 2, "Units", "https://docs.example/ohm", "1 < 2 & *3*"),
        Citation(2, "other.md", None, "", "", "elsewhere"),
        Citation(3, "/srv/ohm.md", 2, "Units", "https://docs.example/ohm", "V = I × R\n\n`R`"),
    ]
    view = modals.source_modal(cited, 3, EN)
    quotes = [o["elements"][0]["text"] for o in inside(view) if o.get("type") == "rich_text_quote"]
    assert quotes == ["1 < 2 & *3*", "V = I × R\n\n`R`"]
    assert shown(view["blocks"]).startswith("*ohm.md*\npage 2 · Units\n")
    assert shown(view["blocks"]).endswith("<https://docs.example/ohm|Open the document>")


def test_a_source_that_is_no_longer_kept_says_so() -> None:
    assert EN.source_gone in shown(modals.source_modal([citation(1)], 2, EN))


def test_a_question_about_a_message_begins_with_its_text_and_is_answered_in_the_thread() -> None:
    view = modals.ask_modal("What is a volt?", "C1:170.1", EN)
    question, where = (block["element"] for block in view["blocks"])
    assert (view["callback_id"], view["private_metadata"]) == ("ask_about", "C1:170.1")
    assert question["initial_value"] == "What is a volt?"
    assert [option["value"] for option in where["options"]] == ["in_thread", "only_me"]
    assert where["initial_option"]["value"] == "in_thread"


def test_files_go_to_a_collection_there_is_or_a_new_one() -> None:
    view = modals.add_file_modal(["/srv/a.pdf", "b.md"], ["course", "course", "handbook"], "m", EN)
    files, choice, new = view["blocks"]
    assert "• a.pdf\n• b.md" in files["text"]["text"]
    assert [option["value"] for option in choice["element"]["options"]] == ["course", "handbook"]
    assert new["optional"] is True


def test_where_there_is_no_collection_one_must_be_named() -> None:
    _, new = modals.add_file_modal(["a.pdf"], [], "m", EN)["blocks"]
    assert new["block_id"] == "new_collection"
    assert not new.get("optional")


def test_feedback_may_be_given_without_a_word() -> None:
    view = modals.feedback_modal("q1", EN)
    assert (view["callback_id"], view["private_metadata"]) == ("feedback_reason", "q1")
    assert view["blocks"][0]["optional"] is True


def home(words: Wording = EN, **changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "name": "Ohm",
        "collections": [("course", 12), ("handbook", 1)],
        "documents": ["/srv/ohm.md", "lab.pdf"],
        "recent": [Recent("What is a *volt*?", "answered", "https://x.slack.com/archives/C1/p1", 1_790_000_000.0)],
        "help_text": "Ask <@U9>.",
        "command": "/ask",
        "words": words,
    }
    return home_view(**given | changes)


def test_the_home_tab_says_what_is_known_what_was_asked_how_to_ask_and_whom_else() -> None:
    text = shown(home())
    for part in ("*course* · 12 documents", "*handbook* · 1 document", "Among them: ohm.md, lab.pdf", "Ask <@U9>."):
        assert part in text
    assert "<!date^1790000000^{date_short_pretty}, {time}|2026-09-21 14:13 UTC> · answered" in text
    assert "<https://x.slack.com/archives/C1/p1|Open the answer>" in text
    assert "`/ask your question`" in text


def test_the_home_tab_of_somebody_new_invites_to_ask() -> None:
    text = shown(home(collections=[], documents=[], recent=[], help_text=""))
    assert EN.home_nothing in text
    assert EN.home_no_recent in text
    assert EN.home_help not in text


def test_forgetting_is_confirmed_first() -> None:
    (button,) = buttons(home())
    assert button["action_id"] == "forget_me"
    assert button["confirm"]["style"] == "danger"


def fields_of(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def all_texts(words: Wording) -> dict[str, str]:
    """Every text by the name of where it stands."""
    found: dict[str, str] = {}
    for field in dataclasses.fields(words):
        value = getattr(words, field.name)
        items = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, tuple) else None
        for key, text in items or [("", value)]:
            pieces = [text.problem, text.remedy] if isinstance(text, Reason) else [text]
            found |= {f"{field.name}.{key}.{n}": piece for n, piece in enumerate(pieces)}
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_everything_with_the_same_fields(language: Language) -> None:
    texts, english = all_texts(wording(language)), all_texts(EN)
    assert texts.keys() == english.keys()
    assert all(text.strip() for text in texts.values())
    assert {name: fields_of(text) for name, text in texts.items()} == {n: fields_of(t) for n, t in english.items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_texts_fit_where_slack_shows_them(language: Language) -> None:
    words = wording(language)
    assert 1 <= len(words.loading) <= 10
    assert all(len(message) <= 50 for message in words.loading)
    for name in ("source_title", "feedback_title", "ask_title", "add_title", "send", "add", "close", "cancel"):
        assert len(getattr(words, name)) <= 24, name
    assert len(words.forget_text) <= 300


def test_a_status_that_need_not_be_told_is_empty() -> None:
    assert EN.status("answered") == "answered"
    assert EN.status("silent") == ""


def test_one_and_many_differ() -> None:
    assert [counted(EN.passages, n) for n in (0, 1, 2)] == ["0 passages", "1 passage", "2 passages"]
