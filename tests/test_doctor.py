"""Whether the model fits, on machines that are only told of; and what the doctor makes of it. No model is loaded."""

import json
import threading
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from assistant.doctor import Around, Check, examine, persona
from assistant.engines.gguf import bundled_model
from assistant.engines.shapes import SOLAR, Shape
from assistant.errors import EngineError
from assistant.fit import (
    CARD_RESERVE,
    SMOLLM2,
    Fit,
    Plan,
    apply,
    card_bytes,
    changes,
    judge,
    whole_card,
    why_one_at_a_time,
)
from assistant.hardware import MIB, Gpu, Hardware, Obstacle
from assistant.settings import EngineSettings, PersonaSettings, QueueSettings, Settings

KEY = "sk-nobody-may-read-this"


def machine(gb: float = 64, *cards: Gpu, cores: int = 8) -> Hardware:
    return Hardware("a processor", cores, int(gb * 1e9), cards)


def card(name: str, mib: int, capability: tuple[int, int] = (8, 0), used: int = 0) -> Gpu:
    return Gpu(name, mib * MIB, (mib - used) * MIB, capability)


T4 = card("Tesla T4", 15360, (7, 5))
RTX4090 = card("RTX 4090", 24564, (8, 9))
A100 = card("A100 80GB", 81920)
H100 = card("H100 80GB", 81559, (9, 0))
SOLAR_16 = Plan(SOLAR)


def words(plan: Plan, hardware: Hardware) -> list[str]:
    return [change.words for change in changes(plan, hardware)]


# -- SOLAR on machines that people have


@pytest.mark.parametrize("gpu", [T4, Gpu("16 GB", 16_000_000_000, 16_000_000_000), Gpu("16 GiB", 2**34, 2**34)])
def test_a_card_of_16_gb_is_told_of_4_bits_for_solar_in_16_and_that_fits(gpu: Gpu) -> None:
    here = machine(13, gpu)
    fit = judge(SOLAR_16, here)
    assert (fit.fits, fit.state) == (False, "problem")
    assert words(SOLAR_16, here)[0] == 'quantization = "4bit"'
    then = judge(replace(SOLAR_16, quantization="4bit"), here)
    assert then.conversations >= 4
    assert judge(replace(SOLAR_16, quantization="4bit", parallel=then.conversations), here).state == "ok"


def test_a_card_of_24_gb_holds_the_weights_and_few_conversations() -> None:
    fit = judge(SOLAR_16, machine(64, RTX4090))
    assert fit.weights == pytest.approx(21.5e9, rel=0.01)
    assert fit.per_conversation == 4096 * 192 * 1024
    assert (fit.state, fit.conversations) == ("warning", 2)
    assert words(SOLAR_16, machine(64, RTX4090))[0] == "parallel = 2"


def test_a_card_of_80_gb_holds_solar_and_16_or_32_full_conversations() -> None:
    assert judge(SOLAR_16, machine(64, A100)).state == "ok"
    fit = judge(Plan(SOLAR, parallel=32), machine(64, H100))
    assert (fit.state, fit.one_at_a_time) == ("ok", "")
    assert fit.needed <= fit.available
    assert changes(Plan(SOLAR, parallel=32), machine(64, H100)) == ()


def test_cards_that_hold_it_only_together_serve_one_at_a_time() -> None:
    two = (Gpu("24 GB", 24_000_000_000, 24_000_000_000), Gpu("24 GB", 24_000_000_000, 24_000_000_000))
    fit = judge(SOLAR_16, machine(64, *two))
    assert (fit.state, fit.conversations, fit.one_at_a_time) == ("warning", 1, "it is split over 2 devices")
    assert 'quantization = "4bit"' in words(SOLAR_16, machine(64, *two))


def test_one_card_of_two_takes_it_whole_when_it_can() -> None:
    free = [card_bytes(A100), card_bytes(H100)]
    assert whole_card(SOLAR, 16, free) == 0
    assert judge(SOLAR_16, machine(64, H100, A100)).place == "A100 80GB"
    assert whole_card(SOLAR, 16, [card_bytes(T4)]) is None
    assert whole_card(SOLAR, 4, [card_bytes(T4)]) == 0
    assert whole_card(SOLAR, 16, []) is None


def test_cards_too_small_together_are_no_fit() -> None:
    eight = Gpu("8 GB", 8_000_000_000, 8_000_000_000)
    fit = judge(SOLAR_16, machine(64, eight, eight))
    assert (fit.state, fit.one_at_a_time) == ("problem", "part of it lies in main memory or on disk")


def test_the_reason_for_one_at_a_time_is_where_the_model_lies() -> None:
    assert why_one_at_a_time({"0"}) == why_one_at_a_time({"cpu"}) == why_one_at_a_time(()) == ""
    assert "2 devices" in why_one_at_a_time({"0", "1"})
    assert "main memory" in why_one_at_a_time({"0", "cpu"})


def test_a_laptop_of_8_gb_cannot_read_solar_by_openvino() -> None:
    plan = Plan(SOLAR, "openvino", file_bytes=6_460_000_000)
    assert judge(plan, machine(8)).state == "problem"
    assert words(plan, machine(8)) == ['model = "smollm2"', 'kind = "remote"']


def test_what_was_measured_of_openvino_is_foretold() -> None:
    fit = judge(Plan(SOLAR, "openvino", parallel=1, file_bytes=6_100_000_000), machine(25.2))
    assert fit.weights == pytest.approx(18.9e9, rel=0.03)
    assert fit.state == "ok"


def test_the_bundled_model_runs_in_2_gb() -> None:
    assert judge(Plan(SMOLLM2, "openvino", file_bytes=98_362_432), machine(2)).fits


def test_a_small_cache_is_raised_where_there_is_memory() -> None:
    plan = Plan(SOLAR, "openvino", file_bytes=6_460_000_000)
    assert words(plan, machine(64))[0] == "cache_gb = 13"


def test_a_cache_that_does_not_fit_the_card_leaves_one_at_a_time() -> None:
    plan = Plan(SOLAR, cache_gb=60)
    fit = judge(plan, machine(64, A100))
    assert (fit.state, fit.conversations) == ("warning", 1)
    assert fit.one_at_a_time
    assert words(plan, machine(64, A100))[0] == "cache_gb = 13"


def test_a_gguf_file_in_transformers_is_counted_unpacked() -> None:
    plan = Plan(SOLAR, quantization="4bit", file_bytes=6_460_000_000)
    assert judge(plan, machine(64, T4)).state == "problem"
    assert 'kind = "openvino"' in words(plan, machine(64, T4))


# -- whatever the machine

SHAPES = st.sampled_from(
    [SOLAR, SMOLLM2, Shape(32, 4096, 32, 8, 14336, 128256, 131072), Shape(2, 64, 4, 2, 128, 320, 512)]
)
GPUS = st.builds(
    lambda size, capability: Gpu("card", size, size, capability),
    st.integers(2 * 10**9, 200 * 10**9),
    st.sampled_from([None, (7, 5), (9, 0)]),
)
MACHINES = st.builds(
    lambda memory, cards: Hardware("processor", 4, memory, tuple(cards)),
    st.integers(0, 600 * 10**9),
    st.lists(GPUS, max_size=4),
)
PLANS = st.builds(
    Plan,
    SHAPES,
    st.sampled_from(["openvino", "transformers"]),
    st.sampled_from(["none", "4bit", "8bit"]),
    st.none() | st.integers(512, 200_000),
    st.integers(1, 1024),
    st.none() | st.integers(1, 300),
    st.none() | st.integers(10**7, 5 * 10**10),
)


def read_words(text: str) -> Mapping[str, Any]:
    """What a profile would hold after the words were followed."""
    return tomllib.loads("\n".join(text.split(" and ")))


@given(PLANS, MACHINES)
@settings(max_examples=300, deadline=None)
def test_what_is_proposed_fits_when_it_is_done(plan: Plan, here: Hardware) -> None:
    now, found = judge(plan, here), changes(plan, here)
    for change in found:
        if change.fit is None:
            continue
        then = judge(apply(plan, read_words(change.words)), here)
        assert then == change.fit
        assert then.fits
        assert not now.fits or then.state == "ok" or then.conversations > now.conversations
    assert now.fits or found[-1].words == 'kind = "remote"'


@given(PLANS, MACHINES, st.integers(0, 200 * 10**9))
@settings(max_examples=300, deadline=None)
def test_more_memory_never_fits_less(plan: Plan, here: Hardware, more: int) -> None:
    order = ["problem", "warning", "ok"]
    bigger = replace(
        here,
        memory_bytes=here.memory_bytes + more,
        gpus=tuple(replace(gpu, memory_bytes=gpu.memory_bytes + more) for gpu in here.gpus),
    )
    before, after = judge(plan, here), judge(plan, bigger)
    assert before.fits <= after.fits
    assert order.index(before.state) <= order.index(after.state)


@given(PLANS, MACHINES)
def test_the_sums_are_those_of_the_verdict(plan: Plan, here: Hardware) -> None:
    fit: Fit = judge(plan, here)
    if fit.state == "ok":
        assert fit.needed <= fit.available + 1
    if fit.fits:
        assert fit.weights + fit.per_conversation <= fit.available


# -- the doctor


def absent(name: str, revision: str | None) -> Path:
    raise EngineError(f"The model {name!r} is not here.", f"Run `assistant models fetch {name}`.")


def bundled(name: str, revision: str | None) -> Path:
    return bundled_model()


def look(
    tmp_path: Path,
    here: Hardware,
    *,
    name: str = "mine",
    locate: Callable[[str, str | None], Path] = absent,
    lacks: tuple[str, ...] = (),
    **engine: Any,
) -> dict[str, Check]:
    profile = Settings(name=name, data_dir=tmp_path, engine=EngineSettings(**engine), queue=QueueSettings())
    around = Around(lambda with_torch: here, locate, lambda package: package not in lacks)
    return {check.name: check for check in examine(profile, around)}


def test_the_doctor_tells_a_16_gb_card_of_4_bits_before_solar_is_fetched(tmp_path: Path) -> None:
    checks = look(tmp_path, machine(13, T4), kind="transformers", model="solar")
    assert checks["chat model"].state == "problem"
    assert "assistant models fetch solar" in checks["chat model"].remedy
    assert checks["fit"].state == "problem"
    assert checks["fit"].remedy.startswith('Set [engine] quantization = "4bit" (then 6 at once)')
    assert "Tesla T4 with 16.1 GB (16.1 GB free, float16)" in checks["hardware"].detail
    assert "one at a time, because part of it lies in main memory" in checks["engine"].detail


def test_the_doctor_says_how_many_full_conversations_a_24_gb_card_holds(tmp_path: Path) -> None:
    checks = look(tmp_path, machine(64, RTX4090), kind="transformers", model="solar")
    assert "room for 2 of 16 at full length, the others wait" in checks["fit"].detail
    assert "bfloat16" in checks["hardware"].detail
    assert "up to 16 at once by continuous batching" in checks["engine"].detail


def test_the_doctor_finds_room_on_an_h100(tmp_path: Path) -> None:
    checks = look(tmp_path, machine(128, H100), kind="transformers", model="solar", parallel=32)
    assert (checks["fit"].state, checks["engine"].state) == ("ok", "ok")
    assert "speed" not in checks


def test_the_doctor_says_that_a_split_model_answers_one_at_a_time(tmp_path: Path) -> None:
    two = (Gpu("24 GB card", 24_000_000_000, 24_000_000_000),) * 2
    checks = look(tmp_path, machine(64, *two), kind="transformers", model="solar")
    assert checks["engine"].detail.endswith("one at a time, because it is split over 2 devices")
    assert 'quantization = "4bit"' in checks["fit"].remedy


def test_the_doctor_warns_when_other_programs_hold_the_card(tmp_path: Path) -> None:
    busy = card("A100 80GB", 81920, used=70_000)
    checks = look(tmp_path, machine(64, busy), kind="transformers", model="solar")
    assert checks["fit"].state == "warning"
    assert "nvidia-smi" in checks["fit"].remedy


def test_the_doctor_passes_on_why_a_card_lies_idle_and_judges_the_processor(tmp_path: Path) -> None:
    here = replace(machine(64, T4), obstacle=Obstacle("torch is for processors.", "Run `pip …`."))
    checks = look(tmp_path, here, kind="transformers", model="solar")
    assert checks["hardware"].state == "warning"
    assert checks["hardware"].remedy == "Run `pip …`."
    assert "on the processor" in checks["engine"].detail


def test_the_doctor_tells_of_the_wait_for_solar_on_two_cores(tmp_path: Path) -> None:
    checks = look(tmp_path, machine(25.2, cores=2), kind="openvino", model="solar-gguf", parallel=1)
    assert checks["fit"].state == "ok"
    assert "about 1.3 tokens a second" in checks["speed"].detail
    assert "deadline_s = " in checks["speed"].remedy


def test_the_doctor_does_not_hurry_a_small_model(tmp_path: Path) -> None:
    checks = look(tmp_path, machine(2, cores=1), locate=bundled)
    assert "speed" not in checks
    assert all(check.state != "problem" for check in checks.values())


def test_unknown_memory_is_said_and_not_judged(tmp_path: Path) -> None:
    checks = look(tmp_path, machine(0), locate=bundled)
    assert checks["fit"].state == "warning"
    assert "unknown" in checks["fit"].detail


@pytest.mark.parametrize(
    ("engine", "lacks", "command"),
    [
        ({"kind": "transformers", "model": "solar"}, "accelerate", "pip install 'solar-assistant[gpu]'"),
        (
            {"kind": "transformers", "model": "solar", "quantization": "4bit"},
            "bitsandbytes",
            "pip install 'solar-assistant[gpu]'",
        ),
        ({"kind": "remote", "base_url": "http://127.0.0.1:9/v1"}, "langchain_openai", "'solar-assistant[remote]'"),
    ],
)
def test_a_missing_package_is_named_with_its_command(
    tmp_path: Path, engine: Mapping[str, Any], lacks: str, command: str
) -> None:
    checks = look(tmp_path, machine(), lacks=(lacks,), **engine)
    assert checks["engine"].state == "problem"
    assert command in checks["engine"].remedy


def test_packed_weights_are_served_by_continuous_batching(tmp_path: Path) -> None:
    checks = look(tmp_path, machine(64, A100), kind="transformers", model="solar", quantization="4bit")
    assert "up to 16 at once by continuous batching" in checks["engine"].detail


def test_a_folder_of_weights_is_described_and_openvino_does_not_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    shape = {
        "num_hidden_layers": 2,
        "hidden_size": 64,
        "num_attention_heads": 4,
        "intermediate_size": 128,
        "vocab_size": 320,
        "max_position_embeddings": 512,
    }
    (folder / "config.json").write_text(json.dumps(shape), encoding="utf-8")
    (folder / "model.safetensors").write_bytes(b"\0" * 100)
    found = look(tmp_path, machine(), locate=lambda name, revision: folder, kind="transformers", model=str(folder))
    assert (found["chat model"].state, found["fit"].state) == ("ok", "ok")
    found = look(tmp_path, machine(), locate=lambda name, revision: folder, kind="openvino", model=str(folder))
    assert 'kind = "transformers"' in found["chat model"].remedy


def test_the_licence_of_solar_is_told_and_most_of_all_for_support(tmp_path: Path) -> None:
    plain = look(tmp_path, machine(64, H100), kind="transformers", model="solar")["licence"]
    assert (plain.state, "CC-BY-NC-4.0: no commercial use" in plain.detail) == ("warning", True)
    support = look(tmp_path, machine(64, H100), name="support", kind="transformers", model="solar")["licence"]
    assert "customer support" in support.detail
    assert "Apache-2.0" in support.remedy
    file = look(tmp_path, machine(64), model="/models/SOLAR-10.7B-Instruct-v1.0.Q4_0.gguf")
    assert "CC-BY-NC-4.0" in file["licence"].detail
    assert "licence" not in look(tmp_path, machine(64), locate=bundled)


def test_instructions_that_crowd_out_the_documents_are_told(tmp_path: Path) -> None:
    long = Settings(name="mine", data_dir=tmp_path, persona=PersonaSettings(instructions="Be brief and kind. " * 300))
    (check,) = persona.instructions(long)
    assert (check.state, "and the model reads" in check.detail) == ("warning", True)
    assert list(persona.instructions(long.model_copy(update={"persona": PersonaSettings()}))) == []


# -- a server


class _Handler(BaseHTTPRequestHandler):
    entries: tuple[Mapping[str, Any], ...] = ()
    key = ""
    delay = 0.0

    def do_GET(self) -> None:
        time.sleep(self.delay)
        right = not self.key or self.headers.get("Authorization") == f"Bearer {self.key}"
        body = json.dumps({"object": "list", "data": self.entries} if right else {"error": f"wrong key {KEY}"}).encode()
        self.send_response(200 if right else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        return


Serve = Callable[..., str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[ThreadingHTTPServer] = []

    def start(**manners: Any) -> str:
        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), manners)))
        threading.Thread(target=servers[-1].serve_forever, args=(0.01,), daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}/v1"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


VLLM = {"id": "solar", "owned_by": "vllm", "max_model_len": 4096}


def test_a_server_that_answers_is_listed_with_its_models_and_context(tmp_path: Path, serve: Serve) -> None:
    checks = look(tmp_path, machine(), kind="remote", model="solar", base_url=serve(entries=(VLLM,)))
    assert "models: solar" in checks["server"].detail
    assert checks["chat model"].detail == "solar, 4,096 tokens of context"
    assert "fit" not in checks


def test_a_model_that_the_server_lacks_is_told_with_those_it_has(tmp_path: Path, serve: Serve) -> None:
    checks = look(tmp_path, machine(), kind="remote", model="luna", base_url=serve(entries=(VLLM,)))
    assert checks["server"].state == "problem"
    assert "solar" in checks["server"].remedy


def test_a_context_that_nobody_tells_is_to_be_set(tmp_path: Path, serve: Serve) -> None:
    url = serve(entries=({"id": "luna"},))
    assert "context_tokens" in look(tmp_path, machine(), kind="remote", model="luna", base_url=url)["chat model"].remedy
    told = look(tmp_path, machine(), kind="remote", model="luna", base_url=url, context_tokens=8192)["chat model"]
    assert (told.state, "8,192" in told.detail) == ("ok", True)


def test_a_wrong_key_is_a_problem_and_is_never_shown(tmp_path: Path, serve: Serve) -> None:
    url = serve(entries=(VLLM,), key="the right one")
    checks = look(tmp_path, machine(), kind="remote", model="solar", base_url=url, api_key=SecretStr(KEY))
    assert checks["server"].state == "problem"
    assert "ASSISTANT_ENGINE__API_KEY" in checks["server"].remedy
    assert KEY not in str(checks)
    right = look(tmp_path, machine(), kind="remote", model="solar", base_url=url, api_key=SecretStr("the right one"))
    assert right["server"].state == "ok"


def test_a_server_that_is_not_there_is_a_problem(tmp_path: Path) -> None:
    checks = look(tmp_path, machine(), kind="remote", model="solar", base_url="http://127.0.0.1:9/v1")
    assert checks["server"].state == "problem"
    assert "base_url" in checks["server"].remedy


def test_no_address_is_a_problem(tmp_path: Path) -> None:
    assert "base_url" in look(tmp_path, machine(), kind="remote", model="solar")["server"].remedy


def test_a_server_that_is_silent_is_not_waited_for(tmp_path: Path, serve: Serve) -> None:
    url, started = serve(entries=(VLLM,), delay=5.0), time.monotonic()
    checks = look(tmp_path, machine(), kind="remote", model="solar", base_url=url)
    assert checks["server"].state == "problem"
    assert time.monotonic() - started < 4.5


# -- the library's own sums


@pytest.mark.slow
@pytest.mark.parametrize("left", [3_490_000_000, 9_000_000_000, 63_000_000_000])
def test_as_many_conversations_fit_as_the_library_makes_room_for(left: int) -> None:
    import torch
    from transformers import ContinuousBatchingConfig, LlamaConfig
    from transformers.generation.continuous_batching.cache import PagedAttentionMemoryHandler

    class Handler(PagedAttentionMemoryHandler):
        def get_available_memory(self) -> int:
            return int(left * 0.8)

    config = LlamaConfig(
        num_hidden_layers=48, hidden_size=4096, num_attention_heads=32, num_key_value_heads=8, vocab_size=32000
    )
    config._attn_implementation = "paged|sdpa"
    sizes = ContinuousBatchingConfig(
        max_requests_per_batch=16, max_blocks_per_request=18, max_memory_percent=0.8, use_async_batching=False
    )
    page = 256 * SOLAR.cache_bytes_per_token
    handler = Handler(config, sizes, torch.bfloat16, page, 256, page, ["full_attention"], True)
    _, pages = handler.infer_max_batch_tokens_and_num_sectors()
    size = left + SOLAR.weight_bytes() + CARD_RESERVE
    fit = judge(SOLAR_16, machine(64, Gpu("a card", size, size)))
    assert fit.conversations == pages * 256 // 4096
    assert fit.room == pytest.approx(pages * page, rel=0.03)
