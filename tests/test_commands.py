"""The installed command, through pipes, with the bundled models."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pypdf
import pytest
from fpdf import FPDF

pytestmark = pytest.mark.slow

ASSISTANT = str(Path(sys.executable).with_name("assistant"))
COURSE = """# Fuses

A fuse is a thin wire that melts when the current is too large and so opens the circuit.

# Meters

An ammeter is connected in series, so that the current to be measured flows through it.
"""


def run(data: Path, *arguments: str | Path, piped: str | bytes | None = None) -> subprocess.CompletedProcess[str]:
    """Run `assistant`, with nothing on standard input unless something is piped."""
    content = piped.encode() if isinstance(piped, str) else piped
    done = subprocess.run(
        [ASSISTANT, "--data-dir", str(data), *map(str, arguments)],
        capture_output=True,
        input=content,
        stdin=subprocess.DEVNULL if content is None else None,
        timeout=170,
        check=False,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


def error_lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("course")
    (folder / "course.md").write_text(COURSE)
    return folder


@pytest.fixture(scope="module")
def ingested(course: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    data = tmp_path_factory.mktemp("data")
    done = run(data, "ingest", course, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return data, json.loads(done.stdout)


@pytest.fixture
def data(ingested: tuple[Path, dict[str, Any]], tmp_path: Path) -> Path:
    """A copy of a filled data folder, to do with as a test likes."""
    return Path(shutil.copytree(ingested[0], tmp_path / "data"))


def test_ingest_prints_the_json_that_is_promised(ingested: tuple[Path, dict[str, Any]]) -> None:
    _, report = ingested
    assert list(report) == ["added", "updated", "unchanged", "removed", "failed", "passages", "seconds"]
    assert (report["added"], report["failed"], report["passages"]) == (1, [], 2)


def test_ask_prints_the_json_that_is_promised_with_quotes_that_can_be_found(data: Path, course: Path) -> None:
    done = run(data, "ask", "What is a fuse?", "--json", "--session", "s1")
    answer = json.loads(done.stdout)
    assert done.returncode == 0
    assert list(answer) == ["answer", "status", "citations", "session", "usage", "timings"]
    assert (answer["status"], answer["session"]) == ("answered", "s1")
    assert list(answer["usage"]) == ["prompt_tokens", "completion_tokens"]
    assert list(answer["timings"]) == ["retrieve_ms", "first_token_ms", "total_ms"]
    for citation in answer["citations"]:
        assert list(citation) == ["number", "source", "page", "section", "url", "quote"]
        assert citation["quote"] in Path(citation["source"]).read_text()
        assert citation["url"] == (course / "course.md").as_uri()
        assert f"[{citation['number']}]" in answer["answer"]
    assert "melts when the current is too large" in answer["answer"]


def test_what_the_documents_do_not_say_ends_with_exit_code_3(data: Path) -> None:
    done = run(data, "ask", "What is the refund policy?")
    assert done.returncode == 3
    assert done.stdout.startswith("The documents do not say.\n\nI searched default")


def test_piped_text_is_evidence(data: Path) -> None:
    log = "Start.\nThe linker failed because the library libfoo was not found on this computer.\n"
    done = run(data, "ask", "Why did the linker fail?", piped=log)
    assert done.returncode == 0
    assert "library libfoo was not found" in done.stdout
    assert "standard input" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_conversation_goes_on_in_another_process(data: Path) -> None:
    assert run(data, "ask", "What is a fuse?", "--session", "s2").returncode == 0
    done = run(data, "chat", "--session", "s2", piped="When does it melt?\n/history\n")
    assert done.returncode == 0
    history = done.stdout[done.stdout.rindex("> What is a fuse?") :]
    assert "> When does it melt?" in history


def test_search_prints_the_json_that_is_promised(data: Path) -> None:
    done = run(data, "search", "fuse", "-k", "1", "--json")
    (hit,) = json.loads(done.stdout)
    assert list(hit) == ["source", "page", "section", "text", "score"]
    assert hit["section"] == "Fuses"


def test_documents_are_listed_shown_and_removed(data: Path, course: Path) -> None:
    (listed,) = json.loads(run(data, "documents", "list", "--json").stdout)
    assert (listed["source"], listed["passages"]) == (str(course / "course.md"), 2)
    assert "thin wire" in run(data, "documents", "show", "course.md").stdout
    assert run(data, "documents", "remove", "course.md").returncode == 0
    assert json.loads(run(data, "documents", "list", "--json").stdout) == []
    assert (course / "course.md").exists()


def test_the_doctor_finds_everything_in_order(data: Path) -> None:
    done = run(data, "doctor", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (0, True)
    assert {"python", "chat model", "embedding model", "data folder", "documents"} <= {
        c["name"] for c in report["checks"]
    }


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["ask", ""], 2, "empty"),
        (["ask", "why " * 25_000], 2, "tokens"),
        (["ask", "Why?", "--collection", "nowhere"], 1, "nowhere"),
        (["ask"], 2, "empty"),
        (["--profile", "tutr", "ask", "Why?"], 2, "'tutr'"),
        (["ingest", "missing.md"], 1, "does not exist"),
        (["ingest"], 2, "PATH"),
        (["documents", "remove", "nothing.md"], 1, "nothing.md"),
        (["search", " "], 2, "empty"),
        (["run", "slak"], 2, "'slak'"),
        (["frobnicate"], 2, "frobnicate"),
        (["--frobnicate"], 2, "frobnicate"),
    ],
)
def test_wrong_use_is_told_in_two_lines(data: Path, arguments: list[str], code: int, says: str) -> None:
    done = run(data, *arguments)
    if arguments[:1] == ["ingest"] and code == 1:
        assert done.stdout.startswith("Added 0")
        assert says in done.stderr
    else:
        lines = error_lines(done)
        assert len(lines) == 2, done.stderr
        assert says in lines[0]
        assert len(done.stderr) < 1_000
    assert done.returncode == code


def test_a_misspelt_key_in_a_profile_is_named_with_the_right_one(data: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[answers]\nmin_relevanse = 0.3\n")
    lines = error_lines(run(data, "--profile", tmp_path / "mine.toml", "ask", "Why?"))
    assert "answers.min_relevanse" in lines[0]
    assert "answers.min_relevance" in lines[1]


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    done = run(tmp_path / "file" / "data", "ask", "Why?")
    lines = error_lines(done)
    assert (done.returncode, len(lines)) == (1, 2)
    assert str(tmp_path / "file" / "data") in lines[0]
    assert "--data-dir" in lines[1]


def test_without_documents_the_way_to_add_some_is_told(tmp_path: Path) -> None:
    lines = error_lines(run(tmp_path / "data", "ask", "Why?"))
    assert "assistant ingest" in lines[1]


def test_a_folder_of_bad_files_is_reported_file_by_file_and_the_good_one_is_in(tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    (folder / "good.md").write_text(COURSE)
    (folder / "utf16.md").write_text("# Kupfer\n\nKupfer leitet Strom sehr gut.\n", encoding="utf-16")
    (folder / "empty.md").write_text("")
    (folder / "binary.md").write_bytes(bytes(range(256)) * 50)
    (folder / "broken.docx").write_bytes(b"PK\x03\x04 nothing")
    with (folder / "big.txt").open("wb") as big:
        big.truncate(200_000_000)
    plain = FPDF()
    plain.add_page()
    plain.set_font("Helvetica", size=12)
    plain.cell(text="secret")
    plain.output(str(tmp_path / "plain.pdf"))
    locked = pypdf.PdfWriter(clone_from=tmp_path / "plain.pdf")
    locked.encrypt("password", algorithm="AES-256")
    locked.write(folder / "locked.pdf")
    done = run(tmp_path / "data", "ingest", folder, tmp_path / "no-such-folder", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["added"]) == (1, 2)
    failed = {Path(failure["source"]).name: failure["error"] for failure in report["failed"]}
    assert set(failed) == {"empty.md", "binary.md", "broken.docx", "big.txt", "locked.pdf", "no-such-folder"}
    for name, word in {"locked.pdf": "password", "big.txt": "200 MB", "empty.md": "empty", "binary.md": "text"}.items():
        assert word in failed[name]
    assert len(done.stderr.strip().splitlines()) == 6


def test_a_folder_with_nothing_to_read_is_told(tmp_path: Path) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"\x89PNG")
    done = run(tmp_path / "data", "ingest", tmp_path / "pictures")
    assert done.returncode == 1
    assert "no file that can be read" in done.stderr


def test_the_demo_answers_truly_and_admits_what_is_not_there(tmp_path: Path) -> None:
    done = run(tmp_path / "data", "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "lab-handbook.pdf, page 4" in done.stdout
    assert "The documents do not say." in done.stdout
