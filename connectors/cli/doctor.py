"""`assistant doctor`: what is missing or will not fit, and what to do about it."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from connectors.cli import errors
from connectors.cli.options import AsJson, options_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from assistant.doctor import Check

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "bold red")}
# Columns that the mark and the state take.
WIDTH = 10


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Look at everything that is needed, and say what to do about what is not there."""
    from assistant.doctor import examine
    from connectors.cli import console

    checks = examine(options_of(context).settings())
    if as_json:
        done = list(checks)
        console.write_json({"checks": [asdict(check) for check in done], "ok": healthy(done)})
    else:
        done = print_checks(console.out(), checks)
    raise typer.Exit(0 if healthy(done) else errors.FAILED)


def healthy(checks: Iterable["Check"]) -> bool:
    return all(check.state != "problem" for check in checks)


def print_checks(console: "Console", checks: Iterable["Check"]) -> list["Check"]:
    """Each as it comes, for some take a moment; and all of them in the end."""
    done = []
    for check in checks:
        _print_check(console, check)
        done.append(check)
    return done


def _print_check(console: "Console", check: "Check") -> None:
    from rich.text import Text

    from connectors.cli.console import one_line
    from connectors.cli.render import print_indented

    mark, style = MARKS[check.state]
    state = Text(f"{mark} {check.state:<{WIDTH - 2}}", style)
    detail = Text.assemble((one_line(check.name), "bold"), f": {one_line(check.detail)}")
    if console.is_terminal:
        console.print(_side_by_side(state, detail))
    else:
        console.print(state + detail, soft_wrap=True)
    if check.remedy:
        print_indented(console, Text(one_line(check.remedy), "dim"), width=WIDTH)


def _side_by_side(state: "Text", detail: "Text") -> "Table":
    """A long detail goes on beneath its beginning."""
    from rich.table import Table

    row = Table.grid()
    row.add_column(width=WIDTH)
    row.add_column()
    row.add_row(state, detail)
    return row
