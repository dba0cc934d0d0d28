"""Signed HTTP: the same payloads as POST requests. https://docs.slack.dev/authentication/verifying-requests-from-slack"""

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import aiohttp

from connectors.testing.slack.deliveries import Attempt, Delivery, UndeliveredError
from connectors.testing.slack.state import State

FORM, JSON = "application/x-www-form-urlencoded", "application/json"


class Posts:
    """A transport to one address, or to several in turn, as behind a load balancer."""

    def __init__(self, state: State, urls: tuple[str, ...], signing_secret: str) -> None:
        self.state = state
        self.signing_secret = signing_secret
        self._urls = itertools.cycle(urls)
        self._session = aiohttp.ClientSession()

    async def send(self, delivery: Delivery, attempt: Attempt, reason: str, patience: float) -> dict[str, Any]:
        attempt.receiver = next(self._urls)
        content_type, body = _encode(delivery)
        retries = {"x-slack-retry-num": str(attempt.number), "x-slack-retry-reason": reason} if attempt.number else {}
        try:
            async with asyncio.timeout(patience):
                return await self._post(attempt, content_type, body, retries)
        except TimeoutError:
            raise UndeliveredError("http_timeout") from None
        except aiohttp.ClientError:
            raise UndeliveredError("connection_failed") from None

    async def _post(self, attempt: Attempt, content_type: str, body: str, more: Mapping[str, str]) -> dict[str, Any]:
        headers = {"content-type": content_type, **self.signed(body), **more}
        async with self._session.post(attempt.receiver, data=body.encode(), headers=headers) as response:
            text = await response.text()
            attempt.ack_seconds = time.monotonic() - attempt.at
            if not response.ok:
                raise UndeliveredError("http_error", final=response.headers.get("x-slack-no-retry") == "1")
            return _decode(response.content_type, text)

    def signed(self, body: str) -> dict[str, str]:
        """The headers that prove that a request is Slack's."""
        timestamp = str(int(self.state.now()))
        secret = self.signing_secret.encode()
        digest = hmac.new(secret, f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()
        return {"x-slack-request-timestamp": timestamp, "x-slack-signature": f"v0={digest}"}

    async def verify(self) -> bool:
        """Challenge the address, as Slack does before it sends anything there."""
        body = json.dumps({"type": "url_verification", "challenge": "3eZbrw1a", "token": "legacy"})
        headers = {"content-type": JSON, **self.signed(body)}
        async with self._session.post(next(self._urls), data=body, headers=headers) as response:
            return response.ok and "3eZbrw1a" in await response.text()

    async def aclose(self) -> None:
        await self._session.close()


def _encode(delivery: Delivery) -> tuple[str, str]:
    if delivery.type == "slash_commands":
        return FORM, urlencode(delivery.payload)
    if delivery.type == "interactive":
        return FORM, urlencode({"payload": json.dumps(delivery.payload)})
    return JSON, json.dumps(delivery.payload)


def _decode(content_type: str, text: str) -> dict[str, Any]:
    """What the app answered, as an object: bare text is a message's."""
    if content_type == JSON and text:
        found = json.loads(text)
        return found if isinstance(found, dict) else {}
    return {"text": text} if text.strip() else {}
