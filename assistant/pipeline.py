"""The graph a question goes through: retrieve -> compose -> generate -> ground -> reply, or abstain, or clarify.

What is remembered of a conversation is its turns; all else lives for one question only.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from assistant import budget, composing, gate, remembering, rewriting
from assistant.abstaining import abstention, close
from assistant.admission import Admission
from assistant.clarifying import clarification
from assistant.deciding import decide
from assistant.draft import Draft
from assistant.engines.base import Engine
from assistant.errors import EmptyQuestionError
from assistant.gaps import Gap, Gaps
from assistant.grounding import Grounding
from assistant.profiles import Profiles
from assistant.quoting import quotes
from assistant.scoping import drawn_on, scope, searched_collections
from assistant.searching import Searched, about_the_answer, passage_of, search
from assistant.speaking import notices, speaker
from assistant.state import State, elapsed_ms, emit
from assistant.steps import step
from assistant.types import (
    Answer,
    Event,
    Finished,
    Question,
    Queued,
    Retrieved,
    Stage,
    Status,
    TextDelta,
    Timings,
    Turn,
    Usage,
)
from assistant.untrusted.characters import visible
from assistant.writing import Written, empty_draft, grounding_for, too_late, write
from knowledge import Caller, KnowledgeBase

# The smallest context a profile may set.
MIN_CONTEXT = 512


@dataclass(frozen=True, slots=True)
class Examined:
    """What `retrieve` has found for a question, and what is done: "answered" where the model is asked."""

    found: State
    decision: Status


class Pipeline:
    """The graph with what it works on: the knowledge, the model and the profile."""

    def __init__(
        self,
        profiles: Profiles,
        knowledge: KnowledgeBase,
        engine: Engine,
        checkpointer: BaseCheckpointSaver[str],
        gaps: Gaps,
    ) -> None:
        self.profiles = profiles
        self.gaps = gaps
        self.settings = settings = profiles.own
        self.knowledge = knowledge
        self.engine = engine
        self.admission = Admission(settings.engine.parallel, settings.queue.places)
        self._checkpointer = checkpointer
        self.graph = self._build(checkpointer)

    def _build(self, checkpointer: BaseCheckpointSaver[str]) -> CompiledStateGraph[State]:
        graph = StateGraph(State)
        for node in (
            self.retrieve,
            self.compose,
            self.generate,
            self.insist,
            self.ground,
            self.clarify,
            self.abstain,
            self.reply,
        ):
            graph.add_node(node.__name__, node)
        graph.add_edge(START, "retrieve")
        graph.add_conditional_edges("retrieve", self.worth_asking, ["compose", "clarify", "abstain"])
        graph.add_edge("compose", "generate")
        graph.add_conditional_edges("generate", self.holds, ["insist", "ground"])
        graph.add_edge("insist", "compose")
        graph.add_conditional_edges("ground", self.has_answer, ["reply", "abstain"])
        graph.add_edge("clarify", "reply")
        graph.add_edge("abstain", "reply")
        graph.add_edge("reply", END)
        return graph.compile(checkpointer=checkpointer)

    async def run(self, question: Question) -> AsyncGenerator[Event, None]:
        """Every event of one question. The conversation is saved before the last one is given out."""
        started = time.monotonic()
        profile = await asyncio.to_thread(self.profiles.get, question.profile)
        rarity = await asyncio.to_thread(self.knowledge.rarity_for, question.caller)
        finished: Finished | None = None
        stream = self.graph.astream(
            State(question=question, profile=profile, rarity=rarity, started=started),
            {"configurable": {"thread_id": question.conversation_id}},
            stream_mode="custom",
            durability="exit",
        )
        async with AsyncExitStack() as running:
            events = await running.enter_async_context(aclosing(cast("AsyncGenerator[object, None]", stream)))
            async for event in events:
                if isinstance(event, Finished):
                    finished = event
                    # What LangGraph does after the last event is to save the conversation.
                    running.enter_context(step("save"))
                elif isinstance(event, Stage | Retrieved | Queued | TextDelta):
                    yield event
        if finished:
            yield finished

    async def examine(self, question: Question) -> Examined:
        """What the graph finds for a question and decides to do, up to where it would ask the model. Nothing of it is
        to be gone on with: the conversation is for this question alone. Raises UserError."""
        found, answer = State(), None
        stream = self.graph.astream(
            State(
                question=question,
                profile=self.profiles.get(question.profile),
                rarity=self.knowledge.rarity_for(question.caller),
                started=time.monotonic(),
            ),
            {"configurable": {"thread_id": question.conversation_id}},
            stream_mode=["custom", "updates"],
            interrupt_before=["compose"],
            durability="exit",
        )
        async for mode, event in cast("AsyncGenerator[tuple[str, Any], None]", stream):
            if mode == "updates" and "retrieve" in event:
                found = event["retrieve"]
            elif isinstance(event, Finished):
                answer = event.answer
        return Examined(found, answer.status if answer else "answered")

    async def begin(self, conversation_id: str, turns: Sequence[Turn]) -> None:
        """Start a conversation with turns that were had elsewhere, in place of what it had."""
        config: RunnableConfig = {"configurable": {"thread_id": conversation_id}}
        await self.graph.aupdate_state(config, State(turns=remembering.stored(turns)), as_node="reply")

    async def turns(self, conversation_id: str, caller: Caller | None) -> list[Turn]:
        """The exchanges so far that the caller may read."""
        state = await self.graph.aget_state({"configurable": {"thread_id": conversation_id}})
        return remembering.readable(state.values.get("turns", []), self.knowledge.access, caller)

    async def forget(self, conversation_id: str) -> None:
        await self._checkpointer.adelete_thread(conversation_id)

    # -- nodes

    async def retrieve(self, state: State) -> State:
        question = state["question"]
        if question.task == "summary":
            return await self._gather(state)
        if not question.text.strip():
            raise EmptyQuestionError("The question is empty.", "Ask something, in quotes.")
        # Whoever will be sent away should wait neither for a model nor for a search first.
        await asyncio.to_thread(scope, state, self.knowledge)
        await self._check_length(state)
        self.admission.check(question.caller.id)
        emit(Stage("searching"))
        searched = await asyncio.to_thread(self._search, state, await self._rewritten(state))
        passages = searched.passages[: state["profile"].knowledge.passages]
        decision = await asyncio.to_thread(decide, searched, state, self._before(state), self.knowledge)
        emit(Retrieved(passages))
        return State(
            query=searched.standalone,
            searched=searched,
            passages=passages,
            decision=decision,
            timings=Timings(retrieve_ms=elapsed_ms(state)),
            usage=Usage(),
        )

    async def _gather(self, state: State) -> State:
        """Instead of a search: all that is to be summed up, in its order."""
        question = state["question"]
        self.admission.check(question.caller.id)
        documents = await asyncio.to_thread(self.knowledge.passages_in, question.attachments)
        if not documents:
            raise EmptyQuestionError("There is nothing to sum up.", "Ask again where something was written.")
        passages = tuple(passage_of(document) for document in documents)
        emit(Retrieved(passages))
        timings = Timings(retrieve_ms=elapsed_ms(state))
        return State(query=question.text, passages=passages, decision=gate.ANSWER, timings=timings, usage=Usage())

    async def compose(self, state: State) -> State:
        """The prompt, cut to fit: what the passages and the conversation cannot have, they give up."""
        emit(Stage("reading"))
        content = await asyncio.to_thread(composing.content, state, self._before(state))
        fitted = await self._fit(content, state)
        prompt_tokens = state["usage"].prompt_tokens + fitted.prompt_tokens
        usage = replace(state["usage"], prompt_tokens=prompt_tokens)
        return State(messages=fitted.messages, passages=fitted.content.passages, usage=usage)

    async def generate(self, state: State) -> State:
        """When its turn comes, let the model write, and pass on each sentence as soon as it has been checked."""
        grounding = asyncio.create_task(asyncio.to_thread(grounding_for, state, self.knowledge))
        written = Written(state["timings"])
        # Counted from here: the first question of all must not pay for the loading of a large model.
        deadline = state.get("deadline") or asyncio.get_running_loop().time() + self.settings.queue.deadline_s
        try:
            async with AsyncExitStack() as place:
                async with asyncio.timeout_at(deadline):
                    caller, tell = state["question"].caller.id, get_stream_writer()
                    await place.enter_async_context(self.admission.place(caller, lambda n: tell(Queued(n))))
                written.admitted = True
                await write(self.engine, state, written, grounding, deadline)
        except TimeoutError:
            # What was checked so far can be believed, however the answer would have gone on; and who is asked a second
            # time need not answer.
            if not written.text and not state.get("firm"):
                raise too_late(written, self.settings.queue.deadline_s) from None
            written.cut_off = True
        if written.tokens is None:  # the model was stopped before it could say
            written.tokens = await asyncio.to_thread(self.engine.count_text, written.text)
        tokens = state["usage"].completion_tokens + written.tokens
        return State(
            draft=written.draft or empty_draft(state, await grounding),
            cut_off=written.cut_off,
            deadline=deadline,
            usage=replace(state["usage"], completion_tokens=tokens),
            timings=written.timings,
        )

    async def insist(self, state: State) -> State:
        """Nothing held: the model is asked once more, to keep to the text."""
        return State(firm=True)

    async def ground(self, state: State) -> State:
        """Say how far the answer can be trusted. When nothing the model wrote holds, quote what the passages say."""
        draft = state["draft"]
        if draft.text:
            for notice in notices(state):
                emit(TextDelta(draft.close(await self._say(notice, state))))
        if not draft.citations and draft.policy != "off":
            await self._quote(state)
        return State(draft=draft, status="answered")

    async def _quote(self, state: State) -> None:
        draft, found = state["draft"], quotes(state, self._before(state))
        if found:
            emit(TextDelta(draft.write(("\n\n" if draft.text else "") + await self._say("quotation", state))))
        for quote in found:
            emit(TextDelta(draft.quote(quote)))

    async def clarify(self, state: State) -> State:
        """Ask back, with what the documents tell apart."""
        pointed = gate.pointed_to(state["question"].text, self._before(state))
        say = await self._speaker(state)
        text = clarification(pointed, state["searched"].alone.passages, say)
        return State(draft=self._said(text, state), status="clarify")

    async def abstain(self, state: State) -> State:
        say = await self._speaker(state)
        if state["question"].task == "summary":
            return State(draft=self._said(say("abstention"), state), status="abstained")
        collections = await asyncio.to_thread(searched_collections, state, self.knowledge)
        documents = await asyncio.to_thread(self.knowledge.document_count, collections)
        text = abstention(collections, documents, state["searched"].passages, say)
        if state["profile"].answers.record_gaps:
            await asyncio.to_thread(self.gaps.record, _gap(state, collections))
        return State(draft=self._said(text, state), status="abstained")

    def _said(self, text: str, state: State) -> Draft:
        """Our own words, given out."""
        draft = Draft(Grounding("", (), self.knowledge.embeddings, state["rarity"]))
        emit(TextDelta(draft.write(text)))
        return draft

    async def reply(self, state: State) -> State:
        """Give out the answer and remember the turn."""
        draft, question = state["draft"], state["question"]
        timings = replace(state["timings"], total_ms=elapsed_ms(state))
        answer = Answer(draft.text, tuple(draft.citations), state["status"], state["usage"], timings)
        emit(Finished(answer))
        turn = Turn(question.text, answer.text, answer.citations, question.id, state["query"], answer.status)
        collections = await asyncio.to_thread(drawn_on, state, self.knowledge)
        return State(turns=remembering.remember(state, turn, collections, self.knowledge.access))

    async def _speaker(self, state: State) -> Callable[..., str]:
        """What gives our own phrases, by their names, in the asker's language."""
        return await asyncio.to_thread(speaker, state, self._before(state))

    async def _say(self, phrase: str, state: State, **values: object) -> str:
        """One of our own phrases, in the asker's language."""
        return (await self._speaker(state))(phrase, **values)

    def _before(self, state: State) -> list[Turn]:
        """The conversation before the question, as far as the caller may read it."""
        return remembering.before(state, self.knowledge.access)

    # -- edges

    def worth_asking(self, state: State) -> Literal["compose", "clarify", "abstain"]:
        kind = state["decision"].kind
        return "compose" if kind == "answer" else kind

    def holds(self, state: State) -> Literal["insist", "ground"]:
        draft, answers = state["draft"], state["profile"].answers
        again = answers.retry and not draft.text and not state.get("firm") and state["question"].task == "answer"
        return "insist" if again else "ground"

    def has_answer(self, state: State) -> Literal["reply", "abstain"]:
        return "reply" if state["draft"].text else "abstain"

    # -- parts of the nodes

    async def _check_length(self, state: State) -> None:
        """A question that can never fit is refused before anything is done for it."""
        # Fewer characters than half the tokens of any context cannot be too long.
        if len(state["question"].text) > MIN_CONTEXT // 2:
            await self._fit(budget.Content("", state["question"].text), state)

    async def _rewritten(self, state: State) -> str:
        """The question as the model puts it to stand alone; nothing where it is not asked, or not to be believed."""
        question, turns = state["question"], self._before(state)
        by_model = state["profile"].answers.rewrite == "model"
        if not by_model or not turns or about_the_answer(question.text, turns):
            return ""
        return await rewriting.rewritten_in_time(self.engine, self.admission, question.caller.id, question.text, turns)

    @step("retrieve")
    def _search(self, state: State, rewritten: str) -> Searched:
        where = scope(state, self.knowledge)
        return search(self.knowledge, visible(state["question"].text), self._before(state), where, rewritten)

    async def _fit(self, content: budget.Content, state: State) -> budget.Fitted:
        max_tokens = self.settings.engine.max_tokens
        return await asyncio.to_thread(composing.fit, content, state, self._before(state), self.engine, max_tokens)


def _gap(state: State, collections: Sequence[str]) -> Gap:
    closest = tuple(close(state["searched"].passages))
    confidence = state["decision"].confidence
    return Gap(state["question"].text, state["query"], tuple(collections), closest, confidence)
