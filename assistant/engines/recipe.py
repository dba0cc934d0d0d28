"""The script that SOLAR's model card publishes, to be compared with: transformers' `generate`, one prompt at a time."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage

from assistant.engines.template import ChatTemplate
from assistant.engines.weights import Loaded, load
from assistant.fit import Quantization


class Recipe:
    """`apply_chat_template`, `generate(use_cache=True)`, `decode`, on a model laid out by `device_map="auto"`.

    It differs from what is published in what would make the comparison unfair: an answer does not end before it has
    as many tokens as asked for, and the likeliest token is always taken.
    """

    def __init__(self, loaded: Loaded) -> None:
        self._model: Any = as_published(loaded)
        # What `generate` is not told, it takes from here: it would stop at the end token.
        self._model.generation_config.eos_token_id = None
        self._tokens = loaded.tokens
        self._template = ChatTemplate(loaded.tokens.chat_template)

    def count_tokens(self, messages: Sequence[BaseMessage]) -> int:
        return len(self._prompt(messages))

    def answer(self, messages: Sequence[BaseMessage], new_tokens: int) -> str:
        """Raises EngineError, above all when the GPU is full."""
        import torch

        from assistant.engines.continuous import explain

        prompt = torch.tensor([self._prompt(messages)], device=self._model.device)
        try:
            ids = self._model.generate(
                prompt,
                attention_mask=torch.ones_like(prompt),
                max_new_tokens=new_tokens,
                pad_token_id=self._tokens.pad_id,
                use_cache=True,
                do_sample=False,
            )
        except Exception as error:  # the library raises what it likes
            raise explain(error) from error
        return self._tokens.decode(ids[0, prompt.shape[1] :].tolist())

    def close(self) -> None:
        """Free the memory: whoever is measured next shall have all of it."""
        from assistant.engines.continuous import release_memory

        self._model = None
        release_memory()

    def _prompt(self, messages: Sequence[BaseMessage]) -> list[int]:
        tokens = self._tokens
        text = self._template.render(messages, bos_token=tokens.bos_token, eos_token=tokens.eos_token)
        return tokens.encode_prompt(text)


def load_recipe(path: Path, quantization: Quantization) -> Recipe:
    """The recipe on a model folder or a GGUF file, whose weights are unpacked to 16 bits. Raises EngineError."""
    return Recipe(load(path, quantization=quantization))


def as_published(loaded: Loaded) -> Any:
    """On a GPU in float16. A processor is given bfloat16, which it calculates with and float16 it does not."""
    import torch

    model = loaded.model
    packed = getattr(model, "is_quantized", False)
    if model.device.type != "cuda" or packed or loaded.one_at_a_time:
        return model
    return model.to(torch.float16)
