"""The installed commands that set up Slack and show feedback, against the fake Slack."""

import asyncio
import json
import os
from pathlib import Path

import pytest

from connectors.slack.databases import sqlite_url
from connectors.slack.manifest import SCOPES
from connectors.slack.store import Asked, Store
from connectors.testing.slack import FakeSlack
from tests.test_commands import ASSISTANT

pytestmark = pytest.mark.slow

PROFILE = """
[connectors.slack]
health = ""

[connectors.slack.channels.C1]
collections = ["course"]
"""


async def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SLACK_")}
    process = await asyncio.create_subprocess_exec(
        str(ASSISTANT),
        *arguments,
        env=clean | environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


def tokens(slack: FakeSlack) -> dict[str, str]:
    return {
        "SLACK_API_URL": slack.api_url,
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
    }


async def test_the_manifest_is_printed_as_json_for_socket_mode_and_for_http(tmp_path: Path) -> None:
    code, out, _ = await run("slack", "manifest")
    assert code == 0 and json.loads(out)["settings"]["socket_mode_enabled"] is True
    code, out, _ = await run("slack", "manifest", "--url", "https://bot.example")
    assert code == 0 and "https://bot.example/slack/events" in out
    profile = tmp_path / "web.toml"
    profile.write_text('[connectors.slack]\nmode = "http"\n')
    code, out, err = await run("--profile", str(profile), "slack", "manifest")
    assert (code, out) == (2, "") and "--url" in err


async def test_the_check_says_that_all_is_well(tmp_path: Path) -> None:
    profile = tmp_path / "course.toml"
    profile.write_text(PROFILE)
    async with FakeSlack() as slack:
        slack.scopes.intersection_update(SCOPES)
        slack.channel("C1", name="physics")
        arguments = ("--profile", str(profile), "--data-dir", str(tmp_path / "data"), "slack", "check")
        code, out, err = await run(*arguments, **tokens(slack))
        assert code == 0, out + err
        assert "#physics" in out and "problem" not in out
        code, out, _ = await run(*arguments, "--json", **tokens(slack))
        assert code == 0 and json.loads(out)["ok"] is True


async def test_the_check_names_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    profile = tmp_path / "course.toml"
    profile.write_text(PROFILE)
    async with FakeSlack() as slack:
        slack.channel("C1", name="physics", bot=False)
        slack.scopes.discard("files:read")
        arguments = ("--profile", str(profile), "--data-dir", str(tmp_path / "data"), "slack", "check")
        code, out, _ = await run(*arguments, **tokens(slack))
        assert code == 1 and "files:read" in out and "/invite" in out
        slack.revoke()
        code, out, _ = await run(*arguments, **tokens(slack))
        assert code == 1 and "token_revoked" in out and "install the app" in out.lower()


async def test_a_token_that_is_missing_or_wrong_ends_the_connector_with_two_lines(tmp_path: Path) -> None:
    data = ("--data-dir", str(tmp_path / "data"))
    code, out, err = await run(*data, "run", "slack")
    assert (code, out) == (1, "") and err.startswith("SLACK_BOT_TOKEN is not set.\n") and err.count("\n") == 2
    async with FakeSlack() as slack:
        wrong = tokens(slack) | {"SLACK_BOT_TOKEN": "xoxb-wrong"}
        code, out, err = await run(*data, "run", "slack", **wrong)
        assert code == 1 and "invalid_auth" in err and "xoxb-wrong" not in err


async def test_feedback_is_reported_with_question_answer_and_sources(tmp_path: Path) -> None:
    store = await Store.open(sqlite_url(tmp_path))
    await store.accept(Asked("T1", "C1", "1.1", "1.1", "U1", "mention", "What is a fuse?"))
    claimed = await store.claim()
    assert claimed is not None
    source = {"number": 1, "source": "a.md", "page": None, "section": "Fuses", "url": "", "quote": "A wire."}
    await store.write(
        claimed, answer="A wire. [1]", status="answered", outcome="answered", citations=[source], notes=[]
    )
    await store.judge(claimed.id, "U1", "bad", "too short")
    await store.aclose()
    code, out, _ = await run("--data-dir", str(tmp_path), "report", "feedback", "--json")
    (entry,) = json.loads(out)
    assert code == 0
    assert (entry["verdict"], entry["comment"], entry["question"]) == ("bad", "too short", "What is a fuse?")
    assert entry["citations"] == [source] and entry["answer"] == "A wire. [1]"
    code, out, _ = await run("--data-dir", str(tmp_path), "report", "feedback", "--only", "good", "--json")
    assert (code, json.loads(out)) == (0, [])
    code, _, err = await run("--data-dir", str(tmp_path), "report", "feedback", "--only", "fine")
    assert code == 2 and "good" in err
