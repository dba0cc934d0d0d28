"""The same knowledge base in a folder, and in PostgreSQL and a Chroma server that several machines share."""

import re
import threading
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import cast

import chromadb
import numpy as np
import psycopg
import pytest
from chromadb.config import Settings

from knowledge import (
    ChromaServer,
    IngestEvent,
    KnowledgeBase,
    Place,
    Report,
    SentenceEmbeddings,
    StorageError,
    Waiting,
)
from tests.chroma import guarded
from tests.conftest import ingest
from tests.postgres import fresh_database

pytestmark = pytest.mark.slow

QUIET = Settings(anonymized_telemetry=False)

Write = Callable[[str, str | bytes], Path]
Open = Callable[[], KnowledgeBase]
FUSE = "# Fuses\n\nA fuse melts when the current is too large.\n"
COPPER = "# Copper\n\nCopper conducts electricity well and bends without breaking.\n"


@pytest.fixture(params=["folder", "servers"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, embeddings: SentenceEmbeddings) -> Iterator[Open]:
    """Opens the same knowledge base, as often as it is called."""
    place = Place()
    if request.param == "servers":
        url, chroma = request.getfixturevalue("postgres"), request.getfixturevalue("chroma")
        place = Place(fresh_database(url), ChromaServer(chroma))
    bases: list[KnowledgeBase] = []

    def open_one() -> KnowledgeBase:
        bases.append(
            KnowledgeBase(tmp_path / f"data{len(bases) if place.catalog_url else ''}", embeddings, place=place)
        )
        return bases[-1]

    yield open_one
    for base in bases:
        base.close()


def names(knowledge: KnowledgeBase, query: str) -> list[str]:
    return [Path(document.metadata["source"]).name for document in knowledge.search(query)]


def last(events: Iterable[IngestEvent]) -> Report:
    *_, report = events
    assert isinstance(report, Report)
    return report


def total(knowledge: KnowledgeBase) -> int:
    return sum(source.passages for source in knowledge.documents())


def test_what_one_process_ingests_another_finds_lists_and_removes(opened: Open, write: Write) -> None:
    one, other = opened(), opened()
    ingest(one, write("a.md", FUSE), write("b.md", COPPER))
    assert names(other, "When does a fuse melt?")[0] == "a.md"
    assert [(s.state, s.version, s.passages) for s in other.documents()] == [("ready", 1, 1), ("ready", 1, 1)]
    assert other.remove(other.find("a.md")) == 1
    assert names(one, "When does a fuse melt?") == ["b.md"]
    assert one.vectors.count("default") == total(one) == 1


def test_a_new_version_replaces_the_old_one_in_both_halves(opened: Open, write: Write) -> None:
    knowledge = opened()
    path = write("a.md", FUSE)
    ingest(knowledge, path)
    write("a.md", COPPER)
    assert ingest(knowledge, path).updated == 1
    assert [s.version for s in knowledge.documents()] == [2]
    assert [d.page_content for d in knowledge.search("fuse current")] == [COPPER.strip()]
    assert not knowledge.catalog.matching(["fuse"], ["default"], 5)
    assert knowledge.vectors.count("default") == 1
    write("a.md", b"\0\1\2" * 99)
    ingest(knowledge, path)
    (source,) = knowledge.documents()
    assert (source.state, source.version) == ("outdated", 2)


def test_rare_words_are_worth_more_than_common_ones(opened: Open, write: Write) -> None:
    knowledge = opened()
    for number in range(6):
        write(f"{number}.txt", f"The current in circuit {number} is measured, and the current is small.")
    ingest(knowledge, write("rare.txt", "The galvanometer measures a current.").parent)
    (best, worth), (_, second), *_ = knowledge.catalog.matching(["galvanometer", "current"], ["default"], 3)
    assert Path(knowledge.catalog.passages([best])[best].source).name == "rare.txt"
    assert worth > 2 * second
    assert knowledge.catalog.frequency("measuring") == 7
    assert knowledge.catalog.passage_count() == 7


MANUAL = {
    "install.md": "# Setup\n\n## Install the valve\n\nTurn off the water before anything is opened.\n",
    "valve.md": "# Parts\n\n## Valve\n\nA valve lets water pass in one direction, and the spring closes the valve.\n",
    "pump.md": "# Parts\n\n## Pump\n\nThe pump moves water to the boiler. Install it below the tank, near a drain.\n",
    "boiler.md": "# Parts\n\n## Boiler\n\nThe boiler heats what the pump sends; a valve at its top lets steam out.\n",
    "clean.md": "# Care\n\n## Cleaning\n\nClean the filter of the pump once a year with warm water and no soap.\n",
    "steam.md": "# Care\n\n## Steam\n\nNever open it while there is steam inside; wait until the needle is at zero.\n",
}
NOTE = "Shelves are dusted on Fridays, and whoever finds a book that is torn puts it into the basket by the door."
ASKED = [("install", "valve"), ("steam",), ("pump", "water"), ("boiler", "valve", "steam"), ("clean", "filter")]


def manual(write: Write) -> Path:
    """Its folder. Among much else a word of it is rare, where the two databases reckon rarity alike."""
    for name, text in MANUAL.items():
        write(f"manual/{name}", text)
    return write("manual/else.md", "".join(f"# Note {n}\n\n{NOTE}\n\n" for n in range(40))).parent


def matched(knowledge: KnowledgeBase, *tokens: str) -> list[str]:
    """The files that the words find, best first."""
    found = knowledge.catalog.matching(tokens, ["default"], 10)
    passages = knowledge.catalog.passages([id_ for id_, _ in found])
    return [Path(passages[id_].source).name for id_, _ in found]


def test_a_word_in_the_heading_path_is_worth_more_than_one_in_the_text(opened: Open, write: Write) -> None:
    knowledge = opened()
    # The text of a passage begins with its heading, so the word is twice in both.
    heading = write("heading.md", "# Fuses\n\nMetals, made of copper.\n")
    text = write("text.md", "# Metals\n\nFuses, fuses, made of copper.\n")
    ingest(knowledge, heading, text)
    (_, first), (_, second) = knowledge.catalog.matching(["fuses"], ["default"], 2)
    assert matched(knowledge, "fuses") == ["heading.md", "text.md"]
    assert first > 1.02 * second


def test_both_databases_put_what_words_find_in_the_same_order(
    tmp_path: Path, postgres: str, embeddings: SentenceEmbeddings, write: Write
) -> None:
    folder = manual(write)
    orders: list[list[list[str]]] = []
    for place in (Place(), Place(fresh_database(postgres))):
        with closing(KnowledgeBase(tmp_path / f"at{len(orders)}", embeddings, place=place)) as knowledge:
            ingest(knowledge, folder)
            orders.append([matched(knowledge, *tokens) for tokens in ASKED])
    assert orders[0] == orders[1]
    assert all(orders[0])


def test_a_database_in_which_headings_were_not_marked_is_brought_up_to_date(
    tmp_path: Path, postgres: str, embeddings: SentenceEmbeddings, write: Write
) -> None:
    place = Place(fresh_database(postgres))
    with closing(KnowledgeBase(tmp_path / "one", embeddings, place=place)) as knowledge:
        ingest(knowledge, manual(write))
        order = matched(knowledge, "install", "valve")
    with psycopg.connect(place.catalog_url) as connection:
        connection.execute(
            "ALTER TABLE knowledge.passages DROP COLUMN terms, ADD COLUMN tokens tsvector GENERATED ALWAYS AS "
            "(to_tsvector('english', section || ' ' || text) || to_tsvector('simple', grams)) STORED"
        )
    with closing(KnowledgeBase(tmp_path / "two", embeddings, place=place)) as knowledge:
        assert matched(knowledge, "install", "valve") == order


@pytest.mark.parametrize("query", ['"', "AND OR NOT", "a*b(c)", "it's", "\\ ' : & | !", "한국어 질문", "x" * 3000])
def test_no_query_breaks_the_search(opened: Open, write: Write, query: str) -> None:
    knowledge = opened()
    ingest(knowledge, write("a.md", FUSE))
    assert names(knowledge, query) == ["a.md"]


def test_one_writes_while_others_wait_and_say_so(opened: Open, write: Write) -> None:
    one, other = opened(), opened()
    lock = one.catalog.writer()
    lock.acquire()
    events = other.ingest([write("a.md", FUSE)])
    assert isinstance(next(events), Waiting)
    threading.Timer(0.3, lock.release).start()
    assert len(list(events)) > 0
    assert names(one, "fuse") == ["a.md"]


def test_no_passage_is_embedded_twice(opened: Open, write: Write, embeddings: SentenceEmbeddings) -> None:
    knowledge = opened()
    knowledge.embeddings = counting = Counting(embeddings)
    long = "\n\n".join(f"Paragraph {n} tells of current and voltage in some detail. " * 12 for n in range(8))
    path = write("a.md", f"# A\n\n{long}\n")
    ingest(knowledge, path)
    first, passages = counting.texts, total(knowledge)
    assert first == passages > 4
    write("a.md", f"# A\n\n{long}\n\n# New\n\n{'What was added tells of copper. ' * 9}\n")
    ingest(knowledge, path)
    ingest(knowledge, write("copy.md", f"# A\n\n{long}\n"))
    ingest(knowledge, path, collection="second")
    assert counting.texts < first + 4
    assert knowledge.vectors.count("default") + knowledge.vectors.count("second") == total(knowledge)
    assert len(knowledge.search("copper", collections=["second"])) == 5


class Counting(SentenceEmbeddings):
    """Counts the texts that are embedded as documents."""

    def __init__(self, embeddings: SentenceEmbeddings) -> None:
        super().__init__()
        self._encoders = [embeddings.load()]
        self.texts = 0

    def stream(self, texts: Sequence[str]) -> Generator[tuple[list[int], np.ndarray]]:
        self.texts += len(texts)
        return super().stream(texts)


def test_another_model_is_refused_until_everything_is_rebuilt_and_then_searched_at_once(
    opened: Open, write: Write
) -> None:
    old = opened()
    path = write("a.md", FUSE)
    ingest(old, path, write("gone.md", COPPER))
    (path.parent / "gone.md").unlink()
    new = opened()
    new._model = "another"
    with pytest.raises(StorageError, match="'minilm'") as error:
        new.search("fuse")
    assert "assistant ingest --rebuild" in error.value.remedy
    events = new.rebuild()
    while not new.catalog.building():
        next(events)
    assert names(old, "fuse")[0] == "a.md"
    report = last(events)
    assert (report.added, [Path(f.source).name for f in report.failed]) == (2, ["gone.md"])
    assert names(new, "fuse")[0] == "a.md"
    assert {Path(s.path).name: s.state for s in new.documents()} == {"a.md": "ready", "gone.md": "outdated"}
    assert names(new, "copper")[0] == "gone.md"
    assert new.vectors.count("default") == 2
    with new.store.writing() as store:
        assert store.generations() == {2}
    with pytest.raises(StorageError, match="'another'"):
        old.search("fuse")


def test_a_rebuild_that_was_interrupted_goes_on_and_leaves_nothing_over(opened: Open, write: Write) -> None:
    knowledge = opened()
    folder = write("a.md", FUSE).parent
    write("b.md", COPPER)
    ingest(knowledge, folder)
    ingest(knowledge, folder, collection="second")
    again = opened()
    again._model = "another"
    events = cast("Generator[IngestEvent, None, None]", again.rebuild())
    while not (building := again.catalog.building()) or not again.catalog.sources("default", building):
        next(events)
    events.close()
    assert names(knowledge, "fuse")[0] == "a.md"
    report = last(again.rebuild())
    assert report.unchanged > 0
    assert report.unchanged + report.added == 4
    assert [s.version for s in again.documents()] == [1] * 4
    assert again.vectors.count("default") == again.vectors.count("second") == 2
    with again.store.writing() as store:
        assert again.catalog.generations() == store.generations() == {2}


def test_a_server_that_is_not_there_is_named_without_its_password(
    tmp_path: Path, embeddings: SentenceEmbeddings, write: Write
) -> None:
    with pytest.raises(StorageError, match="database of a catalog") as error:
        KnowledgeBase(tmp_path, place=Place("postgresql://me:secret@127.0.0.1:1/x"))
    assert "secret" not in str(error.value)
    knowledge = KnowledgeBase(tmp_path, embeddings, place=Place(chroma=ChromaServer("http://127.0.0.1:1")))
    with pytest.raises(StorageError, match=r"Chroma server at http://127\.0\.0\.1:1"):
        ingest(knowledge, write("a.md", FUSE))


def test_a_server_that_wants_a_token_gets_it_and_keeps_each_tenant_to_itself(
    tmp_path: Path, embeddings: SentenceEmbeddings, write: Write, chroma: str
) -> None:
    host, port = chroma.removeprefix("http://").split(":")
    admin = chromadb.AdminClient(
        Settings(
            chroma_api_impl="chromadb.api.fastapi.FastAPI",
            chroma_server_host=host,
            chroma_server_http_port=int(port),
            anonymized_telemetry=False,
        )
    )
    admin.create_tenant("school")
    admin.create_database("physics", "school")
    with guarded(chroma, "a-secret") as url:
        ours = ChromaServer(url, "a-secret", "school", "physics")
        with closing(KnowledgeBase(tmp_path / "data", embeddings, place=Place(chroma=ours))) as knowledge:
            ingest(knowledge, write("a.md", FUSE))
            assert names(knowledge, "What melts?") == ["a.md"]
        held = chromadb.HttpClient(host, int(port), settings=QUIET, tenant="school", database="physics")
        assert [one.count() for one in held.list_collections()] == [1]
        wrong = Place(chroma=ChromaServer(url, "a-guess", "school", "physics"))
        with (
            closing(KnowledgeBase(tmp_path / "other", embeddings, place=wrong)) as shut,
            pytest.raises(StorageError, match=f"Chroma server at {url}") as error,
        ):
            ingest(shut, write("b.md", COPPER))
        assert "ASSISTANT_KNOWLEDGE__CHROMA_TOKEN" in error.value.remedy
        assert "a-guess" not in str(error.value)


def test_a_search_during_an_ingestion_sees_the_old_version_or_the_new_one(opened: Open, write: Write) -> None:
    reader, writer = opened(), opened()
    path = versioned(write, 0)
    ingest(writer, path)
    done = threading.Event()

    def rewrite() -> None:
        for number in range(1, 6):
            ingest(writer, versioned(write, number))
        done.set()

    thread = threading.Thread(target=rewrite)
    thread.start()
    seen: set[str] = set()
    while not done.is_set():
        markers = set(MARKER.findall(" ".join(d.page_content for d in reader.search("current and voltage", 12))))
        assert len(markers) < 2
        seen |= markers
    thread.join()
    assert len(seen) > 1


MARKER = re.compile(r"edition \d+")


def versioned(write: Write, number: int) -> Path:
    """A document of a dozen passages, each of which says its version."""
    passages = (f"## Part {n}\n\n{f'Current and voltage in edition {number}, part {n}. ' * 9}" for n in range(12))
    return write("a.md", "\n\n".join(passages))
