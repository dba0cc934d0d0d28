"""The Slack connector: put together, started, kept up and wound down."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.async_context import AsyncBoltContext
from slack_bolt.response import BoltResponse

from assistant import Assistant
from assistant.settings import Settings, connector_settings
from connectors.slack.bolt import build_app
from connectors.slack.databases import sqlite_url
from connectors.slack.health import Health
from connectors.slack.http import web_app
from connectors.slack.inbox import Inbox
from connectors.slack.interactions import Interactions
from connectors.slack.listening import listening
from connectors.slack.manifest import SCOPES
from connectors.slack.metrics import Metrics
from connectors.slack.pacing import Pacing
from connectors.slack.people import People
from connectors.slack.services import Services
from connectors.slack.settings import SlackSettings
from connectors.slack.sockets import Sockets
from connectors.slack.statuses import Statuses
from connectors.slack.store import Store
from connectors.slack.tasks import Tasks
from connectors.slack.tokens import Environment
from connectors.slack.welcome import Welcome
from connectors.slack.worker import Worker
from connectors.slack.workspaces import open_workspaces

log = logging.getLogger("assistant.slack")

DAY_S = 86_400.0
# How often what has grown old is forgotten.
SWEEP_S = 3_600.0


class SlackConnector:
    """Answers in Slack, as the profile says under `[connectors.slack]` and with the tokens of the environment."""

    async def serve(self, assistant: Assistant) -> None:
        """Serve until cancelled; then finish what is under way, or hand it back. Raises UserError."""
        settings = connector_settings(assistant.settings, "slack", SlackSettings)
        for channel in settings.channels.values():
            if channel.profile:
                assistant.check_profile(channel.profile)
        environment = Environment().check(settings.mode)
        async with self._opened(assistant, settings, environment) as running:
            await running.serve()

    @asynccontextmanager
    async def _opened(
        self, assistant: Assistant, settings: SlackSettings, environment: Environment
    ) -> AsyncIterator["Running"]:
        async with AsyncExitStack() as stack:
            store = await open_store(assistant.settings)
            stack.push_async_callback(store.aclose)
            metrics, pacing, tasks = Metrics(), Pacing(), Tasks()
            opening = open_workspaces(environment, pacing, metrics, store.url, tuple(SCOPES))
            workspaces = await stack.enter_async_context(opening)
            identity = await workspaces.check(settings.mode)
            where = f"as {identity.user} in {identity.team_name}" if identity.team else "for all who install it"
            log.info("Slack knows the app %s.", where)
            app = build_app(environment, workspaces)
            sockets = _sockets(app, environment, settings, workspaces.app) if settings.mode == "socket" else None
            services = Services(
                assistant=assistant,
                settings=settings,
                store=store,
                workspaces=workspaces,
                pacing=pacing,
                people=People(),
                statuses=Statuses(workspaces, tasks, metrics),
                tasks=tasks,
                metrics=metrics,
                health=Health(metrics, workspaces, store.ping, sockets),
            )
            stack.push_async_callback(tasks.drain, settings.shutdown_s)
            yield Running(services, app, environment, sockets)


class Running:
    """A connector that has all it needs."""

    def __init__(self, services: Services, app: AsyncApp, environment: Environment, sockets: Sockets | None) -> None:
        self.services = services
        self.app = app
        self.environment = environment
        self.sockets = sockets
        self.worker = Worker(services)
        welcome = Welcome(services)
        self.inbox = Inbox(services, self.worker, welcome)
        app.middleware(self._record)
        Interactions(services, self.inbox, welcome).register(app)

    async def serve(self) -> None:
        async with AsyncExitStack() as stack:
            await self._listen(stack)
            await self._run()

    async def _work(self) -> None:
        """Models take seconds to load, or minutes; meanwhile questions are taken in, and those who ask are told."""
        self.services.health.starting = "The models are still loading."
        await self.services.assistant.warm_up()
        self.services.health.starting = ""
        log.info("Serving Slack.")
        await self.worker.run()

    async def _listen(self, stack: AsyncExitStack) -> None:
        """Open the addresses that the profile asks for."""
        services, settings = self.services, self.services.settings
        flow = services.workspaces.flow
        if settings.mode == "http" or (flow and settings.listen):
            secret = self.environment.signing_secret
            pages = web_app(self.app, secret, services.metrics, flow)
            host, port = await stack.enter_async_context(listening(pages, settings.listen, "listen"))
            log.info("Listening at %s:%d.", host, port)
        if settings.health:
            application = services.health.web_app()
            host, port = await stack.enter_async_context(listening(application, settings.health, "health"))
            log.info("Health at http://%s:%d/health, metrics at /metrics.", host, port)

    async def _run(self) -> None:
        """First nothing more is taken in, then what was taken in is finished or handed back."""
        worker = asyncio.create_task(self._work())
        others = [asyncio.create_task(self.services.health.watch()), asyncio.create_task(self._sweep())]
        if self.sockets:
            others.append(asyncio.create_task(self.sockets.run()))
        try:
            done, _ = await asyncio.wait({worker, *others}, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()  # none of them ends but by an error
        finally:
            await _end(others)
            await _end([worker])

    async def _record(self, context: AsyncBoltContext, body: dict[str, Any], next: Any) -> BoltResponse | None:  # noqa: A002
        """Record an event before bolt acknowledges it; bolt by itself would acknowledge first."""
        if body.get("type") != "event_callback":
            await next()
            return None
        await self.inbox.event(body, str(context.bot_user_id or ""))
        return BoltResponse(status=200, body="")

    async def _sweep(self) -> None:
        """Forget what is older than the profile allows."""
        while True:
            try:
                gone = await self.services.store.forget_older(self.services.settings.retention_days * DAY_S)
                for conversation in gone:
                    await self.services.assistant.forget(conversation)
            except Exception as error:  # noqa: BLE001 (what is not forgotten now is forgotten in an hour)
                log.warning("What has grown old could not be forgotten: %s", type(error).__name__)
            await asyncio.sleep(SWEEP_S)


async def open_store(settings: Settings) -> Store:
    """The store of a profile: the database that it names, else a file in its data folder. Raises StorageError."""
    url = settings.database.url.get_secret_value() if settings.database.url else sqlite_url(settings.data_dir)
    scheme, separator, rest = url.partition("://")
    if scheme in ("postgres", "postgresql"):
        url = f"postgresql+psycopg{separator}{rest}"
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    return await Store.open(url, places=settings.queue.places)


def _sockets(app: AsyncApp, environment: Environment, settings: SlackSettings, client: Any) -> Sockets:
    return Sockets(app, environment.app_token.get_secret_value(), settings.connections, client)


async def _end(tasks: list["asyncio.Task[Any]"]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
