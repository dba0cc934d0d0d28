"""Profiles: one TOML file that says which engine, knowledge, persona and policy an assistant has.

Environment variables override a profile: `ASSISTANT_ENGINE__MAX_TOKENS=200` is `max_tokens` under `[engine]`.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import platformdirs
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from assistant import phrases, placeholders
from assistant.errors import SettingsError
from knowledge import Access

PREFIX = "ASSISTANT_"
# Read by the command line before there is a profile.
COMMAND_LINE_VARIABLES = {"ASSISTANT_PROFILE", "ASSISTANT_DATA_DIR"}
# What stands under `[connectors]` is checked by the connector that it is for.
CONNECTORS = "ASSISTANT_CONNECTORS__"
# Keys that only the environment may set: a profile is shown to others, copied and committed.
SECRETS = {"engine": {"api_key"}, "database": {"url"}, "knowledge": {"catalog_url", "chroma_token"}}


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


Model = TypeVar("Model", bound=Section)


class EngineSettings(Section):
    """What writes the answers, and how many are written at once.

    `model` is a name that `assistant models list` shows, the path of a GGUF file or of a folder in the Hugging Face
    layout, a hub's "owner/name" that was fetched before, or, for "remote", the name that the server knows it by.
    """

    kind: Literal["openvino", "transformers", "remote"] = "openvino"
    model: str = "smollm2"
    revision: str | None = None
    quantization: Literal["none", "4bit", "8bit"] = "none"
    context_tokens: int | None = Field(default=None, ge=512)
    max_tokens: int = Field(default=160, ge=16, le=4096)
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    parallel: int = Field(default=16, ge=1, le=1024)
    cache_gb: int | None = Field(default=None, ge=1)
    base_url: str = ""
    api_key: SecretStr | None = None
    tokenizer: str | None = None
    timeout_s: float = Field(default=60.0, gt=0.0)
    retries: int = Field(default=2, ge=0, le=10)


class QueueSettings(Section):
    """Those who ask while `engine.parallel` others are being answered.

    `places` may wait; whoever comes then is told to try again. `deadline_s` is what a question is given, in seconds,
    from joining the line to the last word.
    """

    places: int = Field(default=64, ge=0)
    deadline_s: float = Field(default=120.0, gt=0.0)


def _readers(rules: tuple[str, ...]) -> tuple[str, ...]:
    Access.of({"": rules})
    return rules


Readers = Annotated[tuple[str, ...], AfterValidator(_readers)]


class KnowledgeSettings(Section):
    """Where passages come from. No `collections` means all of them.

    `readers` says for a collection who may read it; one that is not named there is open to everybody.

    The catalog is SQLite in the data folder, or PostgreSQL at `catalog_url`; vectors are there too, or on the Chroma
    server at `chroma_url`. Web pages on private addresses are read only where `web_allow_private` says so.

    A `reranker`, a cross-encoder's folder or name, puts the best passages in order. `join_neighbours` gives a passage
    that is cut in mid-thought what stands before and after it. An `entailment_model`, a cross-encoder for natural
    language inference, decides in place of the rules for wording whether an English sentence follows from the passages;
    numbers, names and negation stay with the rules.
    """

    embedding_model: str = "minilm"
    collections: tuple[str, ...] = ()
    readers: dict[str, Readers] = Field(default_factory=dict)
    passages: int = Field(default=4, ge=1, le=50)
    max_file_mb: int = Field(default=50, ge=1)
    catalog_url: SecretStr | None = None
    chroma_url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    chroma_token: SecretStr | None = None
    chroma_tenant: str = "default_tenant"
    chroma_database: str = "default_database"
    web_allow_private: bool = False
    reranker: str = ""
    entailment_model: str = ""
    join_neighbours: bool = False


Policy = Literal["strict", "mark", "off"]


class AnswerSettings(Section):
    """When to answer, and with what.

    `min_relevance` is the evidence, 0 to 1, below which the documents are said not to say, and `clarify_above` that of
    a question being unclear, from which on it is asked back; `assistant eval answers DIR --calibrate` finds both for an
    owner's own questions. `record_gaps` keeps what the documents did not say for `assistant report gaps`, without a
    word of who asked.

    `policy` says what becomes of a sentence that the documents do not bear out: "strict" drops it, "mark" shows it
    with a mark, "off" checks nothing, and says so. When nothing of an answer holds, the model is asked a second time
    where `retry` allows it, and then up to `quotes` sentences are quoted.

    `rewrite` says what makes a question of a conversation stand alone: "rule", in no time, or "model", for one that is
    able, with the rule where it writes nonsense.
    """

    min_relevance: float = Field(default=0.5, ge=0.0, le=1.0)
    clarify_above: float = Field(default=0.5, ge=0.0, le=1.0)
    record_gaps: bool = True
    rewrite: Literal["rule", "model"] = "rule"
    policy: Policy = "strict"
    retry: bool = True
    quotes: int = Field(default=2, ge=1, le=10)


def _template(text: str) -> str:
    return placeholders.check(text, PLACEHOLDERS)


# What may stand in braces in the instructions and the policy.
PLACEHOLDERS = ("name", "language", "today")
Template = Annotated[str, AfterValidator(_template)]
# One text for every language, or a text for each.
Phrase = str | dict[str, str]


class PersonaSettings(Section):
    """How the assistant speaks.

    The model reads the `name`, the `instructions`, the `tone` ("patient and friendly") and the lines of the `policy`
    before all else: what they take, the passages cannot have. In instructions and policy stand `{name}`, `{language}`,
    which is that of the question, and `{today}`.

    The others are phrases that the person reads; empty, they are the built-in ones in the asker's language.
    """

    name: str = ""
    instructions: Template = "Answer the question from the passages only."
    tone: str = ""
    policy: tuple[Template, ...] = ()
    abstention: Phrase = ""
    quotation: Phrase = ""
    cut_off: Phrase = ""
    unconfirmed: Phrase = ""
    unchecked: Phrase = ""
    clarification: Phrase = ""
    choice: Phrase = ""
    open_clarification: Phrase = ""
    searched: Phrase = ""
    closest: Phrase = ""

    @field_validator(*phrases.PHRASES, mode="before")
    @classmethod
    def _check_phrase(cls, value: object, info: ValidationInfo) -> Phrase:
        return phrases.check(str(info.field_name), value)


class DatabaseSettings(Section):
    """Where conversations are kept, so that several processes share them: "postgresql://user:password@host/name".
    Without a `url` it is SQLite in the data folder.
    """

    url: SecretStr | None = None


class Settings(BaseSettings):
    """A profile, checked; but for what a connector finds under `connectors`, which `connector_settings` checks."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    name: str
    data_dir: Path
    engine: EngineSettings = EngineSettings()
    queue: QueueSettings = QueueSettings()
    knowledge: KnowledgeSettings = KnowledgeSettings()
    answers: AnswerSettings = AnswerSettings()
    persona: PersonaSettings = PersonaSettings()
    database: DatabaseSettings = DatabaseSettings()
    connectors: dict[str, dict[str, Any]] = {}

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return env_settings, init_settings


def load_profile(profile: str = "docs", data_dir: Path | None = None) -> Settings:
    """The profile of that name, or in that file. Raises SettingsError, which names what is wrong and what is right."""
    path = _find(profile)
    values = _read(path)
    _check_secrets(values, path)
    _check_environment()
    folder = data_dir or os.environ.get("ASSISTANT_DATA_DIR") or values.get("data_dir") or default_data_dir()
    values |= {"name": path.stem, "data_dir": Path(folder).expanduser().absolute()}
    try:
        # The flag and the environment were weighed above; pydantic would let the environment win.
        return Settings(**values).model_copy(update={"data_dir": values["data_dir"]})
    except ValidationError as error:
        raise _explain(error, path) from error


def connector_settings(settings: Settings, connector: str, model: type[Model]) -> Model:
    """What a profile says under `[connectors.NAME]`, checked by the connector's own section.

    Raises SettingsError, which names what is wrong and what is right.
    """
    values = settings.connectors.get(connector, {})
    read = {key: _read_list(value, f"connectors.{connector}.{key}") for key, value in values.items()}
    try:
        return model.model_validate(read)
    except ValidationError as error:
        raise _explain_connector(error, settings.name, f"connectors.{connector}", model) from error


def _read_list(value: Any, key: str) -> Any:
    """A list or a table in an environment variable is JSON; in other sections pydantic-settings reads it."""
    if isinstance(value, str) and value.startswith(("[", "{")) and _variable(key) in os.environ:
        with suppress(json.JSONDecodeError):
            return json.loads(value)
    return value


def default_data_dir() -> Path:
    return platformdirs.user_data_path("solar-assistant", appauthor=False)


def profile_folder() -> Path:
    """Where the shipped profiles are: inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).parent
    installed = package / "configs"
    return installed if installed.is_dir() else package.parent / "configs"


def profile_names() -> list[str]:
    return sorted(file.stem for file in profile_folder().glob("*.toml"))


def _find(profile: str) -> Path:
    named = profile_folder() / f"{profile}.toml"
    if profile in profile_names():
        return named
    path = Path(profile).expanduser()
    if path.is_file():
        return path.absolute()
    near = difflib.get_close_matches(profile, profile_names(), n=1)
    hint = f"Did you mean {near[0]!r}? " if near else ""
    raise SettingsError(
        f"There is no profile {profile!r}.",
        f"{hint}Profiles: {', '.join(profile_names())}; or give the path of a TOML file.",
    )


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"The profile {path} cannot be read: {error}.", "Correct the file.") from error


def _check_secrets(values: dict[str, Any], path: Path) -> None:
    for section, keys in SECRETS.items():
        for key in keys & set(values.get(section) or {}):
            raise SettingsError(
                f"{path} holds a secret, '{section}.{key}'.",
                f"Take it out of the file and set the environment variable {_variable(f'{section}.{key}')} instead.",
            )


def _check_environment() -> None:
    known = COMMAND_LINE_VARIABLES | {_variable(key) for key in valid_keys()}
    for variable in os.environ:
        if variable.startswith(PREFIX) and variable not in known and not variable.startswith(CONNECTORS):
            raise SettingsError(
                f"The environment variable {variable} is not a setting.", _nearest(variable, sorted(known))
            )


def _variable(key: str) -> str:
    return PREFIX + key.upper().replace(".", "__")


def valid_keys() -> list[str]:
    """Every key a profile may have, dotted: "engine.max_tokens"."""
    keys: list[str] = []
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            keys += [f"{name}.{key}" for key in section.model_fields]
        elif name != "name":
            keys.append(name)
    return keys


def _explain(error: ValidationError, path: Path) -> SettingsError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return SettingsError(f"{path} has an unknown key {key!r}.", _nearest(key, valid_keys()))
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return SettingsError(f"{key!r} in {path} is wrong: {message}.", f"It is now {first['input']!r}; correct it.")


def _explain_connector(error: ValidationError, profile: str, place: str, model: type[Section]) -> SettingsError:
    first = error.errors()[0]
    path = [str(part) for part in first["loc"] if part != "[key]"]
    key = ".".join([place, *path])
    if first["type"] == "extra_forbidden":
        keys = [".".join([place, *path[:-1], name]) for name in _section_at(model, path[:-1]).model_fields]
        variable = _variable(key)
        if variable in os.environ:
            names = [_variable(name) for name in keys]
            return SettingsError(f"The environment variable {variable} is not a setting.", _nearest(variable, names))
        return SettingsError(f"The profile {profile!r} has an unknown key {key!r}.", _nearest(key, keys))
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return SettingsError(
        f"{key!r} in the profile {profile!r} is wrong: {message}.", f"It is now {first['input']!r}; correct it."
    )


def _section_at(section: Any, path: Sequence[str]) -> Any:
    """The section at a path within a section, through tables that have sections as their values."""
    for part in path:
        fields = getattr(section, "model_fields", None)
        section = fields[part].annotation if fields else get_args(section)[-1]
    return section


def _nearest(key: str, valid: list[str]) -> str:
    """Compare whole keys first, then last parts: `max_token` at the top level means `engine.max_tokens`."""
    sections = {name.partition(".")[0] for name in valid}
    near = difflib.get_close_matches(key, [*valid, *sections], n=1, cutoff=0.7)
    if not near:
        lasts = {name.rpartition(".")[2]: name for name in valid}
        near = [lasts[m] for m in difflib.get_close_matches(key.rpartition(".")[2], lasts, n=1)]
    return f"Did you mean {near[0]!r}?" if near else f"Valid keys: {', '.join(valid)}."
