"""The real models, loaded once a session, and a guard against the network."""

from pathlib import Path

import pytest
import pytest_socket

from knowledge import KnowledgeBase, SentenceEmbeddings


def pytest_runtest_setup() -> None:
    """Loopback only: a test that reaches for the network fails."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "::1", "localhost"], allow_unix_socket=True)


@pytest.fixture(scope="session")
def embeddings() -> SentenceEmbeddings:
    return SentenceEmbeddings()


@pytest.fixture
def knowledge(tmp_path: Path, embeddings: SentenceEmbeddings) -> KnowledgeBase:
    return KnowledgeBase(tmp_path / "data", embeddings)
