"""Whether Slack is set up as the profile needs it: tokens, scopes, clock, store and channels, each in words."""

from collections.abc import AsyncIterator

from slack_sdk.errors import SlackApiError

from assistant.doctor import Check
from assistant.settings import Settings
from connectors.slack.api import Client
from connectors.slack.connector import open_store
from connectors.slack.faults import BrokenCallError, SetupError, code_of, explain
from connectors.slack.identity import Identity, lag
from connectors.slack.manifest import SCOPES
from connectors.slack.metrics import Metrics
from connectors.slack.pacing import Pacing
from connectors.slack.settings import SlackSettings
from connectors.slack.tokens import Environment
from connectors.slack.workspaces import Workspaces, open_workspaces
from knowledge import UserError

WHY_CHANNEL = {
    "channel_not_found": "it does not exist, or it is private and the app was not invited",
    "missing_scope": "the app may not look at it",
}


async def checks(settings: Settings, slack: SlackSettings) -> AsyncIterator[Check]:
    """Look at everything that is needed. What depends on something that is missing is left out."""
    environment = Environment()
    try:
        environment.check(slack.mode)
    except UserError as error:
        yield _problem("environment", error)
        return
    yield Check("environment", "ok", f"has what {_mode(slack)} needs")
    try:
        store = await open_store(settings)
    except UserError as error:
        yield _problem("store", error)
        return
    yield Check("store", "ok", f"is {store.engine.dialect.name}, and open")
    try:
        async with open_workspaces(environment, Pacing(), Metrics(), store.url, tuple(SCOPES)) as workspaces:
            async for check in _slack(workspaces, environment, slack):
                yield check
    finally:
        await store.aclose()


async def _slack(workspaces: Workspaces, environment: Environment, slack: SlackSettings) -> AsyncIterator[Check]:
    try:
        identity = await workspaces.check(slack.mode)
    except SetupError as error:
        yield _problem("Slack", error)
        return
    yield Check("clock", "ok", "agrees with Slack's" if identity.skew_s is None else _clock(identity.skew_s))
    if slack.mode == "socket":
        yield await _app_token(workspaces.app, environment)
    if not identity.team:
        yield Check("workspaces", "ok", "install the app at /slack/install")
        return
    yield Check("bot token", "ok", f"is that of {identity.user} in {identity.team_name}")
    yield scopes(identity)
    client = await workspaces.client(identity.team)
    for channel in slack.channels:
        yield await _channel(client, channel)


def scopes(identity: Identity) -> Check:
    """Whether every scope of the manifest was granted."""
    missing = [f"{scope} ({why})" for scope, why in SCOPES.items() if scope not in identity.scopes]
    if missing:
        remedy = "Compare the app's page App Manifest with `assistant slack manifest`, then install the app again."
        return Check("scopes", "problem", f"are missing: {', '.join(missing)}", remedy)
    more = sorted(set(identity.scopes) - set(SCOPES))
    if more:
        return Check("scopes", "warning", f"are more than needed: {', '.join(more)}", "Take away what nothing needs.")
    return Check("scopes", "ok", f"are the {len(SCOPES)} that are needed")


async def _app_token(client: Client, environment: Environment) -> Check:
    try:
        await client.apps_connections_open(app_token=environment.app_token.get_secret_value())
    except (SlackApiError, BrokenCallError) as error:
        remedy = (
            "Make an app-level token with the scope connections:write on the app's page Basic Information, and set "
            "SLACK_APP_TOKEN to it."
        )
        return Check("app token", "problem", explain(error), remedy)
    return Check("app token", "ok", "opens Socket Mode connections")


async def _channel(client: Client, channel: str) -> Check:
    name = f"channel {channel}"
    try:
        found = (await client.conversations_info(channel=channel))["channel"]
    except SlackApiError as error:
        why = WHY_CHANNEL.get(code_of(error), explain(error))
        return Check(name, "problem", why, "Correct [connectors.slack.channels], or invite the app to the channel.")
    except BrokenCallError as error:
        return Check(name, "problem", explain(error), "Try again.")
    shown = f"is #{found.get('name', channel)}"
    if found.get("is_archived"):
        return Check(name, "problem", f"{shown}, and archived", "Take it out of [connectors.slack.channels].")
    if not found.get("is_member"):
        return Check(name, "problem", f"{shown}, and the app is not in it", "Invite the app: type /invite there.")
    shared = ", shared with other workspaces, whose people are not answered" if found.get("is_ext_shared") else ""
    return Check(name, "ok", f"{shown}, and the app is in it{shared}")


def _mode(slack: SlackSettings) -> str:
    return "Socket Mode" if slack.mode == "socket" else "HTTP mode"


def _clock(skew_s: float) -> str:
    return "agrees with Slack's" if abs(skew_s) < 2 else f"is {lag(skew_s)} Slack's"


def _problem(name: str, error: UserError) -> Check:
    return Check(name, "problem", error.problem, error.remedy)
