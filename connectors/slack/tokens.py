"""The secrets that Slack hands out, taken from the environment and never shown."""

from typing import Literal, Self
from urllib.parse import urljoin, urlsplit

from pydantic import SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from connectors.slack.faults import SetupError

Mode = Literal["socket", "http"]
SLACK_API_URL = "https://slack.com/api/"
NONE = SecretStr("")

_WHERE = {
    "SLACK_BOT_TOKEN": "Copy the Bot User OAuth Token (xoxb-…) from the app's page OAuth & Permissions",
    "SLACK_APP_TOKEN": "Make an app-level token (xapp-…) with the scope connections:write on the app's page Basic "
    "Information",
    "SLACK_SIGNING_SECRET": "Copy the Signing Secret from the app's page Basic Information",
    "SLACK_CLIENT_ID": "Copy the Client ID from the app's page Basic Information",
    "SLACK_CLIENT_SECRET": "Copy the Client Secret from the app's page Basic Information",
}
_KINDS = {
    "xoxb-": "a bot token (xoxb-…)",
    "xapp-": "an app-level token (xapp-…)",
    "xoxp-": "a user token (xoxp-…)",
    "xoxe-": "a refresh token (xoxe-…)",
}


class Environment(BaseSettings):
    """`SLACK_…` variables. What is not set is empty. `SLACK_API_URL` points at a gateway or a fake Slack.

    With a bot token the app serves one workspace. Without one, but with a client id and secret, it is installed into
    workspaces by OAuth.
    """

    model_config = SettingsConfigDict(env_prefix="SLACK_", frozen=True, hide_input_in_errors=True)

    bot_token: SecretStr = NONE
    app_token: SecretStr = NONE
    signing_secret: SecretStr = NONE
    client_id: str = ""
    client_secret: SecretStr = NONE
    api_url: str = SLACK_API_URL

    @field_validator("bot_token", "app_token", "signing_secret", "client_secret", "client_id", mode="before")
    @classmethod
    def _trimmed(cls, value: object) -> object:
        return value.strip() if isinstance(value, str) else value

    @field_validator("api_url")
    @classmethod
    def _normalised(cls, value: str) -> str:
        return (value.strip() or SLACK_API_URL).rstrip("/") + "/"

    @property
    def many(self) -> bool:
        """Whether workspaces install the app by OAuth."""
        return not self.bot_token.get_secret_value() and bool(self.client_id)

    @property
    def authorize_url(self) -> str:
        """Where somebody who installs the app is sent: beside the API."""
        return urljoin(self.api_url, "../oauth/v2/authorize")

    def check(self, mode: Mode) -> Self:
        """Raises SetupError, which names the variable that is missing or malformed and says what to do."""
        self._check_url()
        if self.client_id or self.client_secret.get_secret_value():
            _present("SLACK_CLIENT_ID", self.client_id)
            _present("SLACK_CLIENT_SECRET", self.client_secret.get_secret_value())
        if not self.many:
            _check_token("SLACK_BOT_TOKEN", self.bot_token, "xoxb-")
        if mode == "socket":
            _check_token("SLACK_APP_TOKEN", self.app_token, "xapp-")
        else:
            _present("SLACK_SIGNING_SECRET", self.signing_secret.get_secret_value())
        return self

    def _check_url(self) -> None:
        try:
            parts = urlsplit(self.api_url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            valid = False
        if not valid:
            raise SetupError(
                "SLACK_API_URL is not an address of a Web API.",
                f"Give one such as http://127.0.0.1:8080/api/, or unset it to use {SLACK_API_URL}.",
            )


def _present(variable: str, value: str) -> None:
    if not value:
        raise SetupError(f"{variable} is not set.", f"{_WHERE[variable]} and set {variable} to it.")


def _check_token(variable: str, secret: SecretStr, prefix: str) -> None:
    token = secret.get_secret_value()
    _present(variable, token)
    if token.startswith("xoxe."):
        raise SetupError(
            f"{variable} holds a token that expires within hours: token rotation is on for this app.",
            "Set SLACK_CLIENT_ID and SLACK_CLIENT_SECRET instead of it and install the app by OAuth, which renews "
            "tokens; or turn token rotation off, which needs a new app.",
        )
    if not token.startswith(prefix) or not token.isascii() or not token.isprintable() or " " in token:
        found = next((kind for start, kind in _KINDS.items() if start != prefix and token.startswith(start)), "")
        held = f"holds {found}, not {_KINDS[prefix]}" if found else f"does not hold {_KINDS[prefix]}"
        raise SetupError(f"{variable} {held}.", f"{_WHERE[variable]} and set {variable} to it.")
