"""`assistant slack`: setting up the Slack connector."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.cli import errors
from connectors.cli.doctor import healthy, print_checks
from connectors.cli.options import AsJson, options_of

if TYPE_CHECKING:
    from assistant.doctor import Check

app = typer.Typer(help="Set up the Slack connector; `assistant run slack` starts it.")


@app.command()
def manifest(
    context: typer.Context,
    url: Annotated[
        str | None,
        typer.Option(metavar="https://…", help="Where Slack reaches this machine, for HTTP mode and installation."),
    ] = None,
) -> None:
    """Print the manifest to make the Slack app from."""
    settings = options_of(context).settings()
    with extra():
        from assistant.settings import connector_settings
        from connectors.slack import manifest as manifests
        from connectors.slack.settings import SlackSettings
    slack = connector_settings(settings, "slack", SlackSettings)
    if slack.mode == "http" and not url:
        errors.wrong_use(
            "In HTTP mode Slack has to know where to reach this machine.", "Say so with --url https://your-host."
        )
    typer.echo(json.dumps(manifests.manifest(slack, url=url), ensure_ascii=False, indent=2))


@app.command()
def check(context: typer.Context, as_json: AsJson = False) -> None:
    """Look whether tokens, scopes, the clock, the store and the channels are as the profile needs them."""
    from connectors.cli import console

    settings = options_of(context).settings()
    with extra():
        from assistant.settings import connector_settings
        from connectors.slack.check import checks
        from connectors.slack.settings import SlackSettings
    slack = connector_settings(settings, "slack", SlackSettings)

    async def look() -> list["Check"]:
        return [check async for check in checks(settings, slack)]

    done = asyncio.run(look())
    if as_json:
        console.write_json({"checks": [asdict(check) for check in done], "ok": healthy(done)})
    else:
        print_checks(console.out(), done)
    raise typer.Exit(0 if healthy(done) else errors.FAILED)


@contextmanager
def extra() -> Iterator[None]:
    """What the extra `slack` brings may not be there."""
    try:
        yield
    except ModuleNotFoundError as error:
        from knowledge import UserError

        raise UserError(
            f"The Slack connector needs {error.name}, which is not installed.",
            "Install it: pip install 'solar-assistant[slack]'.",
        ) from error
