"""What can go wrong between here and a model hub, as two lines for a person: what happened, and what to do next."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from assistant.errors import EngineError

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError


@contextmanager
def explained(repo: str, revision: str | None, command: str) -> Iterator[None]:
    """What is raised within becomes an EngineError. `command` is what brought it here, to be run again."""
    import httpx2
    from huggingface_hub.errors import RevisionResolutionError

    try:
        yield
    except (OSError, httpx2.HTTPError, httpx2.InvalidURL, RevisionResolutionError) as error:
        raise _explain(error, repo, revision, command) from error


def _explain(error: Exception, repo: str, revision: str | None, command: str) -> EngineError:
    import httpx2
    from huggingface_hub import constants
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    if isinstance(error, LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        error = error.__cause__
    if isinstance(error, OfflineModeIsEnabled):
        return EngineError("HF_HUB_OFFLINE is set, so nothing is fetched.", f"Run `HF_HUB_OFFLINE=0 {command}`.")
    if isinstance(error, HfHubHTTPError):
        return _refused(error, repo, revision, command)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return EngineError("The disk is full.", f"Free some space and run `{command}` again; what was fetched is kept.")
    if isinstance(error, OSError) and error.filename:
        return EngineError(
            f"{error.filename} cannot be written: {error.strerror}.", "Set HF_HOME to a folder that can be."
        )
    cut = isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError)
    reason = "the connection was cut again and again" if cut else str(error).rstrip(".") or type(error).__name__
    return EngineError(
        f"The hub {constants.ENDPOINT} cannot be reached: {reason}.",
        f"Look at the network, the proxy and HF_ENDPOINT; then run `{command}` again. What was fetched is kept.",
    )


def _refused(error: "HfHubHTTPError", repo: str, revision: str | None, command: str) -> EngineError:
    from huggingface_hub import constants
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    status = error.response.status_code
    if isinstance(error, RevisionNotFoundError):
        return EngineError(f"{repo} has no revision {revision!r}.", "Leave out --revision, or name another one.")
    if isinstance(error, EntryNotFoundError):
        return EngineError(
            f"A file of {repo} is missing on the hub: {error.response.url}.", f"Run `{command}` again later."
        )
    if isinstance(error, GatedRepoError) or status == 403:
        return EngineError(
            f"The hub lets only those have {repo} whom its owner has admitted.",
            f"Ask for access at {constants.ENDPOINT}/{repo}, then set HF_TOKEN to your token.",
        )
    if isinstance(error, RepositoryNotFoundError) or status in (401, 404):
        return EngineError(
            f"The hub has no {repo}, or does not show it to you.",
            "Look at the spelling; for a private model set HF_TOKEN to your token.",
        )
    return EngineError(
        f"The hub answers with {status} ({error.response.reason_phrase}).",
        f"Run `{command}` again later; what was fetched is kept.",
    )
