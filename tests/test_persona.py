"""How the assistant speaks: templates that a person edits, and phrases in the asker's language."""

from collections.abc import AsyncIterator, Callable
from datetime import date
from pathlib import Path

import pytest

from assistant import Assistant, Attachment, Question, languages, phrases, prompts
from assistant.engines.openvino import OpenVINOChat
from assistant.errors import SettingsError
from assistant.placeholders import placeholders
from assistant.settings import PersonaSettings, load_profile, profile_names
from knowledge import SentenceEmbeddings
from tests.conftest import ScriptedEngine, ingest

Write = Callable[[str, str | bytes], Path]
# So much of a context of 2,048 tokens or more is left to the passages.
MAX_INSTRUCTION_TOKENS = 80
FUSES = "# Fuses\n\nA fuse is a thin wire that melts when the current is too large.\n"


@pytest.fixture
def said() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
async def assistant(
    tmp_path: Path, said: ScriptedEngine, embeddings: SentenceEmbeddings, write: Write
) -> AsyncIterator[Assistant]:
    async with Assistant(load_profile("tutor", tmp_path / "data"), said, embeddings) as assistant:
        ingest(assistant.knowledge, write("fuses.md", FUSES))
        yield assistant


def profile(write: Write, text: str) -> str:
    return str(write("mine.toml", f"[persona]\n{text}\n"))


# -- what the model is told


@pytest.mark.slow
@pytest.mark.parametrize("name", profile_names())
@pytest.mark.parametrize("language", ["", "ko", "pt-BR"])
def test_the_instructions_of_every_shipped_profile_are_short(
    name: str, language: str, engine: OpenVINOChat, tmp_path: Path
) -> None:
    system = prompts.system(load_profile(name, tmp_path).persona, language)
    assert 10 < engine.count_text(system) <= MAX_INSTRUCTION_TOKENS
    assert not placeholders(system)


def test_a_persona_is_told_in_one_line() -> None:
    persona = PersonaSettings(name="Ada", instructions="Answer briefly.", tone="kind", policy=("Promise nothing.",))
    assert prompts.system(persona, "") == "You are Ada. Answer briefly. Be kind. Promise nothing."


def test_the_template_is_filled() -> None:
    persona = PersonaSettings(
        name="Ada", instructions="I am {name}.", policy=("Write {language}; use {{braces}}.", "Today is {today}.")
    )
    today = date.today().isoformat()
    assert prompts.system(persona, "ko") == f"I am Ada. Write Korean; use {{braces}}. Today is {today}."
    assert "Write the language of the question" in prompts.system(persona, "")


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        (
            'instructions = "Speak {tongue}."',
            "persona.instructions",
            r"\{tongue\}; .*\{language\}, \{name\}, ",
        ),
        ('policy = ["Be brief.", "{now}"]', "persona.policy.1", r"no placeholder \{now\}"),
        ('instructions = "{name.__class__}"', "persona.instructions", r"\{name.__class__\} is no placeholder"),
        ('instructions = "{name!r:>9}"', "persona.instructions", r"\{name\} is no placeholder"),
        ('instructions = "{}"', "persona.instructions", r"\{\} is no placeholder"),
        ('instructions = "Answer with {"', "persona.instructions", "for a brace itself write two"),
        ('abstention = "No {language}."', "persona.abstention", r"\{language\}; those that there are: none"),
        ("abstention = 5", "persona.abstention", "a text, or a table with a text for each language"),
        ("abstention = {en = 5}", "persona.abstention", "a text, or a table with a text for each language"),
        ('abstention = {"1" = "No."}', "persona.abstention", "'1' is no code of a language"),
    ],
)
def test_a_wrong_template_is_named_with_what_is_right(
    text: str, key: str, says: str, write: Write, tmp_path: Path
) -> None:
    with pytest.raises(SettingsError, match=says) as raised:
        load_profile(profile(write, text), tmp_path)
    assert f"'{key}'" in raised.value.problem


# -- the asker's language


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("What does a fuse do?", "en"),
        ("퓨즈는 무엇을 하나요?", "ko"),
        ("for loop와 while loop의 차이는?", "ko"),
        ("JavaScript의 Promise가 뭐예요?", "ko"),
        ("What does 안녕하세요 mean?", "en"),
        ("ヒューズとは何ですか？", "ja"),
        ("電流を測る方法", "ja"),
        ("保险丝有什么作用？", "zh"),
        ("Wie messe ich den Strom?", "de"),
        ("¿Qué es un fusible?", "es"),
        ("À quoi sert un fusible ?", "fr"),
        ("O que é um fusível?", "pt"),
        ("A cosa serve un fusibile?", "it"),
        ("Как измерить ток?", "ru"),
        ("Vòng lặp là gì?", "vi"),
        ("Waar vind ik het serienummer?", "nl"),
        ("", ""),
        ("ok", ""),
        ("MKSYSB", ""),
        ("12 + 7 = ?", ""),
        ("print(x)", ""),
    ],
)
def test_the_language_of_a_question_is_known_or_left_open(text: str, code: str) -> None:
    assert languages.detect(text) == code


@pytest.mark.parametrize("phrase", phrases.PHRASES)
def test_every_phrase_exists_in_every_language_with_the_same_fields(phrase: str) -> None:
    texts = phrases.PHRASES[phrase]
    assert set(texts) == set(phrases.LANGUAGES)
    assert len({frozenset(placeholders(text)) for text in texts.values()}) == 1
    assert phrase in PersonaSettings.model_fields
    for code, text in texts.items():
        assert code == "en" or languages.detect(text) in (code, ""), "it is written in that language"


def test_a_phrase_is_the_profiles_own_else_built_in_else_english() -> None:
    def said(own: str | dict[str, str], language: str) -> str:
        return phrases.say(PersonaSettings(abstention=own), "abstention", language)

    assert [said("", code) for code in ("", "en", "ko-KR", "tlh")] == [
        "The documents do not say.",
        "The documents do not say.",
        "문서에 나와 있지 않아요.",
        "The documents do not say.",
    ]
    assert {said("Ask {{us}}.", code) for code in ("", "en", "ko", "tlh")} == {"Ask {us}."}
    table = {"en": "Nothing.", "pt-BR": "Nada."}
    assert [said(table, code) for code in ("en-GB", "pt-br", "pt", "de", "tlh", "")] == [
        "Nothing.",
        "Nada.",
        "Os documentos não dizem isso.",
        "Das steht nicht in den Dokumenten.",
        "Nothing.",
        "Nothing.",
    ]


@pytest.mark.parametrize("name", profile_names())
def test_what_a_shipped_profile_says_itself_it_says_in_every_language(name: str, tmp_path: Path) -> None:
    persona = load_profile(name, tmp_path).persona
    for own in (getattr(persona, phrase) for phrase in phrases.PHRASES):
        assert not own or set(own) == set(phrases.LANGUAGES)


def test_the_environment_sets_a_phrase(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_PERSONA__ABSTENTION", "Nothing.")
    monkeypatch.setenv("ASSISTANT_PERSONA__QUOTATION", '{"ko": "원문:"}')
    persona = load_profile("docs", tmp_path).persona
    assert phrases.say(persona, "abstention", "ko") == "Nothing."
    assert phrases.say(persona, "quotation", "ko") == "원문:"


@pytest.mark.slow
async def test_the_documents_do_not_say_in_the_askers_language(assistant: Assistant) -> None:
    german = await assistant.ask(Question("Was kostet der Versand nach Norwegen?"))
    assert german.text.startswith("Das steht nicht im Kurs.\n\nDurchsucht wurde")
    korean = await assistant.ask(Question("What is the price?", language="ko"))
    assert korean.text.startswith("강의 자료에 나와 있지 않아요.\n\n")


@pytest.mark.slow
async def test_the_model_is_told_the_language_of_the_question(assistant: Assistant, said: ScriptedEngine) -> None:
    await assistant.ask(Question("What is a fuse?"))
    attached = (Attachment("note.txt", "Eine Sicherung ist ein dünner Draht, der bei zu hohem Strom schmilzt."),)
    await assistant.ask(Question("Was ist eine Sicherung?", attachments=attached))
    assert "Answer in" not in said.prompts[0].replace("Answer in two or three", "").replace("Answer in the text's", "")
    assert "\n\nAnswer in German.\n\n" in said.prompts[-1]


@pytest.mark.slow
async def test_a_question_too_short_to_tell_has_the_language_of_the_one_before(
    assistant: Assistant, said: ScriptedEngine
) -> None:
    await assistant.ask(Question("퓨즈(fuse)는 무엇인가요?", "session-1"))
    answer = await assistant.ask(Question("fuse wire melts?", "session-1"))
    assert answer.text.startswith("강의 자료에 적힌 그대로 옮기면 다음과 같아요:")
    assert "\n\nAnswer in Korean.\n\n" in said.prompts[-1]
