"""`assistant bench`: the same work for both sides, and figures in the shape that is promised."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pexpect
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import BaseMessage
from rich.console import Console

from assistant.bench import Figures, describe
from assistant.engines.openvino import OpenVINOChat
from assistant.engines.recipe import Recipe
from assistant.engines.shapes import SOLAR
from assistant.engines.synthetic import bytes_read_per_token, make, make_tokens
from assistant.engines.template import ChatTemplate
from assistant.errors import UsageError
from assistant.hardware import Gpu, Hardware
from assistant.idleness import busy_share
from assistant.workload import Workload
from connectors.cli.bench import print_figures, rows
from tests.test_commands import ASSISTANT, error_lines, run
from tests.test_terminal import heed_ctrl_c
from tests.tiny import write_solar

KEYS = [
    "machine",
    "model",
    "engine",
    "baseline_tok_s",
    "single_tok_s",
    "concurrent",
    "first_token_ms",
    "load_s",
]
TINY = ["--new-tokens", "4", "--prompt-tokens", "64", "--concurrency", "2,3"]
TINY_SHAPE = replace(SOLAR, layers=2, hidden=64, heads=4, kv_heads=1, feed_forward=128, vocabulary=500)
FIGURES = Figures(
    machine="a machine",
    model="a model",
    engine="openvino",
    baseline_tok_s=20.0,
    single_tok_s=70.0,
    concurrent={4: 130.0, 16: 250.0},
    cold_ms=120.0,
    warm_ms=30.0,
    load_s=3.0,
)
TOKENS = make_tokens(500)
TEMPLATE = ChatTemplate(TOKENS.chat_template)


def count_characters(messages: Sequence[BaseMessage]) -> int:
    text = TEMPLATE.render(messages, bos_token=TOKENS.bos_token, eos_token=TOKENS.eos_token)
    return len(TOKENS.encode_prompt(text))


@settings(deadline=None, max_examples=40)
@given(length=st.integers(64, 1500))
def test_a_prompt_has_exactly_the_tokens_asked_for_where_a_character_is_one(length: int) -> None:
    workload = Workload(count_characters, length)
    prompts = [workload.distinct(), *islice(workload.alike(), 12)]
    assert {count_characters(prompt) for prompt in prompts} == {length}


@pytest.mark.slow
@settings(deadline=None, max_examples=20)
@given(length=st.integers(64, 1500))
def test_a_prompt_has_exactly_the_tokens_asked_for_where_a_word_is_one(engine: OpenVINOChat, length: int) -> None:
    workload = Workload(engine.count_tokens, length)
    prompts = [workload.distinct(), *islice(workload.alike(), 12)]
    assert {engine.count_tokens(prompt) for prompt in prompts} == {length}


def test_alike_prompts_share_their_beginning_and_no_question_comes_twice() -> None:
    workload = Workload(count_characters, 300)
    alike = list(islice(workload.alike(), 20))
    assert len({prompt[0].text for prompt in alike}) == 1
    assert len({prompt[1].text for prompt in alike}) == 20
    assert len(alike[0][0].text) > 150


def test_distinct_prompts_begin_differently() -> None:
    workload = Workload(count_characters, 300)
    beginnings = {workload.distinct()[0].text[:6] for _ in range(20)}
    assert len(beginnings) == 20


def test_a_prompt_that_cannot_be_made_is_wrong_use() -> None:
    with pytest.raises(UsageError, match="30 tokens"):
        Workload(count_characters, 30).distinct()


def test_the_figures_have_the_keys_that_are_promised_in_that_order() -> None:
    told = FIGURES.to_json()
    assert list(told) == KEYS
    assert told["concurrent"] == {"4": 130.0, "16": 250.0}
    assert list(told["first_token_ms"]) == ["cold", "warm"]


def test_the_limit_that_memory_sets_comes_last() -> None:
    told = replace(FIGURES, bandwidth_gb_s=3000.0, bandwidth_limit_tok_s=140.0).to_json()
    assert list(told) == [*KEYS, "bandwidth_gb_s", "bandwidth_limit_tok_s"]


def test_the_table_compares_each_rate_with_the_recipe() -> None:
    compared = {name: share for name, _, share, _ in rows(FIGURES)}
    assert compared["one stream"] == "3.5 × recipe"
    assert compared["16 at once"] == "12.5 × recipe"
    assert compared["first token, warm"] == "0.25 × cold"


def test_the_table_says_how_much_of_the_limit_was_reached() -> None:
    compared = {
        name: share for name, _, share, _ in rows(replace(FIGURES, bandwidth_gb_s=1.0, bandwidth_limit_tok_s=100.0))
    }
    assert compared["limit of one stream"] == "reached 70%"


def test_the_table_fits_eighty_columns() -> None:
    console = Console(width=80, record=True, file=None, quiet=False)
    with console.capture() as captured:
        print_figures(console, replace(FIGURES, bandwidth_gb_s=3000.0, bandwidth_limit_tok_s=140.0, baseline_tok_s=1e4))
    lines = captured.get().splitlines()
    assert len(lines) == 3 + len(list(rows(FIGURES))) + 2


def test_the_machine_is_one_line_with_the_card_in_front() -> None:
    here = Hardware("AMD EPYC", 8, 33_000_000_000, (Gpu("NVIDIA L4", 24_000_000_000, 23_000_000_000),))
    assert describe(here) == "NVIDIA L4 (24 GB), AMD EPYC, 8 cores, 33 GB"


def test_a_machine_that_does_not_tell_is_taken_to_be_idle(tmp_path: Path) -> None:
    assert busy_share(tmp_path / "nothing") == 0.0
    (tmp_path / "stat").write_text("cpu  10 0 5 900 1 0 0 0 0 0\n")
    assert busy_share(tmp_path / "stat") == 0.0


@pytest.mark.skipif(not Path("/proc/stat").exists(), reason="only Linux tells")
def test_a_program_at_work_is_noticed() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as other:
        try:
            assert busy_share() > 0.5 / (os.cpu_count() or 1)
        finally:
            other.kill()


def test_a_token_of_solar_reads_all_weights_but_the_input_embedding() -> None:
    assert bytes_read_per_token(SOLAR) == pytest.approx(SOLAR.weight_bytes() - 2 * 4096 * 32000, rel=1e-4)
    assert bytes_read_per_token(SOLAR) == pytest.approx(21.2e9, rel=0.01)


def test_every_token_of_a_synthetic_model_can_be_seen() -> None:
    assert all(TOKENS.decode([id_]) for id_ in range(500))
    assert TOKENS.decode(TOKENS.encode("### User:\nOhm's law?")) == "### User:\nOhm's law?"


@pytest.mark.slow
def test_the_recipe_writes_on_after_the_end_token() -> None:
    loaded = make(TINY_SHAPE)
    prompt = Workload(count_characters, 64).distinct()
    written = Recipe(loaded).answer(prompt, 24)
    loaded.model.generation_config.eos_token_id = list(range(500))
    assert Recipe(loaded).answer(prompt, 24) == written
    assert len(loaded.tokens.encode(written)) >= 24


def measured(data: Path, *arguments: str) -> dict[str, Any]:
    done = run(data, "bench", "--json", *TINY, *arguments)
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    assert set(figures["concurrent"]) == {"2", "3"}
    rates = [figures["baseline_tok_s"], figures["single_tok_s"], *figures["concurrent"].values()]
    assert all(rate > 0 for rate in [*rates, *figures["first_token_ms"].values(), figures["load_s"]])
    return figures


@pytest.mark.slow
def test_bench_measures_the_bundled_model(tmp_path: Path) -> None:
    figures = measured(tmp_path)
    assert list(figures) == KEYS
    assert (figures["model"], figures["engine"]) == ("smollm2", "openvino")


@pytest.mark.slow
@pytest.mark.soak
def test_bench_measures_a_synthetic_model_and_the_memory_it_reads(tmp_path: Path) -> None:
    figures = measured(tmp_path, "--synthetic", "solar", "--apart")
    assert list(figures) == [*KEYS, "bandwidth_gb_s", "bandwidth_limit_tok_s"]
    assert figures["engine"] == "transformers"
    assert "SOLAR" in figures["model"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--concurrency", "4,many"], "'4,many'"),
        (["--concurrency", "0"], "'0'"),
        (["--synthetic", "solar", "--model", "smollm2"], "--synthetic"),
        (["--synthetic", "luna"], "luna"),
        (["--prompt-tokens", "9000"], "9000"),
        (["--prompt-tokens", "10"], "--prompt-tokens"),
    ],
)
def test_wrong_use_is_told_in_two_lines(tmp_path: Path, arguments: list[str], says: str) -> None:
    done = run(tmp_path, "bench", *arguments)
    lines = error_lines(done)
    assert (done.returncode, len(lines)) == (2, 2)
    assert says in lines[0]


@pytest.mark.slow
def test_a_model_behind_a_server_is_not_compared(tmp_path: Path) -> None:
    (tmp_path / "server.toml").write_text(
        '[engine]\nkind = "remote"\nmodel = "m"\nbase_url = "http://127.0.0.1:9/v1"\n'
    )
    done = run(tmp_path, "--profile", str(tmp_path / "server.toml"), "bench")
    lines = error_lines(done)
    assert (done.returncode, len(lines)) == (2, 2)
    assert "--engine" in lines[1]


@pytest.mark.slow
@pytest.mark.soak
def test_ctrl_c_ends_a_measurement(tmp_path: Path) -> None:
    model = ["--engine", "transformers", "--model", str(write_solar(tmp_path / "solar"))]
    arguments = ["--data-dir", str(tmp_path / "data"), "bench", *model, *TINY]
    child = pexpect.spawn(ASSISTANT, arguments, encoding="utf-8", timeout=120, preexec_fn=heed_ctrl_c)
    child.expect("One stream")
    child.sendintr()
    child.expect("Stopped")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 130
