"""What went wrong between us and Slack, and what that calls for."""

from typing import Any, Literal

import aiohttp
from slack_sdk.errors import SlackApiError

from knowledge import UserError

Kind = Literal["retry", "gone", "forbidden", "revoked", "uncertain", "wrong"]

# Done twice, these do the same as once: after a broken connection they may simply be called again.
IDEMPOTENT = frozenset(
    "api.test apps.connections.open auth.test bots.info team.info users.info users.list users.conversations "
    "usergroups.list usergroups.users.list files.info emoji.list "
    "conversations.info conversations.replies conversations.history conversations.members conversations.list "
    "conversations.open chat.update chat.delete chat.getPermalink views.publish views.update "
    "assistant.threads.setStatus assistant.threads.setTitle assistant.threads.setSuggestedPrompts "
    "agents.sessions.setStatus agents.sessions.rename".split()
)

RATE_LIMITED = frozenset({"ratelimited", "rate_limited"})
# Slack says of these that some of the work may have been done.
SERVER_FAULTS = frozenset({"internal_error", "fatal_error"})
NOT_NOW = frozenset({"service_unavailable", "request_timeout", "team_added_to_org"})
REVOKED = frozenset(
    "token_revoked invalid_auth not_authed account_inactive token_expired team_access_not_granted".split()
)
GONE = frozenset(
    "is_archived channel_not_found not_in_channel message_not_found thread_not_found user_not_found users_not_found "
    "cant_update_message file_not_found file_deleted".split()
)
FORBIDDEN = frozenset(
    "missing_scope not_allowed no_permission access_denied ekm_access_denied not_allowed_token_type "
    "user_is_restricted user_is_ultra_restricted cannot_dm_bot messages_tab_disabled feature_not_enabled "
    "org_login_required two_factor_setup_required invalid_scope".split()
)
HTTP_TOO_MANY = 429
HTTP_SERVER_FAULT = 500


class SetupError(UserError):
    """Slack cannot be used the way this is set up."""


class NotInstalledError(SetupError):
    """A workspace has no token of ours, or none that still works."""


class BrokenCallError(ConnectionError):
    """No answer came. When `uncertain`, Slack may have done what was asked, and asking again might do it twice."""

    def __init__(self, method: str, reason: str, *, uncertain: bool) -> None:
        super().__init__(f"{method}: {reason}")
        self.method = method
        self.reason = reason
        self.uncertain = uncertain


def kind_of(error: BaseException) -> Kind:
    """What an error of a call calls for.

    retry: nothing was done, later it may work. gone: the channel, thread or message is not there (any more), or we are
    not in it. forbidden: a scope or a permission is missing, see `needed_scope`. revoked: the token is no good any
    more. uncertain: it may or may not have been done. wrong: anything else, such as a mistake of ours.
    """
    if isinstance(error, SlackApiError):
        return _kind_of_refusal(error)
    if isinstance(error, BrokenCallError):
        return "uncertain" if error.uncertain else "retry"
    if isinstance(error, NotInstalledError):
        return "revoked"
    if isinstance(error, aiohttp.ClientConnectorError):
        return "retry"  # there was no connection yet on which to ask
    # An error of another client, for a method that we do not know.
    return "uncertain" if isinstance(error, aiohttp.ClientError | OSError | TimeoutError) else "wrong"


def _kind_of_refusal(error: SlackApiError) -> Kind:
    code, status = code_of(error), getattr(error.response, "status_code", 200)
    if is_server_fault(status, code):
        return "retry" if method_of(error) in IDEMPOTENT else "uncertain"
    return "retry" if status == HTTP_TOO_MANY else _kind_of_code(code)


def _kind_of_code(code: str) -> Kind:
    kinds: dict[Kind, frozenset[str]] = {
        "retry": RATE_LIMITED | NOT_NOW,
        "revoked": REVOKED,
        "gone": GONE,
        "forbidden": FORBIDDEN,
    }
    found: list[Kind] = [kind for kind, codes in kinds.items() if code in codes]
    if not found and code.startswith("restricted_action"):
        return "forbidden"
    return found[0] if found else "wrong"


def is_server_fault(status: int, code: str) -> bool:
    return status >= HTTP_SERVER_FAULT or code in SERVER_FAULTS


def code_of(error: SlackApiError) -> str:
    """Slack's own word for an error, such as `channel_not_found`; empty when it gave none."""
    return str(_answer(error).get("error") or "")


def method_of(error: SlackApiError) -> str:
    """The method that was called, such as `chat.update`; empty when unknown."""
    return str(getattr(error.response, "api_url", "")).rpartition("/")[2]


def needed_scope(error: BaseException) -> str:
    """The scope that a call was refused for, such as `chat:write`; empty for any other error."""
    return str(_answer(error).get("needed") or "") if isinstance(error, SlackApiError) else ""


def explain(error: BaseException) -> str:
    """An error in one line, for a log: which method failed and why. Holds no token and no text of a message."""
    if not isinstance(error, SlackApiError):
        return " ".join(str(error).split()) or type(error).__name__
    code = code_of(error) or f"HTTP status {getattr(error.response, 'status_code', 'unknown')}"
    scope = needed_scope(error)
    missing = f" (the app needs the scope {scope}: add it and install the app again)" if scope else ""
    return f"Slack refused {method_of(error) or 'a call'}: {code}{missing}"


def _answer(error: SlackApiError) -> dict[str, Any]:
    answer = getattr(error.response, "data", error.response)
    return answer if isinstance(answer, dict) else {}
