"""views.*: dialogs and Home tabs."""

import secrets
import time
from typing import Any

from connectors.testing.slack.asking import Ask
from connectors.testing.slack.blocks import check_view
from connectors.testing.slack.errors import SlackError
from connectors.testing.slack.state import State, Trigger, View

Answer = dict[str, Any]

MOST_PUSHED = 3
TITLE_CHARACTERS = 24
METADATA_CHARACTERS, CALLBACK_CHARACTERS = 3_000, 255


def open_(ask: Ask) -> Answer:
    content = _modal(ask)
    trigger = _exchange(ask)
    return _answer(show(ask.state, trigger.user, trigger.team, content, channel=trigger.channel))


def push(ask: Ask) -> Answer:
    content = _modal(ask)
    trigger = _exchange(ask)
    below = ask.state.views.get(trigger.view)
    if below is None:
        raise SlackError("invalid_trigger_id")
    check_depth(ask.state, below)
    return _answer(show(ask.state, trigger.user, trigger.team, content, below, channel=below.channel))


def update(ask: Ask) -> Answer:
    view = ask.state.views.get(ask.need("view_id", "not_found"))
    if view is None or not view.open or view.team != ask.team.id:
        raise SlackError("not_found")
    if ask.text("hash") not in ("", view.hash):
        raise SlackError("hash_conflict")
    content = _modal(ask) if view.type == "modal" else check_home(ask.structure("view"))
    change(view, content)
    ask.state.touch()
    return _answer(view)


def publish(ask: Ask) -> Answer:
    user = ask.state.user(ask.need("user_id", "user_not_found"))
    content = check_home(ask.structure("view"))
    view = ask.state.homes.get(user.id)
    if view is None:
        id_ = f"V{ask.state.number():06d}"
        view = View(id_, user.id, user.team, "home", content, secrets.token_hex(4), root=id_)
        ask.state.homes[user.id] = ask.state.views[id_] = view
    elif ask.text("hash") not in ("", view.hash):
        raise SlackError("hash_conflict")
    change(view, content)
    ask.state.touch()
    return _answer(view)


def show(state: State, user: str, team: str, content: Answer, below: View | None = None, channel: str = "") -> View:
    """A new dialog in front of a person, above another where one is given."""
    id_ = f"V{state.number():06d}"
    view = View(id_, user, team, "modal", content, secrets.token_hex(4), channel=channel)
    view.root, view.previous = (below.root, below.id) if below else (id_, "")
    state.views[id_] = view
    state.touch()
    return view


def change(view: View, content: Answer) -> None:
    view.content, view.hash, view.errors, view.at = content, secrets.token_hex(4), {}, time.monotonic()


def check_depth(state: State, view: View) -> None:
    """Raises SlackError push_limit_reached when nothing may come above."""
    if sum(other.open and other.root == view.root for other in state.views.values()) >= MOST_PUSHED:
        raise SlackError("push_limit_reached")


def check_modal(view: object) -> Answer:
    """What Slack takes for a dialog. Raises SlackError invalid_arguments."""
    content = _checked(view, "modal")
    _check_plain(content, "title", required=True)
    _check_plain(content, "close")
    inputs = any(block["type"] == "input" for block in content["blocks"])
    _check_plain(content, "submit", required=inputs)
    return content


def check_home(view: object) -> Answer:
    """What Slack takes for a Home tab. Raises SlackError invalid_arguments."""
    return _checked(view, "home")


def _checked(view: object, kind: str) -> Answer:
    if not isinstance(view, dict) or view.get("type") != kind:
        raise _wrong("must be a view [json-pointer:/view/type]")
    _that(len(str(view.get("private_metadata", ""))) <= METADATA_CHARACTERS, "private_metadata is too long")
    _that(len(str(view.get("callback_id", ""))) <= CALLBACK_CHARACTERS, "callback_id is too long")
    _that(bool(view.get("blocks")), "missing required field: blocks")
    return {"private_metadata": "", "callback_id": "", **view, "blocks": check_view(view["blocks"])}


def _check_plain(view: Answer, name: str, *, required: bool = False) -> None:
    text = view.get(name)
    if text is None:
        _that(not required, f"missing required field: {name}")
        return
    _that(isinstance(text, dict) and text.get("type") == "plain_text", f"{name} must be plain_text")
    _that(0 < len(text.get("text", "")) <= TITLE_CHARACTERS, f"{name} must be 1 to {TITLE_CHARACTERS} characters")


def _that(right: bool, wrong: str) -> None:
    if not right:
        raise _wrong(wrong)


def _wrong(message: str) -> SlackError:
    return SlackError("invalid_arguments", response_metadata={"messages": [f"[ERROR] {message}"]})


def _modal(ask: Ask) -> Answer:
    return check_modal(ask.structure("view"))


def _exchange(ask: Ask) -> Trigger:
    """A trigger_id opens one dialog, within three seconds."""
    trigger = ask.state.triggers.get(ask.need("trigger_id", "invalid_trigger_id"))
    if trigger is None or trigger.team != ask.team.id:
        raise SlackError("invalid_trigger_id")
    if trigger.used:
        raise SlackError("exchanged_trigger_id")
    if time.monotonic() > trigger.expires_at:
        raise SlackError("expired_trigger_id")
    trigger.used = True
    return trigger


def rendered(view: View) -> Answer:
    """A view as it stands in answers and payloads."""
    return {
        "id": view.id,
        "team_id": view.team,
        "state": {"values": {}},
        "hash": view.hash,
        "root_view_id": view.root,
        "previous_view_id": view.previous or None,
        **view.content,
    }


def _answer(view: View) -> Answer:
    return {"view": rendered(view)}


METHODS = {"views.open": open_, "views.push": push, "views.update": update, "views.publish": publish}
