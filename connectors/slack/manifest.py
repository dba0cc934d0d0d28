"""What the app asks of Slack: the manifest it is made from, and what each permission in it is needed for.

https://docs.slack.dev/reference/app-manifest
"""

from typing import Any
from urllib.parse import urlsplit

from assistant.errors import UsageError
from connectors.slack.settings import SlackSettings
from connectors.slack.wording import wording

# Each scope of the bot's token, and why it is needed.
SCOPES: dict[str, str] = {
    "app_mentions:read": "to hear when it is mentioned",
    "assistant:write": "to be an agent: suggested prompts, titles of conversations, the stop button",
    "channels:history": "to read the questions in public channels that it was invited to",
    "channels:read": "to check the public channels that the profile names",
    "chat:write": "to answer",
    "commands": "to offer the slash command and the message shortcuts",
    "files:read": "to read files that come with a question",
    "groups:history": "to read the questions in private channels that it was invited to",
    "groups:read": "to check the private channels that the profile names",
    "im:history": "to read what people write to it directly",
    "im:write": "to tell a person directly why there is no answer in a channel",
    "mpim:history": "to read the questions in group messages that it was invited to",
    "usergroups:read": "to know which user groups a person is in, for documents and rights that depend on it",
    "users:read": "to tell members from guests, strangers and bots",
}

# The scope of the app-level token, without which there is no Socket Mode.
APP_SCOPES: dict[str, str] = {"connections:write": "to open the connections of Socket Mode"}

_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
_READ = ("channels:read", "groups:read")

# Every method of the Web API that is called, and the scopes of which one is enough; for conversations that is the one
# of their kind. None is needed where there is none.
METHODS: dict[str, tuple[str, ...]] = {
    "agents.sessions.setStatus": ("chat:write",),
    "api.test": (),
    "apps.connections.open": ("connections:write",),
    "assistant.threads.setStatus": ("chat:write", "assistant:write"),
    "assistant.threads.setSuggestedPrompts": ("assistant:write",),
    "auth.test": (),
    "chat.appendStream": ("chat:write",),
    "chat.delete": ("chat:write",),
    "chat.getPermalink": (),
    "chat.postMessage": ("chat:write",),
    "chat.startStream": ("chat:write",),
    "chat.stopStream": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.history": _HISTORY,
    "conversations.info": _READ,
    "conversations.open": ("im:write",),
    "conversations.replies": _HISTORY,
    "files.info": ("files:read",),
    "oauth.v2.access": (),
    "usergroups.list": ("usergroups:read",),
    "users.info": ("users:read",),
    "views.open": (),
    "views.publish": (),
}

# Every event that is subscribed to, and the scope without which Slack does not send it. What people look at while they
# talk to the assistant (app_context_changed) is not asked for: no answer needs it.
EVENTS: dict[str, tuple[str, ...]] = {
    "agent_session_stopped": ("assistant:write",),
    "app_home_opened": (),
    "app_mention": ("app_mentions:read",),
    "app_uninstalled": (),
    "message.channels": ("channels:history",),
    "message.groups": ("groups:history",),
    "message.im": ("im:history",),
    "message.mpim": ("mpim:history",),
    "tokens_revoked": (),
}

# callback_ids of the message shortcuts.
ASK_ABOUT_THIS = "ask_about_this"
SUMMARIZE_THREAD = "summarize_thread"
ADD_TO_DOCUMENTS = "add_to_documents"

EVENTS_PATH = "/slack/events"
REDIRECT_PATH = "/slack/oauth_redirect"
PROMPT_TITLE_CHARACTERS = 60


def manifest(slack: SlackSettings, *, url: str | None) -> dict[str, Any]:
    """The manifest, for JSON. `url` is where Slack reaches us in HTTP mode; None means Socket Mode.

    Raises UsageError for an address that Slack would not take.
    """
    base = _base(url) if url is not None else None
    return {
        "display_information": {"name": slack.name, "description": slack.description},
        "features": _features(slack, base),
        "oauth_config": _oauth(base),
        "settings": _settings(base),
    }


def _base(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != "https" or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(
            f"Slack cannot send events to {url!r}.",
            "Give the public address that leads to this machine, such as https://assistant.example.org.",
        )
    return url.rstrip("/")


def _features(slack: SlackSettings, base: str | None) -> dict[str, Any]:
    return {
        "agent_view": _agent(slack),
        "app_home": {"home_tab_enabled": True, "messages_tab_enabled": True, "messages_tab_read_only_enabled": False},
        "bot_user": {"display_name": slack.name, "always_online": True},
        "shortcuts": _shortcuts(slack),
        "slash_commands": [_command(slack, base)],
    }


def _agent(slack: SlackSettings) -> dict[str, Any]:
    agent: dict[str, Any] = {"agent_description": slack.description}
    if slack.prompts:
        agent["suggested_prompts"] = suggested_prompts(slack)
    return agent


def suggested_prompts(slack: SlackSettings) -> list[dict[str, str]]:
    """The profile's prompts, each with a title that fits on a button."""
    return [{"title": _shortened(prompt), "message": prompt} for prompt in slack.prompts]


def _shortened(text: str) -> str:
    return text if len(text) <= PROMPT_TITLE_CHARACTERS else text[: PROMPT_TITLE_CHARACTERS - 1].rstrip() + "…"


def _shortcuts(slack: SlackSettings) -> list[dict[str, str]]:
    words = wording(slack.language)
    offered = [
        (ASK_ABOUT_THIS, words.shortcut_ask, words.shortcut_ask_hint),
        (SUMMARIZE_THREAD, words.shortcut_summarise, words.shortcut_summarise_hint),
        (ADD_TO_DOCUMENTS, words.shortcut_add, words.shortcut_add_hint),
    ]
    return [
        {"name": name, "type": "message", "callback_id": callback_id, "description": description}
        for callback_id, name, description in offered
    ]


def _command(slack: SlackSettings, base: str | None) -> dict[str, Any]:
    words = wording(slack.language)
    command: dict[str, Any] = {
        "command": slack.command,
        "description": words.command_description,
        "usage_hint": words.command_hint,
        "should_escape": False,
    }
    return command if base is None else command | {"url": base + EVENTS_PATH}


def _oauth(base: str | None) -> dict[str, Any]:
    scopes = {"scopes": {"bot": sorted(SCOPES)}}
    return scopes if base is None else {"redirect_urls": [base + REDIRECT_PATH], **scopes}


def _settings(base: str | None) -> dict[str, Any]:
    address = {} if base is None else {"request_url": base + EVENTS_PATH}
    return {
        "event_subscriptions": {**address, "bot_events": sorted(EVENTS)},
        "interactivity": {"is_enabled": True, **address},
        "org_deploy_enabled": False,
        "socket_mode_enabled": base is None,
        "token_rotation_enabled": False,
    }
