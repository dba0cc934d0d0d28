"""Reading in a process of its own: what hangs, grows or crashes there is told in a line, and the next file is read."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import xlsxwriter

from knowledge import LoadError, loaders
from knowledge.isolation import FILES_A_WORKER, Reader

pytestmark = pytest.mark.slow

Write = Callable[[str, str | bytes], Path]
# Loaders that do what hostile files make loaders do.
MODULE = """
import os, signal, subprocess, sys, time
from langchain_core.documents import Document

def said(text):
    return [Document(text)]

def hang(path):
    path.with_suffix(".pid").write_text(str(os.getpid()))
    time.sleep(1000)

def start(path):
    path.with_suffix(".pid").write_text(str(subprocess.Popen(["sleep", "1000"]).pid))
    time.sleep(1000)

def grow(path):
    return said(str(len(bytearray(2_000_000_000))))

kept = []
def keep(path):
    kept.append(bytearray(150_000_000))
    return said("kept")

def abort(path):
    os.abort()

def leave(path):
    os._exit(int(path.read_text()))

def stop(path):
    raise SystemExit(0)

def speak(path):
    print("noise", flush=True)
    os.write(1, b"more noise")
    return said(" ".join([str(os.getpid()), *sys.modules]))
"""
NAMES = "hang start grow keep abort leave stop speak".split()


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A distribution whose loaders misbehave, each for a suffix of its name."""
    info = tmp_path / "site" / "bad-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: bad\nVersion: 1.0\n")
    entries = "\n".join(f"{name} = bad_loaders:{name}" for name in NAMES)
    (info / "entry_points.txt").write_text(f"[assistant.loaders]\n{entries}\n")
    (tmp_path / "site" / "bad_loaders.py").write_text(MODULE)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    return tmp_path / "site"


@pytest.fixture
def reader(site: Path) -> Iterator[Reader]:
    with Reader(seconds=2, memory=500_000_000) as reader:
        yield reader


def pid_beside(path: Path) -> int:
    """The process that a loader wrote down beside its file."""
    note = path.with_suffix(".pid")
    for _ in range(600):
        if note.exists() and note.read_text():
            return int(note.read_text())
        time.sleep(0.1)
    raise AssertionError("it never began")


def ended(pid: int) -> bool:
    for _ in range(100):
        status = Path(f"/proc/{pid}/status")
        if not status.exists() or "State:\tZ" in status.read_text():
            return True
        time.sleep(0.1)
    return False


def test_what_is_read_there_is_what_is_read_here(reader: Reader, write: Write) -> None:
    for path in (
        write("a.md", "# Über\n\nText. 밸브"),
        write("b.csv", "a,b\n1,2\n"),
        write("c.txt", "line\r\n" * 50_000),
    ):
        assert reader.read(path) == loaders.load(path)


def test_an_error_there_is_the_error_here(reader: Reader, write: Write, tmp_path: Path) -> None:
    for path, name in ((write("a.pdf", "no"), ""), (tmp_path / "gone.md", "gone.md"), (write("download", " "), "b.md")):
        with pytest.raises(LoadError) as here:
            loaders.load(path, name)
        with pytest.raises(LoadError) as there:
            reader.read(path, name)
        assert str(there.value) == str(here.value)


def test_a_file_that_takes_too_long_is_given_up(reader: Reader, write: Write) -> None:
    with pytest.raises(LoadError, match=r"slow\.hang takes longer than 2 s to read"):
        reader.read(write("x.hang", ""), "slow.hang")
    assert ended(pid_beside(write("x.hang", "")))
    assert reader.read(write("a.md", "next"))


def test_programs_that_a_file_started_end_with_it(reader: Reader, write: Write) -> None:
    path = write("x.start", "")
    with pytest.raises(LoadError, match="takes longer"):
        reader.read(path)
    assert ended(pid_beside(path))


def test_a_file_that_needs_too_much_memory_is_refused(reader: Reader, write: Write) -> None:
    with pytest.raises(LoadError, match=r"big\.grow needs too much memory to be read: more than 0\.5 GB"):
        reader.read(write("x", ""), "big.grow")
    assert reader.read(write("a.md", "next"))


def test_memory_that_files_before_took_is_not_held_against_a_file(reader: Reader, write: Write) -> None:
    path = write("a.keep", "")
    assert [reader.read(path)[0].page_content for _ in range(8)] == ["kept"] * 8


@pytest.mark.parametrize(
    ("name", "content", "how"),
    [("a.abort", "", "SIGABRT"), ("a.leave", "0", "exit code 0"), ("a.leave", "7", "exit code 7"), ("a.stop", "", "")],
)
def test_a_file_that_ends_its_reader_is_named_and_the_next_is_read(
    reader: Reader, write: Write, name: str, content: str, how: str
) -> None:
    for _ in range(2):
        with pytest.raises(LoadError, match=rf"{name} crashed the reader \({how}"):
            reader.read(write(name, content), name)
        assert reader.read(write("a.md", "next"))


def test_a_sheet_that_spans_more_cells_than_memory_holds_takes_nothing_with_it(reader: Reader, tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "a")
        sheet.write(1_048_575, 16_383, "b")
    with pytest.raises(LoadError, match=r"a\.xlsx .*memory"):
        reader.read(path)


def test_a_worker_reads_many_files_and_is_then_replaced(reader: Reader, write: Write) -> None:
    path = write("a.speak", "")
    workers = [reader.read(path)[0].page_content.split()[0] for _ in range(FILES_A_WORKER + 1)]
    assert len(set(workers[:-1])) == 1
    assert workers[-1] != workers[0]


def test_the_reader_carries_no_models(reader: Reader, write: Write) -> None:
    loaded = reader.read(write("a.speak", ""))[0].page_content.split()
    assert "knowledge.loaders" in loaded
    assert not {"torch", "transformers", "sentence_transformers", "chromadb", "langgraph", "onnxruntime"} & set(loaded)


def test_several_threads_may_read_at_once(site: Path, write: Write) -> None:
    paths = [write(f"{number}.md", f"text {number}") for number in range(40)]
    read: dict[Path, str] = {}

    def work(mine: list[Path]) -> None:
        for path in mine:
            read[path] = shared.read(path)[0].page_content

    with Reader(workers=2) as shared:
        threads = [threading.Thread(target=work, args=(paths[start::4],)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert read == {path: f"text {path.stem}" for path in paths}


def test_files_can_be_asked_for_ahead(reader: Reader, write: Write) -> None:
    waiting = [reader.submit(write(f"{number}.md", f"text {number}")) for number in range(20)]
    assert [future.result()[0].page_content for future in waiting] == [f"text {number}" for number in range(20)]


def test_closing_ends_what_is_being_read_and_gives_up_what_waits(site: Path, write: Write) -> None:
    reader = Reader()
    path = write("x.hang", "")
    running, waiting = reader.submit(path), reader.submit(write("a.md", "text"))
    pid = pid_beside(path)
    reader.close()
    assert ended(pid)
    assert waiting.cancelled()
    with pytest.raises(LoadError, match="the reader is closed"):
        running.result()
    with pytest.raises(RuntimeError):
        reader.submit(path)


def test_a_reader_that_is_killed_is_replaced(reader: Reader, write: Write) -> None:
    worker = int(reader.read(write("a.speak", ""))[0].page_content.split()[0])
    parent = int(Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[1])
    for pid in (worker, parent):
        os.kill(pid, 9)
        assert ended(pid)
        time.sleep(0.5)
        assert reader.read(write("a.md", "next"))


# A script without a guard, which multiprocessing would run again in its children.
SCRIPT = """
import sys, os, threading
from pathlib import Path
from knowledge.isolation import Reader
reader = Reader(seconds=3)
print("began", reader.read(Path(sys.argv[1]))[0].page_content, flush=True)
reader.submit(Path(sys.argv[2]))
while not Path(sys.argv[2]).with_suffix(".pid").exists():
    pass
os.kill(os.getpid(), 9)
"""


def test_nothing_is_left_when_the_assistant_is_killed(site: Path, write: Write, tmp_path: Path) -> None:
    script, path = write("script.py", SCRIPT), write("x.hang", "")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    run = [sys.executable, str(script), str(write("a.md", "text")), str(path)]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == -9, done.stderr
    assert done.stdout == "began text\n"
    assert ended(pid_beside(path))
