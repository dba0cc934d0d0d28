"""Which scope a call or an event needs."""

_HISTORY = {"channel": "channels:history", "group": "groups:history", "im": "im:history", "mpim": "mpim:history"}
_READ = {"channel": "channels:read", "group": "groups:read", "im": "im:read", "mpim": "mpim:read"}
_ANY_HISTORY = tuple(_HISTORY.values())
_ANY_READ = tuple(_READ.values())
_AGENT = ("assistant:write", "chat:write")

# Every method that the fake Slack knows, and the scopes of which one is enough. None is needed where there is none.
# For conversations it has to be the one of their kind: see KIND_SCOPES.
METHOD_SCOPES: dict[str, tuple[str, ...]] = {
    "agents.sessions.rename": _AGENT,
    "agents.sessions.setStatus": _AGENT,
    "api.test": (),
    "apps.connections.open": ("connections:write",),
    "assistant.threads.setStatus": _AGENT,
    "assistant.threads.setSuggestedPrompts": _AGENT,
    "assistant.threads.setTitle": _AGENT,
    "auth.revoke": (),
    "auth.test": (),
    "bots.info": ("users:read",),
    "chat.appendStream": ("chat:write",),
    "chat.delete": ("chat:write",),
    "chat.getPermalink": (),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write",),
    "chat.startStream": ("chat:write",),
    "chat.stopStream": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.history": _ANY_HISTORY,
    "conversations.info": _ANY_READ,
    "conversations.list": _ANY_READ,
    "conversations.members": _ANY_READ,
    "conversations.open": ("im:write", "mpim:write"),
    "conversations.replies": _ANY_HISTORY,
    "files.completeUploadExternal": ("files:write",),
    "files.getUploadURLExternal": ("files:write",),
    "files.info": ("files:read",),
    "oauth.v2.access": (),
    "reactions.add": ("reactions:write",),
    "reactions.remove": ("reactions:write",),
    "usergroups.list": ("usergroups:read",),
    "usergroups.users.list": ("usergroups:read",),
    "users.info": ("users:read",),
    "views.open": (),
    "views.publish": (),
    "views.push": (),
    "views.update": (),
}

# Of these methods the scope depends on the kind of the conversation.
KIND_SCOPES: dict[str, dict[str, str]] = {
    "conversations.history": _HISTORY,
    "conversations.replies": _HISTORY,
    "conversations.info": _READ,
    "conversations.members": _READ,
}

# The events that the fake Slack sends, and the scope without which it does not.
EVENTS: dict[str, str] = {
    "agent_session_stopped": "assistant:write",
    "app_home_opened": "",
    "app_mention": "app_mentions:read",
    "app_uninstalled": "",
    "message.channels": "channels:history",
    "message.groups": "groups:history",
    "message.im": "im:history",
    "message.mpim": "mpim:history",
    "tokens_revoked": "",
}

# For commands and message shortcuts, and for the file that a message names.
COMMANDS = "commands"
FILES = "files:read"

ALL_SCOPES = frozenset(
    {scope for scopes in METHOD_SCOPES.values() for scope in scopes if scope != "connections:write"}
    | {scope for scope in EVENTS.values() if scope}
    | {COMMANDS}
)
