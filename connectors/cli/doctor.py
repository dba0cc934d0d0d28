"""`assistant doctor`: what is missing, and what to do about it."""

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.cli.console import out, print_json, printable
from connectors.cli.options import options

if TYPE_CHECKING:
    from assistant.doctor import Check

MARKS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "problem": ("✗", "bold red")}


def doctor(
    context: typer.Context,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON value.")] = False,
) -> None:
    """Examine the installation, the models, the data folder and the documents."""
    from assistant.doctor import examine

    checks = list(examine(options(context).settings()))
    healthy = all(check.state != "problem" for check in checks)
    if json:
        print_json({"checks": [asdict(check) for check in checks], "ok": healthy})
    else:
        for check in checks:
            _print(check)
    raise typer.Exit(0 if healthy else 1)


def _print(check: "Check") -> None:
    from rich.text import Text

    mark, style = MARKS[check.state]
    out().print(Text.assemble((f"{mark} ", style), (f"{check.name}: ", "bold"), printable(check.detail)))
    if check.remedy:
        out().print(f"    {printable(check.remedy)}", style=style)
