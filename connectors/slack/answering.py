"""From a claimed question to what is left in its thread: an answer, or the reason why there is none."""

import asyncio
import logging
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass, replace
from typing import Any

from slack_sdk.web.async_client import AsyncWebClient

from assistant import Answer, Attachment, Citation, Finished, Question, Stage, TextDelta
from assistant.errors import BusyError, EmptyQuestionError, QuestionTooLongError, TooLateError
from connectors.slack import curation, evidence
from connectors.slack.asking import LONGEST_QUESTION, only_emoji, parted
from connectors.slack.delivery import Reply
from connectors.slack.formatting import plain
from connectors.slack.places import Places
from connectors.slack.results import DELETED, EDITED, SILENT, Result
from connectors.slack.services import Services
from connectors.slack.statuses import WAITING, WORKING
from connectors.slack.store import MAX_ATTEMPTS, Claimed
from knowledge import NotFoundError, UserError

log = logging.getLogger("assistant.slack")

# Given to a question that the assistant's own line had no place for.
BUSY_S = 2.0
SUMMARY = "Summarize this."


class LostLeaseError(Exception):
    """Another replica has taken the question over; whatever this one knows of it is out of date."""


@dataclass(slots=True)
class Work:
    """A question that this replica works on, and how it is interrupted."""

    claimed: Claimed
    generation: "asyncio.Task[Result] | None" = None
    why: str = ""

    def interrupt(self, why: str) -> None:
        """Stop the model, for the reason given. Once the answer is written, only deleting still matters."""
        self.why = why
        if self.generation:
            self.generation.cancel()


class Answering:
    """Answers one question at a time for whoever calls; it holds nothing between two."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.places = Places(services.store, services.workspaces)
        self.evidence = evidence.Evidence(services.assistant, services.store)

    async def serve(self, work: Work) -> None:
        """Leave an answer or a reason in the thread, once. Raises what Slack or the store refuses, LostLeaseError,
        and CancelledError on shutdown."""
        asked = work.claimed.asked
        client = await self.services.workspaces.client(asked.team, asked.enterprise or None)
        work.claimed = await self.places.rooted(client, work.claimed, self.services.words(asked.channel))
        self.services.statuses.session(work.claimed.asked, WORKING)
        try:
            async with Reply(client, self.services.store, work.claimed, self.services.pacing) as reply:
                result = await self._result(client, work, reply)
                await self._leave(work, reply, result)
        finally:
            self.services.statuses.session(work.claimed.asked, WAITING)

    async def _result(self, client: AsyncWebClient, work: Work, reply: Reply) -> Result:
        claimed = work.claimed
        if claimed.state == "written":
            citations = tuple(Citation(**citation) for citation in claimed.citations)
            return Result(claimed.answer, claimed.status, claimed.outcome, citations, tuple(claimed.notes))
        if claimed.refusal:
            return self._refused(claimed, claimed.refusal)
        if claimed.attempts > MAX_ATTEMPTS:
            return self._refused(claimed, "model_failed")
        result = await self._generated(client, work, reply)
        await self._keep(work.claimed, result)
        return result

    def _refused(self, claimed: Claimed, name: str, text: str = "", **values: object) -> Result:
        reason = self.services.words(claimed.asked.channel).reason(name, **values)
        return Result.refused(name, reason, text)

    async def _keep(self, claimed: Claimed, result: Result) -> None:
        kept = await self.services.store.write(
            claimed,
            answer=result.text,
            status=result.status,
            outcome=result.outcome,
            citations=[asdict(citation) for citation in result.citations],
            notes=result.notes,
        )
        if not kept:
            raise LostLeaseError

    # -- the model's part

    async def _generated(self, client: AsyncWebClient, work: Work, reply: Reply) -> Result:
        """The result, in spite of interruptions; after an edit the new question's."""
        while True:
            work.why, shown = "", _Shown()
            work.generation = asyncio.create_task(self._ask(client, work.claimed, reply, shown))
            try:
                return await work.generation
            except asyncio.CancelledError:
                if not work.why:
                    raise
            finally:
                work.generation = None
            if work.why != EDITED:
                return Result(shown.text, work.why, work.why)
            work.claimed = await self._read_again(work.claimed)
            reply.start_over()

    async def _read_again(self, claimed: Claimed) -> Claimed:
        found = await self.services.store.question(claimed.id)
        if found is None:
            raise LostLeaseError
        return replace(claimed, asked=replace(claimed.asked, text=found.asked.text), revision=found.revision)

    async def _ask(self, client: AsyncWebClient, claimed: Claimed, reply: Reply, shown: "_Shown") -> Result:
        asked = claimed.asked
        person = await self.services.people.person(client, asked.team, asked.user)
        if person.bot:
            return Result(status=SILENT, outcome=SILENT)
        if person.stranger or (person.guest and not self.services.settings.guests):
            return self._refused(claimed, "stranger" if person.stranger else "guest")
        if asked.kind == "ingest":
            return await self._add_files(client, claimed)
        caller = await self.services.people.caller(client, asked.team, asked.user, asked.channel, person)
        attachments, notes = await self._evidence(client, claimed)
        question = self._question(claimed, attachments)
        if isinstance(question, Result):
            return replace(question, notes=(*question.notes, *notes))
        return await self._answer(claimed, replace(question, caller=caller), reply, shown, notes)

    async def _evidence(self, client: AsyncWebClient, claimed: Claimed) -> tuple[list[Attachment], list[str]]:
        asked, words = claimed.asked, self.services.words(claimed.asked.channel)
        if asked.kind == "summary":
            self.services.statuses.show(asked, words.summarising)
            bot = await self.services.workspaces.bot(asked.team, asked.enterprise or None)
            return await evidence.thread_messages(client, asked, bot.bot_user_id if bot else ""), []
        if asked.extra.get("files"):
            name = str(asked.extra["files"][0].get("name") or "")
            self.services.statuses.show(asked, words.reading_file.format(name=plain(name, 80)))
        return await self.evidence.of(client, asked, words)

    def _question(self, claimed: Claimed, attachments: Sequence[Attachment]) -> Question | Result:
        """What to ask the assistant; or why there is nothing to ask."""
        asked, channel = claimed.asked, self.services.settings.channel(claimed.asked.channel)
        wanted = parted(asked.text)
        if wanted.pasted:
            attachments = [Attachment("your message", wanted.pasted), *attachments]
        task = "summary" if asked.kind == "summary" or (not asked.text.strip() and attachments) else "answer"
        if task == "answer":
            reason = "empty" if not wanted.question.strip() else "only_emoji" if only_emoji(wanted.question) else ""
            if reason:
                return self._refused(claimed, reason)
        elif not attachments or (asked.kind == "summary" and len(attachments) < 2):
            return self._refused(claimed, "empty_thread")
        return Question(
            text=SUMMARY if task == "summary" else wanted.question,
            id=claimed.id,
            conversation_id=claimed.conversation,
            attachments=tuple(attachments),
            collections=channel.collections,
            profile=channel.profile,
            language=channel.language or "",
            task="summary" if task == "summary" else "answer",
        )

    async def _answer(
        self, claimed: Claimed, question: Question, reply: Reply, shown: "_Shown", notes: Sequence[str]
    ) -> Result:
        quiet = claimed.asked.kind == "unprompted"
        try:
            answer = await self._follow(claimed, question, reply, shown, quiet=quiet)
        except UserError as error:
            return self._failed(claimed, error, shown.text, notes)
        except Exception:
            log.exception("A question could not be answered.")
            return self._refused(claimed, "model_failed", shown.text)
        if quiet and answer.status != "answered":
            return Result(status=SILENT, outcome=SILENT)
        return Result(answer.text, answer.status, answer.status, answer.citations, tuple(notes))

    async def _follow(
        self, claimed: Claimed, question: Question, reply: Reply, shown: "_Shown", *, quiet: bool
    ) -> Answer:
        """Show what happens while the assistant answers. Closing the stream early stops the model."""
        words = self.services.words(claimed.asked.channel)
        statuses = {"searching": words.searching, "reading": words.reading, "writing": words.writing}
        async with aclosing(self.services.assistant.stream(question)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    answer = event.answer
                elif isinstance(event, TextDelta):
                    self._first_text(claimed, shown)
                    shown.text += event.text
                    if not quiet:
                        reply.add(event.text)
                        if reply.stopped.is_set():
                            await self.services.store.stop(*_thread(claimed))
                elif isinstance(event, Stage) and not quiet and not shown.text:
                    self.services.statuses.show(claimed.asked, statuses[event.name], words.loading)
        return answer

    def _first_text(self, claimed: Claimed, shown: "_Shown") -> None:
        if not shown.text:
            self.services.metrics.first_text_seconds.observe(max(0.0, time.time() - claimed.asked_at))

    def _failed(self, claimed: Claimed, error: UserError, text: str, notes: Sequence[str]) -> Result:
        """Why the assistant did not answer, in words for people who have no terminal."""
        if isinstance(error, BusyError):
            raise error
        name = _REASONS.get(type(error), "model_failed")
        if name == "model_failed":
            log.error("A question could not be answered: %s %s", error.problem, error.remedy)
        values = {"limit": LONGEST_QUESTION} if name == "too_long" else {}
        result = self._refused(claimed, name, text, **values)
        return replace(result, notes=(*result.notes, *notes))

    async def _add_files(self, client: AsyncWebClient, claimed: Claimed) -> Result:
        words = self.services.words(claimed.asked.channel)
        lines = await curation.add(client, self.services.assistant, claimed.asked, words)
        return Result("\n".join(lines), "added", "added")

    # -- what is left in the thread

    async def _leave(self, work: Work, reply: Reply, result: Result) -> None:
        claimed, asked = work.claimed, work.claimed.asked
        if result.status in (SILENT, DELETED) or work.why == DELETED:
            await reply.withdraw()
            await self.services.statuses.clear(asked)
            await self._done(work, DELETED if work.why == DELETED else result.outcome)
            return
        await self.services.statuses.quiet(asked)
        words = self.services.words(asked.channel)
        below = result.blocks(claimed.id, words, self.services.settings.help)
        if result.text:
            await reply.finish(result.text, below)
        else:
            await reply.refuse(" ".join(result.notes[:2]) or words.stopped, below)
        await self._done(work, result.outcome)

    async def _done(self, work: Work, outcome: str) -> None:
        if await self.services.store.finish(work.claimed, outcome):
            self.services.metrics.answers_total.labels(status=outcome).inc()
            self.services.metrics.answer_seconds.observe(max(0.0, time.time() - work.claimed.asked_at))


@dataclass(slots=True)
class _Shown:
    """What the person has been given so far."""

    text: str = ""


_REASONS: dict[type[Any], str] = {
    EmptyQuestionError: "empty",
    QuestionTooLongError: "too_long",
    TooLateError: "took_too_long",
    NotFoundError: "no_documents",
}


def _thread(claimed: Claimed) -> tuple[str, str, str]:
    return claimed.asked.team, claimed.asked.channel, claimed.asked.thread
