from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from knowledge import KnowledgeBase, SentenceEmbeddings, StorageError
from knowledge.reranking import CrossEncoderReranker
from knowledge.retriever import HybridRetriever
from tests.conftest import ingest

Write = Callable[[str, str | bytes], Path]


class Longest:
    """Holds the longest passage for the best."""

    def scores(self, query: str, texts: Sequence[str]) -> list[float]:
        return [float(len(text)) for text in texts]


def write_cross_encoder(folder: Path, embeddings: SentenceEmbeddings, labels: int = 1) -> Path:
    """A cross-encoder of random weights with the bundled model's tokenizer."""
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=embeddings.tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=64
    )
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=64,
    )  # fmt: skip
    config.num_labels = labels
    BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_a_cross_encoder_gives_each_text_a_score(tmp_path: Path, embeddings: SentenceEmbeddings) -> None:
    reranker = CrossEncoderReranker(str(write_cross_encoder(tmp_path / "model", embeddings)))
    texts = ["A fuse melts.", "A breaker trips. " * 100]
    scores = reranker.scores("What does a fuse do?", texts)
    assert scores == pytest.approx([reranker.scores("What does a fuse do?", [text])[0] for text in texts], abs=1e-3)
    assert scores[0] != scores[1]
    assert reranker.scores("What does a fuse do?", []) == []


@pytest.mark.slow
def test_a_model_that_sorts_into_classes_is_no_reranker(tmp_path: Path, embeddings: SentenceEmbeddings) -> None:
    folder = write_cross_encoder(tmp_path / "model", embeddings, labels=3)
    with pytest.raises(StorageError, match="3 classes") as error:
        CrossEncoderReranker(str(folder)).load()
    assert "[knowledge] reranker" in error.value.remedy


@pytest.mark.slow
def test_a_reranker_that_cannot_be_loaded_is_told_in_two_lines(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    for name in (str(tmp_path / "missing"), str(tmp_path)):
        with pytest.raises(StorageError) as error:
            CrossEncoderReranker(name).scores("What?", ["This."])
        assert len(str(error.value).splitlines()) == 2
        assert name in error.value.problem


@pytest.mark.slow
def test_the_reranker_decides_the_order_and_not_the_scores(knowledge: KnowledgeBase, write: Write) -> None:
    ingest(knowledge, write("a.md", "A fuse melts."), write("b.md", "A breaker trips when its circuit draws too much."))
    plain = knowledge.retriever(2)
    reranked = HybridRetriever(
        catalog=knowledge.catalog, vectors=knowledge.vectors, embeddings=knowledge.embeddings, k=2, reranker=Longest()
    )
    question = "What does a fuse do?"
    assert [Path(d.metadata["source"]).name for d in plain.invoke(question)] == ["a.md", "b.md"]
    assert [Path(d.metadata["source"]).name for d in reranked.invoke(question)] == ["b.md", "a.md"]
    scores = {d.id: d.metadata["score"] for d in plain.invoke(question)}
    assert scores == {d.id: d.metadata["score"] for d in reranked.invoke(question)}
