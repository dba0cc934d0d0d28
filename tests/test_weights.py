"""Models that cannot be used, and cards that run full: each is named with what to do, and the others are served on."""

import asyncio
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from assistant.engines.base import create
from assistant.engines.gguf import bundled_model, read_card
from assistant.engines.openvino import OpenVINOChat
from assistant.engines.transformers import TransformersChat
from assistant.engines.weights import Loaded, load
from assistant.errors import EngineError
from assistant.settings import EngineSettings
from tests.tiny import write_solar

pytestmark = pytest.mark.slow

HELLO = [HumanMessage("Hello")]


@pytest.fixture(scope="module")
def solar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_solar(tmp_path_factory.mktemp("solar"))


@pytest.fixture
def folder(solar: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(solar, tmp_path / "model"))


def test_the_card_of_the_bundled_model_is_read() -> None:
    card = read_card(bundled_model())
    assert (card.architecture, card.context_length) == ("llama", 8192)
    assert "<|im_start|>" in card.chat_template
    assert card.file_bytes == bundled_model().stat().st_size
    assert card.shape is not None
    assert (card.shape.layers, card.shape.vocabulary) == (30, 49152)


# -- GGUF files

NOT_MODELS = [None, b"", b"GGUF", b"not a model at all", b"GGUF\x03\x00\x00\x00" + b"\xff" * 64]


@pytest.mark.parametrize("make", [OpenVINOChat, TransformersChat])
@pytest.mark.parametrize("content", NOT_MODELS)
def test_a_file_that_is_no_model_is_named(
    tmp_path: Path, content: bytes | None, make: Callable[..., OpenVINOChat | TransformersChat]
) -> None:
    path = tmp_path / "model.gguf"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EngineError, match=r"model\.gguf"):
        make(model_path=path).load()


@pytest.mark.parametrize("make", [OpenVINOChat, TransformersChat])
@pytest.mark.parametrize("missing", [1, 50_000_000])
def test_a_file_that_is_cut_short_is_told_with_both_sizes(
    tmp_path: Path, missing: int, make: Callable[..., OpenVINOChat | TransformersChat]
) -> None:
    path = tmp_path / "cut.gguf"
    whole = bundled_model().read_bytes()
    path.write_bytes(whole[:-missing])
    with pytest.raises(EngineError, match=f"cut short: it has {len(whole) - missing:,} of {len(whole):,} bytes"):
        make(model_path=path).load()


def test_a_file_of_another_architecture_is_told_which_and_what_to_use(tmp_path: Path) -> None:
    path = tmp_path / "other.gguf"
    # The name of the architecture is also the first part of its keys, all of which stand before the vocabulary.
    whole = bundled_model().read_bytes()
    path.write_bytes(whole[:4096].replace(b"llama", b"mamba") + whole[4096:])
    with pytest.raises(EngineError, match="'mamba'") as error:
        OpenVINOChat(model_path=path).load()
    assert "solar-gguf" in error.value.remedy


# -- folders


def test_a_folder_without_a_configuration_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"no config\.json"):
        TransformersChat(model_path=tmp_path).load()


def test_a_folder_without_weights_is_told(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(EngineError, match="holds no weights"):
        TransformersChat(model_path=folder).load()


def test_pickled_weights_are_never_opened(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"\x80\x04\x8c\x05posix\x8c\x06system\x93.")
    with pytest.raises(EngineError, match="pickle") as error:
        TransformersChat(model_path=folder).load()
    assert "safetensors" in error.value.remedy


def test_code_that_comes_with_a_model_is_never_run(folder: Path, tmp_path: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    del config["model_type"]
    config |= {"auto_map": {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.Own"}}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "own.py").write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\n")
    with pytest.raises(EngineError):
        TransformersChat(model_path=folder).load()
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.safetensors", b"\x10\x00\x00\x00\x00\x00\x00\x00{not json at all"),
        ("model.safetensors", b""),
        ("config.json", b"{"),
        ("config.json", b"[]"),
        ("tokenizer.json", b"{}"),
    ],
)
def test_a_broken_file_in_a_folder_is_told_in_two_lines(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(EngineError) as error:
        TransformersChat(model_path=folder).load()
    assert str(folder) in error.value.problem
    assert "\n" not in error.value.problem


def test_a_model_without_a_chat_template_is_told_to_be_no_instruct_model(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(EngineError, match="no chat template"):
        TransformersChat(model_path=folder).load()


def test_a_model_that_is_not_here_is_told_how_to_get(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(EngineError) as error:
        create(EngineSettings(kind="transformers", model=str(tmp_path / "nowhere")))
    assert "nowhere" in error.value.problem


def test_an_embedding_model_cannot_write_answers() -> None:
    with pytest.raises(EngineError, match="'minilm'"):
        create(EngineSettings(model="minilm"))


def test_a_folder_for_openvino_is_told_the_engine_that_reads_it(solar: Path) -> None:
    with pytest.raises(EngineError) as error:
        OpenVINOChat(model_path=solar).load()
    assert 'kind = "transformers"' in error.value.remedy


# -- a card that runs full


class Full:
    """Fails as a full card does, when told to, before a layer of a real model."""

    def __init__(self) -> None:
        self.times = 0
        self.failed = 0

    def __call__(self, *_: Any) -> None:
        if self.times:
            self.times -= 1
            self.failed += 1
            import torch

            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


class FillingUp(TransformersChat):
    def _load(self) -> Loaded:
        loaded = super()._load()
        loaded.model.model.layers[0].register_forward_pre_hook(FULL)
        return loaded


class FillingUpOneAtATime(FillingUp):
    def _serve_many(self, loaded: Loaded) -> Any:
        raise RuntimeError("beyond it")


FULL = Full()


@pytest.fixture(params=[FillingUp, FillingUpOneAtATime])
def filling_up(request: pytest.FixtureRequest, solar: Path) -> Iterator[TransformersChat]:
    engine: TransformersChat = request.param(model_path=solar, max_tokens=8)
    engine.load()
    yield engine
    engine.close()


async def test_a_full_card_fails_the_question_with_what_to_set_and_the_next_one_is_answered(
    filling_up: TransformersChat, capfd: pytest.CaptureFixture[str]
) -> None:
    FULL.times = 1
    with pytest.raises(EngineError, match="ran out of memory") as error:
        await filling_up.ainvoke(HELLO, ignore_eos=True)
    assert 'quantization = "4bit"' in error.value.remedy
    answers = await asyncio.gather(*(filling_up.ainvoke(HELLO, ignore_eos=True) for _ in range(3)))
    assert [answer.usage_metadata and answer.usage_metadata["output_tokens"] for answer in answers] == [8] * 3
    assert "Traceback" not in capfd.readouterr().err


async def test_nobody_is_left_waiting_when_the_card_fills_up_under_many(filling_up: TransformersChat) -> None:
    tasks = [asyncio.create_task(filling_up.ainvoke(HELLO, max_tokens=20, ignore_eos=True)) for _ in range(4)]
    await asyncio.sleep(0.3)
    FULL.times = 1
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(o, EngineError) or getattr(o, "usage_metadata", None) for o in outcomes)
    FULL.times = 0
    assert (await filling_up.ainvoke(HELLO, ignore_eos=True)).usage_metadata


def test_a_model_that_does_not_fit_the_card_is_told_before_anything_else(solar: Path) -> None:
    import torch

    from assistant.engines import weights

    error = weights._explain(solar, torch.OutOfMemoryError("CUDA out of memory."))
    assert "does not fit the GPU" in error.problem
    assert 'quantization = "4bit"' in error.remedy


def test_a_model_on_several_devices_is_served_one_at_a_time(solar: Path) -> None:
    loaded = load(solar)
    assert loaded.one_at_a_time == ""
    loaded.model.hf_device_map = {"model.layers.0": 0, "model.layers.1": "cpu"}
    assert "main memory" in loaded.one_at_a_time
    loaded.model.hf_device_map = {"model.layers.0": 0, "model.layers.1": 1}
    assert "2 devices" in loaded.one_at_a_time
