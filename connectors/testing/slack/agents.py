"""assistant.threads.* and agents.sessions.*: statuses, titles, prompts and sessions of an agent."""

import time
from typing import Any

from connectors.testing.slack.asking import Ask
from connectors.testing.slack.errors import SlackError
from connectors.testing.slack.state import Channel, Session, Status

Answer = dict[str, Any]

MOST_PROMPTS, MOST_LOADING, LOADING_CHARACTERS = 4, 10, 50
SESSION_STATUSES = ("processing", "active", "suspended", "closed")


def set_status(ask: Ask) -> Answer:
    channel, thread = _place(ask)
    if "status" not in ask.args:
        raise SlackError("invalid_arguments")
    loading = ask.structure("loading_messages") or []
    fits = isinstance(loading, list) and len(loading) <= MOST_LOADING
    if not fits or any(not isinstance(text, str) or len(text) > LOADING_CHARACTERS for text in loading):
        raise SlackError("invalid_arguments")
    ask.state.show_status(Status(channel.id, thread, ask.text("status"), time.monotonic(), tuple(loading)))
    return {}


def set_title(ask: Ask) -> Answer:
    channel, thread = _place(ask)
    ask.state.titles[channel.id, thread] = ask.need("title")
    return {}


def set_suggested_prompts(ask: Ask) -> Answer:
    channel = ask.writable("channel_id")
    prompts = ask.structure("prompts")
    if not isinstance(prompts, list) or not 0 < len(prompts) <= MOST_PROMPTS:
        raise SlackError("invalid_arguments")
    if any(not (isinstance(p, dict) and p.get("title") and p.get("message")) for p in prompts):
        raise SlackError("invalid_arguments")
    ask.state.prompts[channel.id, ask.thread(channel) or ""] = prompts
    return {}


def set_session_status(ask: Ask) -> Answer:
    channel, thread = _place(ask)
    status = ask.need("status")
    if status not in SESSION_STATUSES:
        raise SlackError("invalid_arguments")
    session = ask.state.sessions.setdefault((channel.id, thread), Session(channel.id, thread, status))
    session.status, session.title = status, ask.text("title") or session.title
    deaf = "agent_session_stopped" not in ask.state.subscriptions
    warning = {"warning": "missing_agent_session_stopped_event_subscription"} if deaf else {}
    return {"agent_status": status, "status": status, "title": session.title, **warning}


def rename_session(ask: Ask) -> Answer:
    channel, thread = _place(ask)
    session = ask.state.sessions.get((channel.id, thread))
    if session is None:
        raise SlackError("session_not_found")
    session.title = ask.need("title")
    return {"title": session.title}


def _place(ask: Ask) -> tuple[Channel, str]:
    channel = ask.writable("channel_id")
    return channel, str(ask.thread(channel, required=True))


METHODS = {
    "assistant.threads.setStatus": set_status,
    "assistant.threads.setTitle": set_title,
    "assistant.threads.setSuggestedPrompts": set_suggested_prompts,
    "agents.sessions.setStatus": set_session_status,
    "agents.sessions.rename": rename_session,
}
