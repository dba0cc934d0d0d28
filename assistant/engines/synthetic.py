"""A model of a given shape with random weights, made where it runs: as fast and as large as the real one.

Nothing is downloaded. What it writes means nothing.
"""

from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from assistant.engines.shapes import SOLAR, Shape
from assistant.engines.tokens import Tokens
from assistant.engines.transformers import TransformersChat
from assistant.engines.weights import Loaded, compute_dtype
from assistant.errors import EngineError

# SOLAR's own, as its tokenizer_config.json has it.
CHAT_TEMPLATE = """\
{% for message in messages %}\
{% if message.role == 'system' %}{{ '### System:\n' + message.content + '\n\n' }}\
{% elif message.role == 'user' %}{{ '### User:\n' + message.content + '\n\n' }}\
{% elif message.role == 'assistant' %}{{ '### Assistant:\n' + message.content }}{% endif %}\
{% endfor %}\
{% if add_generation_prompt %}{{ '### Assistant:\n' }}{% endif %}"""
PROCESSOR_SCALE = 8
_CHARACTERS = ["\n", *map(chr, range(32, 127))]
_BOS, _EOS, _UNKNOWN = "<s>", "</s>", "<unk>"


class SyntheticChat(TransformersChat):
    """Served as any model of the transformers engine is."""

    model_path: Path = Path("synthetic")
    shape: Shape = SOLAR

    @cached_property
    def own_context_length(self) -> int:
        return self.shape.context

    def _load(self) -> Loaded:
        return make(self.shape)


def solar_shape() -> tuple[Shape, str]:
    """SOLAR's exact shape where there is a GPU; else one that a processor bears. With it, what to call it."""
    import torch

    if torch.cuda.is_available():
        return SOLAR, "SOLAR-10.7B's exact shape, random weights in 16 bits"
    by = PROCESSOR_SCALE
    scaled = replace(
        SOLAR,
        hidden=SOLAR.hidden // by,
        heads=SOLAR.heads // by,
        kv_heads=SOLAR.kv_heads // by,
        feed_forward=SOLAR.feed_forward // by,
        vocabulary=SOLAR.vocabulary // by,
    )
    return (
        scaled,
        f"SOLAR-10.7B's {SOLAR.layers} layers scaled down to 1/{by} of their width, random weights in 16 bits",
    )


def bytes_read_per_token(shape: Shape) -> int:
    """All weights in 16 bits but the input embedding, of which a token reads one row."""
    return 2 * (shape.linear_parameters + shape.hidden * shape.vocabulary)


def make(shape: Shape) -> Loaded:
    """The model on the GPU if there is one, never in main memory first. Raises EngineError when it does not fit."""
    import torch
    from transformers import AutoModelForCausalLM

    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(0)
    try:
        with torch.device(device):
            model = AutoModelForCausalLM.from_config(_config(shape), dtype=compute_dtype())
    except torch.OutOfMemoryError as error:
        raise EngineError(
            f"The GPU has no room for {shape.weight_bytes() / 1e9:.1f} GB of weights.", "Use a larger GPU."
        ) from error
    return Loaded(model.eval(), make_tokens(shape.vocabulary))


def _config(shape: Shape) -> Any:
    from transformers import LlamaConfig

    return LlamaConfig(
        num_hidden_layers=shape.layers,
        hidden_size=shape.hidden,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        intermediate_size=shape.feed_forward,
        vocab_size=shape.vocabulary,
        max_position_embeddings=shape.context,
        tie_word_embeddings=shape.tied,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        bos_token_id=1,
        eos_token_id=2,
    )


def make_tokens(vocabulary: int) -> Tokens:
    """Every character a token; the numbers left over are words that only the model writes.

    No token is without text, so that each is seen as soon as it is there.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    known = [_UNKNOWN, _BOS, _EOS, *_CHARACTERS]
    known += [f" w{number}" for number in range(len(known), vocabulary)]
    backend = Tokenizer(models.WordLevel({word: number for number, word in enumerate(known)}, unk_token=_UNKNOWN))
    backend.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    backend.decoder = decoders.Fuse()
    return Tokens(
        backend=backend,
        chat_template=CHAT_TEMPLATE,
        bos_token=_BOS,
        eos_token=_EOS,
        bos_id=1,
        eos_ids=(2,),
        adds_bos=True,
    )
