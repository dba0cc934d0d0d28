from pathlib import Path

import pytest

from assistant.errors import SettingsError
from assistant.settings import load_profile, profile_names, valid_keys


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
