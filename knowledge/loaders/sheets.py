"""Spreadsheets: a Markdown table for each range of rows, sheet after sheet."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from knowledge.errors import LoadError
from knowledge.loaders import archives
from knowledge.loaders.tables import tables

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from python_calamine import CalamineWorkbook

KIND = "a spreadsheet"
_PARTS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")
Value = str | int | float | bool | date | time | datetime | timedelta


def load(path: Path) -> "list[Document]":
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    _check(path)
    try:
        with CalamineWorkbook.from_path(str(path)) as workbook:
            return [document for name in workbook.sheet_names for document in _sheet(workbook, name, path.stem)]
    except PasswordError as error:
        raise LoadError(
            f"{path} is protected by a password.", "Save a copy without the password and use that."
        ) from error
    except CalamineError as error:
        raise archives.broken(path, KIND) from error


def _sheet(workbook: "CalamineWorkbook", name: str, title: str) -> "Iterator[Document]":
    from python_calamine import WorksheetNotFound

    try:
        sheet = workbook.get_sheet_by_name(name)
    except WorksheetNotFound:
        return  # A chart on a sheet of its own has no cells.
    rows = sheet.to_python(skip_empty_area=True)
    top, _ = sheet.start or (0, 0)
    blank: list[list[str]] = [[]] * top
    yield from tables([*blank, *([cell(value) for value in row] for row in rows)], title, name)


def cell(value: Value) -> str:
    """A cell as people see it, more or less: whole numbers without a point, dates without a midnight."""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, datetime):
        return value.isoformat(" ").removesuffix(" 00:00:00")
    return str(value)


def _check(path: Path) -> None:
    """An archive is unpacked once and counted; the old binary format is none."""
    with path.open("rb") as file:
        start = file.read(4)
    if start == b"PK\x03\x04":
        with archives.opened(path, _PARTS, KIND):
            return
