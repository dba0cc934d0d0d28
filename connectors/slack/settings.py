"""What a profile may say under `[connectors.slack]`."""

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from assistant.settings import Section

# What Slack allows: https://docs.slack.dev/reference/methods/assistant.threads.setSuggestedPrompts
MAX_PROMPTS = 4
# Socket Mode gives one app at most ten connections.
MAX_CONNECTIONS = 10
_CHANNEL = re.compile(r"[CG][A-Z0-9]+")


def _channel_id(value: str) -> str:
    if not _CHANNEL.fullmatch(value):
        raise ValueError("a channel is named by its id, such as C0123456789: the channel's About page shows it")
    return value


ChannelId = Annotated[str, AfterValidator(_channel_id)]
Language = Literal["en", "ko"]


class ChannelSettings(Section):
    """How questions of one channel are answered; what is left out is as elsewhere.

    `profile` lends its persona, answers and knowledge. `unprompted` answers questions that mention nobody, but only
    when the documents answer them.
    """

    profile: str = ""
    collections: tuple[str, ...] = ()
    language: Language | None = None
    unprompted: bool = False


class SlackSettings(Section):
    """How the assistant is reached in Slack and how it speaks there.

    `listen` (HTTP mode and installation by OAuth) and `health` are "host:port"; an empty one is off. `curators` are ids
    of people or of user groups who may add files to a collection. `help` says whom to ask for more.
    """

    mode: Literal["socket", "http"] = "socket"
    connections: int = Field(default=2, ge=1, le=MAX_CONNECTIONS)
    listen: str = "0.0.0.0:3000"
    health: str = "127.0.0.1:9310"
    name: str = Field(default="Assistant", min_length=1, max_length=35)
    description: str = Field(default="Answers from our documents, with sources.", max_length=140)
    command: str = Field(default="/ask", pattern=r"/[a-z0-9_-]{1,31}")
    language: Language = "en"
    prompts: tuple[str, ...] = Field(default=(), max_length=MAX_PROMPTS)
    help: str = Field(default="", max_length=1000)
    curators: tuple[str, ...] = ()
    guests: bool = True
    retention_days: int = Field(default=90, ge=1)
    shutdown_s: float = Field(default=20.0, ge=0.0)
    channels: dict[ChannelId, ChannelSettings] = Field(default_factory=dict)

    def channel(self, channel: str) -> ChannelSettings:
        """How a channel is to be answered; direct messages are as everywhere."""
        return self.channels.get(channel, ChannelSettings())

    def language_of(self, channel: str) -> Language:
        return self.channel(channel).language or self.language
