"""What was found, and where the doctor looks."""

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from assistant.hardware import Hardware, detect
from assistant.models import locate


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. A problem keeps the assistant from working; a warning does not."""

    name: str
    state: Literal["ok", "warning", "problem"]
    detail: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Around:
    """What the doctor looks at outside the profile."""

    hardware: Callable[[bool], Hardware] = lambda with_torch: detect(with_torch=with_torch)
    locate: Callable[[str, str | None], Path] = locate
    is_installed: Callable[[str], bool] = lambda package: importlib.util.find_spec(package) is not None


def gigabytes(size: float) -> str:
    """As checks tell a size."""
    return f"{size / 1e9:.1f} GB" if size >= 5e8 else f"{size / 1e6:.0f} MB"
