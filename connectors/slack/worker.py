"""Works off the line: claims questions, as many at once as the model answers, and keeps them until they are done."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from slack_sdk.errors import SlackApiError
from sqlalchemy.exc import SQLAlchemyError

from assistant.errors import BusyError
from connectors.slack import blocks
from connectors.slack.answering import BUSY_S, Answering, LostLeaseError, Work
from connectors.slack.delivery import CONNECTION_TROUBLE, TROUBLE
from connectors.slack.faults import NotInstalledError, code_of, kind_of, needed_scope
from connectors.slack.places import PRIVATE, direct_channel
from connectors.slack.results import DELETED, EDITED, STOPPED
from connectors.slack.services import Services
from connectors.slack.store import LEASE_S, Claimed, Signal

log = logging.getLogger("assistant.slack")

# How often the line is looked at when nobody calls: for what other replicas left behind.
POLL_S = 0.5
# How soon what was said about a question at another replica is heard of at this one.
LISTEN_S = 1.0
# Those who were refused a place are told so without waiting for one.
REFUSING_AT_ONCE = 4
# A trouble that is not the question's is waited out for so long.
TROUBLED_S = 5.0
REVOKED_S = 60.0
# How often those who wait hear of their place.
POSITIONS_S = 2.0


class Worker:
    """Answers questions until it is cancelled; then it finishes what it can and hands back the rest."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.answering = Answering(services)
        self.at_once = services.assistant.settings.engine.parallel
        self._working: dict[int, Work] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._more = asyncio.Event()
        self._told: dict[int, int] = {}

    def wake(self) -> None:
        """There is something new in the line."""
        self._more.set()

    async def run(self) -> None:
        """Serve until cancelled. What is under way is then given `shutdown_s` to end."""
        loops = [
            self._claim(self.at_once, refused=False),
            self._claim(REFUSING_AT_ONCE, refused=True),
            self._repeat(self._renew, LEASE_S / 3),
            self._repeat(self._listen, LISTEN_S),
            self._repeat(self._tell_positions, POSITIONS_S),
        ]
        running = [asyncio.create_task(loop) for loop in loops]
        try:
            await asyncio.gather(*running)
        finally:
            # The lease must be kept while the last answers are finished.
            claiming, others = running[:2], running[2:]
            await _end(claiming)
            await self._drain()
            await _end(others)
            await self._hand_back_all()

    async def _drain(self) -> None:
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=self.services.settings.shutdown_s)
        await _end(list(self._tasks))

    # -- claiming

    async def _claim(self, at_once: int, *, refused: bool) -> None:
        places = asyncio.Semaphore(at_once)
        while True:
            await places.acquire()
            claimed = await self._next(refused=refused)
            task = asyncio.create_task(self._serve(Work(claimed)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            task.add_done_callback(lambda _: places.release())

    async def _next(self, *, refused: bool) -> Claimed:
        while True:
            self._more.clear()
            try:
                claimed = await self.services.store.claim(refused=refused)
            except SQLAlchemyError as error:
                log.debug("nothing could be claimed: %s", error)  # the health check tells of a store that is down
            else:
                if claimed:
                    return claimed
            await _wait(self._more, POLL_S)

    # -- one question

    async def _serve(self, work: Work) -> None:
        number = work.claimed.number
        self._working[number] = work
        try:
            await self.answering.serve(work)
        except LostLeaseError:
            log.info("Question %d was taken over by another replica.", number)
        except Exception as error:  # noqa: BLE001 (whatever happened to one question, the others go on)
            await self._troubled(work, error)
        finally:
            self._working.pop(number, None)
            self._more.set()  # the next question of that thread may go on

    async def _hand_back(self, work: Work, after: float, *, blameless: bool = True) -> None:
        try:
            await self.services.store.hand_back(work.claimed, after, blameless=blameless)
        except SQLAlchemyError as error:
            log.warning("A question could not be handed back; its lease will lapse (%s).", error.__class__.__name__)

    async def _hand_back_all(self) -> None:
        """Let others go on with what was cut short, and with what was being claimed when that was cancelled."""
        try:
            await self.services.store.hand_back_all()
        except SQLAlchemyError as error:
            log.warning("What is unfinished could not be handed back; its lease will lapse (%s).", type(error).__name__)

    async def _troubled(self, work: Work, error: Exception) -> None:
        if isinstance(error, BusyError):
            await self._hand_back(work, BUSY_S)
        elif isinstance(error, SQLAlchemyError):
            await self._hand_back(work, TROUBLED_S)
        elif isinstance(error, (*TROUBLE, NotInstalledError)):
            await self._refused_by_slack(work, error)
        else:
            log.error("A question could not be served.", exc_info=error)
            await self._hand_back(work, TROUBLED_S, blameless=False)

    async def _refused_by_slack(self, work: Work, error: Exception) -> None:
        kind = kind_of(error)
        if kind in ("retry", "uncertain"):
            await self._hand_back(work, TROUBLED_S)
        elif kind == "revoked":
            # Whoever installs the app again still gets an answer.
            await self._hand_back(work, REVOKED_S)
        elif kind in ("gone", "forbidden") and isinstance(error, SlackApiError):
            await self._tell_privately(work.claimed, error)
        else:
            log.error("Slack refused an answer: %s", error)
            await self._hand_back(work, TROUBLED_S, blameless=False)

    async def _tell_privately(self, claimed: Claimed, error: SlackApiError) -> None:
        """The answer can't be where it belongs: say why to whoever asked, in their direct messages."""
        code = code_of(error)
        name = _REASONS.get(code, "not_in_channel")
        words = self.services.words(claimed.asked.channel)
        reason = words.reason(name, channel=claimed.asked.channel, scope=needed_scope(error))
        log.warning("An answer could not be posted in %s: %s", claimed.asked.channel, code)
        below = blocks.reason_blocks(reason, words, help_text=self.services.settings.help)
        content: dict[str, object] = {"text": str(reason), "blocks": below}
        try:
            client = await self.services.workspaces.client(claimed.asked.team, claimed.asked.enterprise or None)
            channel = await direct_channel(client, claimed.asked.user)
            await self.answering.places.post(client, claimed, PRIVATE, channel, content)
        except TROUBLE as again:
            if kind_of(again) in ("retry", "uncertain"):
                await self.services.store.hand_back(claimed, TROUBLED_S, blameless=True)
                return
            log.error("Nobody could be told why an answer is missing: %s", again)
        await self.services.store.finish(claimed, code)
        self.services.metrics.answers_total.labels(status=code).inc()

    # -- what happens meanwhile

    async def _renew(self) -> None:
        self._heed(await self.services.store.renew())

    async def _listen(self) -> None:
        if self._working:
            self._heed(await self.services.store.signals())
        counts = await self.services.store.counts()
        self.services.metrics.queue_waiting.set(counts.get("waiting", 0))
        self.services.metrics.queue_working.set(counts.get("working", 0) + counts.get("written", 0))

    async def listen_now(self) -> None:
        """Heed at once what was said at this replica."""
        self._heed(await self.services.store.signals())

    def _heed(self, signals: list[Signal]) -> None:
        told = {signal.number: signal for signal in signals}
        for number, work in list(self._working.items()):
            signal = told.get(number)
            if signal is None:
                continue  # finished just now, or lost: its own writes will tell
            if signal.halt and work.why not in (STOPPED, DELETED):
                work.interrupt(signal.halt)
            elif signal.revision > work.claimed.revision and work.generation and not work.why:
                work.interrupt(EDITED)

    async def _tell_positions(self) -> None:
        """Those who wait see their place, when it has changed and Slack has room for it."""
        places = await self.services.store.positions()
        for claimed, place in places:
            if self._told.get(claimed.number, place) != place and claimed.asked.kind != "unprompted":
                words = self.services.words(claimed.asked.channel)
                self.services.statuses.show(claimed.asked, words.waiting.format(position=place))
        self._told = {claimed.number: place for claimed, place in places}

    async def _repeat(self, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except (SQLAlchemyError, *CONNECTION_TROUBLE) as error:
                log.debug("to be tried again: %s", error)


_REASONS = {
    "is_archived": "archived",
    "missing_scope": "missing_scope",
    "not_allowed_token_type": "missing_scope",
}


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


async def _end(tasks: list["asyncio.Task[None]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
