"""The installed command in a real pseudo-terminal, as a person sees it."""

import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pexpect
import pytest

from tests.test_commands import ASSISTANT, COURSE, run

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals"),
]

ENVIRONMENT = {
    "TERM": "xterm-256color",
    "LANG": "C.UTF-8",
    "PATH": "/usr/bin:/bin",
    # Nobody answers where the cursor is.
    "PROMPT_TOOLKIT_NO_CPR": "1",
}
# What the line editor draws last, when it waits for a line.
PROMPT = r"\x1b\[\?25h"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    (folder / "course.md").write_text(COURSE)
    data = tmp_path_factory.mktemp("data")
    assert run(data, "ingest", folder).returncode == 0
    return data


def heed_ctrl_c() -> None:
    """A shell without job control has what it runs in the background ignore Ctrl-C, and its children after it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Terminal:
    """`assistant` on a terminal of 100 columns."""

    def __init__(self, data: Path, *arguments: str | Path) -> None:
        self.process = pexpect.spawn(
            ASSISTANT,
            ["--data-dir", str(data), *map(str, arguments)],
            env=ENVIRONMENT | {"HOME": str(data)},
            encoding="utf-8",
            timeout=100,
            dimensions=(30, 100),
            preexec_fn=heed_ctrl_c,
        )

    def see(self, pattern: str) -> str:
        """Wait for text; returns what was shown until then, without colours."""
        self.process.expect(pattern)
        return plain(str(self.process.before) + str(self.process.after))

    def type(self, text: str) -> None:
        self.process.send(text)

    def end(self) -> tuple[int | None, str]:
        """The exit code, and what was shown last."""
        rest = plain(str(self.process.read()))
        self.process.close()
        return self.process.exitstatus, rest


def plain(shown: str) -> str:
    return re.sub(r"\x1b\][^\x1b\x07]*(?:\x1b\\|\x07)|\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]", "", shown)


@pytest.fixture
def chat(data: Path) -> Iterator[Terminal]:
    terminal = Terminal(data, "chat", "--session", "evening")
    terminal.see("/help")
    terminal.see(PROMPT)
    yield terminal
    terminal.process.close(force=True)


def test_a_conversation_on_a_terminal(chat: Terminal) -> None:
    chat.type("What is a fuse?\r")
    chat.see("melts when the current")
    chat.see(r"\[1\].*course\.md")
    chat.see(PROMPT)
    chat.type("/sources\r")
    chat.see("file://")
    chat.see(PROMPT)
    chat.type("/sorces\r")
    chat.see("Did you mean /sources")
    chat.see(PROMPT)
    chat.type("\x04")
    code, rest = chat.end()
    assert code == 0
    assert "--session evening" in rest


def test_ctrl_c_stops_the_answer_and_keeps_the_session(chat: Terminal) -> None:
    chat.type("How is an ammeter connected?\r")
    chat.see("Searching|Reading|Writing")
    chat.type("\x03")
    chat.see("Stopped")
    chat.see(PROMPT)
    chat.type("What is a fuse?\r")
    chat.see("melts when the current")
    chat.see(PROMPT)
    chat.type("/history\r")
    assert "ammeter" not in chat.see("> What is a fuse")
    chat.see(PROMPT)
    chat.type("/quit\r")
    assert chat.end()[0] == 0


def test_ask_shows_colour_and_links_on_a_terminal(data: Path) -> None:
    terminal = Terminal(data, "ask", "What is a fuse?")
    terminal.process.expect(pexpect.EOF)
    shown = str(terminal.process.before)
    assert "\x1b]8;" in shown, "sources are links"
    assert "melts when the current" in plain(shown)
    terminal.process.close()
    assert terminal.process.exitstatus == 0


def test_ingest_shows_progress_and_ctrl_c_keeps_what_was_finished(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    # More passages than are written at once, so that some are in while others are still embedded.
    for number in range(40):
        sentence = "tells of current and of voltage and of what it is that makes either of them rise or fall."
        text = "\n\n".join(f"## Part {n}\n\nPart {n} of file {number} {sentence}" for n in range(16))
        (folder / f"{number:02}.md").write_text(f"# File {number}\n\n{text}\n")
    terminal = Terminal(tmp_path / "data", "ingest", folder)
    terminal.see(r"[1-9]\d?/40")
    terminal.type("\x03")
    code, rest = terminal.end()
    assert code == 130
    assert "run the same command again" in rest
    terminal = Terminal(tmp_path / "data", "ingest", folder)
    code, rest = terminal.end()
    assert code == 0
    counts = re.search(r"Added (\d+), updated 0, unchanged (\d+)", rest)
    assert counts
    assert int(counts.group(1)) + int(counts.group(2)) == 40
    assert int(counts.group(2)) > 0
