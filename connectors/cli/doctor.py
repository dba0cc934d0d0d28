"""`assistant doctor`: what is missing or will not fit, and what to do about it."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

import typer

from connectors.cli import errors
from connectors.cli.options import AsJson, options_of

if TYPE_CHECKING:
    from rich.console import Console

    from assistant.doctor import Check

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "bold red")}


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Look at everything that is needed, and say what to do about what is not there."""
    from assistant.doctor import examine
    from connectors.cli import console

    checks = list(examine(options_of(context).settings()))
    if as_json:
        console.write_json({"checks": [asdict(check) for check in checks], "ok": healthy(checks)})
    else:
        print_checks(console.out(), checks)
    raise typer.Exit(0 if healthy(checks) else errors.FAILED)


def healthy(checks: Iterable["Check"]) -> bool:
    return all(check.state != "problem" for check in checks)


def print_checks(console: "Console", checks: Iterable["Check"]) -> None:
    for check in checks:
        _print_check(console, check)


def _print_check(console: "Console", check: "Check") -> None:
    from rich.text import Text

    from connectors.cli.console import one_line
    from connectors.cli.render import print_indented

    mark, style = MARKS[check.state]
    name, detail = one_line(check.name), one_line(check.detail)
    line = Text.assemble((f"{mark} {check.state:<8}", style), (name, "bold"), f": {detail}")
    console.print(line, soft_wrap=not console.is_terminal)
    if check.remedy:
        print_indented(console, Text(one_line(check.remedy), "dim"), width=10)
