"""Assistant: the one facade that connectors see."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Self

from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from assistant.engines.base import Engine, create
from assistant.pipeline import Pipeline
from assistant.settings import Settings, load_profile
from assistant.types import Answer, Event, Finished, Question, Turn
from knowledge import KnowledgeBase, SentenceEmbeddings


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

    async def _ready(self) -> Pipeline:
        async with self._opening:
            if self._pipeline is None:
                path = self.settings.data_dir / "sessions.sqlite3"
                saver = await self._resources.enter_async_context(AsyncSqliteSaver.from_conn_string(str(path)))
                self._pipeline = Pipeline(self.settings, self.knowledge, self.engine, saver)
            return self._pipeline

    async def warm_up(self) -> None:
        """Load the models now, side by side, instead of with the first question."""
        await asyncio.gather(
            asyncio.to_thread(self.engine.load),
            asyncio.to_thread(self.knowledge.warm_up),
            self._ready(),
        )

    async def stream(self, question: Question) -> AsyncIterator[Event]:
        """What happens while the question is answered; the last event is `Finished`.

        Closing the iterator early stops the model, and the exchange is not remembered. Raises UserError.
        """
        pipeline = await self._ready()
        # The model loads while the search goes on; a failure to load is reported where the model is needed.
        loading = asyncio.gather(asyncio.to_thread(self.engine.load), return_exceptions=True)
        async for event in pipeline.run(question):
            yield event
        await loading

    async def ask(self, question: Question) -> Answer:
        """The answer, whole."""
        async for event in self.stream(question):
            if isinstance(event, Finished):
                answer = event.answer
        return answer

    async def history(self, conversation_id: str) -> list[Turn]:
        """The turns of a conversation, oldest first; none when it is unknown."""
        return await (await self._ready()).turns(conversation_id)

    async def forget(self, conversation_id: str) -> None:
        """Erase what is remembered of a conversation."""
        pipeline = await self._ready()
        await pipeline.forget(conversation_id)


def open_knowledge(settings: Settings, embeddings: SentenceEmbeddings | None = None) -> KnowledgeBase:
    """The knowledge base of a profile. Quick: no model is loaded. Raises StorageError."""
    return KnowledgeBase(
        settings.data_dir,
        embeddings or SentenceEmbeddings(settings.knowledge.embedding_model),
        settings.knowledge.max_file_mb,
    )
