"""A model for inference in place of the rules for wording; numbers, names and negation stay with the rules."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from assistant.grounding.check import Grounding
from assistant.grounding.evaluation import evaluate, read_judged
from assistant.settings import load_profile
from assistant.types import Passage
from knowledge import SentenceEmbeddings, StorageError
from knowledge.entailment import CrossEncoderEntailment
from tests.test_commands import error_lines, run
from tests.test_reranking import write_cross_encoder

FUSE = "A fuse melts when the current in its circuit is above 5 A. Its holder is made of ceramic."
FREELY = "Too strong a flow of charge destroys the thin wire inside."
CLASSES = {0: "contradiction", 1: "entailment", 2: "neutral"}


class Believes:
    """Finds that whatever is in `sentences` follows from a text that has `word`, and nothing else from anything."""

    def __init__(self, word: str, *sentences: str) -> None:
        self.word = word
        self.sentences = sentences

    def probabilities(self, premises: Sequence[str], sentence: str) -> list[float]:
        return [0.9 if self.word in premise and sentence in self.sentences else 0.1 for premise in premises]


def everywhere(word: str) -> float:
    return 1.0


def over(embeddings: SentenceEmbeddings, entailment: Believes | None) -> Grounding:
    return Grounding(
        "When does a fuse melt?", [Passage(FUSE, "a.md", None, "", "", 0.5)], embeddings, everywhere, entailment
    )


def write_model(folder: Path, embeddings: SentenceEmbeddings, classes: dict[int, str]) -> Path:
    write_cross_encoder(folder, embeddings, labels=len(classes))
    config = json.loads((folder / "config.json").read_text())
    names = {"id2label": classes, "label2id": {name: number for number, name in classes.items()}}
    (folder / "config.json").write_text(json.dumps(config | names))
    return folder


@pytest.mark.slow
def test_what_is_worded_freely_passes_where_the_model_finds_that_it_follows(embeddings: SentenceEmbeddings) -> None:
    assert over(embeddings, None).check(FREELY) is None
    found = over(embeddings, Believes("melts", FREELY)).check(FREELY)
    assert found is not None
    assert found.quote == "A fuse melts when the current in its circuit is above 5 A."


@pytest.mark.slow
@pytest.mark.parametrize(
    "claim",
    [
        "A fuse melts when the current in its circuit is above 6 A.",
        "A fuse does not melt when the current in its circuit is above 5 A.",
        "A fuse by Oxbridge melts when the current in its circuit is above 5 A.",
        "A fuse must always melt when the current in its circuit is above 5 A.",
    ],
)
def test_no_model_is_believed_against_numbers_names_and_negation(embeddings: SentenceEmbeddings, claim: str) -> None:
    assert over(embeddings, Believes("", claim)).check(claim) is None


@pytest.mark.slow
def test_what_the_model_does_not_find_is_refused_unless_it_is_a_quotation(embeddings: SentenceEmbeddings) -> None:
    grounding = over(embeddings, Believes("nothing at all"))
    assert grounding.check("When the current in its circuit is above 5 A, a fuse melts.") is None
    assert grounding.check("A fuse melts when the current in its circuit is above 5 A.") is not None


@pytest.mark.slow
def test_a_cross_encoder_gives_each_premise_a_chance(tmp_path: Path, embeddings: SentenceEmbeddings) -> None:
    by_name, shifted = (
        CrossEncoderEntailment(str(write_model(tmp_path / str(number), embeddings, classes)))
        for number, classes in enumerate((CLASSES, {0: "ENTAILMENT", 1: "neutral", 2: "contradiction"}))
    )
    model, entails = by_name.load()
    assert entails == 1
    assert shifted.load()[1] == 0
    premises = ["A fuse melts.", "A breaker trips. " * 100]
    chances = by_name.probabilities(premises, "A fuse opens.")
    logits = model.predict([(premise, "A fuse opens.") for premise in premises], apply_softmax=True)
    assert chances == pytest.approx([float(row[1]) for row in logits])
    assert by_name.probabilities([], "A fuse opens.") == []


@pytest.mark.slow
def test_a_model_without_the_class_is_refused_by_name(tmp_path: Path, embeddings: SentenceEmbeddings) -> None:
    for classes in ({0: "entailment"}, {0: "good", 1: "bad"}):
        folder = write_model(tmp_path / str(len(classes)), embeddings, classes)
        with pytest.raises(StorageError, match="entailment") as error:
            CrossEncoderEntailment(str(folder)).load()
        assert str(folder) in error.value.problem
        assert "[knowledge] entailment_model" in error.value.remedy


@pytest.mark.slow
def test_the_evaluation_measures_what_the_model_lets_through(tmp_path: Path, embeddings: SentenceEmbeddings) -> None:
    file = tmp_path / "judged.jsonl"
    file.write_text(json.dumps({"sentence": FREELY, "passages": [FUSE], "supported": True}) + "\n")
    *_, without = evaluate(read_judged(file), embeddings)
    *_, figures = evaluate(read_judged(file), embeddings, Believes("melts", FREELY))
    assert not isinstance(without, int)
    assert not isinstance(figures, int)
    assert (without.recall, figures.recall) == (0.0, 1.0)


@pytest.mark.slow
def test_a_model_that_is_not_there_is_told_in_two_lines(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(f'[knowledge]\nentailment_model = "{tmp_path / "missing"}"\n')
    assert load_profile(str(tmp_path / "a.toml"), tmp_path).knowledge.entailment_model
    (tmp_path / "judged.jsonl").write_text(
        json.dumps({"sentence": "A fuse melts in it.", "passages": [FUSE], "supported": True})
    )
    done = run(tmp_path, "--profile", str(tmp_path / "a.toml"), "eval", "grounding", tmp_path / "judged.jsonl")
    lines = error_lines(done)
    assert (done.returncode, len(lines)) == (1, 2)
    assert "entailment model" in lines[0]
