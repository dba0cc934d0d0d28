"""Conversations that several processes share: in a real PostgreSQL, and in one file."""

import asyncio
import importlib.util
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psycopg
import pytest
from filelock import FileLock
from pydantic import SecretStr

from assistant import Assistant, Attachment, Question
from assistant.conversations import open_conversations
from assistant.errors import SettingsError
from assistant.settings import DatabaseSettings, Settings, load_profile
from knowledge import SentenceEmbeddings, StorageError
from tests.conftest import ScriptedEngine
from tests.postgres import fresh_database
from tests.servers import free_port

pytestmark = pytest.mark.slow

LOG = Attachment("log", "The linker failed because the library libfoo was not found on this computer.")


def at(url: str) -> DatabaseSettings:
    return DatabaseSettings(url=SecretStr(url))


def why(conversation: str, text: str = "Why did the linker fail?") -> Question:
    return Question(text, conversation, attachments=(LOG,))


@pytest.fixture
def database(postgres: str) -> str:
    return fresh_database(postgres)


@pytest.fixture
async def replica(
    tmp_path: Path, database: str, embeddings: SentenceEmbeddings
) -> AsyncIterator[Callable[[], Assistant]]:
    made: list[Assistant] = []

    def make() -> Assistant:
        settings: Settings = load_profile("docs", tmp_path / str(len(made)))
        made.append(Assistant(settings.model_copy(update={"database": at(database)}), ScriptedEngine(), embeddings))
        return made[-1]

    yield make
    for assistant in made:
        await assistant.aclose()


async def test_a_conversation_goes_on_at_another_replica(replica: Callable[[], Assistant]) -> None:
    one, other = replica(), replica()
    first = why("c")
    await one.ask(first)
    await other.ask(why("c", "Which library was not found?"))
    turns = await one.history("c")
    assert [turn.question for turn in turns] == ["Why did the linker fail?", "Which library was not found?"]
    assert turns[0].id == first.id
    assert turns[0].citations[0].source == "log"
    await other.forget("c")
    assert await one.history("c") == []


async def test_many_replicas_that_start_at_once_make_the_tables_once(database: str, tmp_path: Path) -> None:
    async def start() -> None:
        async with open_conversations(at(database), tmp_path):
            pass

    async with asyncio.timeout(60):
        await asyncio.gather(*(start() for _ in range(8)))
    async with await psycopg.AsyncConnection.connect(database) as connection:
        cursor = await connection.execute("SELECT count(*), count(DISTINCT v) FROM checkpoint_migrations")
        made = await cursor.fetchone()
        assert made
        assert made[0] == made[1] > 5


async def test_a_server_that_cuts_all_connections_costs_no_conversation(
    replica: Callable[[], Assistant], database: str
) -> None:
    assistant = replica()
    await assistant.ask(why("c"))
    async with await psycopg.AsyncConnection.connect(database) as connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    assert len(await assistant.history("c")) == 1
    await assistant.ask(why("c"))
    assert len(await assistant.history("c")) == 2


async def test_what_the_database_refuses_in_the_middle_is_told_in_words(
    replica: Callable[[], Assistant], database: str
) -> None:
    assistant = replica()
    assert await assistant.history("c") == []
    async with await psycopg.AsyncConnection.connect(database) as connection:
        await connection.execute("DROP TABLE checkpoints")
    for ask in (lambda: assistant.history("c"), lambda: assistant.ask(why("c")), lambda: assistant.forget("c")):
        call: Callable[[], Awaitable[object]] = ask
        with pytest.raises(StorageError, match='cannot be kept in the database: relation "checkpoints" does not exist'):
            await call()


async def test_a_database_that_is_away_or_unknown_is_told_without_its_password(postgres: str, tmp_path: Path) -> None:
    away = f"postgresql://me:hunter2@127.0.0.1:{free_port()}/talk"
    with pytest.raises(StorageError) as error:
        async with open_conversations(at(away), tmp_path):
            pass
    assert "'talk' on 127.0.0.1 cannot be used" in error.value.problem
    assert "ASSISTANT_DATABASE__URL" in error.value.remedy
    assert "hunter2" not in str(error.value)
    with pytest.raises(StorageError, match='database "nowhere" does not exist'):
        async with open_conversations(at(f"{postgres.rpartition('/')[0]}/nowhere"), tmp_path):
            pass


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://me:hunter2@host/talk", "begins with 'mysql://'"),
        ("hunter2", "is no address"),
        ("postgresql://me:hunter2%zz@host/talk", "is not an address of PostgreSQL"),
    ],
)
async def test_an_address_of_another_kind_is_refused_without_being_shown(url: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as error:
        async with open_conversations(at(url), tmp_path):
            pass
    assert says in error.value.problem
    assert "postgresql://user:password@host" in error.value.remedy
    assert "hunter2" not in str(error.value)


async def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="needs psycopg") as error:
        open_conversations(at("postgresql://host/talk"), tmp_path)
    assert "solar-assistant[postgres]" in error.value.remedy


# -- one file

PROCESS = """
import asyncio, sys
from pathlib import Path
from assistant import Assistant, Attachment, Question
from assistant.settings import load_profile
from tests.conftest import ScriptedEngine

async def main(name, folder):
    async with Assistant(load_profile("docs", Path(folder)), ScriptedEngine()) as assistant:
        log = Attachment("log", "The linker failed because the library libfoo was not found on this computer.")
        for number in range(10):
            await assistant.ask(Question("Why did the linker fail?", name, attachments=(log,)))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_processes_that_share_a_folder_lose_no_turn(tmp_path: Path, embeddings: SentenceEmbeddings) -> None:
    async def run(name: str) -> None:
        command, root = [sys.executable, "-c", PROCESS, name, str(tmp_path)], Path(__file__).parents[1]
        process = await asyncio.create_subprocess_exec(*command, stderr=subprocess.PIPE, cwd=root)
        _, told = await process.communicate()
        assert process.returncode == 0, told.decode()

    names = ("a", "b", "c")
    await asyncio.gather(*(run(name) for name in names))
    async with Assistant(load_profile("docs", tmp_path), ScriptedEngine(), embeddings) as assistant:
        assert [len(await assistant.history(name)) for name in names] == [10, 10, 10]


async def touch(folder: Path) -> None:
    """Open the conversations of a folder and write."""
    async with open_conversations(DatabaseSettings(), folder) as saver:
        await saver.adelete_thread("none")


async def waits(task: "asyncio.Task[None]") -> bool:
    await asyncio.wait({task}, timeout=0.3)
    return not task.done()


async def test_many_open_a_new_file_at_once(tmp_path: Path) -> None:
    """One at a time, for SQLite tells some of those who switch a file's journal together that it is locked."""
    with FileLock(tmp_path / "sessions.lock"):
        first = asyncio.create_task(touch(tmp_path))
        assert await waits(first)
    await asyncio.gather(first, *(touch(tmp_path) for _ in range(8)))
    with sqlite3.connect(tmp_path / "sessions.sqlite3") as file:
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_who_writes_waits_for_another_writer(tmp_path: Path) -> None:
    await touch(tmp_path)
    with sqlite3.connect(tmp_path / "sessions.sqlite3") as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(touch(tmp_path))
        assert await waits(writing)
        other.commit()
        await writing


async def test_a_file_that_is_no_database_is_told_in_words(tmp_path: Path, embeddings: SentenceEmbeddings) -> None:
    async with Assistant(load_profile("docs", tmp_path), ScriptedEngine(), embeddings) as assistant:
        (tmp_path / "sessions.sqlite3").write_bytes(b"not a database, whatever its name says" * 30)
        with pytest.raises(StorageError, match="cannot be kept in the data folder: file is not a database"):
            await assistant.history("c")
