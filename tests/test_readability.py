import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from knowledge import SentenceEmbeddings
from knowledge.readability import IDEOGRAPHS, Readability


@pytest.fixture(scope="module")
def readability(embeddings: SentenceEmbeddings) -> Readability:
    return Readability(embeddings.tokenizer)


@pytest.mark.slow
@pytest.mark.parametrize("text", ["Where is the refund policy?", "hyperlipoproteinemia", "x = y[1]", "?!", "42 kg"])
def test_the_bundled_model_reads_english(readability: Readability, text: str) -> None:
    assert readability(text) == 1.0


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["환불 정책은 어디에 있나요?", "如何重新启动服务器", "サーバーの再起動", "วิธีรีสตาร์ท", "Πώς κάνω"]
)
def test_the_bundled_model_does_not_read_other_scripts(readability: Readability, text: str) -> None:
    assert readability(text) < 0.1


@pytest.mark.slow
def test_mixed_text_is_read_in_part(readability: Readability) -> None:
    assert 0.0 < readability("Docker 컨테이너를 재시작하는 방법") < 0.5
    assert 0.5 < readability("How do I restart the 서버 in the cluster?") < 1.0


@pytest.mark.slow
@given(st.text(max_size=80))
def test_any_text_is_read_to_some_degree(readability: Readability, text: str) -> None:
    assert 0.0 <= readability(text) <= 1.0


def test_a_vocabulary_of_ideographs_reads_them_one_by_one() -> None:
    pieces = ["[UNK]", "a", *(chr(0x4E00 + n) for n in range(IDEOGRAPHS))]
    tokenizer = Tokenizer(models.WordPiece({piece: n for n, piece in enumerate(pieces)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    readability = Readability(tokenizer)
    assert readability("\u4e00\u4e01\u4e02") == 1.0
    assert readability("\ub098") == 0.0
