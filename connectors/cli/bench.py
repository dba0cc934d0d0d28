"""`assistant bench`: how fast the model is here, side by side with the published recipe."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from connectors.cli import errors
from connectors.cli.options import AsJson, options_of

if TYPE_CHECKING:
    from rich.console import Console

    from assistant.bench import Figures, Plan, Subject
    from assistant.overhead import Overhead
    from assistant.settings import EngineSettings, Settings

Row = tuple[str, str, str, str]


def bench(
    context: typer.Context,
    model: Annotated[
        str | None, typer.Option("--model", "-m", metavar="NAME|PATH", help="Another model than the profile's.")
    ] = None,
    engine: Annotated[
        Literal["openvino", "transformers"] | None, typer.Option(help="Another engine than the profile's.")
    ] = None,
    synthetic: Annotated[
        Literal["solar"] | None,
        typer.Option(help="SOLAR's shape with random weights made on the GPU; scaled down where there is none."),
    ] = None,
    concurrency: Annotated[
        str, typer.Option(metavar="N,N", help="How many at once, separated by commas: one figure each.")
    ] = "4,16",
    prompt_tokens: Annotated[int, typer.Option(min=64, metavar="N", help="Length of each prompt.")] = 564,
    new_tokens: Annotated[int, typer.Option(min=2, metavar="N", help="Length of each answer.")] = 64,
    apart: Annotated[
        bool, typer.Option("--apart", help="Give those at once nothing in common: each is read and held by itself.")
    ] = False,
    pipeline: Annotated[
        bool, typer.Option("--pipeline", help="Measure what a question takes besides the model, among many passages.")
    ] = False,
    passages: Annotated[
        int, typer.Option(min=1_000, metavar="N", help="With --pipeline: how many. They are made once and kept.")
    ] = 100_000,
    as_json: AsJson = False,
) -> None:
    """Measure the model, side by side with the published recipe: transformers' `generate`.

    Both write answers of one length to prompts of one length. A rate is new tokens
    by the time from question to last word; each figure is the median of several rounds.

    Recipe, one stream: prompts one after the other, each beginning as none before.
    At once: prompts that begin alike, as questions about the same passages do,
    and that beginning was read before. First token: cold for a beginning that was
    never read, warm for one that was.

    --pipeline measures the rest: searching, deciding, composing, checking and
    saving, with a model that says at once what it was given. Its documents are
    made of the samples the first time, in minutes, and kept in the cache folder.
    """
    from assistant.bench import Plan

    if pipeline:
        _bench_pipeline(_profile(context, model, engine), passages, as_json=as_json)
        return
    plan = Plan(_counts(concurrency), prompt_tokens, new_tokens, apart)
    subject = _subject(_profile(context, model, engine).engine, plan, synthetic=_synthetic(synthetic, model, engine))
    figures = _measure(subject, plan)
    _print(figures, as_json=as_json)


def _counts(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 1 <= int(part) <= 1024 for part in parts):
        errors.wrong_use(f"--concurrency {text!r} is not a list of numbers from 1 to 1024.", "Write it like 4,16.")
    return tuple(dict.fromkeys(int(part) for part in parts))


def _synthetic(synthetic: str | None, model: str | None, engine: str | None) -> bool:
    if synthetic and (model or engine == "openvino"):
        errors.wrong_use(
            "--synthetic makes a model of its own, served by the transformers engine.",
            "Leave out --model and --engine.",
        )
    return synthetic is not None


def _profile(context: typer.Context, model: str | None, engine: str | None) -> "Settings":
    given = {"model": model, "kind": engine}
    settings = options_of(context).settings()
    # Another model has its own versions.
    changes = {key: value for key, value in given.items() if value} | ({"revision": None} if model else {})
    return settings.model_copy(update={"engine": settings.engine.model_copy(update=changes)})


def _subject(settings: "EngineSettings", plan: "Plan", *, synthetic: bool) -> "Subject":
    from assistant import bench

    return bench.synthetic(plan) if synthetic else bench.served(settings, plan)


def _measure(subject: "Subject", plan: "Plan") -> "Figures":
    from assistant.bench import measure
    from connectors.cli import console, live

    with live.Progress(console.err()) as progress:
        return measure(subject, plan, progress.say)


def _print(figures: "Figures", *, as_json: bool) -> None:
    from connectors.cli import console

    if figures.note:
        typer.echo(figures.note, err=True)
    if as_json:
        console.write_json(figures.to_json())
    else:
        print_figures(console.out(), figures)


def _bench_pipeline(settings: "Settings", passages: int, *, as_json: bool) -> None:
    from assistant.overhead import measure_overhead
    from connectors.cli import console, live

    with live.Progress(console.err()) as progress:
        overhead = measure_overhead(settings, passages, progress.say)
    if overhead.note:
        typer.echo(overhead.note, err=True)
    if as_json:
        console.write_json(overhead.to_json())
    else:
        print_overhead(console.out(), overhead)


def print_overhead(console: "Console", overhead: "Overhead") -> None:
    from rich.table import Table
    from rich.text import Text

    console.print(Text("Everything but the model", "bold"), Text(f"{overhead.machine}\n", "dim"), sep="\n")
    table = Table("", box=None, header_style="bold", pad_edge=False)
    table.add_column("Median", justify="right", no_wrap=True)
    table.add_column("95 of 100", justify="right", no_wrap=True)
    for name, median, most in overhead.rows():
        table.add_row(name, f"{median:,.1f} ms", f"{most:,.1f} ms", style="bold" if name == "all" else "")
    console.print(table)
    asked = len(overhead.laps)
    console.print(f"\n{asked} questions among {overhead.passages:,} passages, {overhead.answered} of them answered.")


def print_figures(console: "Console", figures: "Figures") -> None:
    from rich.table import Table
    from rich.text import Text

    console.print(Text.assemble((figures.model, "bold"), f" by {figures.engine}\n", (figures.machine, "dim")))
    table = Table("", box=None, header_style="bold", pad_edge=False)
    table.add_column("Here", justify="right", no_wrap=True)
    table.add_column("Compared", justify="right", no_wrap=True)
    table.add_column("What it is", style="dim")
    for row in rows(figures):
        table.add_row(*row)
    console.print(table)


def rows(figures: "Figures") -> Iterator[Row]:
    """Name, figure, how it compares, and what it is."""
    yield _rate("published recipe", figures.baseline_tok_s, figures, "transformers' generate")
    yield _rate("one stream", figures.single_tok_s, figures, "prompt after prompt")
    for number, rate in figures.concurrent.items():
        yield _rate(f"{number} at once", rate, figures, "they begin alike")
    share = f"{figures.warm_ms / figures.cold_ms:.2f} × cold"
    yield "first token, cold", f"{figures.cold_ms:,.0f} ms", "", "a new beginning"
    yield "first token, warm", f"{figures.warm_ms:,.0f} ms", share, "a known beginning"
    yield "engine ready", f"{figures.load_s:.1f} s", "", "loaded and warmed up"
    yield from _limit_rows(figures)


def _rate(name: str, rate: float, figures: "Figures", what: str) -> Row:
    return name, f"{rate:,.1f} tok/s", f"{rate / figures.baseline_tok_s:.1f} × recipe", what


def _limit_rows(figures: "Figures") -> Iterator[Row]:
    if figures.bandwidth_gb_s is None or figures.bandwidth_limit_tok_s is None:
        return
    reached = f"reached {figures.single_tok_s / figures.bandwidth_limit_tok_s:.0%}"
    yield "memory bandwidth", f"{figures.bandwidth_gb_s:,.0f} GB/s", "", "reading, in this run"
    yield "limit of one stream", f"{figures.bandwidth_limit_tok_s:,.1f} tok/s", reached, "all weights a token"
