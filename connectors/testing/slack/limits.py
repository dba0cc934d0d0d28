"""How often Slack lets a method be called. https://docs.slack.dev/apis/web-api/rate-limits"""

import math
import time
from collections import defaultdict, deque

TIER_1, TIER_2, TIER_3, TIER_4 = 1, 20, 50, 100

# Calls a minute in a workspace.
CALLS_A_MINUTE: dict[str, int] = {
    "agents.sessions.rename": TIER_3,
    "agents.sessions.setStatus": TIER_3,
    "api.test": TIER_4,
    # Called once a connection: Slack lets an app open all its ten at once, and again after a restart.
    "apps.connections.open": TIER_3,
    "assistant.threads.setStatus": 600,
    "assistant.threads.setSuggestedPrompts": TIER_4,
    "assistant.threads.setTitle": TIER_4,
    "auth.revoke": TIER_3,
    "auth.test": 600,
    "bots.info": TIER_3,
    "chat.appendStream": TIER_4,
    "chat.delete": TIER_3,
    "chat.getPermalink": 600,
    "chat.postEphemeral": TIER_4,
    "chat.postMessage": 300,
    "chat.startStream": TIER_2,
    "chat.stopStream": TIER_2,
    "chat.update": TIER_3,
    "conversations.history": TIER_3,
    "conversations.info": TIER_3,
    "conversations.list": TIER_2,
    "conversations.members": TIER_4,
    "conversations.open": TIER_3,
    "conversations.replies": TIER_3,
    "files.completeUploadExternal": TIER_4,
    "files.getUploadURLExternal": TIER_4,
    "files.info": TIER_4,
    "oauth.v2.access": 600,
    "reactions.add": TIER_3,
    "reactions.remove": TIER_2,
    "usergroups.list": TIER_2,
    "usergroups.users.list": TIER_2,
    "users.info": TIER_4,
    "views.open": TIER_4,
    "views.publish": TIER_4,
    "views.push": TIER_4,
    "views.update": TIER_4,
}
# One message a second in a channel, and a few more at once.
MESSAGES_A_SECOND = 1.0
BURST = 4.0


class Limits:
    """Set `scale` to allow so many times more, `enabled` to False to allow everything, and `minute` (in seconds) to
    have limits that a short test can wait out. `calls` may be changed for single methods."""

    def __init__(self) -> None:
        self.enabled = True
        self.scale = 1.0
        self.minute = 60.0
        self.calls = dict(CALLS_A_MINUTE)
        self._windows: defaultdict[tuple[str, str], deque[float]] = defaultdict(deque)
        self._buckets: dict[tuple[str, str], tuple[float, float]] = {}

    def wait(self, method: str, team: str, channel: str = "") -> int:
        """Count a call. Whole seconds to wait when there were too many, and then it does not count; else 0."""
        if not self.enabled:
            return 0
        now = time.monotonic()
        window = self._windows[method, team]
        while window and window[0] <= now - self.minute:
            window.popleft()
        allowed = max(1, int(self.calls[method] * self.scale))
        if len(window) >= allowed:
            return max(1, math.ceil(window[len(window) - allowed] + self.minute - now))
        if method == "chat.postMessage" and not self._drop(team, channel, now):
            return 1
        window.append(now)
        return 0

    def _drop(self, team: str, channel: str, now: float) -> bool:
        """Take a message out of a channel's bucket, if there is one left."""
        rate, burst = MESSAGES_A_SECOND * self.scale * 60.0 / self.minute, BURST * self.scale
        level, since = self._buckets.get((team, channel), (burst, now))
        level = min(burst, level + (now - since) * rate)
        taken = level >= 1.0
        self._buckets[team, channel] = (level - taken, now)
        return taken
