"""Who we are to Slack, and whether our clocks agree: asked once, at the start."""

import logging
import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from slack_sdk.errors import SlackApiError

from connectors.slack.api import Client
from connectors.slack.faults import BrokenCallError, SetupError, code_of, explain, kind_of
from connectors.slack.tokens import SLACK_API_URL, Environment, Mode

log = logging.getLogger("assistant.slack")

# Slack refuses nothing for this much; a signature that is older than five minutes is refused by us.
SKEW_WARNING_S = 60.0
SKEW_ERROR_S = 300.0


@dataclass(frozen=True, slots=True)
class Identity:
    """What auth.test tells. `skew_s` is how far this machine's clock is ahead of Slack's, None when not known."""

    team: str = ""
    team_name: str = ""
    enterprise: str = ""
    user: str = ""
    bot: str = ""
    url: str = ""
    scopes: tuple[str, ...] = ()
    skew_s: float | None = None


async def identify(client: Client, environment: Environment, mode: Mode = "socket") -> Identity:
    """Raises SetupError when the token is refused, Slack is out of reach, or the clock is too far off for the mode."""
    try:
        response = await client.auth_test()
    except (SlackApiError, BrokenCallError) as error:
        raise refused(error, environment) from error
    scopes = str(_header(response, "x-oauth-scopes"))
    return Identity(
        team=str(response.get("team_id", "")),
        team_name=str(response.get("team", "")),
        enterprise=str(response.get("enterprise_id") or ""),
        user=str(response.get("user_id", "")),
        bot=str(response.get("bot_id", "")),
        url=str(response.get("url", "")),
        scopes=tuple(scope for part in scopes.split(",") if (scope := part.strip())),
        skew_s=check_clock(_skew(response), mode),
    )


async def measure_clock(client: Client, environment: Environment, mode: Mode) -> float | None:
    """The skew, asked without a token. Raises SetupError as `identify` does."""
    try:
        response: Any = await client.api_test()
    except BrokenCallError as error:
        raise refused(error, environment) from error
    except SlackApiError as error:
        response = error.response  # whatever it refuses, it tells the time
    return check_clock(_skew(response), mode)


def check_clock(skew_s: float | None, mode: Mode) -> float | None:
    """Warn of a clock that is off; raise SetupError where it would have every request refused."""
    if skew_s is None or abs(skew_s) <= SKEW_WARNING_S:
        return skew_s
    if mode == "http" and abs(skew_s) > SKEW_ERROR_S:
        raise SetupError(
            f"This machine's clock is {lag(skew_s)} Slack's, so every request of Slack's would be refused.",
            "Set the clock, for example by turning on network time (NTP), and start again.",
        )
    log.warning(
        "This machine's clock is %s Slack's. Set it, for example by turning on network time (NTP).", lag(skew_s)
    )
    return skew_s


def lag(skew_s: float) -> str:
    """A skew in words, such as "10 minutes ahead of"."""
    minutes = round(abs(skew_s) / 60)
    amount = f"{abs(skew_s):.0f} seconds" if minutes < 2 else f"{minutes} minutes"
    return f"{amount} {'ahead of' if skew_s > 0 else 'behind'}"


def refused(error: SlackApiError | BrokenCallError, environment: Environment) -> SetupError:
    """A failure at the start, as a person can act on it."""
    if isinstance(error, BrokenCallError):
        return SetupError(
            f"Slack cannot be reached at {environment.api_url}: {error.reason}.",
            f"Check the network, HTTPS_PROXY where there is a proxy, and SLACK_API_URL (Slack's is {SLACK_API_URL}).",
        )
    if kind_of(error) == "revoked":
        return SetupError(
            f"Slack does not accept SLACK_BOT_TOKEN: {code_of(error)}.",
            "Install the app into the workspace again, and copy its Bot User OAuth Token (xoxb-…) from the app's page "
            "OAuth & Permissions.",
        )
    return SetupError(f"{explain(error)}.", "Check SLACK_API_URL, and Slack's status page; then start again.")


def _header(response: Any, name: str) -> str:
    headers = {str(key).lower(): value for key, value in dict(getattr(response, "headers", {})).items()}
    return str(headers.get(name, ""))


def _skew(response: Any) -> float | None:
    """Slack's Date has whole seconds, cut off."""
    try:
        slack = parsedate_to_datetime(_header(response, "date")).timestamp()
    except ValueError:
        return None
    return time.time() - slack - 0.5
