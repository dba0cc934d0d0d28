"""Connectors that are installed: ours and third parties', found the same way."""

import difflib
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assistant.errors import UsageError
    from assistant.settings import Settings
    from connectors.base import Connector
    from knowledge import UserError

GROUP = "assistant.connectors"


@dataclass(frozen=True, slots=True)
class Installed:
    """A connector that some distribution offers. It has not been imported."""

    name: str
    target: str
    distribution: str


def installed() -> list[Installed]:
    """Every connector there is, by name."""
    return [Installed(e.name, e.value.partition(" ")[0], _distribution(e)) for e in _entry_points()]


def load(name: str) -> "Connector":
    """A new connector of that name. Raises UserError when there is none, or when it does not work."""
    found = [entry for entry in _entry_points() if entry.name == name]
    if not found:
        raise _unknown(name)
    return instantiate(found[0])


def check_sections(settings: "Settings") -> None:
    """Raises SettingsError when the profile has settings for a connector that there is none of."""
    if not settings.connectors:
        return
    names = {entry.name for entry in _entry_points()}
    for name in settings.connectors:
        if name not in names:
            raise _unknown_section(name, settings.name)


def instantiate(entry: EntryPoint) -> "Connector":
    """The connector behind an entry point. Raises UserError, which names the distribution at fault."""
    from connectors.base import Connector

    try:
        connector = entry.load()()
    except ImportError as error:
        raise _not_importable(entry, error) from error
    except Exception as error:
        raise _broken(entry, f"cannot be created: {error!r}") from error
    if not isinstance(connector, Connector):
        raise _broken(entry, "is not a connector: it has no `serve` method")
    return connector


def _entry_points() -> list[EntryPoint]:
    return sorted(entry_points(group=GROUP), key=lambda entry: entry.name)


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "unknown"


def _unknown(name: str) -> "UsageError":
    from assistant.errors import UsageError

    return UsageError(f"There is no connector {name!r}.", _nearest(name))


def _unknown_section(name: str, profile: str) -> "UserError":
    from assistant.errors import SettingsError

    return SettingsError(
        f"The profile {profile!r} sets 'connectors.{name}', but there is no connector {name!r}.", _nearest(name)
    )


def _nearest(name: str) -> str:
    names = [entry.name for entry in _entry_points()]
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    return hint + (f"Installed: {', '.join(names)}." if names else "None is installed.")


def _not_importable(entry: EntryPoint, error: ImportError) -> "UserError":
    """An entry point can name the extras that it needs: "package.module:Class [extra]"."""
    from knowledge import UserError

    if not (entry.extras and entry.dist and isinstance(error, ModuleNotFoundError)):
        return _broken(entry, f"cannot be imported: {error}")
    return UserError(
        f"The connector {entry.name!r} needs {error.name}, which is not installed.",
        f"Install it: pip install '{entry.dist.name}[{','.join(entry.extras)}]'.",
    )


def _broken(entry: EntryPoint, reason: str) -> "UserError":
    from knowledge import UserError

    return UserError(
        f"The connector {entry.name!r} ({entry.value}, from {_distribution(entry)}) {reason}.",
        "Install what it needs, update that distribution, or report this to its authors.",
    )
