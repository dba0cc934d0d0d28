"""The prompt for a question: what goes into it, cut to fit the model that serves."""

from collections.abc import Sequence
from functools import partial

from assistant import budget, prompts, speaking
from assistant.engines.base import Engine
from assistant.remembering import PROMPTED_TURNS
from assistant.state import State
from assistant.steps import step
from assistant.types import Turn

# Questions before those turns that the model is reminded of, which it is told of.
NAMED_TURNS = 6


def content(state: State, before: Sequence[Turn]) -> budget.Content:
    """What a prompt is made of after the turns `before`."""
    recent, older = before[-PROMPTED_TURNS:], before[:-PROMPTED_TURNS][-NAMED_TURNS:]
    return budget.Content(
        prompts.system(state["profile"].persona, speaking.spoken(state, before)),
        state["question"].text,
        tuple(recent),
        state["passages"],
        tuple(turn.question for turn in older),
    )


@step("compose")
def fit(
    content: budget.Content, state: State, before: Sequence[Turn], engine: Engine, max_tokens: int
) -> budget.Fitted:
    """The fullest prompt that leaves an answer `max_tokens`. Loads the model. Raises QuestionTooLongError and
    EngineError."""
    engine.load()
    limit = budget.prompt_limit(engine.context_length, max_tokens)
    language = speaking.asked_for(state, before, content.passages)
    if state["question"].task == "summary":
        summarise = partial(prompts.summarise, language=language)
        return budget.fit_summary(summarise, content.passages, engine, limit)
    compose = partial(prompts.compose, language=language, firm=bool(state.get("firm")))
    return budget.fit(compose, content, engine, limit)
