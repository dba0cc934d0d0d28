"""The bolt app: what receives Slack's payloads, however they come."""

import logging
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.authorization.async_authorize import AsyncAuthorize
from slack_bolt.context.async_context import AsyncBoltContext

from connectors.slack.tokens import Environment
from connectors.slack.workspaces import Workspaces

log = logging.getLogger("assistant.slack.bolt")

NOT_INSTALLED = "This app is not installed in this workspace any more. Please have it installed again."


class Authorize(AsyncAuthorize):
    """Tells bolt who we are in a workspace.

    bolt's own ways ask auth.test of Slack before an event is looked at, and when that fails, be it for a rate limit,
    they acknowledge the event and drop it. This one asks memory or the database; when that fails, bolt answers 500 and
    Slack delivers again.
    """

    def __init__(self, workspaces: Workspaces) -> None:
        self.workspaces = workspaces

    async def __call__(
        self,
        *,
        context: AsyncBoltContext,
        enterprise_id: str | None,
        team_id: str | None,
        user_id: str | None,
        **actor: Any,
    ) -> AuthorizeResult | None:
        bot = await self.workspaces.bot(team_id or "", enterprise_id)
        if bot is None:
            return None
        return AuthorizeResult(
            enterprise_id=enterprise_id,
            team_id=team_id,
            team=bot.team_name,
            bot_id=bot.bot_id,
            bot_user_id=bot.bot_user_id,
            bot_token=bot.bot_token,
            bot_scopes=bot.bot_scopes,
            user_id=user_id,
        )


def build_app(environment: Environment, workspaces: Workspaces) -> AsyncApp:
    """An AsyncApp without listeners. Call Slack through `workspaces.client`: what bolt injects is not paced."""
    # bolt looks into the environment by itself, and warns of the tokens that it finds there and does not use.
    log.setLevel(logging.ERROR)
    app = AsyncApp(
        name="assistant",
        logger=log,
        client=workspaces.app,
        signing_secret=environment.signing_secret.get_secret_value(),
        authorize=Authorize(workspaces),  # type: ignore[arg-type] # bolt takes its own class as well
        oauth_flow=workspaces.flow,
        user_facing_authorize_error_message=NOT_INSTALLED,
    )
    log.setLevel(logging.WARNING)
    return app
