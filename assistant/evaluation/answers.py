"""How well questions are answered, measured on a folder of judged ones.

    corpus.jsonl   {"_id", "title", "text"} a line; the title may be missing
    tasks.jsonl    {"_id", "question", "history", "label", "relevant", "reference"} a line: `history` holds
                   {"role": "user" or "assistant", "content"}, `label` is one of LABELS, `relevant` lists corpus ids

Each task goes through the real pipeline, with its history as the conversation so far. Definitions:

- recall@5: the mean share of a task's relevant documents among the first five found, over tasks that have any.
- abstention: of answerable and unanswerable tasks alone, by the decision that is made before the model is asked. AUROC
  is by the gate's confidence. For the balanced accuracy a task counts as answered when the model is asked; a clarifying
  question counts as not answered, which is right for an unanswerable task and wrong for an answerable one.
- clarification: the shares of underspecified and of answerable tasks that are met with a clarifying question.
- citations: precision is the share of citations that name a relevant document, over tasks that have any; coverage the
  share of the sentences of answers that carry a citation.
- unsupported sentences: sentences of answers that do not bear a second check against the whole text of what they cite.

Partial tasks count where they have relevant documents, and under their label. What was not measured is None.
"""

import asyncio
import json
import random
import statistics
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from assistant.agent import Assistant
from assistant.evaluation.checking import Checked, check
from assistant.evaluation.figures import auroc, mean, share
from assistant.state import State
from assistant.types import Answer, Question, Status, Turn
from knowledge.evaluation import Entry, broken, fill, find_file, numbered_lines, read_corpus

Label = Literal["answerable", "unanswerable", "underspecified", "partial"]
LABELS: tuple[Label, ...] = get_args(Label)
LAYOUT = "It needs corpus.jsonl and tasks.jsonl."
SHAPE = '{"_id": "…", "question": "…", "history": [{"role": "user", "content": "…"}, …], "label": "…", "relevant": […]}'
FIRST = 5


@dataclass(frozen=True, slots=True)
class Task:
    """A judged question after its conversation. `relevant` holds the ids of the documents that answer it."""

    id: str
    question: str
    turns: tuple[Turn, ...]
    label: Label
    relevant: frozenset[str]
    reference: str = ""


@dataclass(frozen=True, slots=True)
class TaskSet:
    corpus: list[Entry]
    tasks: list[Task]


@dataclass(frozen=True, slots=True)
class Step:
    """`done` of `total` are done of this stage."""

    stage: Literal["documents", "searches", "answers"]
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a task. `found` is what the pipeline's search left for the gate, the evidence to fit it on;
    `decision` is what was decided before the model was asked, `status` what came of it in the end."""

    task: Task
    found: State
    decision: Status
    ms: float
    answer: Answer | None = None
    checked: Checked | None = None

    @property
    def status(self) -> Status:
        return self.answer.status if self.answer else self.decision

    @property
    def confidence(self) -> float:
        """The gate's evidence, 0 to 1, that the documents answer."""
        return self.found["decision"].confidence

    @property
    def recall(self) -> float:
        """The share of the relevant documents among the first five."""
        found = list(dict.fromkeys(passage.source for passage in self.found["searched"].passages))[:FIRST]
        return len(self.task.relevant.intersection(found)) / len(self.task.relevant)


# -- the folder


def read_tasks(folder: Path) -> TaskSet:
    """Raises DatasetError for what is missing or broken, naming the file and the line."""
    corpus = read_corpus(folder, LAYOUT)
    known = {entry.id for entry in corpus}
    path = find_file(folder, "tasks.jsonl", LAYOUT)
    tasks: list[Task] = []
    lines: dict[str, int] = {}
    for number, line in numbered_lines(path):
        task = _task(path, number, line)
        if task.id in lines:
            raise broken(path, number, f"repeats the _id {task.id!r} of line {lines[task.id]}", "Give each its own.")
        if unknown := sorted(task.relevant - known):
            raise broken(
                path, number, f"names the document {unknown[0]!r}", "corpus.jsonl does not hold it: add it there."
            )
        lines[task.id] = number
        tasks.append(task)
    if not tasks:
        raise broken(path, 1, "holds no task", f"Write one a line: {SHAPE}.")
    return TaskSet(corpus, tasks)


def _task(path: Path, number: int, line: str) -> Task:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise broken(path, number, "is not JSON", "Write one JSON object a line.") from error
    label = value.get("label") if isinstance(value, dict) else None
    if label is not None and label not in LABELS:
        raise broken(path, number, f"has the label {label!r}", f"There are: {', '.join(LABELS)}.")
    try:
        return Task(
            id=_text(str(value["_id"])),
            question=_text(value["question"]),
            turns=_turns(value.get("history") or []),
            label=value["label"],
            relevant=frozenset(str(id_) for id_ in value.get("relevant") or []),
            reference=str(value.get("reference") or ""),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise broken(path, number, f"is no task: {_reason(error)}", f"Write {SHAPE}.") from error


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text is empty or missing")
    return value


def _reason(error: Exception) -> str:
    return f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)


def _turns(history: Sequence[dict[str, Any]]) -> tuple[Turn, ...]:
    """Each message of the user with what the assistant said to it; what is said first by the assistant is left out."""
    turns: list[Turn] = []
    for message in history:
        role, content = message["role"], str(message["content"])
        if role == "user":
            turns.append(Turn(content, ""))
        elif role == "assistant" and turns:
            turns[-1] = replace(turns[-1], answer=f"{turns[-1].answer}\n{content}".strip())
        elif role != "assistant":
            raise ValueError(f"the role {role!r} is neither user nor assistant")
    return tuple(turns)


def sample(tasks: Sequence[Task], limit: int | None, seed: int) -> list[Task]:
    """As many of the tasks, drawn by the seed and in the order they had; all where there is no limit."""
    if limit is None or limit >= len(tasks):
        return list(tasks)
    drawn = set(random.Random(seed).sample(range(len(tasks)), limit))  # noqa: S311 (nothing to keep secret)
    return [task for at, task in enumerate(tasks) if at in drawn]


# -- the measuring


async def evaluate(
    assistant: Assistant, corpus: Sequence[Entry], tasks: Sequence[Task], *, generate: bool = True
) -> AsyncIterator[Step | list[Outcome]]:
    """Put the corpus into the assistant's knowledge base, which should be empty, and take the tasks through the
    pipeline; the last is what came of them, in their order. Without `generate` the model is not asked.

    The searches go one after the other, so that their times tell; the answers as many at once as the engine takes.
    """
    for done in fill(assistant.knowledge, corpus):
        yield Step("documents", done, len(corpus))
    await asyncio.to_thread(assistant.knowledge.warm_up)
    outcomes: list[Outcome] = []
    for task in tasks:
        outcomes.append(await _examined(assistant, task))
        yield Step("searches", len(outcomes), len(tasks))
    if generate:
        async for step in _answered(assistant, outcomes, {entry.id: entry for entry in corpus}):
            yield step
    yield outcomes


async def _examined(assistant: Assistant, task: Task) -> Outcome:
    question = Question(task.question)
    await assistant.begin(question.conversation_id, task.turns)
    loop = asyncio.get_running_loop()
    started = loop.time()
    examined = await assistant.examine(question)
    return Outcome(task, examined.found, examined.decision, (loop.time() - started) * 1000)


async def _answered(assistant: Assistant, outcomes: list[Outcome], corpus: dict[str, Entry]) -> AsyncIterator[Step]:
    """Put the answers into the outcomes."""
    places = asyncio.Semaphore(assistant.settings.engine.parallel)

    async def answer(at: int) -> None:
        async with places:
            task = outcomes[at].task
            question = Question(task.question)
            await assistant.begin(question.conversation_id, task.turns)
            given = await assistant.ask(question)
            checked = await asyncio.to_thread(check, given, corpus, assistant.knowledge, assistant.settings.persona)
            outcomes[at] = replace(outcomes[at], answer=given, checked=checked)

    running = [asyncio.create_task(answer(at)) for at in range(len(outcomes))]
    try:
        for done, one in enumerate(asyncio.as_completed(running), start=1):
            await one
            yield Step("answers", done, len(running))
    finally:
        for one_task in running:
            one_task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


# -- the figures


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The shape that `eval answers --json` promises."""
    statuses = Counter(outcome.status for outcome in outcomes)
    return {
        "tasks": len(outcomes),
        "recall@5": mean([outcome.recall for outcome in outcomes if outcome.task.relevant]),
        "answered": statuses["answered"],
        "abstained": statuses["abstained"],
        "clarified": statuses["clarify"],
        "abstention": _abstention(outcomes),
        "citations": _citations(outcomes),
        "unsupported_sentences": _unsupported(outcomes),
        "clarification": {
            label: share([o.decision == "clarify" for o in _labelled(outcomes, label)])
            for label in ("underspecified", "answerable")
        },
        "by_label": {label: _counted(found) for label in LABELS if (found := _labelled(outcomes, label))},
        "p50_ms": round(statistics.median(outcome.ms for outcome in outcomes), 1),
    }


def _labelled(outcomes: Sequence[Outcome], label: str) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.task.label == label]


def _abstention(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    there, missing = _labelled(outcomes, "answerable"), _labelled(outcomes, "unanswerable")
    answered = [o.decision == "answered" for o in there]
    withheld = [o.decision != "answered" for o in missing]
    both = answered and withheld
    return {
        "auroc": auroc([o.confidence for o in there], [o.confidence for o in missing]),
        "balanced_accuracy": mean([sum(half) / len(half) for half in (answered, withheld)]) if both else None,
    }


def _citations(outcomes: Sequence[Outcome]) -> dict[str, float | None]:
    cited = [
        citation.source in outcome.task.relevant
        for outcome in outcomes
        if outcome.answer and outcome.task.relevant
        for citation in outcome.answer.citations
    ]
    carrying = [bool(one.sources) for outcome in outcomes if outcome.checked for one in outcome.checked.sentences]
    return {"precision": share(cited), "coverage": share(carrying)}


def _unsupported(outcomes: Sequence[Outcome]) -> int | None:
    checked = [outcome.checked for outcome in outcomes if outcome.checked]
    return sum(len(one.unsupported) for one in checked) if checked else None


def _counted(outcomes: Sequence[Outcome]) -> dict[str, int | float | None]:
    statuses = Counter(outcome.status for outcome in outcomes)
    return {
        "tasks": len(outcomes),
        "recall@5": mean([outcome.recall for outcome in outcomes if outcome.task.relevant]),
        "answered": statuses["answered"],
        "abstained": statuses["abstained"],
        "clarified": statuses["clarify"],
    }
