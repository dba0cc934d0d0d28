"""Loaders of third parties, found in distributions that are written here."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from knowledge import LoadError, loaders
from knowledge.loaders import plugins

Write = Callable[[str, str | bytes], Path]
MODULE = """
from langchain_core.documents import Document

def load(path):
    return [Document("read by " + __name__, metadata={"page": 2, "extra": object()})]

def fail(path):
    raise ValueError("no such record")

nothing = 3
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Put a distribution on the path: install("acme", abc="acme_loader:load")."""

    def install_distribution(name: str, /, **loaders: str) -> None:
        site = tmp_path / f"site-{name}"
        info = site / f"{name}-1.2.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
        lines = "\n".join(f"{suffix} = {target}" for suffix, target in loaders.items())
        (info / "entry_points.txt").write_text(f"[assistant.loaders]\n{lines}\n")
        (site / f"{name}_loader.py").write_text(MODULE)
        monkeypatch.syspath_prepend(str(site))
        plugins.found.cache_clear()

    yield install_distribution
    plugins.found.cache_clear()


def test_a_third_party_adds_a_kind_of_file(install: Callable[..., None], write: Write) -> None:
    install("acme", abc="acme_loader:load")
    assert ".abc" in loaders.suffixes()
    (document,) = loaders.load(write("notes.ABC", b"\0anything"))
    assert document.page_content == "read by acme_loader"
    assert document.metadata == {"title": "notes", "page": 2, "format": "markdown", "section": ""}


def test_a_third_party_wins_over_ours_for_its_suffix_only(install: Callable[..., None], write: Write) -> None:
    install("bravo", md="bravo_loader:load")
    assert loaders.load(write("a.md", "# Ours"))[0].page_content == "read by bravo_loader"
    assert loaders.load(write("a.markdown", "# Ours"))[0].page_content == "# Ours"


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("gone_module:load", "No module named 'gone_module'"),
        ("charlie_loader:absent", "has no attribute 'absent'"),
        ("charlie_loader:nothing", "it is not callable"),
        ("charlie_loader:fail", "ValueError: no such record"),
    ],
)
def test_a_loader_that_does_not_work_is_named_with_who_brought_it(
    install: Callable[..., None], write: Write, target: str, reason: str
) -> None:
    install("charlie", abc=target)
    with pytest.raises(LoadError, match=r"from charlie 1\.2") as error:
        loaders.load(write("a.abc", "x"))
    assert reason in error.value.problem
    assert loaders.load(write("a.md", "text")), "others go on"


def test_two_third_parties_for_one_suffix_are_refused_by_name(install: Callable[..., None], write: Write) -> None:
    install("delta", abc="delta_loader:load")
    install("echo", abc="echo_loader:load")
    with pytest.raises(LoadError, match=r"delta 1\.2 and echo 1\.2 both bring a loader for \.abc"):
        loaders.load(write("a.abc", "x"))
