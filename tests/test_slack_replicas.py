"""Two replicas of the unmodified `assistant run slack`, one killed again and again, while much goes wrong in Slack."""

import asyncio
import os
import random
import signal
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from connectors.slack.blocks import FEEDBACK
from connectors.slack.wording import wording
from connectors.testing.slack import FakeSlack, Message
from knowledge import KnowledgeBase, SentenceEmbeddings
from tests.conftest import ingest
from tests.postgres import fresh_database
from tests.servers import ScriptedServer, answer
from tests.slack import COURSE
from tests.test_commands import ASSISTANT

pytestmark = pytest.mark.slow

EN = wording("en")
ASKED = {"What is a fuse?": "fuse", "How is a voltmeter connected?": "voltmeter"}
PROFILE = """
[engine]
kind = "remote"
model = "a-model"
base_url = "{url}"
parallel = 8

[queue]
places = 5000

[connectors.slack]
health = ""
shutdown_s = 5
"""


@dataclass(frozen=True)
class Trial:
    """How much is asked and how badly things go."""

    questions: int
    people: int
    channels: int
    a_second: float
    kill_every_s: float
    database: str = "sqlite"


@dataclass
class Replicas:
    """Processes that serve the same workspace."""

    profile: Path
    data: Path
    environment: dict[str, str]
    count: int = 2
    kills: int = 0
    running: list[tuple["subprocess.Popen[bytes]", Path]] = field(default_factory=list)

    def start(self) -> None:
        log = self.data.parent / f"replica-{self.kills}-{len(self.running)}.log"
        command = [ASSISTANT, "--profile", str(self.profile), "--data-dir", str(self.data), "run", "slack"]
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, env=self.environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        self.running.append((process, log))

    def all_serve(self) -> bool:
        """Whether each has its models loaded; it takes questions in before that."""
        return all(b"Serving Slack." in log.read_bytes() for _, log in self.running)

    def kill_one(self) -> None:
        """The older one, as if the machine had lost power; and start another in its place."""
        victim, _ = self.running.pop(0)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        self.kills += 1
        self.start()

    def stop(self) -> None:
        for process, _ in self.running:
            process.send_signal(signal.SIGTERM)
        for process, _ in self.running:
            process.wait(timeout=60)


def answers_below(slack: FakeSlack, channel: str, thread: str) -> list[Message]:
    """What ends an answer, or is a reason in place of one."""
    reasons = [reason.problem for reason in EN.reasons.values()]
    return [
        message
        for message in slack.replies(channel, thread)
        if FEEDBACK in {action for action, _, _ in message.buttons}
        or any(problem in message.shown for problem in reasons)
    ]


async def people_ask(slack: FakeSlack, trial: Trial, chance: random.Random) -> dict[tuple[str, str], list[str]]:
    """The threads, each with what was asked in it, in order."""
    threads: dict[tuple[str, str], list[str]] = {}
    own: dict[str, list[tuple[str, str]]] = {}
    for number in range(trial.questions):
        user, channel = f"U{number % trial.people}", f"C{chance.randrange(trial.channels)}"
        text = chance.choice(list(ASKED))
        mine = own.setdefault(user, [])
        if mine and chance.random() < 0.3:
            place = chance.choice(mine)
            await slack.say(user, place[0], text, place[1])
        else:
            ts = await slack.say(user, channel, f"<@{slack.bot_user}> {text}")
            place = (channel, ts)
            mine.append(place)
        threads.setdefault(place, []).append(text)
        await asyncio.sleep(chance.expovariate(trial.a_second))
    return threads


def let_much_go_wrong(slack: FakeSlack) -> None:
    """Nothing of it is rarer than it should be; all of it stays."""
    slack.deliveries.retry_delays = (0.5, 3.0, 10.0, 20.0, 40.0)
    slack.faults.ratelimit("chat.*", retry_after=1, probability=0.03)
    slack.faults.ratelimit("assistant.*", retry_after=1, probability=0.02)
    slack.faults.fail("*", probability=0.01)
    slack.faults.cut("*", probability=0.01)
    slack.faults.cut("*", after=True, probability=0.01)
    slack.faults.slow("*", seconds=1.0, probability=0.03)
    slack.faults.expire_streams(probability=0.02)
    slack.faults.duplicate(after=0.3, probability=0.1)
    slack.faults.delay(seconds=0.7, probability=0.05)
    slack.faults.drop_sockets(probability=0.01)
    slack.faults.refuse_handshakes(probability=0.2)
    slack.faults.refuse("apps.connections.open", "internal_error", probability=0.1)


def check(slack: FakeSlack, threads: dict[tuple[str, str], list[str]]) -> Counter[str]:
    """Every question has one whole answer or one reason, in its thread, in order."""
    outcomes: Counter[str] = Counter()
    for (channel, thread), asked in threads.items():
        found = answers_below(slack, channel, thread)
        said = [message.shown for message in slack.replies(channel, thread)]
        assert all(message.complete for message in slack.replies(channel, thread)), said
        assert len(found) == len(slack.replies(channel, thread)) == len(asked), (channel, thread, asked, said)
        for text, message in zip(asked, found, strict=True):
            is_answer = EN.footer_bare not in message.shown and ASKED[text] in message.markdown
            is_reason = not message.markdown
            assert is_answer or is_reason, (text, message.shown)
            outcomes["answered" if is_answer else "told why not"] += 1
    return outcomes


@pytest.mark.parametrize(
    "trial",
    [
        pytest.param(Trial(40, 8, 4, a_second=4, kill_every_s=7), marks=pytest.mark.timeout(480)),
        pytest.param(Trial(1000, 100, 20, 4, 10), marks=[pytest.mark.soak, pytest.mark.timeout(1800)]),
        pytest.param(Trial(1000, 100, 20, 4, 10, "postgresql"), marks=[pytest.mark.soak, pytest.mark.timeout(1800)]),
    ],
    ids=["short", "soak", "soak on PostgreSQL"],
)
async def test_every_question_is_answered_once_whatever_happens(
    trial: Trial,
    tmp_path: Path,
    embeddings: SentenceEmbeddings,
    report: Callable[[str], None],
    request: pytest.FixtureRequest,
) -> None:
    chance = random.Random(1)
    data = tmp_path / "data"
    course = tmp_path / "course.md"
    course.write_text(COURSE)
    knowledge = KnowledgeBase(data, embeddings)
    ingest(knowledge, course)
    knowledge.close()
    with ScriptedServer([answer("Nothing ", "of ", "this ", "is ", "so.", pause=0.05)]) as model:
        profile = tmp_path / "trial.toml"
        profile.write_text(PROFILE.format(url=model.url))
        async with FakeSlack(seed=1) as slack:
            environment = os.environ | {
                "SLACK_API_URL": slack.api_url,
                "SLACK_BOT_TOKEN": slack.bot_token,
                "SLACK_APP_TOKEN": slack.app_token,
            }
            if trial.database == "postgresql":
                environment["ASSISTANT_DATABASE__URL"] = fresh_database(request.getfixturevalue("postgres"))
            people = [slack.person(f"U{number}").id for number in range(trial.people)]
            for number in range(trial.channels):
                slack.channel(f"C{number}", people)
            slack.limits.scale = 10
            replicas = Replicas(profile, data, dict(environment))
            try:
                for _ in range(replicas.count):
                    replicas.start()
                await slack.until(replicas.all_serve, 120)
                let_much_go_wrong(slack)
                started = time.monotonic()
                threads = await _under_fire(slack, replicas, trial, chance)
                took = time.monotonic() - started
                outcomes = check(slack, threads)
            finally:
                replicas.stop()
    acks = [seconds for delivery in slack.sent if (seconds := delivery.ack_seconds) is not None]
    report(
        f"{sum(outcomes.values())} questions in {took:.0f} s, {replicas.kills} kills, {dict(slack.faults.counts)}: "
        f"{dict(outcomes)}; acks median {statistics.median(acks) * 1000:.0f} ms, worst {max(acks):.1f} s"
    )


async def _under_fire(
    slack: FakeSlack, replicas: Replicas, trial: Trial, chance: random.Random
) -> dict[tuple[str, str], list[str]]:
    """People ask while replicas die, until everything has been answered or too much time has gone by."""
    asking = asyncio.create_task(people_ask(slack, trial, chance))
    deadline = time.monotonic() + max(300.0, trial.questions * 0.9)
    next_kill = time.monotonic() + trial.kill_every_s
    while time.monotonic() < deadline:
        await asyncio.sleep(0.25)
        if asking.done():
            threads = asking.result()
            if all(len(answers_below(slack, *place)) >= len(asked) for place, asked in threads.items()):
                break
        # On a slow machine a replica takes longer to start than this; were it killed sooner, nobody would ever serve.
        if time.monotonic() > next_kill and replicas.all_serve():
            await asyncio.to_thread(replicas.kill_one)
            next_kill = time.monotonic() + trial.kill_every_s
    threads = await asking
    slack.faults.clear()
    await slack.settled(3.0, 60)
    return threads
