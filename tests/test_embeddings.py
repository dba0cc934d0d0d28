"""The embedding model: fast, and the same vectors as sentence-transformers gives."""

import json
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from knowledge import SentenceEmbeddings, StorageError, quantizing
from knowledge.conversion import OpenVINOEncoder, convert, converted
from knowledge.embeddings import Remembered, batched
from knowledge.encoders import Encoder, TorchEncoder, load_model, locate

pytestmark = pytest.mark.slow

TEXTS = [
    "A fuse opens the circuit.",
    "",
    "An ammeter is connected in series, so that the current to be measured flows through it. " * 12,
    "회로의 전류는 저항에 반비례한다.",
    "Yes",
    *(f"Cable {number} carries {number * 3} amperes" + " and some more" * (number % 7) for number in range(40)),
]
# In whole numbers the vector of a single word is a little off.
ALIKE = 0.99
LENGTHS = st.lists(st.integers(0, 300), max_size=60)


class TestUnit(EmbeddingsUnitTests):
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return SentenceEmbeddings


class TestIntegration(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return SentenceEmbeddings


@pytest.fixture(scope="module")
def plain() -> TorchEncoder:
    """The model in float32 as torch runs it."""
    return TorchEncoder(load_model("minilm", "float32"), "cpu")


@given(LENGTHS, st.integers(1, 2_000))
def test_every_text_is_in_one_batch_whole_and_hidden_where_it_is_padded(lengths: list[int], budget: int) -> None:
    tokens = [list(range(1, length + 1)) for length in lengths]
    batches = list(batched(tokens, budget))
    assert sorted(position for batch in batches for position in batch.positions) == list(range(len(tokens)))
    for batch in batches:
        for position, ids, mask in zip(batch.positions, batch.ids, batch.mask, strict=True):
            assert ids[mask == 1].tolist() == tokens[position]
            assert not ids[mask == 0].any()


@given(LENGTHS, st.integers(1, 2_000))
def test_no_batch_of_several_texts_is_over_the_budget(lengths: list[int], budget: int) -> None:
    batches = list(batched([[1] * length for length in lengths], budget))
    assert all(batch.ids.size <= budget or len(batch.positions) == 1 for batch in batches)
    widths = [batch.ids.shape[1] for batch in batches]
    assert widths == sorted(widths, reverse=True)


def test_long_and_short_texts_are_not_padded_together() -> None:
    batches = list(batched([[1] * 250, *[[1] * 10] * 100, [1] * 250], 2_048))
    assert [len(batch.positions) for batch in batches] == [2, 100]


@given(LENGTHS)
def test_little_of_a_batch_is_padding(lengths: list[int]) -> None:
    batches = list(batched([[1] * length for length in lengths], 2_048))
    rounding = sum(-(-max(length, 1) // 4) * 4 - length for length in lengths)
    assert sum((batch.mask == 0).sum() for batch in batches) <= 32 * len(batches) + rounding


def test_vectors_are_those_of_sentence_transformers(embeddings: SentenceEmbeddings, plain: TorchEncoder) -> None:
    expected = plain.model.encode(TEXTS, normalize_embeddings=True)
    found = embeddings.vectors(TEXTS)
    assert found.dtype == np.float32
    assert (found * expected).sum(axis=1).min() > ALIKE
    assert np.allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize(
    ("flags", "gains"),
    [("sse4_2 avx512_vnni", True), ("avx2 avx_vnni", True), ("avx512_vnni amx_bf16", False), ("avx2", False)],
)
def test_whole_numbers_are_for_processors_that_gain_by_them(tmp_path: Path, flags: str, gains: bool) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor : 0\nflags : fpu {flags}\n")
    assert quantizing.pays(cpuinfo) is gains
    assert not quantizing.pays(tmp_path / "elsewhere")


def test_a_quantized_model_says_nearly_the_same(tmp_path: Path, plain: TorchEncoder) -> None:
    encoders = [convert(plain, tmp_path / str(quantized), quantized=quantized) for quantized in (False, True)]
    assert cosine(plain, encoders[0]) > 0.9995
    assert cosine(plain, encoders[1]) > ALIKE


def test_a_text_has_one_vector_whatever_it_is_embedded_with(embeddings: SentenceEmbeddings) -> None:
    alone = np.array([embeddings.embed_query(text) for text in TEXTS[:6]])
    assert (embeddings.vectors(TEXTS)[:6] * alone).sum(axis=1).min() > 0.9995


class CountingEmbeddings(SentenceEmbeddings):
    """The real ones, and what they were asked to embed."""

    def __init__(self) -> None:
        super().__init__()
        self.embedded: list[str] = []

    def _encoded(self, texts: Sequence[str]) -> Iterator[tuple[list[int], np.ndarray]]:
        self.embedded += texts
        yield from super()._encoded(texts)


def test_a_text_that_was_embedded_lately_is_not_embedded_again() -> None:
    counting = CountingEmbeddings()
    first = counting.embed_documents(["A fuse melts.", "A wire glows.", "A fuse melts."])
    assert first[0] == first[2] != first[1]
    again = counting.embed_documents(["A wire glows.", "A lamp shines."])
    assert counting.embedded == ["A fuse melts.", "A wire glows.", "A lamp shines."]
    assert again[0] == first[1]
    assert counting.embed_query("A lamp shines.") == again[1], "this model has one prompt for both"


def test_only_so_many_vectors_are_remembered_and_the_latest() -> None:
    remembered = Remembered(2)
    vectors = {text: np.full(3, number, dtype=np.float32) for number, text in enumerate("abc")}
    remembered.add({"a": vectors["a"], "b": vectors["b"]})
    remembered.find(["a"])
    remembered.add({"c": vectors["c"]})
    assert sorted(remembered.find("abc")) == ["a", "c"]


def test_nothing_has_no_vectors(embeddings: SentenceEmbeddings) -> None:
    assert embeddings.embed_documents([]) == []
    assert list(embeddings.stream([])) == []


def test_vectors_come_batch_by_batch(embeddings: SentenceEmbeddings) -> None:
    seen: list[int] = []
    for positions, vectors in embeddings.stream(TEXTS):
        assert vectors.shape == (len(positions), 384)
        seen += positions
    assert sorted(seen) == list(range(len(TEXTS)))
    assert seen[0] == 2, "the longest first"


def test_several_threads_get_their_own_vectors(embeddings: SentenceEmbeddings) -> None:
    expected = embeddings.vectors(TEXTS[-8:])
    found: dict[int, list[float]] = {}

    def embed(number: int) -> None:
        found[number] = embeddings.embed_query(TEXTS[-8:][number])

    threads = [threading.Thread(target=embed, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (np.array([found[number] for number in range(8)]) * expected).sum(axis=1).min() > 0.9995


def test_two_devices_share_the_work_and_leave_no_thread_behind(embeddings: SentenceEmbeddings) -> None:
    pair = SentenceEmbeddings(devices=["cpu", "cpu"])
    assert (pair.vectors(TEXTS) * embeddings.vectors(TEXTS)).sum(axis=1).min() > ALIKE
    halfway = pair.stream(TEXTS)
    next(halfway)
    halfway.close()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("embedding")]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder of the user."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def kept(cache: Path) -> list[Path]:
    return sorted(path.parent for path in cache.rglob("about.json"))


def cosine(a: Encoder, b: Encoder) -> float:
    """The least cosine between the vectors that both give to some texts."""
    batches = list(batched([encoding.ids for encoding in a.tokenizer.encode_batch(TEXTS[:6])], 2_048))
    return min(float((a.encode(x.ids, x.mask) * b.encode(x.ids, x.mask)).sum(axis=1).min()) for x in batches)


def test_a_conversion_is_kept_used_again_and_made_anew_when_it_is_damaged(cache: Path, plain: TorchEncoder) -> None:
    assert isinstance(converted("minilm", locate("minilm")), OpenVINOEncoder)
    (folder,) = kept(cache)
    written = (folder / "model.xml").stat().st_mtime_ns
    assert isinstance(converted("minilm", locate("minilm")), OpenVINOEncoder)
    assert (folder / "model.xml").stat().st_mtime_ns == written
    (folder / "model.xml").write_text("nonsense")
    shutil.rmtree(folder / "compiled", ignore_errors=True)
    again = converted("minilm", locate("minilm"))
    assert cosine(plain, again) > ALIKE
    assert kept(cache) == [folder]


def test_openvino_tells_nobody_that_it_is_used(embeddings: SentenceEmbeddings) -> None:
    code = """
from knowledge import SentenceEmbeddings
SentenceEmbeddings().load()
from openvino.tools.ovc import telemetry_utils
print(telemetry_utils.tm.__name__)
"""
    embeddings.load()  # so that the process below finds it converted
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "openvino.tools.ovc.telemetry_stub"


def test_where_nothing_can_be_kept_it_converts_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain: TorchEncoder
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    encoder = converted("minilm", locate("minilm"))
    assert isinstance(encoder, OpenVINOEncoder)
    assert cosine(plain, encoder) > ALIKE


def test_a_model_that_was_changed_is_converted_anew(cache: Path, tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "model", dimensions=16)
    first = SentenceEmbeddings(str(folder)).embed_query("one two")
    tiny_model(folder, dimensions=32)
    second = SentenceEmbeddings(str(folder)).embed_query("one two")
    assert (len(first), len(second)) == (16, 32)
    assert len(kept(cache)) == 2


def test_prompts_go_before_documents_and_queries(cache: Path, tmp_path: Path) -> None:
    folder = tiny_model(tmp_path / "model", prompts={"query": "one ", "passage": "two three "})
    bare = SentenceEmbeddings(str(tiny_model(tmp_path / "bare")))
    embeddings = SentenceEmbeddings(str(folder))
    assert np.allclose(embeddings.embed_query("four"), bare.embed_query("one four"), atol=0.02)
    assert np.allclose(embeddings.embed_documents(["four"]), bare.embed_documents(["two three four"]), atol=0.02)
    assert embeddings.window == bare.window - 2, "the prompt takes its part of the window"


def test_a_model_that_does_not_exist_is_told_in_words() -> None:
    with pytest.raises(StorageError, match="The embedding model '/no/such/model' cannot be loaded"):
        SentenceEmbeddings("/no/such/model").load()


def tiny_model(folder: Path, dimensions: int = 16, prompts: dict[str, str] | None = None) -> Path:
    """A model of one layer with the same random weights each time, that knows five words."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Pooling, Transformer
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    words = ["[PAD]", "[UNK]", "one", "two", "three", "four"]
    tokenizer = Tokenizer(WordLevel({word: number for number, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    torch.manual_seed(1)
    config = BertConfig(
        vocab_size=len(words),
        hidden_size=dimensions,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    inner = folder / "inner"
    BertModel(config).save_pretrained(inner)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]").save_pretrained(inner)
    body = Transformer(str(inner), max_seq_length=64)
    SentenceTransformer(modules=[body, Pooling(dimensions)], device="cpu").save(str(folder))
    shutil.rmtree(inner)
    settings = folder / "config_sentence_transformers.json"
    known = json.loads(settings.read_text())
    settings.write_text(json.dumps(known | {"prompts": prompts or {}}))
    return folder
