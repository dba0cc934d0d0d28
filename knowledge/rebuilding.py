"""Everything anew, for another embedding model or another way of cutting; searched once it is complete."""

from collections.abc import Iterator

from knowledge.catalog import Catalog, Generation
from knowledge.chunking import Chunker
from knowledge.ingest import IngestEvent, Ingestion
from knowledge.reading import Reading, Sources, Unreadable, carried_over
from knowledge.scan import Item, Scan
from knowledge.writing import Writer


class Rebuilding(Ingestion):
    """One collection of the live generation, read again into the next one. What cannot be read any more is carried
    over as it was cut before."""

    def items(self) -> Scan:
        """Every source that the live generation has."""
        return Scan([Item(source.path, source.origin) for source in self.catalog.sources(self.collection)])

    def _unreadable(self, read: Unreadable) -> Reading | None:
        was = {source.path: source for source in self.catalog.sources(self.collection)}[read.source.path]
        if not was.passages:
            return super()._unreadable(read)
        passages = [(p.text, p.section, p.page) for p in self.catalog.passages_of(was)]
        return carried_over(was, read.failure.error, passages, self.generation)


def next_generation(catalog: Catalog, model: str, cutting: str) -> Generation:
    """The generation to fill: one that was begun for the same model and cutting, else a new one."""
    begun = catalog.building()
    if begun and (begun.model, begun.cutting) == (model, cutting):
        return begun
    if begun:
        catalog.abandon(begun)
    return catalog.begin(model, cutting, ready=False)


def rebuild(catalog: Catalog, writer: Writer, sources: Sources, chunker: Chunker) -> Iterator[IngestEvent | Rebuilding]:
    """Events of every collection's run, each run itself before its events; then the new generation is searched."""
    for collection in catalog.collections():
        run = Rebuilding(catalog, writer, sources, chunker, collection)
        yield run
        yield from run.apply(run.items())
    writer.store.publish()
    catalog.promote(writer.generation)
