"""How failures are told: two lines, what happened and what to do next, and an exit code."""

import traceback
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

FAILED = 1
WRONG_USE = 2
NOT_IN_DOCUMENTS = 3
INTERRUPTED = 130  # 128 and the number of SIGINT, as shells count


class Interrupted(Exception):  # noqa: N818 (it is not an error)
    """The person pressed Ctrl-C, and there is more to say than that."""


def wrong_use(problem: str, remedy: str) -> NoReturn:
    """Raise what ends with exit code 2."""
    from assistant.errors import UsageError

    raise UsageError(problem, remedy)


def report(error: Exception, console: "Console", *, debug: bool = False) -> int:
    """Tell about the error. Returns the exit code."""
    if debug:
        console.out("".join(traceback.format_exception(error)), end="")
    problem, remedy, code = describe(error)
    _two_lines(console, problem, remedy)
    return code


def describe(error: Exception) -> tuple[str, str, int]:
    """What happened, what to do next, and the exit code."""
    if isinstance(error, typer.TyperException):
        return _misused(error)
    # Imported here: whoever raised one of these has already paid for it.
    from assistant.errors import UsageError
    from knowledge import UserError

    if isinstance(error, UserError):
        return error.problem, error.remedy, WRONG_USE if isinstance(error, UsageError) else FAILED
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return (
        f"Something went wrong: {what}",
        "Run again with --debug for the details: `assistant --debug …`.",
        FAILED,
    )


def _misused(error: typer.TyperException) -> tuple[str, str, int]:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "assistant"
    return error.format_message(), f"`{command} --help` shows how it is used.", error.exit_code


def _two_lines(console: "Console", problem: str, remedy: str) -> None:
    from rich.text import Text

    from connectors.cli.console import one_line

    # Not wrapped: a long path stays in one piece, and two lines stay two.
    console.print(Text(one_line(problem), "bold red"), soft_wrap=True)
    console.print(Text(one_line(remedy)), soft_wrap=True)
