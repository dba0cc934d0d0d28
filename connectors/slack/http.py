"""HTTP mode: Slack calls us. Also where people install the app by OAuth."""

import hmac
import logging
import time

from aiohttp import web
from pydantic import SecretStr
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_sdk.signature import SignatureVerifier

from connectors.slack.identity import SKEW_ERROR_S, lag
from connectors.slack.metrics import Metrics

log = logging.getLogger("assistant.slack")

EVENTS_PATH = "/slack/events"
# Slack's largest payloads, views with everything in them, are well below.
MAX_BODY_BYTES = 1024 * 1024
# One line a minute says as much as a thousand.
SAY_EVERY_S = 60.0
UNAUTHORIZED = 401


def web_app(
    app: AsyncApp, signing_secret: SecretStr, metrics: Metrics, flow: AsyncOAuthFlow | None = None
) -> web.Application:
    """What to serve: `POST /slack/events` with a signing secret, the pages to install with a flow."""
    routes: list[web.RouteDef] = []
    if signing_secret.get_secret_value():
        routes.append(web.post(EVENTS_PATH, _Events(app, signing_secret, metrics).post))
    if flow:
        pages = _Installation(flow)
        routes += [web.get(flow.install_path, pages.install), web.get(flow.redirect_uri_path, pages.redirect)]
    application = web.Application(client_max_size=MAX_BODY_BYTES)
    application.add_routes(routes)
    return application


class _Events:
    """Takes Slack's requests; bolt checks their signatures."""

    def __init__(self, app: AsyncApp, signing_secret: SecretStr, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics
        self.refusals = Refusals(signing_secret)

    async def post(self, request: web.Request) -> web.Response:
        started = time.monotonic()
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not (timestamp.isascii() and timestamp.isdecimal() and signature.isascii()):
            return web.Response(status=UNAUTHORIZED)  # bolt's check would fail on these instead of refusing
        try:
            body = await request.text()
            asked = await to_bolt_request(request)
        except (ValueError, LookupError):  # neither text nor JSON, or in an encoding that does not exist
            return web.Response(status=400)
        response = await self.app.async_dispatch(asked)
        if response.status == UNAUTHORIZED:
            self.refusals.explain(int(timestamp), signature, body)
        else:
            self.metrics.ack_seconds.observe(time.monotonic() - started)
        return await to_aiohttp_response(response)


class Refusals:
    """Says why requests are refused: our clock, or the secret."""

    def __init__(self, signing_secret: SecretStr) -> None:
        self._verifier = SignatureVerifier(signing_secret.get_secret_value())
        self._said: dict[str, float] = {}

    def explain(self, timestamp: int, signature: str, body: str) -> None:
        skew = time.time() - timestamp
        expected = self._verifier.generate_signature(timestamp=str(timestamp), body=body) or ""
        genuine = hmac.compare_digest(expected, signature)
        if genuine and abs(skew) > SKEW_ERROR_S:
            self._say(
                "clock",
                f"Slack's requests are refused because this machine's clock is {lag(skew)} Slack's. Set the clock, for "
                "example by turning on network time (NTP).",
            )
        elif not genuine:
            self._say(
                "secret",
                "A request was refused because its signature does not fit SLACK_SIGNING_SECRET. If Slack sent it, copy "
                "the Signing Secret from the app's page Basic Information again; else somebody tries this address.",
            )

    def _say(self, what: str, line: str) -> None:
        now = time.monotonic()
        if now - self._said.get(what, float("-inf")) >= SAY_EVERY_S:
            self._said[what] = now
            log.warning(line)


class _Installation:
    """The pages on which a person adds the app to a workspace."""

    def __init__(self, flow: AsyncOAuthFlow) -> None:
        self.flow = flow

    async def install(self, request: web.Request) -> web.Response:
        return await to_aiohttp_response(await self.flow.handle_installation(await to_bolt_request(request)))

    async def redirect(self, request: web.Request) -> web.Response:
        return await to_aiohttp_response(await self.flow.handle_callback(await to_bolt_request(request)))
