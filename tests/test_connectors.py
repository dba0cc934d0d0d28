"""Finding connectors, and the check that people who write one can run."""

import asyncio
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from assistant import Answer, Finished, Question, Retrieved, Stage, TextDelta
from assistant.errors import SettingsError, UsageError
from connectors import registry
from connectors.cli.chat import TerminalConnector
from connectors.cli.options import Options
from connectors.testing import ScriptedAssistant, check_connector
from knowledge import UserError


class Good:
    """Asks one question, then serves until it is cancelled."""

    async def serve(self, assistant: ScriptedAssistant) -> None:
        await assistant.ask(Question("Hello?"))
        await asyncio.Event().wait()


class Brief:
    async def serve(self, assistant: ScriptedAssistant) -> None:
        await assistant.ask(Question("Hello?"))


class Swallowing:
    async def serve(self, assistant: ScriptedAssistant) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return


class Lingering:
    async def serve(self, assistant: ScriptedAssistant) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.3)


class Failing:
    async def serve(self, assistant: ScriptedAssistant) -> None:
        raise RuntimeError("no network")


class FailingAtTheEnd:
    async def serve(self, assistant: ScriptedAssistant) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("cannot disconnect")


class Synchronous:
    def serve(self, assistant: ScriptedAssistant) -> None:
        pass


class NeedsAnArgument:
    def __init__(self, token: str) -> None:
        self.token = token

    async def serve(self, assistant: ScriptedAssistant) -> None:
        pass


class NoConnector:
    pass


def entry(value: str) -> EntryPoint:
    return EntryPoint("mine", value, registry.GROUP)


@pytest.mark.parametrize("connector", [Good(), Brief()])
async def test_a_connector_that_keeps_the_rules_passes_the_check(connector: object) -> None:
    assistant = ScriptedAssistant()
    await check_connector(connector, assistant, settling=0.02)
    assert [question.text for question in assistant.asked] == ["Hello?"]


@pytest.mark.parametrize(
    ("connector", "complaint"),
    [
        (NoConnector(), "no `serve` method"),
        (Synchronous(), "not an `async def`"),
        (Failing(), "no network"),
        (Swallowing(), "swallowed CancelledError"),
        (Lingering(), "did not end within 0.05 s"),
        (FailingAtTheEnd(), "cannot disconnect"),
    ],
)
async def test_a_connector_that_breaks_a_rule_is_told_which(connector: object, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        await check_connector(connector, settling=0.02, patience=0.05)


async def test_the_scripted_assistant_streams_the_events_of_a_real_one() -> None:
    assistant = ScriptedAssistant(Answer("One.\nTwo.", (), "answered"))
    events = [event async for event in assistant.stream(Question("Really?", conversation_id="c"))]
    kinds = [type(event) for event in events]
    assert kinds == [Stage, Retrieved, Stage, Stage, TextDelta, TextDelta, Finished]
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "One.\nTwo."
    assert [turn.question for turn in await assistant.history("c")] == ["Really?"]
    await assistant.forget("c")
    assert await assistant.history("c") == []


async def test_the_scripted_assistant_follows_its_script_and_repeats_the_end() -> None:
    assistant = ScriptedAssistant(UserError("No.", "Try later."), Answer("Yes.", (), "answered"))
    with pytest.raises(UserError):
        await assistant.ask(Question("1"))
    assert (await assistant.ask(Question("2"))).text == "Yes."
    assert (await assistant.ask(Question("3"))).text == "Yes."


def test_the_terminal_is_found_like_any_other_connector() -> None:
    found = {connector.name: connector for connector in registry.installed()}
    assert found["cli"].target == "connectors.cli.chat:TerminalConnector"
    assert found["cli"].distribution.startswith("solar-assistant ")
    assert isinstance(registry.load("cli"), TerminalConnector)


def test_an_unknown_connector_is_wrong_use_and_the_nearest_is_named() -> None:
    with pytest.raises(UsageError) as error:
        registry.load("clli")
    assert "'clli'" in error.value.problem
    assert "Did you mean 'cli'?" in error.value.remedy


@pytest.mark.parametrize(
    ("target", "complaint"),
    [
        ("no_such_module:Connector", "cannot be imported"),
        (f"{__name__}:NeedsAnArgument", "cannot be created"),
        (f"{__name__}:no_such_name", "cannot be created"),
        (f"{__name__}:NoConnector", "is not a connector"),
    ],
)
def test_a_broken_connector_is_named_with_where_it_comes_from(target: str, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint) as error:
        registry.instantiate(entry(target))
    assert f"'mine' ({target}, from unknown)" in error.value.problem


def test_settings_for_a_connector_that_does_not_exist_are_refused_and_the_nearest_is_named(tmp_path: Path) -> None:
    profile = tmp_path / "mine.toml"
    profile.write_text('[connectors.slak]\nmode = "http"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"'connectors\.slak'") as error:
        Options(str(profile), tmp_path).settings()
    assert "Did you mean 'slack'?" in error.value.remedy
