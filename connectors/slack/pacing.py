"""Keeping within what Slack allows: so many calls a minute of each method in each workspace.

What a minute allows is counted exactly, over any sixty seconds. A leaky bucket would let up to twice as much through
in the first minute, and Slack's answer to that holds up everybody.
"""

import asyncio
import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack

MINUTE_S = 60.0
# https://docs.slack.dev/apis/web-api/rate-limits. A method that is not here waits only after Slack has asked for it.
CALLS_A_MINUTE = {
    "chat.startStream": 20,
    "chat.stopStream": 20,
    "chat.appendStream": 100,
    "chat.update": 50,
    "chat.delete": 50,
    "chat.postEphemeral": 100,
    "conversations.replies": 50,
    "conversations.history": 50,
    "conversations.info": 50,
    "conversations.open": 50,
    "conversations.members": 100,
    "agents.sessions.setStatus": 50,
    "agents.sessions.rename": 50,
    "assistant.threads.setStatus": 600,
    "assistant.threads.setTitle": 100,
    "assistant.threads.setSuggestedPrompts": 100,
    "views.open": 100,
    "views.push": 100,
    "views.update": 100,
    "views.publish": 100,
    "users.info": 100,
    "files.info": 100,
    "reactions.add": 50,
    "reactions.remove": 20,
}
SECONDS_BETWEEN_IN_A_CHANNEL = {"chat.postMessage": 1.0}
# Calls that can be done without may take so much of what a minute allows: the rest is for those that cannot.
OPTIONAL_SHARE = {"assistant.threads.setStatus": 0.25}
# Part of what appendStream allows is left free for what other replicas stream.
APPEND_SHARE = 0.9
# A stream that nothing was heard of for so long has ended.
STREAM_SILENCE_S = 120.0
# So many lanes may be kept before those that hold nobody up are forgotten.
LANES = 4096


class Window:
    """At most `calls` within any `seconds`."""

    def __init__(self, calls: int, seconds: float) -> None:
        self.seconds = seconds
        self._times: deque[float] = deque(maxlen=calls)

    def delay(self, now: float) -> float:
        """Seconds until one more may go."""
        full = len(self._times) == self._times.maxlen
        return max(0.0, self._times[0] + self.seconds - now) if full else 0.0

    def spare(self, share: float, now: float) -> bool:
        """Whether one more would be within that share of the calls."""
        calls = math.ceil((self._times.maxlen or 0) * share)
        return len(self._times) < calls or self._times[-calls] + self.seconds <= now

    def take(self, now: float) -> None:
        self._times.append(now)


class Lane:
    """Who calls one method in one workspace, or in one channel, one after another."""

    def __init__(self, window: Window | None) -> None:
        self.window = window
        self.turn = asyncio.Lock()
        self.held_until = -math.inf

    def delay(self, now: float) -> float:
        waiting = self.window.delay(now) if self.window else 0.0
        return max(waiting, self.held_until - now, 0.0)

    def take(self, now: float) -> None:
        if self.window:
            self.window.take(now)


class Pacing:
    """Lets calls go when Slack allows them, first come, first served. One for each event loop."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lanes: dict[tuple[str, ...], Lane] = {}
        self._streams: defaultdict[str, dict[str, float]] = defaultdict(dict)

    async def wait(self, team: str, method: str, channel: str = "", patience_s: float = math.inf) -> None:
        """Return when the call may go; it counts from then. Raises TimeoutError when that takes over `patience_s`."""
        lanes = self._of(team, method, channel)
        deadline = self._clock() + patience_s
        async with asyncio.timeout(None if patience_s == math.inf else patience_s), AsyncExitStack() as turns:
            for lane in lanes:
                await turns.enter_async_context(lane.turn)
                await self._pass(lane, deadline)
            for lane in lanes:
                lane.take(self._clock())

    async def _pass(self, lane: Lane, deadline: float) -> None:
        while delay := lane.delay(self._clock()):
            if self._clock() + delay > deadline:
                raise TimeoutError
            await asyncio.sleep(delay)

    def hold(self, team: str, method: str, seconds: float) -> None:
        """Slack asked to wait: nobody calls this method in this workspace until then."""
        lane = self._of(team, method)[-1]
        lane.held_until = max(lane.held_until, self._clock() + seconds)

    def delay(self, team: str, method: str, channel: str = "") -> float:
        """Seconds before a call may go, not counting those who wait already."""
        return self._delay(self._of(team, method, channel))

    def free(self, team: str, method: str, channel: str = "") -> bool:
        """Whether a call could go now without waiting."""
        lanes = self._of(team, method, channel)
        return not self._delay(lanes) and not any(lane.turn.locked() for lane in lanes)

    def spare(self, team: str, method: str, channel: str = "") -> bool:
        """Whether a call that can be done without could go now, and leave room for those that cannot."""
        window, share = self._of(team, method)[-1].window, OPTIONAL_SHARE.get(method, 1.0)
        return self.free(team, method, channel) and (not window or window.spare(share, self._clock()))

    def _of(self, team: str, method: str, channel: str = "") -> list[Lane]:
        """The channel's lane comes first: who waits there must not hold up other channels."""
        pause = SECONDS_BETWEEN_IN_A_CHANNEL.get(method)
        calls = CALLS_A_MINUTE.get(method)
        narrow = [self._lane((team, method, channel), 1, pause)] if pause and channel else []
        return [*narrow, self._lane((team, method), calls, MINUTE_S)]

    def _lane(self, key: tuple[str, ...], calls: int | None, seconds: float) -> Lane:
        if key not in self._lanes:
            self._forget_idle()
            self._lanes[key] = Lane(Window(calls, seconds) if calls else None)
        return self._lanes[key]

    def _forget_idle(self) -> None:
        if len(self._lanes) >= LANES:
            now = self._clock()
            channels = [key for key, lane in self._lanes.items() if len(key) > 2 and not lane.turn.locked()]
            for key in channels:
                if not self._lanes[key].delay(now):
                    del self._lanes[key]

    def _delay(self, lanes: Sequence[Lane]) -> float:
        now = self._clock()
        return max(lane.delay(now) for lane in lanes)

    # -- streams

    def streaming(self, team: str, ts: str) -> None:
        """Something was streamed into that message."""
        self._streams[team][ts] = self._clock()

    def streamed(self, team: str, ts: str) -> None:
        """That message is streamed into no more."""
        self._streams[team].pop(ts, None)

    def append_interval(self, team: str) -> float:
        """Seconds that each stream of a workspace should leave between two appends, for all to fit."""
        since = self._clock() - STREAM_SILENCE_S
        alive = {ts: last for ts, last in self._streams[team].items() if last > since}
        self._streams[team] = alive
        return append_interval(len(alive))


def append_interval(active_streams: int) -> float:
    """Seconds between two appends to a stream, so that all of them together stay inside the tier of appendStream."""
    return max(1, active_streams) * MINUTE_S / (CALLS_A_MINUTE["chat.appendStream"] * APPEND_SHARE)
