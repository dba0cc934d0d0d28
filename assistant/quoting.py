"""The passages' own words, for where nothing that the model wrote can be believed."""

from collections.abc import Sequence

from assistant.grounding import Support
from assistant.state import State
from assistant.summaries import QUOTES
from assistant.types import Turn


def quotes(state: State, before: Sequence[Turn]) -> list[Support]:
    """Only what speaks of the question: whoever sent a text may have asked of something else."""
    answers, grounding = state["profile"].answers, state["draft"].grounding
    if state["decision"].confidence < answers.min_relevance:
        return []
    best = grounding.best(QUOTES if state["question"].task == "summary" else answers.quotes)
    return best or _quoted_before(state, before)


def _quoted_before(state: State, before: Sequence[Turn]) -> list[Support]:
    """For a request about the last answer that cannot be met: what that one rested on."""
    about_answer = "searched" in state and state["searched"].about_answer
    cited = before[-1].citations if about_answer else ()
    found = [
        next((Support(i, one.quote) for i, p in enumerate(state["passages"]) if one.quote in p.text), None)
        for one in cited
    ]
    return [support for support in found if support]
