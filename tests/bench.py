"""How quick it is here: `make bench` prints a table. Nothing in the test suite depends on these figures."""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from langchain_core.messages import HumanMessage
from rich.console import Console
from rich.table import Table

from assistant import Assistant, Passage, Question, Retrieved, samples
from assistant.prompts import compose, system
from knowledge import Report
from tests import bench_knowledge

QUESTIONS = ("What does Ohm's law state?", "How is an ammeter connected?", "What is a series circuit?")
HELP_RUNS = 5
PROMPT_TOKENS = 1_500


def help_cpu_seconds() -> float:
    """Processor time, user and system, of `assistant --help`; the median of five."""
    command = [str(Path(sys.executable).with_name("assistant")), "--help"]
    times = []
    for _ in range(HELP_RUNS):
        before = os.times()
        subprocess.run(command, check=True, capture_output=True)
        after = os.times()
        times.append(after.children_user + after.children_system - before.children_user - before.children_system)
    return statistics.median(times)


def long_prompt(assistant: Assistant, seed: int) -> list[HumanMessage]:
    """A prompt of 1,500 tokens or a few more whose beginning is in no cache."""
    count = 0
    words: list[str] = []
    while count < PROMPT_TOKENS:
        words += [f"{seed}{len(words)} volts and"] * 10
        count = assistant.engine.count_tokens([HumanMessage(" ".join(words))])
    return [HumanMessage(" ".join(words))]


async def first_token_seconds(assistant: Assistant, seed: int) -> float:
    prompt = await asyncio.to_thread(long_prompt, assistant, seed)
    started = time.perf_counter()
    async for _ in assistant.engine.astream(list(prompt)):
        break
    return time.perf_counter() - started


async def prompt_seconds(assistant: Assistant, text: str) -> float:
    """From the question to the moment the model could begin: the prompt is composed and counted."""
    passages: tuple[Passage, ...] = ()
    started = time.perf_counter()
    async for event in assistant.stream(Question(text)):
        if isinstance(event, Retrieved):
            passages = event.passages
            break
    instructions = system(assistant.settings.persona, "")
    assistant.engine.count_tokens(compose(instructions, text, [], passages))
    return time.perf_counter() - started


async def measure() -> list[tuple[str, str]]:
    with tempfile.TemporaryDirectory() as folder:
        async with Assistant.from_profile("docs", Path(folder)) as assistant:
            started = time.perf_counter()
            await assistant.warm_up()
            rows = [("models loaded, side by side", f"{time.perf_counter() - started:.1f} s")]
            *_, report = assistant.knowledge.ingest([samples.folder()])
            assert isinstance(report, Report)
            rows.append(("ingestion", f"{report.passages / report.seconds:.0f} passages/s"))
            answers = [await assistant.ask(Question(text)) for text in QUESTIONS * 3]
            retrieve = statistics.median(answer.timings.retrieve_ms for answer in answers)
            rows.append(("retrieval, median", f"{retrieve:.0f} ms"))
            prompts = [await prompt_seconds(assistant, text) for text in QUESTIONS * 3]
            rows.append(("retrieval and prompt, median", f"{statistics.median(prompts) * 1000:.0f} ms"))
            rows.append(("answer, median", f"{statistics.median(a.timings.total_ms for a in answers):.0f} ms"))
            firsts = [await first_token_seconds(assistant, seed) for seed in range(1, 6)]
            rows.append((f"first token of {PROMPT_TOKENS:,} tokens, median", f"{statistics.median(firsts):.2f} s"))
    return rows


def main() -> None:
    table = Table("Figure", "Here", title=f"{os.cpu_count()} cores")
    table.add_row("assistant --help, processor time", f"{help_cpu_seconds():.2f} s")
    for row in asyncio.run(measure()):
        table.add_row(*row)
    Console().print(table)
    bench_knowledge.main([])


if __name__ == "__main__":
    main()
