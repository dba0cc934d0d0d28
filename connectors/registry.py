"""Which connectors are installed, and how one is started."""

import difflib
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points

from connectors.base import Connector

GROUP = "assistant.connectors"


@dataclass(frozen=True, slots=True)
class Installed:
    """A connector that some package brought; it is not imported until it is loaded."""

    name: str
    target: str
    distribution: str


def installed() -> list[Installed]:
    return [
        Installed(point.name, point.value, point.dist.name if point.dist else "")
        for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)
    ]


def load(name: str) -> Connector:
    """A connector, made and ready to serve. Raises UserError when there is none or it is broken."""
    from knowledge import NotFoundError

    points = [point for point in entry_points(group=GROUP) if point.name == name]
    if not points:
        names = [connector.name for connector in installed()]
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"Did you mean {near[0]!r}? " if near else ""
        raise NotFoundError(f"There is no connector {name!r}.", f"{hint}Installed: {', '.join(names)}.")
    return _made(points[0])


def _made(point: EntryPoint) -> Connector:
    from knowledge import UserError

    package = point.dist.name if point.dist else "its package"
    try:
        connector = point.load()()
    except Exception as error:
        raise UserError(
            f"The connector {point.name!r} of {package} cannot be started: {error!r}.",
            f"Update or reinstall {package}.",
        ) from error
    if not isinstance(connector, Connector):
        raise UserError(
            f"The connector {point.name!r} of {package} has no method `serve`.",
            "See `connectors.base.Connector` for what a connector is.",
        )
    return connector
