"""Whose bot this is: the client and the token for each workspace."""

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import aiohttp
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.errors import SlackApiError, SlackTokenRotationError
from slack_sdk.oauth.installation_store import Bot
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore
from slack_sdk.oauth.state_store.sqlalchemy import AsyncSQLAlchemyOAuthStateStore
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from sqlalchemy import MetaData, func, select
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.schema import CreateIndex, CreateTable

from connectors.slack.api import Client, open_session
from connectors.slack.databases import create_async_engine
from connectors.slack.faults import BrokenCallError, NotInstalledError, code_of, explain, kind_of
from connectors.slack.identity import Identity, identify, measure_clock
from connectors.slack.metrics import Metrics
from connectors.slack.pacing import Pacing
from connectors.slack.tokens import Environment, Mode

log = logging.getLogger("assistant.slack")

# Tokens that rotate live for twelve hours.
RENEW_BEFORE_MINUTES = 120
# Another replica may have renewed a token or heard of an uninstallation.
REMEMBER_S = 60.0
# How long a person may take over an installation.
STATE_S = 600
# Another replica that renews the same token needs a moment to save it.
ELSEWHERE_TRIES, ELSEWHERE_S = 10, 0.3

Key = tuple[str, str | None]


class Workspaces(Protocol):
    """The workspaces that this app serves. `app` is a client without a bot's token, for the app's own calls."""

    app: Client
    flow: AsyncOAuthFlow | None

    async def bot(self, team: str, enterprise: str | None = None) -> Bot | None:
        """Who we are there, with a token that works; None where the app is not installed."""
        ...

    async def client(self, team: str, enterprise: str | None = None) -> Client:
        """A client for that workspace. Raises NotInstalledError."""
        ...

    async def remove(self, team: str, enterprise: str | None = None) -> None:
        """Forget a workspace's token: it was revoked, or the app was removed."""
        ...

    async def check(self, mode: Mode) -> Identity:
        """Ask Slack who we are, and the time. Raises SetupError when either is wrong."""
        ...

    async def problem(self) -> str:
        """What keeps us from calling Slack, in words; empty when nothing does."""
        ...


@asynccontextmanager
async def open_workspaces(
    environment: Environment,
    pacing: Pacing,
    metrics: Metrics,
    database: str = "",
    scopes: tuple[str, ...] = (),
) -> AsyncIterator["OneWorkspace | ManyWorkspaces"]:
    """Workspaces as the environment tells, over one session that is closed at the end.

    Installations by OAuth are kept in the `database` of that URL, and ask for `scopes`.
    """
    async with open_session() as session:
        if not environment.many:
            yield OneWorkspace(environment, session, pacing, metrics)
            return
        engine = create_async_engine(database)
        try:
            many = ManyWorkspaces(environment, session, pacing, metrics, engine, scopes)
            await many.create_tables()
            yield many
        finally:
            await engine.dispose()


class OneWorkspace:
    """The workspace of SLACK_BOT_TOKEN."""

    flow: AsyncOAuthFlow | None = None

    def __init__(
        self, environment: Environment, session: aiohttp.ClientSession, pacing: Pacing, metrics: Metrics
    ) -> None:
        self.environment = environment
        self.app = Client(None, base_url=environment.api_url, session=session, pacing=pacing, metrics=metrics)
        self._client = Client(
            environment.bot_token.get_secret_value(),
            base_url=environment.api_url,
            session=session,
            pacing=pacing,
            metrics=metrics,
        )
        self._bot: Bot | None = None
        self._turn = asyncio.Lock()

    async def bot(self, team: str, enterprise: str | None = None) -> Bot | None:
        """The same everywhere: events of channels that are shared with others name their workspace, too."""
        async with self._turn:
            if self._bot is None:
                self._learn(await identify(self._client, self.environment))
            return self._bot

    async def client(self, team: str, enterprise: str | None = None) -> Client:
        return self._client

    async def remove(self, team: str, enterprise: str | None = None) -> None:
        """There is nothing to forget: the token is the environment's, and `problem` finds out whether it works."""

    async def check(self, mode: Mode) -> Identity:
        identity = await identify(self._client, self.environment, mode)
        self._learn(identity)
        return identity

    async def problem(self) -> str:
        try:
            await self._client.optional.auth_test()
        except BrokenCallError as error:
            return f"Slack cannot be reached: {error.reason}."
        except SlackApiError as error:
            busy = kind_of(error) == "retry"
            return "" if busy else f"Slack no longer accepts SLACK_BOT_TOKEN: {code_of(error)}."
        return ""

    def _learn(self, identity: Identity) -> None:
        self._client.team = identity.team
        self._bot = Bot(
            team_id=identity.team,
            team_name=identity.team_name,
            enterprise_id=identity.enterprise or None,
            bot_token=self.environment.bot_token.get_secret_value(),
            bot_id=identity.bot,
            bot_user_id=identity.user,
            bot_scopes=list(identity.scopes),
            installed_at=time.time(),
        )


@dataclass(slots=True)
class _Known:
    """A workspace as it was read from the database."""

    bot: Bot
    client: Client
    until: float


class ManyWorkspaces:
    """Workspaces that installed the app by OAuth, their tokens in a database that replicas share."""

    def __init__(
        self,
        environment: Environment,
        session: aiohttp.ClientSession,
        pacing: Pacing,
        metrics: Metrics,
        engine: AsyncEngine,
        scopes: tuple[str, ...],
    ) -> None:
        self.environment = environment
        self.engine = engine
        self.app = Client(None, base_url=environment.api_url, session=session, pacing=pacing, metrics=metrics)
        self.installations = AsyncSQLAlchemyInstallationStore(environment.client_id, engine, logger=log)
        self.states = AsyncSQLAlchemyOAuthStateStore(STATE_S, engine, logger=log)
        self.flow: AsyncOAuthFlow | None = self._flow(scopes)
        self._rotator = AsyncTokenRotator(
            client_id=environment.client_id,
            client_secret=environment.client_secret.get_secret_value(),
            client=self.app,
        )
        self._known: dict[Key, _Known] = {}
        self._turns: defaultdict[Key, asyncio.Lock] = defaultdict(asyncio.Lock)

    def _flow(self, scopes: tuple[str, ...]) -> AsyncOAuthFlow:
        # bolt makes a client of its own for installations unless it gets one, and files for what it is not given.
        settings = AsyncOAuthSettings(
            client_id=self.environment.client_id,
            client_secret=self.environment.client_secret.get_secret_value(),
            scopes=list(scopes),
            user_scopes=[],
            authorization_url=self.environment.authorize_url,
            installation_store=self.installations,
            installation_store_bot_only=True,
            state_store=self.states,
            state_expiration_seconds=STATE_S,
            logger=log,
        )
        return AsyncOAuthFlow(client=self.app, logger=log, settings=settings)

    async def create_tables(self) -> None:
        """Make the tables where they are missing; several replicas may do so at once."""
        async with self.engine.begin() as connection:
            if self.engine.dialect.name == "postgresql":
                await connection.execute(select(func.pg_advisory_xact_lock(7_521_338)))
            for metadata in (self.installations.metadata, self.states.metadata):
                for statement in _statements(metadata):
                    await connection.execute(statement)

    async def bot(self, team: str, enterprise: str | None = None) -> Bot | None:
        try:
            return (await self._find(team, enterprise)).bot
        except NotInstalledError:
            return None

    async def client(self, team: str, enterprise: str | None = None) -> Client:
        return (await self._find(team, enterprise)).client

    async def remove(self, team: str, enterprise: str | None = None) -> None:
        self._known.pop((team, enterprise), None)
        await self.installations.async_delete_all(enterprise_id=enterprise, team_id=team)

    async def check(self, mode: Mode) -> Identity:
        skew = await measure_clock(self.app, self.environment, mode)
        return Identity(skew_s=skew)

    async def problem(self) -> str:
        try:
            await self.app.optional.api_test()
        except BrokenCallError as error:
            return f"Slack cannot be reached: {error.reason}."
        except SlackApiError:
            return ""  # it answers
        return ""

    async def _find(self, team: str, enterprise: str | None) -> _Known:
        key = (team, enterprise)
        async with self._turns[key]:
            known = self._known.get(key)
            if known is None or known.until <= time.monotonic():
                bot = await self._renewed(await self._read(team, enterprise), team, enterprise)
                # A client may be in use: it is kept while its token is the same.
                client = known.client if known and known.bot.bot_token == bot.bot_token else self._connect(key, bot)
                known = self._known[key] = _Known(bot, client, time.monotonic() + REMEMBER_S)
            return known

    def _connect(self, key: Key, bot: Bot) -> Client:
        return Client(
            bot.bot_token,
            base_url=self.environment.api_url,
            session=self._session(),
            pacing=self.app.pacing,
            metrics=self.app.metrics,
            team=key[0],
            # A token of a whole organisation has to be told which workspace is meant.
            team_id=key[0] if bot.is_enterprise_install else None,
            revoked=lambda: self._forget(key),
        )

    def _session(self) -> aiohttp.ClientSession:
        session = self.app.session
        if session is None:
            raise RuntimeError("the app's client has no session")
        return session

    def _forget(self, key: Key) -> None:
        """Slack refuses the token: the next call looks for another one."""
        if self._known.pop(key, None):
            log.warning("Slack no longer accepts the token of workspace %s: it has to install the app again.", key[0])

    async def _read(self, team: str, enterprise: str | None) -> Bot:
        bot = await self.installations.async_find_bot(enterprise_id=enterprise, team_id=team)
        if bot is None and enterprise:
            bot = await self.installations.async_find_bot(
                enterprise_id=enterprise, team_id=None, is_enterprise_install=True
            )
        if bot is None:
            raise NotInstalledError(
                f"The app is not installed in workspace {team}.", "Have somebody there open /slack/install."
            )
        return bot

    # -- tokens that expire

    async def _renewed(self, bot: Bot, team: str, enterprise: str | None) -> Bot:
        """The bot with a token that has some hours to live. Raises NotInstalledError when there is none."""
        if not _is_due(bot):
            return bot
        try:
            renewed = await self._rotator.perform_bot_token_rotation(
                bot=bot, minutes_before_expiration=RENEW_BEFORE_MINUTES
            )
        except (SlackTokenRotationError, BrokenCallError) as error:
            return await self._renewed_elsewhere(bot, team, enterprise, error)
        if renewed is None:
            return bot
        await self.installations.async_save_bot(renewed)
        return renewed

    async def _renewed_elsewhere(self, bot: Bot, team: str, enterprise: str | None, error: Exception) -> Bot:
        """A refresh token works once: another replica may have been first. Until it expires the old token works."""
        for _ in range(ELSEWHERE_TRIES):
            found = await self._read(team, enterprise)
            if found.bot_token != bot.bot_token:
                return found
            await asyncio.sleep(ELSEWHERE_S)
        reason = explain(error.api_error if isinstance(error, SlackTokenRotationError) else error)
        if _expires_at(bot) <= time.time():
            raise NotInstalledError(
                f"The token of workspace {team} has expired and cannot be renewed: {reason}.",
                "Have somebody there install the app again at /slack/install.",
            ) from error
        log.warning("The token of workspace %s could not be renewed yet: %s.", team, reason)
        return bot


def _statements(metadata: MetaData) -> list[CreateTable | CreateIndex]:
    tables = [CreateTable(table, if_not_exists=True) for table in metadata.sorted_tables]
    indexes = [CreateIndex(i, if_not_exists=True) for table in metadata.sorted_tables for i in table.indexes]
    return [*tables, *indexes]


def _expires_at(bot: Bot) -> float:
    return float(bot.bot_token_expires_at or "inf")


def _is_due(bot: Bot) -> bool:
    return bot.bot_refresh_token is not None and _expires_at(bot) <= time.time() + RENEW_BEFORE_MINUTES * 60
