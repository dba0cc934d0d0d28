"""A course and a handbook to try things out on; what `assistant demo` asks about."""

from pathlib import Path


def folder() -> Path:
    return Path(__file__).parent
