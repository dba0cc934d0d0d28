"""Who asks: what decides whether and from which documents a person is answered."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from assistant import Caller
from connectors.slack.faults import kind_of
from connectors.slack.store import Asked

log = logging.getLogger("assistant.slack")

# How long, in seconds, what Slack says of people is taken to hold.
REMEMBERED_S = 600.0
GUESTS = "guests"
STRANGERS = "strangers"


@dataclass(frozen=True, slots=True)
class Person:
    """A member, a guest, or somebody of another workspace in a shared channel."""

    bot: bool = False
    guest: bool = False
    stranger: bool = False


# Ids and handles of user groups, with the people in each.
Groups = list[tuple[tuple[str, str], set[str]]]
Key = TypeVar("Key")
Value = TypeVar("Value")
Memory = dict[Key, tuple[float, Value]]


@dataclass
class People:
    """Asks Slack once in a while, and does without when Slack does not say."""

    _people: Memory[tuple[str, str], Person] = field(default_factory=dict)
    _groups: Memory[str, Groups] = field(default_factory=dict)

    async def person(self, client: AsyncWebClient, team: str, user: str) -> Person:
        """Whoever Slack tells us nothing of is taken for a guest: a guest must never pass for a member."""
        return await _remembered(self._people, (team, user), lambda: _person(client, team, user))

    async def groups(self, client: AsyncWebClient, team: str, user: str) -> tuple[str, ...]:
        """The ids and handles of the user groups that a person is in, sorted."""
        groups = await _remembered(self._groups, team, lambda: _groups(client))
        return tuple(sorted(name for names, users in groups if user in users for name in names))

    async def caller(self, client: AsyncWebClient, asked: Asked, person: Person) -> Caller:
        kinds = [name for name, so in ((GUESTS, person.guest), (STRANGERS, person.stranger)) if so]
        groups = await self.groups(client, asked.team, asked.user)
        return Caller(asked.user, asked.team, asked.channel, (*groups, *kinds))


async def _remembered(memory: Memory[Key, Value], key: Key, ask: Callable[[], Awaitable[Value]]) -> Value:
    at, value = memory.get(key, (-REMEMBERED_S, None))
    if value is None or time.monotonic() - at > REMEMBERED_S:
        value = await ask()
        memory[key] = (time.monotonic(), value)
    return value


async def _person(client: AsyncWebClient, team: str, user: str) -> Person:
    try:
        found = (await client.users_info(user=user))["user"]
    except SlackApiError as error:
        if kind_of(error) in ("retry", "revoked"):
            raise
        log.warning("Nothing is known of who asked (%s): taken for a guest.", error.response.get("error"))
        return Person(guest=True)
    guest = bool(found.get("is_restricted") or found.get("is_ultra_restricted"))
    stranger = bool(found.get("is_stranger")) or found.get("team_id", team) != team
    return Person(bool(found.get("is_bot")), guest, stranger and not found.get("enterprise_user"))


async def _groups(client: AsyncWebClient) -> Groups:
    try:
        found = (await client.usergroups_list(include_users=True))["usergroups"]
    except SlackApiError as error:
        # Belonging to no group opens nothing that is closed.
        log.warning("User groups cannot be read (%s): nobody counts as a member of one.", error.response.get("error"))
        return []
    return [((group["id"], group.get("handle", group["id"])), set(group.get("users", ()))) for group in found]
