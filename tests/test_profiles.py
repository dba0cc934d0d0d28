"""One assistant, several profiles: each lends its voice, its policy and its documents to the questions that name it."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from assistant import Assistant, Question, phrases
from assistant.errors import SettingsError
from assistant.settings import load_profile
from knowledge import NotFoundError, SentenceEmbeddings
from tests.conftest import ScriptedEngine, ingest

pytestmark = pytest.mark.slow

Write = Callable[[str, str | bytes], Path]
PHYSICS = "# Fuses\n\nA fuse is a thin wire that melts when the current is too large.\n"
HISTORY = "# Treaties\n\nThe treaty was signed in the spring by all four kingdoms.\n"
PROFILE = """[engine]
kind = "remote"
[knowledge]
collections = ["history"]
passages = 1
[persona]
instructions = "You are a historian."
abstention = "The archive is silent."
quotation = "From the archive:"
"""


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
async def assistant(
    tmp_path: Path, engine: ScriptedEngine, embeddings: SentenceEmbeddings, write: Write
) -> AsyncIterator[Assistant]:
    async with Assistant(load_profile("docs", tmp_path / "data"), engine, embeddings) as assistant:
        ingest(assistant.knowledge, write("physics.md", PHYSICS), collection="physics")
        ingest(assistant.knowledge, write("history.md", HISTORY), collection="history")
        yield assistant


@pytest.fixture
def history(write: Write) -> str:
    return str(write("historian.toml", PROFILE))


async def test_a_profile_lends_its_voice_and_its_documents(
    assistant: Assistant, engine: ScriptedEngine, history: str
) -> None:
    answer = await assistant.ask(Question("Who signed the treaty in the spring?", profile=history))
    assert answer.text.startswith("From the archive:")
    assert engine.prompts[0].startswith("You are a historian.")
    answer = await assistant.ask(Question("What is a fuse?", profile=history))
    assert answer.text.startswith("The archive is silent.")


async def test_a_question_without_a_profile_is_answered_by_the_assistants_own(
    assistant: Assistant, history: str
) -> None:
    await assistant.ask(Question("Who signed the treaty?", profile=history))
    answer = await assistant.ask(Question("What is a fuse?"))
    assert answer.text.startswith(phrases.say(assistant.settings.persona, "quotation", "en"))


async def test_the_collections_of_a_question_win_over_the_profiles(assistant: Assistant, history: str) -> None:
    asked = Question("What is a fuse?", profile=history, collections=("physics",))
    assert (await assistant.ask(asked)).citations[0].section == "Fuses"
    with pytest.raises(NotFoundError, match="There is no collection 'chemistry'"):
        await assistant.ask(Question("What is a fuse?", profile=history, collections=("chemistry",)))


async def test_a_profile_is_loaded_once(assistant: Assistant, history: str, write: Write) -> None:
    assistant.check_profile(history)
    write("historian.toml", "broken")
    answer = await assistant.ask(Question("What is a fuse?", profile=history))
    assert answer.text.startswith("The archive is silent.")


async def test_a_profile_that_is_unknown_or_wrong_is_told_before_any_question(
    assistant: Assistant, write: Write
) -> None:
    with pytest.raises(SettingsError, match="Did you mean 'tutor'"):
        assistant.check_profile("tutr")
    with pytest.raises(SettingsError, match=r"unknown key 'persona\.voice'"):
        assistant.check_profile(str(write("wrong.toml", '[persona]\nvoice = "deep"\n')))
    with pytest.raises(SettingsError, match="Did you mean 'tutor'"):
        await assistant.ask(Question("What is a fuse?", profile="tutr"))
    assistant.check_profile("tutor")
    assistant.check_profile("")


async def test_a_profile_with_another_embedding_model_cannot_be_lent(assistant: Assistant, write: Write) -> None:
    with pytest.raises(SettingsError, match="asks for the embedding model 'other'; the assistant runs with 'minilm'"):
        assistant.check_profile(str(write("other.toml", '[knowledge]\nembedding_model = "other"\n')))
