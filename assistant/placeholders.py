"""Texts with places to fill, `{name}`, that a person edits in a profile; a brace itself is written twice."""

from collections.abc import Collection, Mapping
from string import Formatter


def placeholders(template: str) -> set[str]:
    """The names of the places to fill. Raises ValueError for a brace that is not closed, and for anything but a name
    within braces: what `str.format` allows besides reaches into objects."""
    try:
        places = [place[1:] for place in Formatter().parse(template) if place[1] is not None]
    except ValueError as error:
        raise ValueError("it has a brace without its other half; for a brace itself write two") from error
    for name, form, conversion in places:
        if form or conversion or not (name or "").isidentifier():
            raise ValueError(f"{{{name}}} is no placeholder; for a brace itself write two")
    return {name or "" for name, *_ in places}


def check(template: str, valid: Collection[str]) -> str:
    """The template. Raises ValueError that names a placeholder which there is not, and those that there are."""
    unknown = sorted(placeholders(template) - set(valid))
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in sorted(valid)) or "none"
        raise ValueError(
            f"there is no placeholder {{{unknown[0]}}}; those that there are: {known}; for a brace itself write two"
        )
    return template


def fill(template: str, values: Mapping[str, object]) -> str:
    """The template, which was checked, with its places filled; braces within the values stay as they are."""
    return template.format_map(values)
