from pathlib import Path

import pytest
from pydantic import Field

from assistant.errors import SettingsError
from assistant.settings import Section, connector_settings, load_profile, profile_names, valid_keys


def write(folder: Path, text: str) -> str:
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("name", ["docs", "remote", "solar", "support", "tutor"])
def test_every_shipped_profile_loads_by_name_from_any_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert name in profile_names()
    assert load_profile(name, tmp_path).name == name


def test_a_profile_is_read_from_a_path(tmp_path: Path) -> None:
    settings = load_profile(write(tmp_path, "[engine]\nmax_tokens = 99\n"), tmp_path)
    assert (settings.name, settings.engine.max_tokens) == ("mine", 99)


def test_an_unknown_profile_names_the_nearest_one() -> None:
    with pytest.raises(SettingsError) as error:
        load_profile("tutr")
    assert "'tutr'" in error.value.problem
    assert "Did you mean 'tutor'?" in error.value.remedy


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        ("[engine]\nmax_token = 9\n", "engine.max_token", "engine.max_tokens"),
        ("[knowlege]\npassages = 9\n", "knowlege", "knowledge"),
        ("max_tokens = 9\n", "max_tokens", "engine.max_tokens"),
        ("[answers]\nmin_relevence = 0.1\n", "answers.min_relevence", "answers.min_relevance"),
    ],
)
def test_a_misspelt_key_is_named_with_the_nearest_valid_one(tmp_path: Path, text: str, key: str, nearest: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_profile(write(tmp_path, text), tmp_path)
    assert repr(key) in error.value.problem
    assert repr(nearest) in error.value.remedy
    assert nearest in {*valid_keys(), "knowledge"}


def test_a_value_of_the_wrong_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"engine\.max_tokens"):
        load_profile(write(tmp_path, "[engine]\nmax_tokens = 'many'\n"), tmp_path)


def test_a_broken_file_is_named_with_the_line(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="line 1"):
        load_profile(write(tmp_path, "[engine\n"), tmp_path)


def test_the_environment_overrides_the_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_ENGINE__MAX_TOKENS", "33")
    path = write(tmp_path, "[engine]\nmax_tokens = 99\ntemperature = 0.5\n")
    engine = load_profile(path, tmp_path).engine
    assert (engine.max_tokens, engine.temperature) == (33, 0.5)


def test_a_misspelt_environment_variable_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_ENGINE__MAX_TOKEN", "33")
    with pytest.raises(SettingsError) as error:
        load_profile("docs", tmp_path)
    assert "ASSISTANT_ENGINE__MAX_TOKEN " in error.value.problem
    assert "ASSISTANT_ENGINE__MAX_TOKENS" in error.value.remedy


def test_the_data_folder_comes_from_the_flag_before_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_DATA_DIR", str(tmp_path / "environment"))
    assert load_profile("docs").data_dir == tmp_path / "environment"
    assert load_profile("docs", tmp_path / "flag").data_dir == tmp_path / "flag"


class Room(Section):
    colour: str = ""


class Pigeons(Section):
    """The settings of a connector by carrier pigeon."""

    flock: int = 2
    names: tuple[str, ...] = ()
    rooms: dict[str, Room] = Field(default_factory=dict)


def test_a_connectors_section_is_checked_by_the_connector(tmp_path: Path) -> None:
    text = "[connectors.pigeons]\nflock = 3\n[connectors.pigeons.rooms.attic]\ncolour = 'red'\n"
    settings = load_profile(write(tmp_path, text), tmp_path)
    assert connector_settings(settings, "pigeons", Pigeons) == Pigeons(flock=3, rooms={"attic": Room(colour="red")})
    assert connector_settings(settings, "owls", Pigeons) == Pigeons()


@pytest.mark.parametrize(
    ("text", "key", "nearest"),
    [
        ("flok = 1", "connectors.pigeons.flok", "connectors.pigeons.flock"),
        ("rooms.attic.color = 'red'", "connectors.pigeons.rooms.attic.color", "connectors.pigeons.rooms.attic.colour"),
    ],
)
def test_a_misspelt_key_of_a_connector_is_named_with_the_nearest_valid_one(
    tmp_path: Path, text: str, key: str, nearest: str
) -> None:
    settings = load_profile(write(tmp_path, f"[connectors.pigeons]\n{text}\n"), tmp_path)
    with pytest.raises(SettingsError) as error:
        connector_settings(settings, "pigeons", Pigeons)
    assert repr(key) in error.value.problem
    assert repr(nearest) in error.value.remedy


def test_a_wrong_value_of_a_connector_is_named(tmp_path: Path) -> None:
    settings = load_profile(write(tmp_path, "[connectors.pigeons]\nflock = 'many'\n"), tmp_path)
    with pytest.raises(SettingsError, match=r"connectors\.pigeons\.flock") as error:
        connector_settings(settings, "pigeons", Pigeons)
    assert "'many'" in error.value.remedy


def test_what_is_no_table_of_connectors_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"connectors\.pigeons"):
        load_profile(write(tmp_path, "[connectors]\npigeons = 3\n"), tmp_path)


def test_the_environment_overrides_what_a_connector_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSISTANT_CONNECTORS__PIGEONS__FLOCK", "9")
    monkeypatch.setenv("ASSISTANT_CONNECTORS__PIGEONS__NAMES", '["Ada", "Bo"]')
    path = write(tmp_path, "[connectors.pigeons]\nflock = 1\nrooms.attic.colour = 'red'\n")
    found = connector_settings(load_profile(path, tmp_path), "pigeons", Pigeons)
    assert found == Pigeons(flock=9, names=("Ada", "Bo"), rooms={"attic": Room(colour="red")})


def test_a_misspelt_environment_variable_of_a_connector_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSISTANT_CONNECTORS__PIGEONS__FLOK", "9")
    with pytest.raises(SettingsError) as error:
        connector_settings(load_profile("docs", tmp_path), "pigeons", Pigeons)
    assert "ASSISTANT_CONNECTORS__PIGEONS__FLOK " in error.value.problem
    assert "ASSISTANT_CONNECTORS__PIGEONS__FLOCK" in error.value.remedy


def test_the_address_of_the_database_is_a_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match=r"holds a secret, 'database\.url'") as error:
        load_profile(write(tmp_path, "[database]\nurl = 'postgresql://me:pw@host/db'\n"), tmp_path)
    assert "ASSISTANT_DATABASE__URL" in error.value.remedy
    monkeypatch.setenv("ASSISTANT_DATABASE__URL", "postgresql://me:hunter2@host/db")
    settings = load_profile("docs", tmp_path)
    assert settings.database.url is not None
    assert settings.database.url.get_secret_value().endswith("@host/db")
    assert "hunter2" not in repr(settings)
