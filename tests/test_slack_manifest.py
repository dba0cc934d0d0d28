"""The manifest asks Slack for exactly what the connector uses."""

import ast
import inspect
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import slack_bolt
import slack_sdk
from slack_sdk.web.async_client import AsyncWebClient

import connectors.slack
from assistant.errors import UsageError
from connectors.slack.manifest import APP_SCOPES, EVENTS, METHODS, SCOPES, manifest, suggested_prompts
from connectors.slack.settings import Language, SlackSettings

SLACK = SlackSettings(name="Ohm", prompts=("What is a volt?",), command="/ohm")
URL = "https://ohm.example.org"
MODULES = sorted(Path(connectors.slack.__file__).parent.glob("**/*.py"))
# What the libraries call for us, and where.
BY_LIBRARIES = {"oauth.v2.access": (slack_bolt, "oauth_v2_access")}
# What no method and no event needs: to offer the slash command and shortcuts, and to download files.
OTHERWISE = {"commands", "files:read"}


def _methods_of_the_client() -> dict[str, set[str]]:
    """Each function of the client with the methods of the Web API that it calls."""
    found = {}
    for name, function in inspect.getmembers(AsyncWebClient, inspect.isfunction):
        called = set(re.findall(r'api_call\(\s*"([\w.]+)"', inspect.getsource(function)))
        if called:
            found[name] = called
    streams = {"chat.startStream", "chat.appendStream", "chat.stopStream"}
    return found | {"chat_stream": streams}


CLIENT = _methods_of_the_client()


def _called(module: str) -> Iterator[str]:
    """The methods of the Web API that are named in the source of a module; "?" for one that cannot be told."""
    for node in ast.walk(ast.parse(module)):
        if isinstance(node, ast.Attribute):
            yield from CLIENT.get(node.attr, ())
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "api_call":
            yield _name(node)


def _name(call: ast.Call) -> str:
    named = [keyword.value for keyword in call.keywords if keyword.arg == "api_method"]
    first = [*call.args, *named][:1]
    return str(first[0].value) if first and isinstance(first[0], ast.Constant) else "?"


def _called_by_us() -> dict[str, set[str]]:
    """Each method with the modules that call it."""
    found: dict[str, set[str]] = {}
    for path in MODULES:
        for method in _called(path.read_text(encoding="utf-8")):
            found.setdefault(method, set()).add(path.name)
    return found


def _bot_scopes(made: dict[str, Any]) -> set[str]:
    return set(made["oauth_config"]["scopes"]["bot"])


@pytest.mark.parametrize(
    ("source", "methods"),
    [
        ("await client.chat_postMessage(channel=c)", {"chat.postMessage"}),
        ("await self.client.optional.auth_test()", {"auth.test"}),
        ("functools.partial(client.chat_update, ts=ts)", {"chat.update"}),
        ("await client.chat_stream(channel=c)", {"chat.startStream", "chat.appendStream", "chat.stopStream"}),
        ('await client.api_call("agents.sessions.setStatus", json={})', {"agents.sessions.setStatus"}),
        ("await client.api_call(api_method='x.y')", {"x.y"}),
        ("await client.api_call(name)", {"?"}),
        ("metrics.api_calls_total.inc()", set()),
    ],
)
def test_a_call_of_slack_is_found_in_the_source(source: str, methods: set[str]) -> None:
    assert set(_called(source)) == methods


def test_every_method_that_is_called_is_known_and_its_scope_is_in_the_manifest() -> None:
    called, granted = _called_by_us(), _bot_scopes(manifest(SLACK, url=None)) | set(APP_SCOPES)
    assert "chat.startStream" in called
    assert {method: where for method, where in called.items() if method not in METHODS} == {}
    uncovered = {m: where for m, where in called.items() if METHODS[m] and not granted & set(METHODS[m])}
    assert uncovered == {}


def test_no_method_is_known_that_nobody_calls() -> None:
    assert sorted(set(METHODS) - set(_called_by_us()) - set(BY_LIBRARIES)) == []


@pytest.mark.parametrize(("method", "caller"), BY_LIBRARIES.items(), ids=lambda value: str(value))
def test_a_library_calls_what_it_is_said_to_call(method: str, caller: tuple[Any, str]) -> None:
    package, name = caller
    sources = Path(package.__file__).parent.glob("oauth/*.py")
    assert any(name in path.read_text(encoding="utf-8") for path in sources)
    assert CLIENT[name] == {method}


def test_every_method_exists_in_the_web_api() -> None:
    known = set().union(*CLIENT.values())
    assert set(METHODS) - known == set(), f"slack_sdk {slack_sdk.version.__version__} does not know them"


def test_every_scope_is_needed_by_something() -> None:
    needed = OTHERWISE.union(*METHODS.values(), *EVENTS.values())
    assert needed - set(APP_SCOPES) == set(SCOPES)
    assert all(SCOPES.values())


@pytest.mark.parametrize("url", [None, URL])
def test_the_manifest_asks_for_these_scopes_and_events(url: str | None) -> None:
    made = manifest(SLACK, url=url)
    assert _bot_scopes(made) == set(SCOPES)
    assert set(made["settings"]["event_subscriptions"]["bot_events"]) == set(EVENTS)


def test_in_socket_mode_no_address_is_named() -> None:
    made = manifest(SLACK, url=None)
    assert made["settings"]["socket_mode_enabled"] is True
    assert "url" not in json.dumps(made)


@pytest.mark.parametrize("url", [URL, URL + "/"])
def test_in_http_mode_every_address_is_ours(url: str) -> None:
    made = manifest(SLACK, url=url)
    settings, events = made["settings"], f"{URL}/slack/events"
    assert settings["socket_mode_enabled"] is False
    assert settings["event_subscriptions"]["request_url"] == events
    assert settings["interactivity"] == {"is_enabled": True, "request_url": events}
    assert made["features"]["slash_commands"][0]["url"] == events
    assert made["oauth_config"]["redirect_urls"] == [f"{URL}/slack/oauth_redirect"]


@pytest.mark.parametrize(
    "url", ["", "http://ohm.example.org", "ohm.example.org", "https://", "https://[", f"{URL}?a=1"]
)
def test_an_address_that_slack_would_not_take_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="Slack cannot send events"):
        manifest(SLACK, url=url)


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("url", [None, URL])
def test_texts_are_within_the_limits_of_manifests(language: Language, url: str | None) -> None:
    """https://docs.slack.dev/reference/app-manifest"""
    longest = SLACK.model_copy(update={"name": "n" * 35, "description": "d" * 140, "language": language})
    made = manifest(longest, url=url)
    features = made["features"]
    assert len(made["display_information"]["name"]) <= 35
    assert len(made["display_information"]["description"]) <= 140
    assert len(features["bot_user"]["display_name"]) <= 80
    assert all(1 <= len(s["name"]) <= 24 and 1 <= len(s["description"]) <= 150 for s in features["shortcuts"])
    (command,) = features["slash_commands"]
    assert len(command["command"]) <= 32
    assert len(command["description"]) <= 2000
    assert len(command["usage_hint"]) <= 1000


def test_shortcuts_are_those_of_messages() -> None:
    shortcuts = manifest(SLACK, url=None)["features"]["shortcuts"]
    assert {(s["callback_id"], s["name"], s["type"]) for s in shortcuts} == {
        ("ask_about_this", "Ask about this", "message"),
        ("summarize_thread", "Summarize thread", "message"),
        ("add_to_documents", "Add to documents", "message"),
    }


def test_the_command_and_the_prompts_are_the_profiles() -> None:
    features = manifest(SLACK, url=None)["features"]
    assert features["slash_commands"][0]["command"] == "/ohm"
    prompt = {"title": "What is a volt?", "message": "What is a volt?"}
    assert features["agent_view"]["suggested_prompts"] == [prompt]
    assert "suggested_prompts" not in manifest(SlackSettings(), url=None)["features"]["agent_view"]


def test_a_long_prompt_has_a_short_title() -> None:
    (prompt,) = suggested_prompts(SlackSettings(prompts=("word " * 40,)))
    assert len(prompt["title"]) <= 60
    assert prompt["title"].endswith("word…")
    assert prompt["message"] == "word " * 40


def test_the_manifest_is_json() -> None:
    made = manifest(SLACK, url=URL)
    assert json.loads(json.dumps(made)) == made
