"""OAuth: a person installs the app into a workspace, and tokens that expire are renewed."""

import secrets
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from connectors.testing.slack.asking import Ask
from connectors.testing.slack.errors import SlackError
from connectors.testing.slack.state import State, Token

Answer = dict[str, Any]

CODE_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class _Code:
    team: str
    redirect_uri: str
    scopes: frozenset[str]
    expires_at: float


class OAuth:
    """`rotation_seconds` is how long tokens live; None: for ever. `denied` makes the person say no."""

    def __init__(self, state: State, client_id: str, client_secret: str) -> None:
        self.state = state
        self.client_id = client_id
        self.client_secret = client_secret
        self.rotation_seconds: float | None = None
        self.denied = False
        # Into which workspace the person installs, when the address does not say.
        self.team = next(iter(state.teams), "")
        self._codes: dict[str, _Code] = {}
        self._refresh: dict[str, Token] = {}

    async def authorize(self, request: web.Request) -> web.Response:
        """The page where a person installs the app; this person decides at once."""
        query = request.query
        if query.get("client_id") != self.client_id:
            return web.Response(status=400, text="invalid_client_id")
        redirect = query.get("redirect_uri", "")
        team = query.get("team") or self.team
        if not redirect or team not in self.state.teams:
            return web.Response(status=400, text="bad_redirect_uri or unknown team")
        given = {"error": "access_denied"} if self.denied else {"code": self._code(team, redirect, query)}
        location = f"{redirect}{'&' if '?' in redirect else '?'}{urlencode({**given, 'state': query.get('state', '')})}"
        return web.Response(status=302, headers={"Location": location})

    def _code(self, team: str, redirect: str, query: Any) -> str:
        code = secrets.token_urlsafe(12)
        scopes = frozenset(scope for scope in query.get("scope", "").split(",") if scope)
        self._codes[code] = _Code(team, redirect, scopes, time.monotonic() + CODE_SECONDS)
        return code

    def access(self, ask: Ask) -> Answer:
        """oauth.v2.access, for a code or for a refresh token."""
        id_, secret = ask.client
        if (id_ or ask.text("client_id")) != self.client_id:
            raise SlackError("invalid_client_id")
        if (secret or ask.text("client_secret")) != self.client_secret:
            raise SlackError("bad_client_secret")
        if ask.text("grant_type") == "refresh_token":
            return self._renew(ask)
        code = self._codes.pop(ask.text("code"), None)
        if code is None or time.monotonic() > code.expires_at:
            raise SlackError("invalid_code")
        if ask.text("redirect_uri", code.redirect_uri) != code.redirect_uri:
            raise SlackError("bad_redirect_uri")
        self.state.teams[code.team].installed = True
        return self._grant(code.team, set(code.scopes))

    def _renew(self, ask: Ask) -> Answer:
        """A refresh token works once; the token that it renews works until it expires."""
        old = self._refresh.pop(ask.text("refresh_token"), None)
        if old is None or old.state != "valid":
            raise SlackError("invalid_refresh_token")
        return self._grant(old.team, old.scopes)

    def _grant(self, team_id: str, scopes: set[str]) -> Answer:
        team = self.state.teams[team_id]
        prefix = "xoxb-" if self.rotation_seconds is None else "xoxe.xoxb-"
        token = Token(f"{prefix}{secrets.token_hex(8)}", team_id, scopes)
        self.state.tokens[token.text] = token
        return {
            "access_token": token.text,
            "token_type": "bot",
            "scope": ",".join(sorted(scopes)),
            "bot_user_id": team.bot_user,
            "app_id": self.state.app_id,
            "team": {"id": team.id, "name": team.name},
            "enterprise": None,
            "is_enterprise_install": False,
            "authed_user": {"id": "UINSTALLER"},
            **self._expiry(token),
        }

    def _expiry(self, token: Token) -> Answer:
        if self.rotation_seconds is None:
            return {}
        token.expires_at = self.state.now() + self.rotation_seconds
        refresh = f"xoxe-1-{secrets.token_hex(8)}"
        self._refresh[refresh] = token
        return {"expires_in": int(self.rotation_seconds), "refresh_token": refresh}
