"""The `assistant` command. Nothing heavy is imported here: `assistant --help` is quick."""

import logging
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from typer.main import get_command

from connectors.cli import (
    ask,
    bench,
    chat,
    demo,
    doctor,
    documents,
    errors,
    evaluate,
    evaluate_answers,
    evaluate_grounding,
    ingest,
    models,
    report,
    run,
    search,
    slack,
)
from connectors.cli.options import Options, options_of

# Libraries that greet, count, advise or phone home, asked not to; whoever sets these keeps their choice.
QUIET = {
    "ANONYMIZED_TELEMETRY": "False",
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_VERBOSITY": "error",
    "LANGSMITH_TRACING": "false",
    "TOKENIZERS_PARALLELISM": "false",
    "TQDM_DISABLE": "1",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "TRANSFORMERS_VERBOSITY": "error",
}

app = typer.Typer(
    name="assistant",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(demo.demo)
app.command()(chat.chat)
app.command()(ask.ask)
app.command()(ingest.ingest)
app.add_typer(documents.app, name="documents")
app.command()(search.search)
evaluate.app.command()(evaluate_answers.answers)
evaluate.app.command()(evaluate_grounding.grounding)
app.add_typer(evaluate.app, name="eval")
app.command()(bench.bench)
app.add_typer(models.app, name="models")
app.command()(doctor.doctor)
app.command()(run.connectors)
app.command()(run.run)
app.add_typer(slack.app, name="slack")
app.add_typer(report.app, name="report")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"assistant {version('solar-assistant')}")
        raise typer.Exit


@app.callback()
def options(
    context: typer.Context,
    profile: Annotated[
        str, typer.Option(envvar="ASSISTANT_PROFILE", metavar="NAME|PATH", help="Which assistant to be.")
    ] = "docs",
    data_dir: Annotated[
        Path | None,
        typer.Option(envvar="ASSISTANT_DATA_DIR", metavar="DIR", help="Where documents and sessions are kept."),
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show logs, and tracebacks of errors.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Answers from your own documents, and shows where each sentence comes from."""
    given = options_of(context)
    given.profile, given.data_dir, given.debug = profile, data_dir, debug
    _set_up_logging(debug=debug)


def main() -> None:
    """The console script."""
    for variable, value in QUIET.items():
        os.environ.setdefault(variable, value)
    _prepare_streams()
    sys.exit(run_command(sys.argv[1:]))


def run_command(arguments: Sequence[str]) -> int:
    """Run the command line. Returns the exit code, with every error already told."""
    given = Options()
    try:
        code = get_command(app).main(arguments or ["--help"], prog_name="assistant", standalone_mode=False, obj=given)
        sys.stdout.flush()
    except BrokenPipeError:
        return _reader_gone()
    except (KeyboardInterrupt, typer.Abort):
        return _stopped("Stopped.")
    except errors.Interrupted as interrupted:
        return _stopped(str(interrupted))
    except Exception as error:  # noqa: BLE001 (the last place where an error can be told in words)
        from connectors.cli import console

        return errors.report(error, console.err(), debug=given.debug)
    return _stopped("Stopped.") if code == errors.INTERRUPTED else code or 0


def _prepare_streams() -> None:
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us: `>&-`
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        else:
            # A terminal that cannot show a character gets a question mark, not a traceback.
            stream.reconfigure(errors="replace")


def _stopped(message: str) -> int:
    typer.echo(message, err=True)
    return errors.INTERRUPTED


def _reader_gone() -> int:
    """`assistant documents list | head -1`: nobody reads on, which is nothing to talk about."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return errors.FAILED


def _set_up_logging(*, debug: bool) -> None:
    logging.basicConfig(level=logging.INFO if debug else logging.ERROR, stream=sys.stderr)
    if not debug and not sys.warnoptions:
        warnings.simplefilter("ignore")
