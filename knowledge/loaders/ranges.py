"""Small records gathered until they fill a passage, so that each passage can say which records it holds."""

from collections.abc import Iterable, Iterator

# About as much as an embedding model reads at once: a passage then seldom spans two ranges, nor a range two passages.
RANGE_CHARACTERS = 700
MAX_RECORDS = 50


def ranges(records: Iterable[tuple[int, str]], room: int = RANGE_CHARACTERS) -> Iterator[tuple[str, list[str]]]:
    """Numbered records into runs of up to `room` characters: ("2-51", their texts). A number is never in two runs."""
    numbers: list[int] = []
    texts: list[str] = []
    size = 0
    for number, text in records:
        if texts and (size + len(text) > room or len(texts) == MAX_RECORDS):
            yield _named(numbers), texts
            numbers, texts, size = [], [], 0
        numbers.append(number)
        texts.append(text)
        size += len(text) + 1
    if texts:
        yield _named(numbers), texts


def _named(numbers: list[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"


def label(thing: str, numbers: str) -> str:
    """ "row 2" or "rows 2-51"."""
    return f"{thing}s {numbers}" if "-" in numbers else f"{thing} {numbers}"
