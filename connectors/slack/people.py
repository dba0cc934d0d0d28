"""Who asks and who reads along: what decides whether and from which documents a person is answered."""

import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeVar

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from assistant import Caller
from connectors.slack.faults import kind_of
from knowledge import UNSURE, Audience

log = logging.getLogger("assistant.slack")

# How long, in seconds, what Slack says of people is taken to hold.
REMEMBERED_S = 600.0
GUESTS = "guests"
STRANGERS = "strangers"


@dataclass(frozen=True, slots=True)
class Person:
    """A member, a guest, or somebody of another workspace in a shared channel; `unsure` when Slack did not say.

    `workspace` is where they belong; empty for the one that they ask in.
    """

    bot: bool = False
    guest: bool = False
    stranger: bool = False
    unsure: bool = False
    workspace: str = ""

    def answered(self, *, guests: bool) -> bool:
        """Whether they are answered at all, where guests are or are not."""
        return not self.bot and not self.stranger and (guests or not self.guest)


# Ids and handles of user groups, with the people in each; None when Slack does not say.
Groups = list[tuple[tuple[str, str], set[str]]] | None
Key = TypeVar("Key")
Value = TypeVar("Value")
Memory = dict[Key, tuple[float, Value]]


@dataclass
class People:
    """Asks Slack once in a while, and does without when Slack does not say."""

    _people: Memory[tuple[str, str], Person] = field(default_factory=dict)
    _groups: Memory[str, Groups] = field(default_factory=dict)
    _shared: Memory[tuple[str, str], bool] = field(default_factory=dict)

    async def person(self, client: AsyncWebClient, team: str, user: str) -> Person:
        """Whoever Slack tells us nothing of is taken for a guest: a guest must never pass for a member."""
        return await _remembered(self._people, (team, user), lambda: _person(client, team, user))

    async def groups(self, client: AsyncWebClient, team: str, user: str) -> tuple[str, ...]:
        """The ids and handles of the user groups that a person is in, sorted."""
        groups = await _remembered(self._groups, team, lambda: _groups(client))
        return tuple(sorted(name for names, users in groups or () if user in users for name in names))

    async def caller(
        self, client: AsyncWebClient, team: str, user: str, channel: str = "", person: Person | None = None
    ) -> Caller:
        """Somebody who is answered in a channel, or in what only they see: direct messages, dialogs, the Home tab.

        Only the ids of user groups open and close collections: handles are given by people.
        """
        person = person or await self.person(client, team, user)
        groups = await _remembered(self._groups, team, lambda: _groups(client))
        own = sorted(id_ for (id_, _), users in groups or () if user in users)
        kinds = [(GUESTS, person.guest), (STRANGERS, person.stranger), (UNSURE, person.unsure or groups is None)]
        audience = await self._audience(client, team, channel)
        return Caller(user, person.workspace or team, channel, (*own, *(name for name, so in kinds if so)), audience)

    async def _audience(self, client: AsyncWebClient, team: str, channel: str) -> Audience:
        if not channel or channel.startswith("D"):
            return "person"
        shared = await _remembered(self._shared, (team, channel), lambda: _is_shared(client, channel))
        return "anyone" if shared else "workspace"


async def _remembered(memory: Memory[Key, Value], key: Key, ask: Callable[[], Awaitable[Value]]) -> Value:
    known = memory.get(key)
    if known is None or time.monotonic() - known[0] > REMEMBERED_S:
        known = memory[key] = (time.monotonic(), await ask())
    return known[1]


async def _person(client: AsyncWebClient, team: str, user: str) -> Person:
    try:
        found = (await client.users_info(user=user))["user"]
    except SlackApiError as error:
        if kind_of(error) in ("retry", "revoked"):
            raise
        log.warning("Nothing is known of who asked (%s): taken for a guest.", error.response.get("error"))
        return Person(guest=True, unsure=True, workspace=UNSURE)
    guest = bool(found.get("is_restricted") or found.get("is_ultra_restricted"))
    home, organisation = str(found.get("team_id", team)), found.get("enterprise_user")
    stranger = bool(found.get("is_stranger")) or home != team
    belongs = home == team or team in (organisation or {}).get("teams", ())
    return Person(bool(found.get("is_bot")), guest, stranger and not organisation, workspace="" if belongs else home)


async def _groups(client: AsyncWebClient) -> Groups:
    try:
        found = (await client.usergroups_list(include_users=True))["usergroups"]
    except SlackApiError as error:
        if kind_of(error) in ("retry", "revoked"):
            raise
        # Belonging to no group opens nothing that is closed; what is closed to some group has to be closed.
        log.warning("User groups cannot be read (%s): nobody counts as a member of one.", error.response.get("error"))
        return None
    return [((group["id"], group.get("handle", group["id"])), set(group.get("users", ()))) for group in found]


async def _is_shared(client: AsyncWebClient, channel: str) -> bool:
    """Whether people of other workspaces read a channel; so it is taken to be when Slack does not say."""
    try:
        found = (await client.conversations_info(channel=channel))["channel"]
    except SlackApiError as error:
        if kind_of(error) in ("retry", "revoked"):
            raise
        log.warning("Nothing is known of a channel (%s): taken for a shared one.", error.response.get("error"))
        return True
    return any(found.get(how) for how in ("is_shared", "is_ext_shared", "is_pending_ext_shared"))
