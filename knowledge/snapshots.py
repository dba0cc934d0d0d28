"""Copies of a folder: what is being written is never what is being read.

An embedded Chroma may be opened by one process at a time; two that open the same files end in errors or worse. So the
one that ingests works on files of its own, and the others read copies of them that nobody writes.
"""

import shutil
import uuid
from contextlib import suppress
from pathlib import Path

# A reader may be about to open the one before the newest.
KEPT = 2


class Snapshots:
    """Numbered copies of `original`, beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.original = folder / "written"
        self._mark = folder / "unpublished"

    def newest(self) -> Path | None:
        """The latest complete copy; None when there is none."""
        numbers = self._numbers()
        return self.folder / str(numbers[-1]) if numbers else None

    @property
    def changed(self) -> bool:
        """Whether the original is not what the newest copy is: also when whoever wrote it was killed."""
        return self._mark.exists()

    def changing(self) -> None:
        """Said before the original is written."""
        if not self.changed:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._mark.touch()

    def publish(self) -> None:
        """Copy the original, which nobody may be writing now, and delete copies that nobody needs any more."""
        numbers = self._numbers()
        copying = self.folder / f"copying-{uuid.uuid4().hex}"
        shutil.copytree(self.original, copying)
        # A name appears with the whole copy behind it.
        copying.rename(self.folder / str(numbers[-1] + 1 if numbers else 1))
        self._mark.unlink(missing_ok=True)
        for number in self._numbers()[:-KEPT]:
            shutil.rmtree(self.folder / str(number), ignore_errors=True)

    def clean(self) -> None:
        """Delete what a copying that was interrupted left."""
        for left in self.folder.glob("copying-*"):
            shutil.rmtree(left, ignore_errors=True)

    def _numbers(self) -> list[int]:
        with suppress(FileNotFoundError):
            return sorted(int(entry.name) for entry in self.folder.iterdir() if entry.name.isdigit())
        return []
