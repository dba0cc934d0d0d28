"""Models: fetched by the installed command from a hub on loopback, and found again only when they are whole."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants, hf_hub_download, snapshot_download

from assistant import models
from assistant.engines.gguf import bundled_model
from assistant.errors import EngineError
from tests.hub import Hub, Repository, serve

ASSISTANT = str(Path(sys.executable).with_name("assistant"))
SOLAR = models.CATALOGUE["solar"].repo
GGUF = models.CATALOGUE["solar-gguf"].repo
GGUF_FILE = models.CATALOGUE["solar-gguf"].file
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def model_files() -> dict[str, bytes]:
    """A repository as SOLAR's is, in small: two shards; also what must never be fetched."""
    index = {"weight_map": {"a": FIRST, "b": SECOND}}
    return {
        "config.json": b'{"model_type": "llama"}',
        "tokenizer.json": b"{}",
        "tokenizer.model": b"sentencepiece" * 50,
        "tokenizer_config.json": b'{"chat_template": ""}',
        "model.safetensors.index.json": json.dumps(index).encode(),
        FIRST: os.urandom(3_000_000),
        SECOND: os.urandom(2_000_000),
        "README.md": b"---\nlicense: cc-by-nc-4.0\n---\n",
        "pytorch_model-00001-of-00002.bin": b"a pickle",
        "modeling_solar.py": b"print('code from elsewhere')",
        "onnx/model.safetensors": b"another format",
        "consolidated.safetensors": b"a second copy",
    }


WANTED = {
    *("config.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json", "model.safetensors.index.json"),
    *(FIRST, SECOND, "README.md"),
}


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve() as hub:
        hub.repositories = {
            SOLAR: Repository(model_files()),
            GGUF: Repository({GGUF_FILE: os.urandom(2_500_000), "solar.Q8_0.gguf": b"larger", "README.md": b"#"}),
        }
        yield hub


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "hf"


@pytest.fixture
def cache(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The library reads HF_HOME when it is imported, so for this process its folder is set here."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    return home / "hub"


def environment(hub: Hub, home: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    return kept | {"HF_ENDPOINT": hub.url, "HF_HOME": str(home)} | more


def run(hub: Hub, home: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ASSISTANT, "models", *arguments],
        capture_output=True,
        text=True,
        env=environment(hub, home, **more),
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


def fetch_error(hub: Hub, home: Path, *arguments: str, code: int = 1, **more: str) -> list[str]:
    """The two lines of a failure, without the licence and the progress that are told before."""
    done = run(hub, home, "fetch", *arguments, **more)
    assert (done.returncode, done.stdout) == (code, ""), done.stderr
    assert "Traceback" not in done.stderr
    said_before = re.compile(r".* is licensed |[\d.]+ [GM]B of ")
    lines = [line for line in done.stderr.splitlines() if not said_before.match(line)]
    assert len(lines) == 2, done.stderr
    return lines


def listed(hub: Hub, home: Path, name: str) -> dict[str, Any]:
    done = run(hub, home, "list", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    row: dict[str, Any] = next(row for row in json.loads(done.stdout) if row["name"] == name)
    return row


def repo_cache(home: Path, repo: str) -> Path:
    return home / "hub" / f"models--{repo.replace('/', '--')}"


def parts(home: Path, repo: str) -> dict[str, int]:
    """Hash and size of what was received in part."""
    return {file.stem: file.stat().st_size for file in (repo_cache(home, repo) / "blobs").glob("*.incomplete")}


def test_a_model_is_fetched_whole_and_nothing_else_is(hub: Hub, home: Path) -> None:
    done = run(hub, home, "fetch", "solar")
    assert done.returncode == 0, done.stderr
    folder = Path(done.stdout.strip())
    assert {file.name for file in folder.iterdir()} == WANTED
    for name in WANTED:
        assert (folder / name).read_bytes() == hub.repositories[SOLAR].files[name]
    assert 'kind = "transformers"\nmodel = "solar"' in done.stderr
    row = listed(hub, home, "solar")
    assert (row["present"], row["path"]) == (True, str(folder))
    assert row["size_bytes"] == sum(len(hub.repositories[SOLAR].files[name]) for name in WANTED)


def test_pickles_and_code_are_not_even_asked_for(hub: Hub, home: Path) -> None:
    run(hub, home, "fetch", "solar")
    asked = {request.path.rsplit("/", 1)[-1] for request in hub.requests}
    assert not {name for name in asked if name.endswith((".bin", ".py"))}
    assert {name for name, count in hub.sent.items() if name and count} == WANTED


def test_of_a_gguf_repository_one_file_is_fetched(hub: Hub, home: Path) -> None:
    done = run(hub, home, "fetch", "solar-gguf")
    assert done.returncode == 0, done.stderr
    path = Path(done.stdout.strip())
    assert path.read_bytes() == hub.repositories[GGUF].files[GGUF_FILE]
    assert [file.name for file in path.parent.iterdir()] == [GGUF_FILE]
    assert 'kind = "openvino"\nmodel = "solar-gguf"' in done.stderr


def test_the_licence_is_told_before_anything_is_fetched(hub: Hub, home: Path) -> None:
    hub.faults.status = 500
    for name in ("solar", "solar-gguf", SOLAR):
        done = run(hub, home, "fetch", name)
        assert "CC-BY-NC-4.0: no commercial use" in done.stderr.splitlines()[0]


def test_bundled_models_need_no_download(hub: Hub, home: Path) -> None:
    for name in ("smollm2", "minilm"):
        done = run(hub, home, "fetch", name)
        assert (done.returncode, Path(done.stdout.strip()).exists()) == (0, True)
        assert "needs no download" in done.stderr
    assert hub.requests == []


def test_the_library_finds_what_was_fetched_and_the_other_way_round(hub: Hub, home: Path, cache: Path) -> None:
    done = run(hub, home, "fetch", "solar")
    assert snapshot_download(SOLAR, local_files_only=True, cache_dir=cache) == done.stdout.strip()
    shutil.rmtree(cache)
    snapshot_download(SOLAR, allow_patterns=sorted(WANTED), cache_dir=cache, endpoint=hub.url)
    assert listed(hub, home, "solar")["present"]
    hub.sent.clear()
    assert run(hub, home, "fetch", "solar").returncode == 0
    assert not set(hub.sent) & WANTED


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_fetch_goes_on_where_it_stopped(hub: Hub, home: Path, number: signal.Signals) -> None:
    hub.faults.rate = 1_000_000
    content = hub.repositories[GGUF].files[GGUF_FILE]
    process = subprocess.Popen(
        [ASSISTANT, "models", "fetch", "solar-gguf"], env=environment(hub, home), stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: sum(parts(home, GGUF).values()) > 300_000)
    process.send_signal(number)
    _, told = process.communicate(timeout=20)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert told.splitlines()[-1] == "Stopped. What was fetched is kept; run the same command again to go on."
    (received,) = parts(home, GGUF).values()
    assert 300_000 < received < len(content)
    assert not listed(hub, home, "solar-gguf")["present"]
    assert "MB of it" in run(hub, home, "list").stdout

    hub.faults.rate = 0
    hub.requests.clear()
    done = run(hub, home, "fetch", "solar-gguf")
    assert done.returncode == 0, done.stderr
    assert {request.range for request in hub.downloads(GGUF_FILE)} == {f"bytes={received}-"}
    assert Path(done.stdout.strip()).read_bytes() == content
    assert not parts(home, GGUF)


def wait_for(happened: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_cut_connection_is_taken_up_again_within_the_same_fetch(hub: Hub, home: Path) -> None:
    hub.faults.cut[FIRST] = [1_000_000, 1_500_000]
    done = run(hub, home, "fetch", "solar")
    assert done.returncode == 0, done.stderr
    asked = [request.range for request in hub.downloads(FIRST) if request.path.startswith("/storage/")]
    assert asked == ["", "bytes=1000000-", "bytes=2500000-"]
    assert hub.sent[FIRST] == len(hub.repositories[SOLAR].files[FIRST])


@pytest.mark.slow
def test_a_connection_that_brings_nothing_any_more_is_given_up_and_what_came_is_kept(hub: Hub, home: Path) -> None:
    hub.faults.cut[GGUF_FILE] = [1_000_000, 0, 0, 0, 0, 0]
    first, second = fetch_error(hub, home, "solar-gguf")
    assert "cannot be reached" in first
    assert "What was fetched is kept" in second
    assert list(parts(home, GGUF).values()) == [1_000_000]
    assert run(hub, home, "fetch", "solar-gguf").returncode == 0


def test_a_hub_that_cannot_begin_in_the_middle_sends_all_again(hub: Hub, home: Path) -> None:
    hub.faults.cut[GGUF_FILE] = [1_000_000]
    hub.faults.ignores_range = True
    done = run(hub, home, "fetch", "solar-gguf")
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).read_bytes() == hub.repositories[GGUF].files[GGUF_FILE]
    assert done.stderr.count("(100%)") == 1


@pytest.mark.parametrize("name", [SECOND, "config.json"])
def test_what_comes_damaged_is_named_deleted_and_not_called_present(hub: Hub, home: Path, name: str) -> None:
    hub.faults.damaged = {name}
    first, second = fetch_error(hub, home, "solar")
    assert name in first
    assert "again" in second
    blobs = {file.name for file in (repo_cache(home, SOLAR) / "blobs").iterdir()}
    assert not {blob for blob in blobs if blob.startswith(hub.repositories[SOLAR].hash(name))}
    assert not listed(hub, home, "solar")["present"]
    hub.faults.damaged = set()
    assert run(hub, home, "fetch", "solar").returncode == 0


def test_fetching_again_mends_what_went_bad_on_the_disk_and_leaves_the_rest(hub: Hub, home: Path) -> None:
    folder = Path(run(hub, home, "fetch", "solar").stdout.strip())
    blob = (folder / FIRST).resolve()
    blob.write_bytes(b"\0" * blob.stat().st_size)
    hub.sent.clear()
    assert run(hub, home, "fetch", "solar").returncode == 0
    assert (folder / FIRST).read_bytes() == hub.repositories[SOLAR].files[FIRST]
    assert set(hub.sent) & WANTED == {FIRST}


def test_a_snapshot_that_another_program_left_half_fetched_is_not_called_present(
    hub: Hub, home: Path, cache: Path
) -> None:
    for name in sorted(WANTED - {SECOND}):
        hf_hub_download(SOLAR, name, cache_dir=cache, endpoint=hub.url)
    assert Path(snapshot_download(SOLAR, local_files_only=True, cache_dir=cache)).is_dir()
    row = listed(hub, home, "solar")
    assert (row["present"], row["path"]) == (False, None)
    with pytest.raises(EngineError, match="only in part") as error:
        models.locate("solar")
    assert "assistant models fetch solar" in error.value.remedy
    assert run(hub, home, "fetch", "solar").returncode == 0
    assert listed(hub, home, "solar")["present"]


@pytest.mark.parametrize("gone", sorted(WANTED - {"README.md", "tokenizer.json", "tokenizer.model"}))
def test_a_folder_that_lacks_a_file_is_not_a_model(tmp_path: Path, gone: str) -> None:
    for name in WANTED - {gone}:
        (tmp_path / name).write_bytes(model_files()[name])
    assert models.missing_files(tmp_path) == (["model.safetensors"] if gone.endswith("index.json") else [gone])


def test_one_tokenizer_is_enough_and_none_is_not(tmp_path: Path) -> None:
    for name in WANTED - {"tokenizer.json"}:
        (tmp_path / name).write_bytes(model_files()[name])
    assert models.missing_files(tmp_path) == []
    (tmp_path / "tokenizer.model").unlink()
    assert models.missing_files(tmp_path) == ["tokenizer.json"]


def test_another_model_is_fetched_by_its_name_on_the_hub(hub: Hub, home: Path, cache: Path) -> None:
    files = {name: content for name, content in model_files().items() if not name.startswith("model")}
    hub.repositories["someone/llama"] = Repository(files | {"model.safetensors": b"weights"}, names=("main", "v1.0"))
    done = run(hub, home, "fetch", "someone/llama", "--revision", "v1.0")
    assert done.returncode == 0, done.stderr
    assert 'model = "someone/llama"\nrevision = "v1.0"' in done.stderr
    assert "licence is stated in" in done.stderr
    assert models.locate("someone/llama", "v1.0") == Path(done.stdout.strip())
    assert models.locate("someone/llama", hub.repositories["someone/llama"].commit) == Path(done.stdout.strip())
    with pytest.raises(EngineError, match="not here") as error:
        models.locate("someone/llama")
    assert error.value.remedy == "Run `assistant models fetch someone/llama`."


def test_the_version_that_is_here_stays_until_the_new_one_is_whole(hub: Hub, home: Path) -> None:
    old = run(hub, home, "fetch", "solar").stdout
    hub.repositories[SOLAR].files[FIRST] = os.urandom(1_000_000)
    hub.faults.damaged = {FIRST}
    fetch_error(hub, home, "solar")
    assert listed(hub, home, "solar")["path"] == old.strip()
    hub.faults.damaged = set()
    new = run(hub, home, "fetch", "solar").stdout
    assert new != old
    assert listed(hub, home, "solar")["path"] == new.strip()


def test_two_fetches_at_once_do_not_fetch_twice(hub: Hub, home: Path) -> None:
    hub.faults.rate = 2_000_000
    command = [ASSISTANT, "models", "fetch", "solar-gguf"]
    both = [
        subprocess.Popen(command, env=environment(hub, home), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for _ in range(2)
    ]
    paths = {process.communicate(timeout=60)[0] for process in both}
    assert [process.returncode for process in both] == [0, 0]
    assert len(paths) == 1
    assert hub.sent[GGUF_FILE] == len(hub.repositories[GGUF].files[GGUF_FILE])


def test_a_token_goes_to_the_hub_and_not_to_the_storage_it_points_to(hub: Hub, home: Path) -> None:
    run(hub, home, "fetch", "solar-gguf", HF_TOKEN="hf_secret")
    tokens = {request.path.startswith("/storage/"): request.token for request in hub.requests}
    assert tokens == {False: "Bearer hf_secret", True: ""}


def test_nothing_but_the_model_is_talked_about_with_the_hub(hub: Hub, home: Path) -> None:
    code = "from assistant import downloads; downloads.fetch('solar-gguf')"
    subprocess.run([sys.executable, "-c", code], env=environment(hub, home), check=True, capture_output=True)
    assert all(GGUF in request.path for request in hub.requests)


@pytest.mark.parametrize(
    ("arguments", "says", "remedy"),
    [
        (["someone/nothing"], "someone/nothing", "HF_TOKEN"),
        (["solar", "--revision", "v9"], "no revision 'v9'", "--revision"),
    ],
)
def test_what_the_hub_does_not_have_is_named(
    hub: Hub, home: Path, arguments: list[str], says: str, remedy: str
) -> None:
    first, second = fetch_error(hub, home, *arguments)
    assert says in first
    assert remedy in second


def test_a_file_that_is_missing_is_named(hub: Hub, home: Path) -> None:
    hub.faults.gone = {SECOND}
    assert SECOND in fetch_error(hub, home, "solar")[0]
    del hub.repositories[GGUF].files[GGUF_FILE]
    assert GGUF_FILE in fetch_error(hub, home, "solar-gguf")[0]


@pytest.mark.parametrize(
    ("left_out", "says"),
    [
        ("safetensors", "pickle"),
        ("config.json", "has no config.json"),
        ("tokenizer", "has no tokenizer_config.json"),
    ],
)
def test_a_repository_that_is_no_model_is_refused_before_it_is_fetched(
    hub: Hub, home: Path, left_out: str, says: str
) -> None:
    files = {name: content for name, content in model_files().items() if left_out not in name}
    hub.repositories["someone/parts"] = Repository(files)
    assert says in fetch_error(hub, home, "someone/parts")[0]
    assert not hub.sent.keys() & set(files)


def test_a_gated_model_tells_the_way_in(hub: Hub, home: Path) -> None:
    hub.faults.gated = True
    _, second = fetch_error(hub, home, "solar")
    assert f"{hub.url}/{SOLAR}" in second
    assert "HF_TOKEN" in second


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
def test_a_hub_that_refuses_is_told(hub: Hub, home: Path, status: int) -> None:
    hub.faults.status = status
    first, second = fetch_error(hub, home, "solar")
    assert ("HF_TOKEN" in second) == (status in (401, 403, 404))
    assert SOLAR in first or str(status) in first


def test_a_hub_that_answers_something_else_is_told(hub: Hub, home: Path) -> None:
    hub.faults.garbage = True
    first, second = fetch_error(hub, home, "solar")
    assert hub.url in first
    assert "HF_ENDPOINT" in second


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "not an address"])
def test_a_hub_that_cannot_be_reached_is_named(hub: Hub, home: Path, endpoint: str) -> None:
    first, second = fetch_error(hub, home, "solar", HF_ENDPOINT=endpoint)
    assert endpoint in first
    assert "HF_ENDPOINT" in second


def test_offline_mode_is_told(hub: Hub, home: Path) -> None:
    assert "HF_HUB_OFFLINE" in fetch_error(hub, home, "solar", HF_HUB_OFFLINE="1")[0]


def test_a_model_that_does_not_fit_the_disk_is_not_begun(hub: Hub, home: Path) -> None:
    hub.faults.sizes = {FIRST: 10**15}
    first, second = fetch_error(hub, home, "solar")
    assert "1000000.0 GB more" in first
    assert "HF_HOME" in second
    assert not hub.sent.keys() & WANTED


def test_a_hub_cannot_write_outside_the_cache(hub: Hub, home: Path) -> None:
    hub.repositories[SOLAR].files["../../../evil.json"] = b"{}"
    assert run(hub, home, "fetch", "solar").returncode == 0
    assert not list(home.rglob("evil.json"))


def test_a_cache_that_cannot_be_written_is_named(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "hf").write_text("in the way")
    first, second = fetch_error(hub, tmp_path / "hf", "solar")
    assert str(tmp_path / "hf") in first
    assert "HF_HOME" in second


@pytest.mark.parametrize(
    ("arguments", "says", "remedy"),
    [
        (["fetch", "solr"], "'solr'", "'solar'"),
        (["fetch", "./solar"], "'./solar'", "owner/name"),
        (["fetch", ""], "''", "owner/name"),
        (["fetch", "smollm2", "--revision", "v2"], "one version", "--revision"),
    ],
)
def test_wrong_use_is_told(hub: Hub, home: Path, arguments: list[str], says: str, remedy: str) -> None:
    first, second = fetch_error(hub, home, *arguments[1:], code=2)
    assert says in first
    assert remedy in second
    assert hub.requests == []


def test_the_list_has_the_keys_that_are_promised(hub: Hub, home: Path) -> None:
    done = run(hub, home, "list", "--json")
    rows = json.loads(done.stdout)
    assert [row["name"] for row in rows] == ["solar", "solar-gguf", "smollm2", "minilm"]
    keys = ["name", "use", "source", "size_bytes", "memory_bytes", "licence", "commercial_use", "present", "path"]
    assert all(list(row) == keys for row in rows)
    assert [row["commercial_use"] for row in rows] == [False, False, True, True]
    assert [row["present"] for row in rows] == [False, False, True, True]
    assert rows[2]["size_bytes"] == 98_362_432
    assert hub.requests == []


def test_the_list_goes_into_a_pipe_one_model_a_line(hub: Hub, home: Path) -> None:
    done = run(hub, home, "list")
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [len(line) for line in lines] == [7] * 4
    assert lines[0][0] == "solar"


def test_models_are_located(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert models.locate("smollm2") == bundled_model()
    assert (models.locate("minilm") / "model.safetensors").is_file()
    (tmp_path / "solar").write_bytes(b"GGUF")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert models.locate("./solar") == Path("solar")
    assert models.locate("~/solar") == tmp_path / "solar"
    assert models.locate(str(tmp_path)) == tmp_path
    with pytest.raises(EngineError, match="'solar' is not here"):
        models.locate("solar")


@pytest.mark.parametrize(
    ("name", "says", "remedy"),
    [
        ("solr", "no model 'solr'", "Did you mean 'solar'?"),
        ("", "no model ''", "assistant models list"),
        ("a" * 5_000, "no model", "assistant models list"),
        ("../x/y", "no model", "assistant models list"),
        ("models/solar.gguf", "no model", "path of a GGUF file"),
        ("someone/nothing", "not here", "assistant models fetch someone/nothing"),
        ("some--one/nothing", "no model", "assistant models list"),
        ("solar-gguf", "not here", "assistant models fetch solar-gguf"),
    ],
)
def test_a_model_that_is_not_here_is_told_with_the_way_to_get_it(
    cache: Path, name: str, says: str, remedy: str
) -> None:
    with pytest.raises(EngineError) as error:
        models.locate(name)
    assert says in error.value.problem
    assert remedy in error.value.remedy
    assert models.find(name) is None


def test_progress_never_goes_back_or_beyond_all(hub: Hub, home: Path) -> None:
    hub.faults.rate = 4_000_000
    code = "from assistant import downloads; downloads.fetch('solar', None, lambda p: print(p.stage, p.done, p.total))"
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment(hub, home), check=True, capture_output=True, text=True
    )
    told = [line.split() for line in done.stdout.splitlines()]
    counts = [int(count) for _, count, _ in told]
    assert counts == sorted(counts)
    assert len(counts) > 10
    (total,) = {int(total) for _, _, total in told}
    assert counts[-1] == total == sum(len(hub.repositories[SOLAR].files[name]) for name in WANTED)


def test_importing_the_catalogue_is_light() -> None:
    code = "import sys; from assistant import models; print('huggingface_hub' in sys.modules, 'torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
