"""How soon people in Slack see that they were heard, while the model is busy: figures, for `make soak`."""

import asyncio
import statistics
from collections.abc import Callable
from pathlib import Path

import pytest

from assistant import Assistant
from connectors.testing.slack import FakeSlack
from knowledge import SentenceEmbeddings
from tests.conftest import ingest
from tests.slack import COURSE, FUSE, PacedEngine, environment, profile, served

pytestmark = [pytest.mark.slow, pytest.mark.alone]

A_SECOND = 20


@pytest.mark.parametrize(
    "seconds", [3, pytest.param(20, marks=[pytest.mark.soak, pytest.mark.timeout(300)])], ids=["short", "soak"]
)
async def test_everybody_sees_that_they_were_heard_while_the_model_is_saturated(
    seconds: int,
    tmp_path: Path,
    embeddings: SentenceEmbeddings,
    monkeypatch: pytest.MonkeyPatch,
    report: Callable[[str], None],
) -> None:
    engine = PacedEngine(says=FUSE, pause=0.3)
    async with FakeSlack() as slack:
        people = [slack.person(f"U{number}").id for number in range(50)]
        for number in range(20):
            slack.channel(f"C{number}", people)
        # Slack lets twenty questions a second be asked for half a minute only: then their statuses are 600.
        with environment(slack, monkeypatch):
            async with Assistant(
                profile(tmp_path / "data", places=5_000, shutdown_s=0.0), engine, embeddings
            ) as assistant:
                course = tmp_path / "course.md"
                course.write_text(COURSE)
                ingest(assistant.knowledge, course)
                async with served(assistant, slack):
                    asked = {}
                    for number in range(seconds * A_SECOND):
                        channel = f"C{number % 20}"
                        text = f"<@{slack.bot_user}> What is a fuse?"
                        ts = await slack.say(people[number % 50], channel, text)
                        asked[channel, ts] = slack.message(channel, ts).at
                        await asyncio.sleep(1 / A_SECOND)
                    await slack.until(lambda: len({(s.channel, s.thread_ts) for s in slack.statuses}) >= len(asked), 60)
                    first: dict[tuple[str, str], float] = {}
                    for status in slack.statuses:
                        first.setdefault((status.channel, status.thread_ts), status.time)
                    waits = [first[place] - at for place, at in asked.items()]
                    acks = [s for delivery in slack.sent if (s := delivery.ack_seconds) is not None]
    report(
        f"{len(asked)} questions at {A_SECOND}/s: first status median {statistics.median(waits) * 1000:.0f} ms, "
        f"worst {max(waits) * 1000:.0f} ms; acks median {statistics.median(acks) * 1000:.1f} ms, "
        f"worst {max(acks) * 1000:.0f} ms"
    )
    assert max(acks) < 3.0
