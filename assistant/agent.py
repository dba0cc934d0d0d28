"""Assistant: the one facade that connectors see."""

import asyncio
import gc
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Self

from assistant import languages
from assistant.conversations import explained, open_conversations
from assistant.engines.base import Engine, create
from assistant.gaps import Gaps
from assistant.opening import open_knowledge
from assistant.pipeline import Examined, Pipeline
from assistant.profiles import Profiles
from assistant.settings import Settings, load_profile
from assistant.types import Answer, Attachment, Event, Finished, Question, Turn
from knowledge import Caller, SentenceEmbeddings


class Assistant:
    """Answers questions from a knowledge base, and remembers conversations across restarts.

    Use it as an async context manager, or call `aclose` when done. Making one is cheap; the models load with
    the first question, or with `warm_up`.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine | None = None,
        embeddings: SentenceEmbeddings | None = None,
    ) -> None:
        self.settings = settings
        self.engine = engine or create(settings.engine)
        self.knowledge = open_knowledge(settings, embeddings)
        self._profiles = Profiles(settings)
        self._gaps = Gaps(settings.database, settings.data_dir)
        self._resources = AsyncExitStack()
        self._pipeline: Pipeline | None = None
        self._opening = asyncio.Lock()

    @classmethod
    def from_profile(cls, profile: str = "docs", data_dir: Path | None = None) -> Self:
        """An assistant as a profile describes it. Raises SettingsError."""
        return cls(load_profile(profile, data_dir))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._resources.aclose()
        await asyncio.to_thread(self.engine.close)
        self.knowledge.close()
        self._gaps.close()

    async def _ready(self) -> Pipeline:
        async with self._opening:
            if self._pipeline is None:
                conversations = open_conversations(self.settings.database, self.settings.data_dir)
                with explained(self.settings.database):
                    saver = await self._resources.enter_async_context(conversations)
                self._pipeline = Pipeline(self._profiles, self.knowledge, self.engine, saver, self._gaps)
            return self._pipeline

    async def read_attachment(self, path: Path, name: str = "", url: str = "") -> list[Attachment]:
        """A file to send with a question, a page each where it has pages. Nothing of it is kept.

        `name` is what people call the file, and says its kind; `url` is where they open it. Raises LoadError.
        """
        return await asyncio.to_thread(self.knowledge.read_file, path, name, url)

    def check_profile(self, profile: str) -> None:
        """Raises SettingsError when a question could not name this profile: it is unknown or wrong, or it needs
        another embedding model."""
        self._profiles.get(profile)

    async def warm_up(self) -> None:
        """Load the models now, side by side, instead of with the first question."""
        await asyncio.gather(
            asyncio.to_thread(self.engine.load),
            asyncio.to_thread(self.knowledge.warm_up),
            asyncio.to_thread(languages.identifier),
            self._ready(),
        )
        # What is loaded now stays, and need not be looked through whenever Python collects its garbage.
        gc.collect()
        gc.freeze()

    async def stream(self, question: Question) -> AsyncGenerator[Event, None]:
        """What happens while the question is answered; the last event is `Finished`.

        Closing the iterator early stops the model before `aclose` returns, gives the place in the line on, and the
        exchange is not remembered. Raises UserError.
        """
        pipeline, loading = await self._ready(), None
        with explained(self.settings.database):
            async with aclosing(pipeline.run(question)) as events:
                async for event in events:
                    loading = loading or self._load_beside()
                    yield event
        if loading:
            await loading

    def _load_beside(self) -> Awaitable[object]:
        """The model loads while the search goes on, once the question is known to be one that can be searched for; a
        failure to load is reported where the model is needed."""
        needed: list[Callable[[], object]] = [self.engine.load, languages.identifier]
        if self.knowledge.entailment:
            needed.append(self.knowledge.entailment.load)
        return asyncio.gather(*map(asyncio.to_thread, needed), return_exceptions=True)

    async def ask(self, question: Question) -> Answer:
        """The answer, whole."""
        async for event in self.stream(question):
            if isinstance(event, Finished):
                answer = event.answer
        return answer

    async def examine(self, question: Question) -> Examined:
        """What is found for the question and decided, without asking the model and without remembering. Raises
        UserError."""
        pipeline = await self._ready()
        with explained(self.settings.database):
            return await pipeline.examine(question)

    async def begin(self, conversation_id: str, turns: Sequence[Turn]) -> None:
        """Start a conversation with turns that were had elsewhere, in place of what it had."""
        pipeline = await self._ready()
        with explained(self.settings.database):
            await pipeline.begin(conversation_id, turns)

    async def history(self, conversation_id: str, caller: Caller | None = None) -> list[Turn]:
        """The turns of a conversation, oldest first; none when it is unknown. Answers from collections that the
        caller may not read are left out."""
        pipeline = await self._ready()
        with explained(self.settings.database):
            return await pipeline.turns(conversation_id, caller)

    async def forget(self, conversation_id: str) -> None:
        """Erase what is remembered of a conversation."""
        pipeline = await self._ready()
        with explained(self.settings.database):
            await pipeline.forget(conversation_id)
