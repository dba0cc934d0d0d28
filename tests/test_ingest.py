"""Files into the knowledge base and out of it, with the real embedding model and a real Chroma."""

import os
import sys
import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from filelock import FileLock

from knowledge import KnowledgeBase, NotFoundError, SentenceEmbeddings, StorageError, Waiting
from tests.conftest import ingest

pytestmark = pytest.mark.slow

Write = Callable[[str, str | bytes], Path]
FUSE = "# Fuses\n\nA fuse melts when the current is too large.\n"
COPPER = "# Copper\n\nCopper conducts electricity well and bends without breaking.\n"


def found(knowledge: KnowledgeBase, query: str) -> list[str]:
    return [Path(document.metadata["source"]).name for document in knowledge.search(query)]


def vector_count(knowledge: KnowledgeBase, collection: str = "default") -> int:
    return knowledge.vectors.count(collection)


def test_a_second_run_does_nothing(knowledge: KnowledgeBase, write: Write) -> None:
    folder = write("a.md", FUSE).parent
    write("sub/b.txt", "Copper conducts electricity well.")
    first = ingest(knowledge, folder)
    assert (first.added, first.passages, first.failed) == (2, 2, ())
    second = ingest(knowledge, folder)
    assert (second.added, second.updated, second.unchanged, second.removed, second.passages) == (0, 0, 2, 0, 0)


def test_a_document_that_is_nothing_but_a_heading_can_be_found(knowledge: KnowledgeBase, write: Write) -> None:
    ingest(knowledge, write("a.md", "# Galvanometers\n"), write("b.md", COPPER))
    assert found(knowledge, "galvanometers")[0] == "a.md"


def test_a_changed_file_is_updated_and_its_old_words_are_gone(knowledge: KnowledgeBase, write: Write) -> None:
    path = write("a.md", FUSE)
    ingest(knowledge, path)
    write("a.md", COPPER)
    report = ingest(knowledge, path)
    assert (report.added, report.updated) == (0, 1)
    assert [d.page_content for d in knowledge.search("fuse current")] == [COPPER.strip()]
    assert vector_count(knowledge) == 1


def test_a_deleted_file_is_removed_with_its_folder_only(knowledge: KnowledgeBase, write: Write) -> None:
    gone, stays, elsewhere = write("one/a.md", FUSE), write("one/b.md", COPPER), write("two/c.md", FUSE)
    ingest(knowledge, gone.parent, elsewhere.parent)
    gone.unlink()
    elsewhere.unlink()
    report = ingest(knowledge, stays.parent)
    assert (report.removed, report.unchanged) == (1, 1)
    assert {Path(s.path).name for s in knowledge.documents()} == {"b.md", "c.md"}


def test_a_folder_that_is_suddenly_empty_keeps_its_documents(knowledge: KnowledgeBase, write: Write) -> None:
    path = write("drive/a.md", FUSE)
    ingest(knowledge, path.parent)
    path.unlink()
    report = ingest(knowledge, path.parent)
    assert report.removed == 0
    assert any("kept" in failure.error for failure in report.failed)
    assert found(knowledge, "fuse") == ["a.md"]


def test_one_bad_file_does_not_keep_the_others_out(knowledge: KnowledgeBase, write: Write) -> None:
    folder = write("good.md", FUSE).parent
    write("empty.md", "")
    write("binary.md", bytes(range(256)) * 20)
    write("broken.docx", b"PK\x03\x04 no")
    write("utf16.txt", "Kupfer leitet Strom gut.".encode("utf-16"))
    write("picture.png", b"\x89PNG")
    report = ingest(knowledge, folder, folder / "missing.md")
    assert report.added == 2
    assert report.skipped == 1
    assert {Path(f.source).name for f in report.failed} == {"empty.md", "binary.md", "broken.docx", "missing.md"}
    assert all("\n" not in f.error and f.error.endswith(".") for f in report.failed)


@pytest.mark.skipif(sys.platform != "linux", reason="such names and files are made on Linux")
def test_a_pipe_and_a_name_that_is_no_text_are_told_and_passed_over(knowledge: KnowledgeBase, write: Write) -> None:
    folder = write("good.md", FUSE).parent
    os.mkfifo(folder / "pipe.md")
    (folder / os.fsdecode(b"bad\xff.md")).write_text(COPPER)
    (folder / "broken-link.md").symlink_to(folder / "nowhere")
    report = ingest(knowledge, folder, folder / "pipe.md")
    assert report.added == 1
    assert sorted(Path(failure.source).name for failure in report.failed) == ["bad?.md", "pipe.md"]


def test_a_new_version_that_cannot_be_read_leaves_the_old_one(knowledge: KnowledgeBase, write: Write) -> None:
    path = write("a.md", FUSE)
    ingest(knowledge, path)
    write("a.md", bytes(range(256)))
    assert len(ingest(knowledge, path).failed) == 1
    (source,) = knowledge.documents()
    assert source.state == "outdated"
    assert source.error
    assert found(knowledge, "fuse") == ["a.md"]
    write("a.md", FUSE)
    assert ingest(knowledge, path).updated == 1
    assert knowledge.documents()[0].state == "ready"


def test_a_file_over_the_limit_is_refused_with_the_setting_to_change(
    tmp_path: Path, embeddings: SentenceEmbeddings
) -> None:
    big = tmp_path / "big.txt"
    with big.open("wb") as file:
        file.truncate(200_000_000)
    knowledge = KnowledgeBase(tmp_path / "data", embeddings)
    (failure,) = ingest(knowledge, big).failed
    assert "200 MB" in failure.error
    assert "max_file_mb" in failure.error


def test_an_ingestion_stopped_half_way_goes_on_where_it_was(knowledge: KnowledgeBase, write: Write) -> None:
    long = "\n\n".join(f"Paragraph {n} tells of current number {n} in some detail. " * 9 for n in range(60))
    folder = write("a.md", f"# A\n\n{long}").parent
    for name in "bcdef":
        write(f"{name}.md", f"# {name}\n\n{long}")
    events = cast("Generator[object, None, None]", knowledge.ingest([folder]))
    while not knowledge.documents():
        next(events)
    events.close()
    done = len(knowledge.documents())
    assert 0 < done < 6
    report = ingest(knowledge, folder)
    assert (report.unchanged, report.added) == (done, 6 - done)
    assert vector_count(knowledge) == sum(source.passages for source in knowledge.documents())


def test_vectors_of_a_run_that_was_killed_are_swept(knowledge: KnowledgeBase, write: Write) -> None:
    """What a kill between the vector store and the catalog leaves behind."""
    ingest(knowledge, write("a.md", FUSE))
    live = knowledge.catalog.live()
    assert live is not None
    knowledge.catalog.expect_vectors(live, "default", ["orphan"])
    with knowledge.store.writing() as store:
        store.at(live.number).add("default", ["orphan"], np.eye(1, 384, dtype=np.float32))
        store.publish()
    assert vector_count(knowledge) == 2
    ingest(knowledge, write("b.md", COPPER))
    assert vector_count(knowledge) == 2
    assert not knowledge.catalog.loose_vectors()


@pytest.mark.skipif(sys.platform == "win32", reason="there are no such pipes")
def test_vectors_that_cannot_be_copied_are_told_and_copied_the_next_time(
    knowledge: KnowledgeBase, write: Write
) -> None:
    """What a full disk does, done with something that no copy can be made of."""
    ingest(knowledge, write("a.md", FUSE))
    pipe = knowledge.folder / "chroma" / "written" / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(StorageError, match="vector store"):
        ingest(knowledge, write("b.md", COPPER))
    assert vector_count(knowledge) == 1
    assert "b.md" in found(knowledge, "copper electricity")
    pipe.unlink()
    ingest(knowledge, write("b.md", COPPER))
    assert vector_count(knowledge) == 2
    assert sorted(path.name for path in (knowledge.folder / "chroma").iterdir()) == ["1", "2", "written"]


def test_a_removed_document_is_not_found_any_more(knowledge: KnowledgeBase, write: Write) -> None:
    ingest(knowledge, write("a.md", FUSE), write("b.md", COPPER))
    assert knowledge.remove(knowledge.find("a.md")) == 1
    assert found(knowledge, "When does a fuse melt?") == ["b.md"]
    assert vector_count(knowledge) == 1


def test_documents_are_found_by_name_by_folder_and_by_path(knowledge: KnowledgeBase, write: Write) -> None:
    path = write("one/a.md", FUSE)
    ingest(knowledge, path, write("two/a.md", COPPER))
    assert len(knowledge.find("a.md")) == 2
    assert [s.path for s in knowledge.find("one/a.md")] == [str(path)]
    assert [s.path for s in knowledge.find(str(path.parent))] == [str(path)]
    with pytest.raises(NotFoundError, match=r"b\.md"):
        knowledge.find("b.md")


def test_collections_keep_apart_what_is_in_them(knowledge: KnowledgeBase, write: Write) -> None:
    path = write("a.md", FUSE)
    ingest(knowledge, path, collection="lab")
    ingest(knowledge, write("b.md", COPPER), collection="shop-2")
    assert [d.metadata["collection"] for d in knowledge.search("fuse", collections=["lab"])] == ["lab"]
    assert len(knowledge.search("fuse")) == 2
    with pytest.raises(NotFoundError, match="nowhere"):
        knowledge.search("fuse", collections=["nowhere"])
    with pytest.raises(NotFoundError, match="name of a collection"):
        ingest(knowledge, path, collection="../x")


def test_a_second_writer_waits_for_the_first(knowledge: KnowledgeBase, write: Write) -> None:
    path = write("a.md", FUSE)
    lock = FileLock(knowledge.folder / "writer.lock", thread_local=False)
    lock.acquire()
    events = knowledge.ingest([path])
    assert isinstance(next(events), Waiting)
    threading.Timer(0.2, lock.release).start()
    assert len(list(events)) > 0
    assert found(knowledge, "fuse") == ["a.md"]


def test_a_reader_sees_what_another_process_wrote(
    knowledge: KnowledgeBase, write: Write, embeddings: SentenceEmbeddings
) -> None:
    ingest(knowledge, write("a.md", FUSE))
    assert found(KnowledgeBase(knowledge.folder, embeddings), "fuse") == ["a.md"]


def test_documents_of_another_embedding_model_are_refused_with_the_command_that_rebuilds(
    knowledge: KnowledgeBase, write: Write
) -> None:
    path = write("a.md", FUSE)
    ingest(knowledge, path)
    other = KnowledgeBase(knowledge.folder, SentenceEmbeddings("other"))
    for attempt in (other.check_model, lambda: other.search("fuse"), lambda: ingest(other, path)):
        with pytest.raises(StorageError, match="'minilm'") as error:
            attempt()
        assert "ingest --rebuild" in error.value.remedy
    assert [source.state for source in other.documents()] == ["ready"]


def test_a_data_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be used"):
        KnowledgeBase(tmp_path / "data")


@pytest.mark.parametrize(
    "query", ['"', "AND OR NOT", "a*b(c)", "NEAR(x)", "-", "한국어 질문", "😀", "x" * 5000, "fuse:" * 300]
)
def test_no_query_breaks_the_search(knowledge: KnowledgeBase, write: Write, query: str) -> None:
    ingest(knowledge, write("a.md", FUSE))
    assert found(knowledge, query) == ["a.md"]


def test_a_hit_names_a_place_that_can_be_opened(knowledge: KnowledgeBase, write: Write) -> None:
    path = write("a.md", FUSE)
    ingest(knowledge, path)
    (document,) = knowledge.search("fuse")
    assert document.metadata["source"] == str(path)
    assert document.metadata["url"] == path.as_uri()
    assert document.metadata["section"] == "Fuses"
    assert 0 < document.metadata["score"] <= 1
