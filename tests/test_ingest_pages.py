"""Web pages and sitemaps in the knowledge base, from a real small site on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from knowledge import KnowledgeBase, SentenceEmbeddings
from tests.conftest import ingest
from tests.site import Reply, Site, page

pytestmark = pytest.mark.slow

FUSE = "<html><title>Fuses</title><body><main><h1>Fuses</h1><p>A fuse melts when the current is too large.</p></main>"
COPPER = "<html><body><main><h1>Copper</h1><p>Copper conducts electricity well and bends easily.</p></main>"


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def knowledge(tmp_path: Path, embeddings: SentenceEmbeddings) -> Iterator[KnowledgeBase]:
    base = KnowledgeBase(tmp_path / "data", embeddings, web_allow_private=True)
    yield base
    base.close()


def address(site: Site, path: str) -> str:
    return site.url(path, "127.0.0.1")


def sitemap(site: Site, *paths: str) -> Reply:
    urls = "".join(f"<url><loc>{address(site, path)}</loc></url>" for path in paths)
    return page(f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>', "application/xml")


def test_a_page_is_cited_by_its_address_and_followed_through_its_changes(knowledge: KnowledgeBase, site: Site) -> None:
    url = address(site, "/fuses")
    site.replies["/fuses"] = page(FUSE)
    assert ingest(knowledge, url).added == 1
    (found,) = knowledge.search("When does a fuse melt?")
    assert (found.metadata["source"], found.metadata["url"], found.metadata["section"]) == (url, url, "Fuses")
    assert ingest(knowledge, url).unchanged == 1
    site.replies["/fuses"] = page(COPPER)
    assert ingest(knowledge, url).updated == 1
    assert [source.version for source in knowledge.find(url)] == [2]
    site.replies["/fuses"] = Reply(b"later", 503)
    (failure,) = ingest(knowledge, url).failed
    assert failure.source == url
    assert [source.state for source in knowledge.documents()] == ["outdated"]
    assert len(knowledge.search("copper")) == 1
    site.replies["/fuses"] = Reply(b"gone", 410)
    assert ingest(knowledge, url).removed == 1
    assert not knowledge.search("copper")


def test_a_page_that_is_named_is_asked_for_once_and_anew_the_next_time(knowledge: KnowledgeBase, site: Site) -> None:
    site.replies |= {"/fuses": page(FUSE), "/notes.txt": page("Copper bends easily.", "text/plain")}
    urls = [address(site, path) for path in site.replies]
    assert ingest(knowledge, *urls).added == 2
    assert site.paths == ["/fuses", "/notes.txt"]
    assert ingest(knowledge, *urls).unchanged == 2
    assert site.paths == ["/fuses", "/notes.txt"] * 2


def test_a_page_that_breaks_off_is_recorded_as_a_page_that_cannot_be_read(knowledge: KnowledgeBase, site: Site) -> None:
    site.replies["/broken"] = page("no gzip at all", content_encoding="gzip")
    (failure,) = ingest(knowledge, address(site, "/broken")).failed
    assert "came damaged" in failure.error
    assert [source.state for source in knowledge.documents()] == ["failed"]


def test_a_sitemap_stands_for_its_pages_and_takes_out_what_it_names_no_more(
    knowledge: KnowledgeBase, site: Site
) -> None:
    site.replies |= {"/fuses": page(FUSE), "/copper": page(COPPER), "/sitemap.xml": sitemap(site, "/fuses", "/copper")}
    url = address(site, "/sitemap.xml")
    assert ingest(knowledge, url, collection="manual").added == 2
    ingest(knowledge, address(site, "/copper"))
    site.replies["/sitemap.xml"] = sitemap(site, "/fuses")
    report = ingest(knowledge, url, collection="manual")
    assert (report.unchanged, report.removed) == (1, 1)
    assert [(s.collection, s.path) for s in knowledge.documents()] == [
        ("default", address(site, "/copper")),
        ("manual", address(site, "/fuses")),
    ]
    site.replies["/sitemap.xml"] = Reply(b"", 500)
    report = ingest(knowledge, url, collection="manual")
    assert (report.removed, len(report.failed)) == (0, 1)


def test_a_page_inside_the_network_is_refused_unless_that_is_allowed(
    tmp_path: Path, embeddings: SentenceEmbeddings, site: Site
) -> None:
    site.replies["/fuses"] = page(FUSE)
    closed = KnowledgeBase(tmp_path / "closed", embeddings)
    (failure,) = ingest(closed, address(site, "/fuses")).failed
    assert "web_allow_private" in failure.error
    assert not site.asked
    closed.close()
