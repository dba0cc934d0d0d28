"""A model of SOLAR's exact shape scaled down, with random weights: 48 layers, 4,096 tokens of context, its template."""

from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models
from tokenizers.processors import TemplateProcessing

SPECIAL = ("<unk>", "<s>", "</s>")

# As published in the model's tokenizer_config.json: roles are plain text, and nothing follows an assistant's turn.
SOLAR_TEMPLATE = (
    "{% for message in messages %}{% if message['role'] == 'system' %}{% if message['content']%}"
    "{{'### System:\n' + message['content']+'\n\n'}}{% endif %}{% elif message['role'] == 'user' %}"
    "{{'### User:\n' + message['content']+'\n\n'}}{% elif message['role'] == 'assistant' %}"
    "{{'### Assistant:\n'  + message['content']}}{% endif %}"
    "{% if loop.last and add_generation_prompt %}{{ '### Assistant:\n' }}{% endif %}{% endfor %}"
)


def write_tokenizer(folder: Path, template: str = SOLAR_TEMPLATE) -> None:
    """Every byte a token, as Llama's vocabulary falls back to; a prompt begins with <s>."""
    from transformers import PreTrainedTokenizerFast

    names = dict(zip(("unk_token", "bos_token", "eos_token"), SPECIAL, strict=True))
    fast = PreTrainedTokenizerFast(tokenizer_object=byte_tokenizer(), chat_template=template, **names)
    fast.save_pretrained(folder)


def byte_tokenizer() -> Tokenizer:
    vocabulary = {name: number for number, name in enumerate(SPECIAL)}
    vocabulary |= {f"<0x{byte:02X}>": byte + len(SPECIAL) for byte in range(256)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=SPECIAL[0], byte_fallback=True))
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in SPECIAL])
    tokenizer.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer


def write_solar(folder: Path) -> Path:
    """Weights, configuration and tokenizer in the Hugging Face layout; about 3 MB."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    config = LlamaConfig(
        num_hidden_layers=48,
        hidden_size=64,
        num_attention_heads=8,
        num_key_value_heads=2,
        intermediate_size=224,
        vocab_size=256 + len(SPECIAL),
        max_position_embeddings=4096,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
    )
    model: Any = LlamaForCausalLM(config).bfloat16()
    model.save_pretrained(folder)
    write_tokenizer(folder)
    return folder
