"""conversations.*, users.*, usergroups.*, bots.* and reactions.*: who and what there is."""

from typing import Any

from connectors.testing.slack.asking import Ask, page
from connectors.testing.slack.errors import SlackError
from connectors.testing.slack.state import Channel, Message

Answer = dict[str, Any]


def replies(ask: Ask) -> Answer:
    """The root and its replies, oldest first. A reply's own ts finds that reply alone."""
    channel = ask.joined()
    messages = ask.state.thread(channel.id, ask.need("ts", "thread_not_found"))
    if not messages:
        raise SlackError("thread_not_found")
    root, *others = messages
    return _messages(ask, [root, *_between(ask, others)], 1_000)


def history(ask: Ask) -> Answer:
    """Messages outside threads, latest first."""
    channel = ask.joined()
    found = ask.state.messages[channel.id].values()
    roots = [message for message in found if message.thread_ts in (None, message.ts)]
    return _messages(ask, _between(ask, roots)[::-1], 100)


def _between(ask: Ask, messages: list[Message]) -> list[Message]:
    """What is inside oldest and latest."""
    oldest, latest = _time(ask, "oldest", "0"), _time(ask, "latest", "inf")
    if ask.flag("inclusive"):
        return [message for message in messages if oldest <= float(message.ts) <= latest]
    return [message for message in messages if oldest < float(message.ts) < latest]


def _time(ask: Ask, name: str, default: str) -> float:
    try:
        return float(ask.text(name) or default)
    except ValueError:
        raise SlackError(f"invalid_ts_{name}") from None


def _messages(ask: Ask, found: list[Message], default: int) -> Answer:
    messages, metadata = page(ask, found, default)
    shown = [ask.events.rendered(message, with_metadata=ask.flag("include_all_metadata")) for message in messages]
    return {"messages": shown, "has_more": bool(metadata["next_cursor"]), "response_metadata": metadata}


def info(ask: Ask) -> Answer:
    channel = ask.channel()
    members = {"num_members": len(channel.members)} if ask.flag("include_num_members") else {}
    return {"channel": {**_public(ask, channel), **members}}


def list_(ask: Ask) -> Answer:
    kinds = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}
    wanted = {kinds.get(name.strip()) for name in ask.text("types", "public_channel").split(",")}
    mine = [c for c in ask.state.channels.values() if c.team == ask.team.id and c.kind in wanted]
    seen = [c for c in mine if not c.private or ask.team.bot_user in c.members]
    kept = [c for c in seen if not (c.archived and ask.flag("exclude_archived"))]
    channels, metadata = page(ask, kept, 100)
    return {"channels": [_public(ask, channel) for channel in channels], "response_metadata": metadata}


def members(ask: Ask) -> Answer:
    found, metadata = page(ask, sorted(ask.channel().members), 100)
    return {"members": found, "response_metadata": metadata}


def open_(ask: Ask) -> Answer:
    if ask.text("channel"):
        return {"channel": {"id": ask.channel().id}}
    users = [user.strip() for user in ask.need("users", "users_list_not_supplied").split(",")]
    if any(ask.state.user(user).bot_id for user in users):
        raise SlackError("cannot_dm_bot")
    channel = ask.state.dm(users[0]) if len(users) == 1 else _group(ask, users)
    return {"channel": _public(ask, channel) if ask.flag("return_im") else {"id": channel.id}}


def _group(ask: Ask, users: list[str]) -> Channel:
    wanted = {*users, ask.team.bot_user}
    for channel in ask.state.channels.values():
        if channel.kind == "mpim" and channel.members == wanted:
            return channel
    made = Channel(f"G{ask.state.number():06d}", ask.team.id, "mpdm", "mpim", wanted)
    ask.state.channels[made.id] = made
    return made


def _public(ask: Ask, channel: Channel) -> dict[str, Any]:
    """As conversations.info tells it."""
    person = next((user for user in channel.members if user != ask.team.bot_user), "")
    named = {"user": person} if channel.kind == "im" else {"name": channel.name}
    return {
        "id": channel.id,
        **named,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_im": channel.kind == "im",
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.private,
        "is_archived": channel.archived,
        "is_member": ask.team.bot_user in channel.members,
        "is_shared": channel.shared,
        "is_ext_shared": channel.shared,
        "context_team_id": channel.team,
    }


def user_info(ask: Ask) -> Answer:
    return {"user": ask.state.user(ask.need("user", "user_not_found")).public()}


def bot_info(ask: Ask) -> Answer:
    for user in ask.state.users.values():
        if user.bot_id and user.bot_id == ask.text("bot", ask.team.bot_id):
            return {"bot": {"id": user.bot_id, "deleted": False, "name": user.name, "user_id": user.id}}
    raise SlackError("bot_not_found")


def group_list(ask: Ask) -> Answer:
    mine = [group for group in ask.state.groups.values() if group.team == ask.team.id]
    with_users = ask.flag("include_users")
    return {
        "usergroups": [
            {"id": group.id, "team_id": group.team, "handle": group.handle, "name": group.handle, "date_delete": 0}
            | ({"users": list(group.users)} if with_users else {})
            for group in mine
        ]
    }


def group_users(ask: Ask) -> Answer:
    group = ask.state.groups.get(ask.need("usergroup"))
    if group is None or group.team != ask.team.id:
        raise SlackError("no_such_subteam")
    return {"users": list(group.users)}


def add_reaction(ask: Ask) -> Answer:
    users = _reaction(ask)
    if ask.team.bot_user in users:
        raise SlackError("already_reacted")
    users.add(ask.team.bot_user)
    return {}


def remove_reaction(ask: Ask) -> Answer:
    users = _reaction(ask)
    if ask.team.bot_user not in users:
        raise SlackError("no_reaction")
    users.remove(ask.team.bot_user)
    return {}


def _reaction(ask: Ask) -> set[str]:
    """Who reacted to a message with that emoji."""
    name = ask.need("name", "invalid_name")
    if not name.replace("_", "").replace("-", "").replace("+", "").isalnum():
        raise SlackError("invalid_name")
    message = ask.state.message(ask.writable().id, ask.need("timestamp", "message_not_found"))
    ask.state.touch()
    return message.reactions.setdefault(name, set())


METHODS = {
    "conversations.replies": replies,
    "conversations.history": history,
    "conversations.info": info,
    "conversations.list": list_,
    "conversations.members": members,
    "conversations.open": open_,
    "users.info": user_info,
    "bots.info": bot_info,
    "usergroups.list": group_list,
    "usergroups.users.list": group_users,
    "reactions.add": add_reaction,
    "reactions.remove": remove_reaction,
}
