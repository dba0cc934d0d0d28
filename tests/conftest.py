"""The real models, loaded once a session; plain fakes; and a guard against the network."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_socket
from langchain_core.messages import AIMessageChunk, BaseMessage
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from assistant.engines.gguf import bundled_model
from assistant.engines.local import LocalChat
from assistant.engines.openvino import OpenVINOChat
from assistant.engines.remote import RemoteChat
from assistant.engines.transformers import TransformersChat
from knowledge import KnowledgeBase, Report, SentenceEmbeddings
from tests.chroma import serve_chroma
from tests.postgres import serve_postgres
from tests.servers import serve_bundled_model
from tests.smollm2 import write_folder

# A busy machine is slow, and that is not what is tested.
PATIENCE_S = 150.0


# These files use the served models, which take half a minute to start: they are run by one process.
SERVED = ("test_contract.py", "test_standard.py", "test_remote_standard.py")
# What takes longest begins first, so that no process is left with it at the end. What is asked in Slack is mostly
# waited for, and leaves the processor to the others.
FIRST = (
    *SERVED,
    "test_slack_replicas.py",
    "test_commands.py",
    "test_slack_conversations.py",
    "test_bench.py",
    "test_models.py",
    "test_terminal.py",
    "test_kill.py",
    "test_weights.py",
)


class ByFile(LoadFileScheduling):  # type: ignore[misc]  # it is not typed
    """The tests of a file are run by one process, since they share fixtures, and so are those of SERVED."""

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return SERVED[0] if Path(file).name in SERVED else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByFile:
    return ByFile(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(FIRST)}
    items.sort(key=lambda item: ranks.get(item.path.name, len(ranks)))


def pytest_runtest_setup() -> None:
    """Loopback only: a test that reaches for the network fails."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def embeddings() -> SentenceEmbeddings:
    return SentenceEmbeddings()


@pytest.fixture(scope="session")
def engine() -> Iterator[OpenVINOChat]:
    """The bundled chat model, served for real."""
    engine = OpenVINOChat(model_path=bundled_model(), max_tokens=48)
    engine.load()
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def smollm2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundled model as 16-bit safetensors."""
    return write_folder(tmp_path_factory.mktemp("smollm2"))


@pytest.fixture(scope="session")
def transformers_engine(smollm2_folder: Path) -> Iterator[TransformersChat]:
    """The same model, served by transformers' continuous batching."""
    engine = TransformersChat(model_path=smollm2_folder, max_tokens=48)
    engine.load()
    assert engine.one_at_a_time == ""
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def remote_engine(smollm2_folder: Path) -> Iterator[RemoteChat]:
    """The same model behind a real server, `transformers serve`, with its own tokenizer on this side."""
    with serve_bundled_model(smollm2_folder) as (url, name):
        yield RemoteChat(base_url=url, model=name, tokenizer=str(smollm2_folder), max_tokens=48, timeout_s=PATIENCE_S)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL on loopback: its URL. `fresh_database` makes a database of one's own there."""
    with serve_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def chroma() -> Iterator[str]:
    """A real Chroma server on loopback: its URL."""
    with serve_chroma() as url:
        yield url


@pytest.fixture
def knowledge(tmp_path: Path, embeddings: SentenceEmbeddings) -> Iterator[KnowledgeBase]:
    base = KnowledgeBase(tmp_path / "data", embeddings)
    yield base
    base.close()


@pytest.fixture
def report(capfd: pytest.CaptureFixture[str]) -> Callable[[str], None]:
    """Print a figure that was measured, past the capturing of output."""

    def print_line(line: str) -> None:
        with capfd.disabled():
            print(f"\n{line}")  # noqa: T201

    return print_line


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str | bytes], Path]:
    """Write a file below `files/` and return its path."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
        return path

    return write_file


async def idle(engine: LocalChat) -> bool:
    """Whether nobody is being answered any more, within six seconds."""
    for _ in range(300):
        if engine.idle:
            return True
        await asyncio.sleep(0.02)
    return False


def ingest(knowledge: KnowledgeBase, *paths: Path | str, collection: str = "default") -> Report:
    """Run an ingestion to its end."""
    *_, report = knowledge.ingest(paths, collection)
    assert isinstance(report, Report)
    return report


@dataclass
class ScriptedEngine:
    """Says what it was told to say, a few characters at a time; a word is a token."""

    says: str = ""
    context_length: int = 2_000
    prompts: list[str] = field(default_factory=list)

    def load(self) -> None:
        return

    def close(self) -> None:
        return

    def count_text(self, text: str) -> int:
        return len(text.split())

    def count_tokens(self, messages: Sequence[BaseMessage]) -> int:
        return sum(self.count_text(message.text) for message in messages)

    async def astream(self, messages: list[BaseMessage], /) -> AsyncIterator[AIMessageChunk]:
        self.prompts.append("\n".join(message.text for message in messages))
        for start in range(0, len(self.says), 7):
            yield AIMessageChunk(content=self.says[start : start + 7])
