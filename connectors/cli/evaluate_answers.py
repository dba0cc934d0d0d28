"""`assistant eval answers`: how well it answers, abstains and asks back, measured on judged conversations."""

import asyncio
import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from connectors.cli import errors
from connectors.cli.evaluate import apart, bar
from connectors.cli.options import AsJson, options_of

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

    from assistant.evaluation.answers import Outcome
    from assistant.settings import Settings

STAGES = {"documents": "Ingesting…", "searches": "Searching…", "answers": "Answering…"}
MEASURES = (
    "recall@5",
    "abstention.auroc",
    "abstention.balanced_accuracy",
    "clarification.underspecified",
    "clarification.answerable",
    "citations.precision",
    "citations.coverage",
    "unsupported_sentences",
)
Limits = Annotated[
    list[str] | None,
    typer.Option("--min", metavar="MEASURE=X", help="Fail when a figure is below, like recall@5=0.85; repeatable."),
]
Most = Annotated[
    list[str] | None,
    typer.Option(
        "--max", metavar="MEASURE=X", help="Fail when a figure is above, like unsupported_sentences=0; repeatable."
    ),
]


def answers(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder with corpus.jsonl and tasks.jsonl.")],
    least: Limits = None,
    most: Most = None,
    seed: Annotated[int, typer.Option(help="Which tasks --limit draws.")] = 0,
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many of the tasks.")] = None,
    model: Annotated[bool, typer.Option("--model/--no-model", help="Without, only search and decide.")] = True,
    calibrate: Annotated[bool, typer.Option("--calibrate", help="Fit the gate's thresholds to these tasks.")] = False,
    write: Annotated[
        Path | None, typer.Option("--write", metavar="PROFILE", help="Calibrate, and set them in this profile's file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Measure answers on conversations that were judged: what is found, answered,
    left unanswered or asked back, and whether citations bear out what is said.

    The corpus goes into a knowledge base of its own, which is thrown away; your
    documents and conversations are not touched. To calibrate asks no model.
    """
    from assistant.evaluation.answers import figures
    from connectors.cli import console

    lower, upper = [limit_of(text) for text in least or ()], [limit_of(text) for text in most or ()]
    settings, calibrating = options_of(context).settings(), calibrate or write is not None
    generate = model and not calibrating
    outcomes = _measure(settings, folder.expanduser(), limit, seed, console.err(), generate=generate)
    measured = figures(outcomes)
    if calibrating:
        measured["calibration"] = _calibrate(outcomes, settings, write)
    if as_json:
        console.write_json(measured)
    elif sys.stdout.isatty():
        print_figures(console.out(), measured)
    else:
        for row in rows(measured):
            console.write_row(*row)
    raise typer.Exit(judge(measured, lower, upper))


def limit_of(text: str) -> tuple[str, float]:
    """`recall@5=0.85` as a pair; the last part of a measure's name serves as well where it is one measure's."""
    found = re.fullmatch(r"([a-z_.@0-9]+)=(\d+(?:\.\d+)?|\.\d+)", text.strip().lower())
    named = [name for name in MEASURES if found and found[1] in (name, name.rpartition(".")[2])]
    if not found or len(named) != 1:
        errors.wrong_use(
            f"{text!r} is not a measure and a number.",
            f"Write it like recall@5=0.85; the measures are {', '.join(MEASURES)}.",
        )
    return named[0], float(found[2])


def figure(measured: dict[str, Any], name: str) -> float | None:
    """The figure of a dotted name; None where it was not measured."""
    value: Any = measured
    for part in name.split("."):
        value = value[part]
    return None if value is None else float(value)


def judge(measured: dict[str, Any], least: list[tuple[str, float]], most: list[tuple[str, float]]) -> int:
    """The exit code; each figure that falls short, or was not measured, is told."""
    wanted = [(name, limit, "below") for name, limit in least] + [(name, limit, "above") for name, limit in most]
    code = 0
    for name, limit, wrong in wanted:
        value = figure(measured, name)
        if value is None:
            typer.echo(f"{name} was not measured.", err=True)
        elif (value < limit) if wrong == "below" else (value > limit):
            typer.echo(f"{name} is {value:.4g}, {wrong} {limit:g}.", err=True)
        else:
            continue
        code = errors.FAILED
    return code


def _measure(
    settings: "Settings", folder: Path, limit: int | None, seed: int, console: "Console", *, generate: bool
) -> "list[Outcome]":
    from assistant.evaluation.answers import read_tasks, sample

    judged = read_tasks(folder)
    tasks = sample(judged.tasks, limit, seed)
    with tempfile.TemporaryDirectory(prefix="assistant-eval-", ignore_cleanup_errors=True) as place, bar(console) as on:
        own = unhurried(apart(settings, Path(place)), generate=generate)
        return asyncio.run(_run(own, judged.corpus, tasks, on, generate=generate))


def _calibrate(outcomes: "list[Outcome]", settings: "Settings", profile: Path | None) -> dict[str, Any]:
    """Fit the thresholds; tell how far to trust them, and the lines for a profile, or that they were written there."""
    from assistant.evaluation.calibration import calibrate, profile_lines, write_profile

    thresholds = calibrate(outcomes, settings.answers)
    for one in thresholds:
        if one.note:
            typer.echo(one.note, err=True)
    if profile:
        write_profile(profile.expanduser(), thresholds)
        typer.echo(f"Written into {profile}.", err=True)
    else:
        typer.echo(f"For your profile:\n\n{profile_lines(thresholds)}\n", err=True)
    return {one.name: {key: getattr(one, key) for key in ("was", "fitted", "before", "after")} for one in thresholds}


async def _run(settings: "Settings", corpus: Any, tasks: Any, on: "Bar", *, generate: bool) -> "list[Outcome]":
    from assistant import Assistant
    from assistant.evaluation.answers import Step, evaluate

    shown = on.add_task("Getting ready…", total=None)
    async with Assistant(settings) as assistant:
        async for step in evaluate(assistant, corpus, tasks, generate=generate):
            if isinstance(step, Step):
                on.update(shown, description=STAGES[step.stage], completed=step.done, total=step.total)
            else:
                outcomes = step
    return outcomes


def unhurried(settings: "Settings", *, generate: bool) -> "Settings":
    """The same, with the likeliest words, so that the next run says the same, without a time limit, since nobody waits,
    and without asking the model for anything where it is not to `generate`."""
    answering = settings.answers if generate else settings.answers.model_copy(update={"rewrite": "rule"})
    queue = settings.queue.model_copy(update={"deadline_s": 86_400.0})
    engine = settings.engine.model_copy(update={"temperature": 0.0})
    return settings.model_copy(update={"queue": queue, "engine": engine, "answers": answering})


def rows(measured: dict[str, Any]) -> list[list[str]]:
    """Each figure with its dotted name; "-" where it was not measured."""
    found: list[list[str]] = []
    for name, value in measured.items():
        inner = {name: value} if not isinstance(value, dict) else {f"{name}.{key}": one for key, one in value.items()}
        for key, one in inner.items():
            if isinstance(one, dict):
                found += [[f"{key}.{last}", _shown(each)] for last, each in one.items()]
            else:
                found.append([key, _shown(one)])
    return found


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def print_figures(console: "Console", measured: dict[str, Any]) -> None:
    from rich.table import Table

    table = Table("", *("tasks", "recall@5", "answered", "abstained", "clarified"), box=None, header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    names = ("tasks", "recall@5", "answered", "abstained", "clarified")
    for label, counted in measured["by_label"].items():
        table.add_row(label, *(_shown(counted[name]) for name in names))
    table.add_row("all", *(_shown(measured[name]) for name in names), style="bold")
    console.print(table)
    abstention, citations, clarification = (measured[key] for key in ("abstention", "citations", "clarification"))
    console.print(
        f"Answerable told from unanswerable: AUROC {_shown(abstention['auroc'])}, "
        f"balanced accuracy {_shown(abstention['balanced_accuracy'])}."
    )
    console.print(
        f"Asked back: {_shown(clarification['underspecified'])} of the underspecified, "
        f"{_shown(clarification['answerable'])} of the answerable."
    )
    console.print(
        f"Citations: precision {_shown(citations['precision'])}, coverage {_shown(citations['coverage'])}; "
        f"unsupported sentences: {_shown(measured['unsupported_sentences'])}."
    )
    console.print(f"A search with its decision took {measured['p50_ms']:.1f} ms (median).")
    if "calibration" in measured:
        _print_calibration(console, measured["calibration"])


def _print_calibration(console: "Console", calibration: dict[str, Any]) -> None:
    for name, one in calibration.items():
        if one["after"] is not None:
            console.print(
                f"{name}: {_shown(one['before'])} of the decisions are right at {one['was']:g}, and held out "
                f"{_shown(one['after'])} when it is fitted, to {one['fitted']:g}."
            )
