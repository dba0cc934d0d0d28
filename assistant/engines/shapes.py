"""The sizes that a model's memory follows from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Shape:
    """A Llama-family decoder. Sizes are in elements, `context` in tokens."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    feed_forward: int
    vocabulary: int
    context: int
    tied: bool = False
    """Whether one matrix serves as both input and output embedding."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self | None:
        """The shape in a Hugging Face `config.json`; None when it describes no such model."""
        try:
            return cls(
                layers=int(config["num_hidden_layers"]),
                hidden=int(config["hidden_size"]),
                heads=int(config["num_attention_heads"]),
                kv_heads=int(config.get("num_key_value_heads") or config["num_attention_heads"]),
                feed_forward=int(config["intermediate_size"]),
                vocabulary=int(config["vocab_size"]),
                context=int(config["max_position_embeddings"]),
                tied=bool(config.get("tie_word_embeddings", False)),
            )
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def parameters(self) -> int:
        """Attention, gated feed-forward and norms of every layer; embeddings; the last norm."""
        width = self.hidden // self.heads * self.kv_heads
        layer = 2 * self.hidden * (self.hidden + width) + 3 * self.hidden * self.feed_forward + 2 * self.hidden
        return self.layers * layer + self.hidden * self.vocabulary * (1 if self.tied else 2) + self.hidden

    @property
    def linear_parameters(self) -> int:
        """Those that quantisation packs: all but embeddings and norms."""
        embeddings = self.hidden * self.vocabulary * (1 if self.tied else 2)
        return self.parameters - embeddings - (2 * self.layers + 1) * self.hidden

    def weight_bytes(self, bits: int = 16) -> int:
        """Memory of the weights. Below 16 bits the embeddings and norms stay at 16, as bitsandbytes leaves them.

        Four bits cost about 4.5 and eight about 8.1: each block of weights keeps its scale.
        """
        packed = {16: 16.0, 8: 8.1, 4: 4.5}[bits]
        return int(self.linear_parameters * packed / 8 + (self.parameters - self.linear_parameters) * 2)

    @property
    def cache_bytes_per_token(self) -> int:
        """Keys and values of one token in every layer, 16 bits each."""
        return 2 * self.layers * self.hidden // self.heads * self.kv_heads * 2


# The published config.json of upstage/SOLAR-10.7B-Instruct-v1.0.
SOLAR = Shape(
    layers=48, hidden=4096, heads=32, kv_heads=8, feed_forward=14336, vocabulary=32000, context=4096, tied=False
)
