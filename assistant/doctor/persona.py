"""The persona: whether what the model is told leaves room for the documents."""

from collections.abc import Iterator

from assistant.budget import INSTRUCTIONS_SHARE, prompt_limit
from assistant.doctor.checks import Check
from assistant.prompts import system
from assistant.settings import Settings

# SOLAR's context, where a profile names none.
CONTEXT = 4096
# English has four or five characters to a token, other languages fewer.
CHARACTERS_A_TOKEN = 4


def instructions(settings: Settings) -> Iterator[Check]:
    """What is over its share of the context is not read by the model. No tokenizer is loaded for this: it is near
    enough."""
    limit = prompt_limit(settings.engine.context_tokens or CONTEXT, settings.engine.max_tokens)
    tokens = len(system(settings.persona, "")) // CHARACTERS_A_TOKEN
    if tokens > limit * INSTRUCTIONS_SHARE:
        yield Check(
            "persona",
            "warning",
            f"the instructions take about {tokens:,} tokens, and the model reads {int(limit * INSTRUCTIONS_SHARE):,}",
            "Shorten [persona] instructions and policy, or set a larger [engine] context_tokens.",
        )
