"""The graph a question goes through: retrieve -> compose -> generate -> ground -> reply, or abstain, or clarify.

What is remembered of a conversation is its turns; all else lives for one question only.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Annotated, Any, Literal, TypedDict, cast

from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import UntrackedValue
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from assistant import budget, gate, languages, phrases, prompts, rewriting
from assistant.abstaining import abstention, close
from assistant.admission import Admission
from assistant.clarifying import clarification
from assistant.draft import Draft
from assistant.engines.base import Engine
from assistant.errors import BusyError, EmptyQuestionError, TooLateError
from assistant.gaps import Gap, Gaps
from assistant.grounding import Grounding, Support
from assistant.profiles import Profiles
from assistant.searching import Reading, Scope, Searched, about_the_answer, passage_of, search
from assistant.sentences import SentenceStream, ends_whole
from assistant.settings import Settings
from assistant.steps import step
from assistant.summaries import QUOTES, Digest
from assistant.types import (
    Answer,
    Citation,
    Event,
    Finished,
    Passage,
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
from knowledge import Caller, KnowledgeBase, NotFoundError, UserError

# Turns kept of a conversation, and of those how many the model is reminded of.
REMEMBERED_TURNS = 50
PROMPTED_TURNS = 3
# Questions before those that it is told of.
NAMED_TURNS = 6
# Passages that are looked for, of which a profile's `passages` are used.
SEARCHED_PASSAGES = 20
# What a question that is put anew by the model may take, waiting included, before it is done by the rule.
REWRITING_PATIENCE_S = 10.0
# A model that has left the passages seldom finds its way back.
MAX_DROPPED_IN_A_ROW = 3


class State(TypedDict, total=False):
    """Only `turns` is remembered; untracked values never reach the checkpointer."""

    turns: list[dict[str, Any]]
    question: Annotated[Question, UntrackedValue]
    profile: Annotated[Settings, UntrackedValue]
    rarity: Annotated[Callable[[str], float], UntrackedValue]
    query: Annotated[str, UntrackedValue]
    searched: Annotated[Searched, UntrackedValue]
    passages: Annotated[tuple[Passage, ...], UntrackedValue]
    decision: Annotated[gate.Decision, UntrackedValue]
    firm: Annotated[bool, UntrackedValue]
    messages: Annotated[list[BaseMessage], UntrackedValue]
    draft: Annotated[Draft, UntrackedValue]
    cut_off: Annotated[bool, UntrackedValue]
    deadline: Annotated[float, UntrackedValue]
    status: Annotated[Status, UntrackedValue]
    usage: Annotated[Usage, UntrackedValue]
    timings: Annotated[Timings, UntrackedValue]
    started: Annotated[float, UntrackedValue]


@dataclass(slots=True)
class Written:
    """What the model has written so far, and what of it was found to hold."""

    timings: Timings
    admitted: bool = False
    text: str = ""
    tokens: int | None = None
    draft: Draft | None = None
    cut_off: bool = False


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
        # What they drew on is not known, so whoever may not read everything is not shown them.
        remembered = [asdict(turn) for turn in turns[-REMEMBERED_TURNS:]]
        config: RunnableConfig = {"configurable": {"thread_id": conversation_id}}
        await self.graph.aupdate_state(config, State(turns=remembered), as_node="reply")

    async def turns(self, conversation_id: str, caller: Caller | None) -> list[Turn]:
        """The exchanges so far that the caller may read."""
        state = await self.graph.aget_state({"configurable": {"thread_id": conversation_id}})
        return [self._turn(turn, caller) for turn in state.values.get("turns", []) if self._may_read(turn, caller)]

    async def forget(self, conversation_id: str) -> None:
        await self._checkpointer.adelete_thread(conversation_id)

    # -- nodes

    async def retrieve(self, state: State) -> State:
        question = state["question"]
        if question.task == "summary":
            return await self._gather(state)
        if not question.text.strip():
            raise EmptyQuestionError("The question is empty.", "Ask something, in quotes.")
        await self._check_length(state)
        self.admission.check(question.caller.id)  # whoever will be sent away should not wait for a search first
        _emit(Stage("searching"))
        searched = await asyncio.to_thread(self._search, state, await self._rewritten(state))
        passages = searched.passages[: state["profile"].knowledge.passages]
        decision = await asyncio.to_thread(self._decide, searched, state)
        _emit(Retrieved(passages))
        return State(
            query=searched.standalone,
            searched=searched,
            passages=passages,
            decision=decision,
            timings=Timings(retrieve_ms=_since(state["started"])),
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
        _emit(Retrieved(passages))
        timings = Timings(retrieve_ms=_since(state["started"]))
        return State(query=question.text, passages=passages, decision=gate.ANSWER, timings=timings, usage=Usage())

    async def compose(self, state: State) -> State:
        """The prompt, cut to fit: what the passages and the conversation cannot have, they give up."""
        _emit(Stage("reading"))
        content = await asyncio.to_thread(self._content, state)
        fitted = await asyncio.to_thread(self._fit, state, content)
        prompt_tokens = state["usage"].prompt_tokens + fitted.prompt_tokens
        usage = replace(state["usage"], prompt_tokens=prompt_tokens)
        return State(messages=fitted.messages, passages=fitted.content.passages, usage=usage)

    async def generate(self, state: State) -> State:
        """When its turn comes, let the model write, and pass on each sentence as soon as it has been checked."""
        grounding = asyncio.create_task(asyncio.to_thread(self._grounding, state))
        written = Written(state["timings"])
        # Counted from here: the first question of all must not pay for the loading of a large model.
        deadline = state.get("deadline") or asyncio.get_running_loop().time() + self.settings.queue.deadline_s
        try:
            async with AsyncExitStack() as place:
                async with asyncio.timeout_at(deadline):
                    caller, emit = state["question"].caller.id, get_stream_writer()
                    await place.enter_async_context(self.admission.place(caller, lambda n: emit(Queued(n))))
                written.admitted = True
                await self._write(state, written, grounding, deadline)
        except TimeoutError:
            # What was checked so far can be believed, however the answer would have gone on; and who is asked a second
            # time need not answer.
            if not written.text and not state.get("firm"):
                raise self._too_late(written) from None
            written.cut_off = True
        if written.tokens is None:  # the model was stopped before it could say
            written.tokens = await asyncio.to_thread(self.engine.count_text, written.text)
        tokens = state["usage"].completion_tokens + written.tokens
        return State(
            draft=written.draft or self._draft(state, await grounding),
            cut_off=written.cut_off,
            deadline=deadline,
            usage=replace(state["usage"], completion_tokens=tokens),
            timings=written.timings,
        )

    async def _write(
        self, state: State, written: "Written", grounding: "asyncio.Task[Grounding]", deadline: float
    ) -> None:
        sentences, reason = SentenceStream(), ""
        async with aclosing(_until(deadline, self.engine.astream(state["messages"]))) as stream:
            async for chunk in stream:
                if written.timings.first_token_ms is None:
                    written.timings = replace(written.timings, first_token_ms=_since(state["started"]))
                    _emit(Stage("writing"))
                written.text += chunk.text
                if chunk.usage_metadata:
                    written.tokens = chunk.usage_metadata["output_tokens"]
                reason = chunk.response_metadata.get("finish_reason") or reason
                for sentence in sentences.feed(chunk.text):
                    written.draft = written.draft or self._draft(state, await grounding)
                    await _check(written.draft, sentence)
                if written.draft and written.draft.dropped_in_a_row >= MAX_DROPPED_IN_A_ROW:
                    return
        draft = written.draft = written.draft or self._draft(state, await grounding)
        *whole, last = sentences.finish() or [""]
        written.cut_off = reason == "length" and not ends_whole(last) and not draft.dropped_in_a_row
        for sentence in (*whole, *([] if written.cut_off and draft.text else [last])):
            await _check(draft, sentence)

    def _draft(self, state: State, grounding: Grounding) -> Draft:
        return Draft(grounding, state["profile"].answers.policy, state["messages"][0].text)

    def _too_late(self, written: "Written") -> UserError:
        seconds = f"{self.settings.queue.deadline_s:g} s"
        if written.admitted:
            return TooLateError(
                f"The model did not begin to answer within {seconds}.",
                "Try again; a longer time can be granted by [queue] deadline_s.",
            )
        return BusyError(f"It was not this question's turn within {seconds}.", "Try again when fewer people ask.")

    async def insist(self, state: State) -> State:
        """Nothing held: the model is asked once more, to keep to the text."""
        return State(firm=True)

    async def ground(self, state: State) -> State:
        """Say how far the answer can be trusted. When nothing the model wrote holds, quote what the passages say."""
        draft = state["draft"]
        if draft.text:
            for notice in self._notices(state):
                _emit(TextDelta(draft.close(await self._say(notice, state))))
        if not draft.citations and draft.policy != "off":
            await self._quote(state)
        return State(draft=draft, status="answered")

    def _notices(self, state: State) -> Iterator[str]:
        """Names of the phrases that say how far the answer goes, and how far it can be trusted."""
        draft = state["draft"]
        if state["cut_off"]:
            yield "cut_off"
        if draft.unconfirmed:
            yield "unconfirmed"
        if draft.policy == "off":
            yield "unchecked"

    async def _quote(self, state: State) -> None:
        """Only what speaks of the question: whoever sent a text may have asked of something else."""
        draft, answers = state["draft"], state["profile"].answers
        if state["decision"].confidence < answers.min_relevance:
            return
        quotes = draft.grounding.best(QUOTES if state["question"].task == "summary" else answers.quotes)
        quotes = quotes or self._quoted_before(state)
        if quotes:
            _emit(TextDelta(draft.write(("\n\n" if draft.text else "") + await self._say("quotation", state))))
        for quote in quotes:
            _emit(TextDelta(draft.quote(quote)))

    def _quoted_before(self, state: State) -> list[Support]:
        """For a request about the last answer that cannot be met: what that one rested on."""
        about_answer = "searched" in state and state["searched"].about_answer
        cited = self._before(state)[-1].citations if about_answer else ()
        found = [
            next((Support(i, one.quote) for i, p in enumerate(state["passages"]) if one.quote in p.text), None)
            for one in cited
        ]
        return [support for support in found if support]

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
        collections = await asyncio.to_thread(self._searched_collections, state)
        documents = await asyncio.to_thread(self.knowledge.document_count, collections)
        text = abstention(collections, documents, state["searched"].passages, say)
        if state["profile"].answers.record_gaps:
            await asyncio.to_thread(self.gaps.record, _gap(state, collections))
        return State(draft=self._said(text, state), status="abstained")

    def _said(self, text: str, state: State) -> Draft:
        """Our own words, given out."""
        draft = Draft(Grounding("", (), self.knowledge.embeddings, state["rarity"]))
        _emit(TextDelta(draft.write(text)))
        return draft

    async def reply(self, state: State) -> State:
        """Give out the answer and remember the turn."""
        draft, question = state["draft"], state["question"]
        timings = replace(state["timings"], total_ms=_since(state["started"]))
        answer = Answer(draft.text, tuple(draft.citations), state["status"], state["usage"], timings)
        _emit(Finished(answer))
        turn = Turn(question.text, answer.text, answer.citations, question.id, state["query"], answer.status)
        drawn_on = await asyncio.to_thread(self._drawn_on, state)
        remembered = asdict(turn) | {"collections": drawn_on, "understood_by": self._understood_by(state)}
        return State(turns=_with(state.get("turns", []), remembered)[-REMEMBERED_TURNS:])

    async def _speaker(self, state: State) -> Callable[..., str]:
        """What gives our own phrases, by their names, in the asker's language."""
        language = await asyncio.to_thread(self._language, state)
        return lambda phrase, **values: phrases.say(state["profile"].persona, phrase, language, **values)

    async def _say(self, phrase: str, state: State, **values: object) -> str:
        """One of our own phrases, in the asker's language."""
        return (await self._speaker(state))(phrase, **values)

    def _language(self, state: State) -> str:
        """The code of the language to speak: the one that is asked for, else that of the question or, where that is
        too short to tell, of those before it. A summary is written in the language of what it sums up."""
        question = state["question"]
        if question.language:
            return question.language
        if question.task == "summary":
            return languages.detect(_beginnings(state["passages"]))
        asked = [question.text, *(turn.question for turn in reversed(self._before(state)[-PROMPTED_TURNS:]))]
        return next(filter(None, map(languages.detect, asked)), "")

    # -- what the caller may know

    def _may_read(self, turn: dict[str, Any], caller: Caller | None) -> bool:
        """Whether an exchange drew on nothing that is closed to the caller. In a place that several people share it
        may have been somebody else's; and rules change."""
        access = self.knowledge.access
        # Where it is not known what an exchange drew on, it may be anything.
        drawn_on = turn.get("collections", access.readers)
        return all(access.allows(collection, caller) for collection in drawn_on)

    def _before(self, state: State) -> list[Turn]:
        """The conversation as it was when the question was asked, or asked for the first time, without what the
        caller may not read."""
        return [self._turn(turn, state["question"].caller) for turn in self._stored_before(state)]

    def _stored_before(self, state: State) -> list[dict[str, Any]]:
        turns, question = state.get("turns", []), state["question"]
        before = turns[: _place([turn.get("id", "") for turn in turns], question.id)]
        return [turn for turn in before if self._may_read(turn, question.caller)]

    def _turn(self, turn: dict[str, Any], caller: Caller | None) -> Turn:
        """The turn, without what the question was understood as where that may say something of what is closed."""
        access = self.knowledge.access
        open_ = all(access.allows(name, caller) for name in turn.get("understood_by", ()))
        return _turn(turn) if open_ else replace(_turn(turn), query="")

    def _understood_by(self, state: State) -> list[str]:
        """The collections of the earlier exchanges that gave the question its meaning."""
        if state["query"] == state["question"].text:
            return []
        said = self._stored_before(state)[-rewriting.TURNS :]
        drawn_on = [turn.get("collections", self.knowledge.access.readers) for turn in said]
        inherited = [turn.get("understood_by", ()) for turn in said]
        return sorted({name for names in (*drawn_on, *inherited) for name in names})

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

    # -- work that blocks, done in threads

    async def _check_length(self, state: State) -> None:
        """A question that can never fit is refused before anything is done for it."""
        # Fewer characters than half the tokens of any context cannot be too long.
        if len(state["question"].text) > MIN_CONTEXT // 2:
            content = budget.Content("", state["question"].text)
            await asyncio.to_thread(self._fit, state, content)

    @step("gate")
    def _decide(self, searched: Searched, state: State) -> gate.Decision:
        """Text that came with the question is evidence in itself; the last answer was evidence enough for itself."""
        turns = self._before(state)
        if searched.about_answer:
            return gate.ANSWER
        if state["question"].attachments:
            searched = replace(searched, alone=Reading(searched.question, searched.passages), in_context=None)
        evidence = gate.weigh(searched, turns, state["rarity"], self.knowledge.embeddings)
        # Whoever was asked back has said what they could.
        may_ask = not turns or turns[-1].status != "clarify"
        decision = gate.decide(evidence, state["profile"].answers, may_ask=may_ask)
        return replace(decision, kind="answer") if state["question"].attachments else decision

    def _drawn_on(self, state: State) -> list[str]:
        """The collections that an answer may say something of: where the documents do not say, all that it names."""
        passages = {*state["passages"], *(state["searched"].alone.passages if "searched" in state else ())}
        named = self._searched_collections(state) if state["status"] == "abstained" else []
        return sorted({*named, *(passage.collection for passage in passages if passage.collection)})

    def _searched_collections(self, state: State) -> list[str]:
        """The names of the collections that were searched for this question."""
        question = state["question"]
        readable = self.knowledge.collections(question.caller)
        return _wanted(question.collections or state["profile"].knowledge.collections, readable) or readable

    async def _rewritten(self, state: State) -> str:
        """The question as the model puts it to stand alone; nothing where it is not asked, or not to be believed."""
        question, turns = state["question"], self._before(state)
        by_model = state["profile"].answers.rewrite == "model"
        if not by_model or not turns or about_the_answer(question.text, turns):
            return ""
        try:
            await asyncio.to_thread(self.engine.load)
            async with asyncio.timeout(REWRITING_PATIENCE_S), self.admission.place(question.caller.id, lambda _: None):
                return await rewriting.rewritten(self.engine, question.text, turns)
        except (TimeoutError, UserError):
            return ""  # the rule does without the model, and what ails it is told when it is to answer

    @step("retrieve")
    def _search(self, state: State, rewritten: str) -> Searched:
        question, knowledge = state["question"], state["profile"].knowledge
        readable = self.knowledge.collections(question.caller)
        if not readable and not question.attachments:
            raise NotFoundError("There are no documents yet.", "Add some: `assistant ingest FOLDER`.")
        collections = _wanted(question.collections or knowledge.collections, readable)
        # Further passages are evidence of how far the best ones stand out.
        count = knowledge.passages if question.attachments else max(knowledge.passages, SEARCHED_PASSAGES)
        scope = Scope(collections if readable else None, question.caller, question.attachments, count)
        return search(self.knowledge, visible(question.text), self._before(state), scope, rewritten)

    def _content(self, state: State) -> budget.Content:
        turns = self._before(state)
        recent, older = turns[-PROMPTED_TURNS:], turns[:-PROMPTED_TURNS][-NAMED_TURNS:]
        return budget.Content(
            prompts.system(state["profile"].persona, self._language(state)),
            state["question"].text,
            tuple(recent),
            state["passages"],
            tuple(turn.question for turn in older),
        )

    @step("compose")
    def _fit(self, state: State, content: budget.Content) -> budget.Fitted:
        self.engine.load()
        limit = budget.prompt_limit(self.engine.context_length, self.settings.engine.max_tokens)
        language = self._asked_for(state, content.passages)
        if state["question"].task == "summary":
            summarise = partial(prompts.summarise, language=language)
            return budget.fit_summary(summarise, content.passages, self.engine, limit)
        compose = partial(prompts.compose, language=language, firm=bool(state.get("firm")))
        return budget.fit(compose, content, self.engine, limit)

    def _asked_for(self, state: State, passages: Sequence[Passage]) -> str:
        """The language that the model must be told to write; empty where it comes by itself."""
        language = self._language(state)
        return language if state["question"].language or _foreign(language, passages) else ""

    @step("ground")
    def _grounding(self, state: State) -> Grounding:
        passages, embeddings, rarity = state["passages"], self.knowledge.embeddings, state["rarity"]
        if state["question"].task == "summary":
            return Digest(passages, embeddings, rarity)
        return Grounding(state["query"], passages, embeddings, rarity)


def _foreign(language: str, passages: Sequence[Passage]) -> bool:
    """Whether a model must be told which language to write. It follows its instructions and what it reads, so that
    English about English texts comes by itself."""
    return bool(language) and (language != "en" or languages.detect(_beginnings(passages)) not in ("", "en"))


def _beginnings(passages: Sequence[Passage]) -> str:
    return " ".join(passage.text[:100] for passage in passages)


# The smallest context a profile may set.
MIN_CONTEXT = 512


async def _until(deadline: float, chunks: AsyncIterator[AIMessageChunk]) -> AsyncGenerator[AIMessageChunk, None]:
    """The chunks that come in time. Raises TimeoutError, and only while it waits for one: what is done with a chunk,
    checking a sentence above all, is never broken off half-way."""
    try:
        while True:
            async with asyncio.timeout_at(deadline):
                chunk = await anext(chunks, None)
            if chunk is None:
                return
            yield chunk
    finally:
        if isinstance(chunks, AsyncGenerator):
            await chunks.aclose()


def _emit(event: Event) -> None:
    get_stream_writer()(event)


async def _check(draft: Draft, sentence: str) -> None:
    with step("ground"):
        added = await asyncio.to_thread(draft.add, sentence)
    if added:
        _emit(TextDelta(added))


def _since(started: float) -> float:
    return round((time.monotonic() - started) * 1000, 1)


def _turn(turn: dict[str, Any]) -> Turn:
    citations = tuple(Citation(**citation) for citation in turn["citations"])
    # Of a turn without a status an answer is known by what it cites.
    status: Status = turn.get("status") or ("answered" if citations else "abstained")
    return Turn(turn["question"], turn["answer"], citations, turn.get("id", ""), turn.get("query", ""), status)


def _gap(state: State, collections: Sequence[str]) -> Gap:
    closest = tuple(close(state["searched"].passages))
    confidence = state["decision"].confidence
    return Gap(state["question"].text, state["query"], tuple(collections), closest, confidence)


def _wanted(names: Sequence[str], readable: Sequence[str]) -> list[str]:
    """Those that are named and may be read; none where none is named, which means all.

    Raises NotFoundError when nothing is left; whether a collection is closed or does not exist makes no difference.
    """
    found = [name for name in names if name in readable]
    if names and readable and not found:
        raise NotFoundError(f"There is no collection {names[0]!r}.", f"There are: {', '.join(readable)}.")
    return found


def _with(turns: Sequence[dict[str, Any]], turn: dict[str, Any]) -> list[dict[str, Any]]:
    """The turns with this one in the place of the one with its id, else at the end."""
    place = _place([turn.get("id", "") for turn in turns], turn["id"])
    return [*turns[:place], turn, *turns[place + 1 :]]


def _place(ids: Sequence[str], id_: str) -> int:
    return ids.index(id_) if id_ in ids else len(ids)
