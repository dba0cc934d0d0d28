"""The command `assistant`: global options, the commands, and how every error is shown."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from connectors.cli import ask, chat, demo, doctor, documents, ingest, run, search
from connectors.cli.options import Options

if TYPE_CHECKING:
    import click

# Said before any library is imported: no telemetry, no progress bars and no advice of their own.
QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "LANGSMITH_TRACING": "false",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}

app = typer.Typer(
    name="assistant",
    help="Answers from your own documents, with the place and the words each sentence rests on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("demo")(demo.demo)
app.command("ask")(ask.ask)
app.command("chat")(chat.chat)
app.command("ingest")(ingest.ingest)
app.add_typer(documents.app, name="documents")
app.command("search")(search.search)
app.command("doctor")(doctor.doctor)
app.command("connectors")(run.connectors)
app.command("run")(run.run)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"solar-assistant {version('solar-assistant')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    profile: Annotated[
        str, typer.Option(envvar="ASSISTANT_PROFILE", help="A profile's name, or the path of a TOML file.")
    ] = "docs",
    data_dir: Annotated[
        Path | None, typer.Option(envvar="ASSISTANT_DATA_DIR", help="Where documents and sessions are kept.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    context.obj = Options(profile, data_dir, debug)


def main() -> None:
    """Run the command line and exit with its code."""
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    import click

    try:
        code = typer.main.get_command(app).main(arguments, prog_name="assistant", standalone_mode=False)
        sys.stdout.flush()
    except click.UsageError as error:
        return _fail(error.format_message(), _how_to_use(error), 2)
    except BrokenPipeError:
        # Whoever read our output has left; nothing may be written to it on the way out.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, click.Abort):
        sys.stderr.write("\nStopped.\n")
        return 130
    except Exception as error:  # noqa: BLE001 (the last stop: a person gets two lines, whatever it was)
        return _explain(error, debug="--debug" in arguments)
    return code if isinstance(code, int) else 0


def _explain(error: Exception, debug: bool) -> int:
    from assistant.errors import UsageError
    from knowledge import UserError

    if debug:
        import traceback

        traceback.print_exception(error)
    if isinstance(error, UserError):
        return _fail(error.problem, error.remedy, 2 if isinstance(error, UsageError) else 1)
    what = f"Something went wrong: {type(error).__name__}: {error}"
    return _fail(what, "Run it again with --debug before the command, and report what it shows.", 1)


def _fail(problem: str, remedy: str, code: int) -> int:
    from connectors.cli.console import err
    from connectors.cli.render import print_error

    print_error(err(), problem, remedy)
    return code


def _how_to_use(error: "click.UsageError") -> str:
    command = error.ctx.command_path if error.ctx else "assistant"
    return f"`{command} --help` shows how it is used."
