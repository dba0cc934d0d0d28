"""JSON and JSON lines: each value as "path: value" lines, in sections that name the line, the item or the key."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from knowledge.errors import LoadError
from knowledge.loaders.documents import document
from knowledge.loaders.ranges import label, ranges
from knowledge.loaders.text import read_text

if TYPE_CHECKING:
    from langchain_core.documents import Document

# Longer lines hold something else than a record.
MAX_LINE = 5_000_000
_LINES = (".jsonl", ".ndjson")


def load(path: Path) -> "list[Document]":
    text = read_text(path)
    if path.suffix.lower() not in _LINES:
        try:
            return list(_documents(json.loads(text), path.stem))
        except json.JSONDecodeError as error:
            first = text.lstrip().partition("\n")[0]
            # It may be JSON lines by another name.
            if not (_is_json(first) and "\n" in text.strip()):
                raise _broken(path, error.lineno, error.msg) from error
        except ValueError as error:
            raise LoadError(f"{path} holds a number that is too long to be read.", "Write it as text.") from error
    return list(_ranges(_lines(text, path), "line", path.stem))


def _lines(text: str, path: Path) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE:
            raise LoadError(
                f"{path} has {len(line):,} characters in line {number}; up to {MAX_LINE:,} are read.", "Split it."
            )
        if line.strip():
            try:
                yield number, json.loads(line)
            except json.JSONDecodeError as error:
                raise _broken(path, number, error.msg) from error


def _documents(value: Any, title: str) -> "Iterator[Document]":
    """A document for each run of items or for each key that holds more than one value, and one for the rest."""
    if isinstance(value, list):
        yield from _ranges(enumerate(value, start=1), "item", title)
    elif isinstance(value, dict):
        single = {key: one for key, one in value.items() if not isinstance(one, dict | list)}
        if single:
            yield document(flat(single), title, format="text")
        for key, one in value.items():
            if isinstance(one, list):
                yield from _ranges(enumerate(one, start=1), "item", title, key)
            elif isinstance(one, dict):
                yield document(flat(one), title, section=key, format="text")
    else:
        yield document(flat(value), title, format="text")


def _ranges(values: Iterable[tuple[int, Any]], thing: str, title: str, key: str = "") -> "Iterator[Document]":
    for numbers, texts in ranges((number, flat(value)) for number, value in values):
        place = label(thing, numbers)
        section = f"{key}, {place}" if key else place[0].upper() + place[1:]
        yield document("\n\n".join(texts), title, section=section, format="text")


def flat(value: Any) -> str:
    """A line for each single value, after the keys that lead to it: "price.currency: EUR", "tags[2]: new"."""
    lines: list[str] = []
    waiting: list[tuple[str, Any]] = [("", value)]
    while waiting:
        path, one = waiting.pop()
        if isinstance(one, dict):
            waiting += reversed([(f"{path}.{key}" if path else key, inner) for key, inner in one.items()])
        elif isinstance(one, list):
            waiting += reversed([(f"{path}[{index}]", inner) for index, inner in enumerate(one, start=1)])
        else:
            lines.append(f"{path}: {_single(one)}" if path else _single(one))
    return "\n".join(lines)


def _single(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _is_json(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _broken(path: Path, line: int, reason: str) -> LoadError:
    return LoadError(f"{path} is not JSON: {reason} in line {line}.", "Correct that line.")
