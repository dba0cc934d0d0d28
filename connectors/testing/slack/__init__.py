"""A Slack for tests: over real sockets of this machine, and as strict as the real one.

It serves the Web API, Socket Mode, signed HTTP requests, OAuth and file downloads to whatever speaks to Slack, in this
process or in another. Tell it who there is, do what people do, and look at what they would see:

    async with FakeSlack() as slack:
        slack.person("U1", "Ada")
        slack.channel("C1", members=["U1"])
        # Start an app here: its API is at slack.api_url, its tokens are slack.bot_token and slack.app_token.
        await slack.until(lambda: slack.connections)
        ts = await slack.say("U1", "C1", f"<@{slack.bot_user}> What is a fuse?")
        await slack.until(lambda: slack.replies("C1", ts))
        await slack.settled()
        assert "wire" in slack.replies("C1", ts)[0].shown

It refuses what Slack refuses: missing scopes, wrong states, what is too long, and too many calls (`slack.limits`).
`slack.faults` lets things go wrong. It needs aiohttp, which the extra `slack` brings.
"""

from connectors.testing.slack.deliveries import Attempt, Deliveries, Delivery
from connectors.testing.slack.errors import SlackError
from connectors.testing.slack.fake import FakeSlack
from connectors.testing.slack.faults import Fault, Faults
from connectors.testing.slack.limits import Limits
from connectors.testing.slack.oauth import OAuth
from connectors.testing.slack.scopes import ALL_SCOPES, EVENTS, METHOD_SCOPES
from connectors.testing.slack.sockets import Sockets
from connectors.testing.slack.state import Call, Channel, Ephemeral, File, Message, Session, Status, User, View

__all__ = [
    "ALL_SCOPES",
    "EVENTS",
    "METHOD_SCOPES",
    "Attempt",
    "Call",
    "Channel",
    "Deliveries",
    "Delivery",
    "Ephemeral",
    "FakeSlack",
    "Fault",
    "Faults",
    "File",
    "Limits",
    "Message",
    "OAuth",
    "Session",
    "SlackError",
    "Sockets",
    "Status",
    "User",
    "View",
]
