"""Pages and sitemaps by URL, from a real server on loopback; and addresses that are never connected to."""

import datetime
import gzip
import ipaddress
import ssl
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from io import BufferedIOBase
from pathlib import Path

import pytest
import pytest_socket
from hypothesis import example, given, settings
from hypothesis import strategies as st

from knowledge import loaders
from knowledge.errors import GoneError, LoadError
from knowledge.web import Download, Web
from knowledge.web.addresses import is_public, resolve
from knowledge.web.answers import unpacked
from knowledge.web.sitemaps import MAX_PAGES, MAX_SITEMAPS
from knowledge.web.urls import parse, same_site
from tests.site import Reply, Site, page, redirect

PUBLIC = "93.184.216.34"
HELLO = page("<title>Hello</title><h1>Hello</h1><p>The kettle boils at ninety degrees.</p>")

# Every connection that this process makes, whoever makes it; see `sys.addaudithook`, which nothing takes back.
connected: list[object] = []
sys.addaudithook(lambda event, args: connected.append(args[1]) if event == "socket.connect" else None)


def named(**hosts: str) -> Callable[[str, int], Sequence[str]]:
    """A resolver that knows these: `docs="127.0.0.1"` is docs.test. Numbers it reads as the system does."""
    known = {f"{name}.test": addresses.split() for name, addresses in hosts.items()}
    return lambda host, port: known[host] if host in known else resolve(host, port)


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def web(slept: list[float]) -> Iterator[Web]:
    with Web(
        allow_private=True,
        seconds=20,
        max_bytes=1_000_000,
        resolve=named(docs="127.0.0.1", other="127.0.0.1"),
        sleep=lambda seconds: slept.append(seconds) if seconds else None,
    ) as web:
        yield web


def refusal(web: Web, url: str, folder: Path) -> str:
    """Why a page is not fetched."""
    with pytest.raises(LoadError) as caught:
        web.fetch(url, folder)
    assert caught.value.remedy
    assert not list(folder.rglob("*.*"))
    return caught.value.problem


# -- pages


def test_a_page_becomes_a_file_that_the_loaders_read(web: Web, site: Site, tmp_path: Path) -> None:
    site.replies["/guide"] = HELLO
    download = web.fetch(site.url("/guide#part"), tmp_path)
    assert download == Download(download.path, "guide.html", site.url("/guide"))
    (document,) = loaders.load(download.path, download.name)
    assert document.metadata["title"] == "Hello"
    assert "The kettle boils at ninety degrees." in document.page_content


@pytest.mark.parametrize(
    ("path", "kind", "name"),
    [
        ("/", "text/html", "index.html"),
        ("/a.php?x=1", "text/html; charset=utf-8", "a.html"),
        ("/paper.pdf", "application/pdf", "paper.pdf"),
        ("/download", "Application/PDF", "download.pdf"),
        ("/readme.md", "text/plain; charset=utf-8", "readme.md"),
        ("/notes", "text/plain", "notes.txt"),
        ("/v1.2", "text/plain", "v1.txt"),
        ("/notes", "text/markdown", "notes.md"),
        ("/readme.md", "text/html", "readme.html"),
        ("/b.docx", "application/octet-stream", "b.docx"),
        ("/c", "application/vnd.openxmlformats-officedocument.wordprocessingml.document", "c.docx"),
        ("/%EA%B0%80%EC%9D%B4%EB%93%9C", "text/html", "가이드.html"),
        ("/..%2F..%2Fetc%2Fpasswd", "text/html", "passwd.html"),
        ("/" + "x" * 300, "text/html", "x" * 60 + ".html"),
    ],
)
def test_the_content_type_gives_the_suffix(
    web: Web, site: Site, tmp_path: Path, path: str, kind: str, name: str
) -> None:
    site.replies[path] = Reply(b"content", 200, {"Content-Type": kind})
    download = web.fetch(site.url(path), tmp_path)
    assert (download.name, download.path.name) == (name, name)
    assert download.path.read_bytes() == b"content"
    assert download.path.is_relative_to(tmp_path)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("image/png", "image/png"),
        ("application/octet-stream", "application/octet-stream"),
        ("\x9b31m", "of no kind that its server tells"),
        ("", "of no kind that its server tells"),
    ],
)
def test_an_unknown_type_is_refused_by_its_name(web: Web, site: Site, tmp_path: Path, kind: str, told: str) -> None:
    site.replies["/a.bin"] = Reply(b"content", 200, {"Content-Type": kind})
    assert told in refusal(web, site.url("/a.bin"), tmp_path)


def test_pages_of_one_name_do_not_meet(web: Web, site: Site, tmp_path: Path) -> None:
    site.replies |= {"/a/index.html": page("one"), "/b/index.html": page("two")}
    paths = [web.fetch(site.url(f"/{where}/index.html"), tmp_path).path for where in "ab"]
    assert [path.read_text() for path in paths] == ["one", "two"]


def test_a_packed_page_is_unpacked(web: Web, site: Site, tmp_path: Path) -> None:
    site.replies["/"] = Reply(gzip.compress(b"Hello"), 200, {"Content-Type": "text/plain", "Content-Encoding": "gzip"})
    assert web.fetch(site.url("/"), tmp_path).path.read_bytes() == b"Hello"


def test_the_program_says_who_it_is_and_takes_no_cookies(web: Web, site: Site, tmp_path: Path) -> None:
    site.replies["/"] = page("Hello", set_cookie="a=b")
    web.fetch(site.url("/"), tmp_path)
    web.fetch(site.url("/"), tmp_path)
    assert all(asked.headers["User-Agent"].startswith("solar-assistant/0") for asked in site.asked)
    assert not any(asked.headers["Cookie"] for asked in site.asked)


def test_a_proxy_in_the_environment_is_not_asked(
    web: Web, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    site.replies["/"] = HELLO
    assert web.fetch(site.url("/"), tmp_path)


# -- statuses


@pytest.mark.parametrize("status", [404, 410])
def test_a_page_that_is_gone_is_told_from_one_that_is_only_away(
    web: Web, site: Site, tmp_path: Path, status: int
) -> None:
    site.replies["/"] = Reply(b"", status)
    with pytest.raises(GoneError, match=str(status)):
        web.fetch(site.url("/"), tmp_path)
    with pytest.raises(GoneError):
        web.expand(site.url("/"))


@pytest.mark.parametrize("status", [401, 403, 418, 500, 503, 204, 206, 304])
def test_a_page_that_is_only_away_is_not_gone(web: Web, site: Site, tmp_path: Path, status: int) -> None:
    site.replies["/"] = Reply(b"", status)
    with pytest.raises(LoadError, match=str(status)) as caught:
        web.fetch(site.url("/"), tmp_path)
    assert not isinstance(caught.value, GoneError)


def test_a_server_that_is_not_there_is_no_page_that_is_gone(web: Web, site: Site, tmp_path: Path) -> None:
    with Site() as other:
        url = other.url("/a")
    with pytest.raises(LoadError, match="cannot be reached") as caught:
        web.fetch(url, tmp_path)
    assert not isinstance(caught.value, GoneError)


def test_a_host_that_is_not_known_is_named(web: Web, tmp_path: Path) -> None:
    with Web(resolve=unknown) as web:
        assert "nowhere.test" in refusal(web, "http://nowhere.test/", tmp_path)


def unknown(host: str, port: int) -> list[str]:
    raise OSError(-2, "Name or service not known")


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_once_more_when_it_says(
    web: Web, site: Site, tmp_path: Path, slept: list[float], status: int
) -> None:
    site.replies["/"] = [Reply(b"", status, {"Retry-After": "7"}), HELLO]
    assert web.fetch(site.url("/"), tmp_path).name == "index.html"
    assert slept == [7]


def test_a_busy_server_is_not_asked_a_third_time(web: Web, site: Site, tmp_path: Path, slept: list[float]) -> None:
    site.replies["/"] = Reply(b"", 503, {"Retry-After": "not a time"})
    assert "503" in refusal(web, site.url("/"), tmp_path)
    assert site.paths == ["/", "/"]
    assert len(slept) == 1


def test_a_server_that_says_to_come_back_much_later_is_left_alone(
    web: Web, site: Site, tmp_path: Path, slept: list[float]
) -> None:
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)
    site.replies |= {
        "/a": Reply(b"", 429, {"Retry-After": "3600"}),
        "/b": Reply(b"", 503, {"Retry-After": later.strftime("%a, %d %b %Y %H:%M:%S GMT")}),
    }
    assert "429" in refusal(web, site.url("/a"), tmp_path)
    assert "503" in refusal(web, site.url("/b"), tmp_path)
    assert site.paths == ["/a", "/b"]
    assert slept == []


# -- redirects


def test_redirects_within_the_host_are_followed_to_where_they_end(web: Web, site: Site, tmp_path: Path) -> None:
    site.replies |= {"/a": redirect("b", 301), "/b": redirect(site.url("/c"), 308), "/c": HELLO}
    assert web.fetch(site.url("/a"), tmp_path).url == site.url("/c")


@pytest.mark.parametrize(
    "location",
    [
        "http://other.test:{port}/x",
        "https://other.test:{port}/x",
        "//other.test:{port}/x",
        "http://127.0.0.1:{port}/x",
        "http://docs.test:1/",
    ],
)
def test_a_redirect_to_another_place_is_not_followed(web: Web, site: Site, tmp_path: Path, location: str) -> None:
    site.replies |= {"/a": redirect(location.format(port=site.port)), "/x": HELLO}
    assert "leads to another place" in refusal(web, site.url("/a"), tmp_path)
    assert site.paths == ["/a"]
    assert {asked.host for asked in site.asked} == {"docs.test"}


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://docs.test/", "javascript:alert(1)", "http://[::1", "http://a:b@docs.test/"],
)
def test_a_redirect_to_what_is_no_page_is_refused(web: Web, site: Site, tmp_path: Path, location: str) -> None:
    site.replies["/a"] = redirect(location)
    refusal(web, site.url("/a"), tmp_path)
    assert site.paths == ["/a"]


def test_redirects_in_a_circle_end(web: Web, site: Site, tmp_path: Path) -> None:
    site.replies |= {"/a": redirect("/b"), "/b": redirect("/a")}
    assert "redirects" in refusal(web, site.url("/a"), tmp_path)
    assert len(site.paths) == 6


def test_a_redirect_into_what_robots_txt_closes_is_refused(web: Web, site: Site, tmp_path: Path) -> None:
    site.replies |= {
        "/robots.txt": page("User-agent: *\nDisallow: /private/", "text/plain"),
        "/a": redirect("/private/b"),
        "/private/b": HELLO,
    }
    assert "robots.txt" in refusal(web, site.url("/a"), tmp_path)
    assert site.paths == ["/a"]


# -- limits


def test_a_page_larger_than_allowed_is_refused_while_it_comes(web: Web, site: Site, tmp_path: Path) -> None:
    sent: list[int] = []
    site.replies["/"] = Reply(endless(b"x" * 65_536, sent), 200, {"Content-Type": "text/plain"})
    assert "more than 1 MB" in refusal(web, site.url("/"), tmp_path)
    assert len(sent) < 1_000


def endless(piece: bytes, sent: list[int]) -> Callable[[BufferedIOBase], None]:
    def write(out: BufferedIOBase) -> None:
        while True:
            out.write(piece)
            sent.append(len(piece))

    return write


def test_a_page_that_unpacks_to_more_than_allowed_is_refused(web: Web, site: Site, tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(100_000_000))
    assert len(bomb) < 100_000
    site.replies["/"] = Reply(bomb, 200, {"Content-Type": "text/plain", "Content-Encoding": "gzip"})
    assert "more than 1 MB" in refusal(web, site.url("/"), tmp_path)


def test_no_more_is_unpacked_than_is_allowed() -> None:
    bomb = gzip.compress(bytes(100_000_000))
    tracemalloc.start()
    with pytest.raises(LoadError, match="more than 1 MB"):
        unpacked(bomb, parse("http://docs.test/"), 1_000_000)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 10_000_000


@pytest.mark.parametrize("packing", ["gzip, gzip", "br", "deflate"])
def test_packing_that_was_not_asked_for_is_refused(web: Web, site: Site, tmp_path: Path, packing: str) -> None:
    site.replies["/"] = Reply(b"x", 200, {"Content-Type": "text/plain", "Content-Encoding": packing})
    assert packing in refusal(web, site.url("/"), tmp_path)


def test_a_page_packed_badly_is_refused(web: Web, site: Site, tmp_path: Path) -> None:
    whole = gzip.compress(b"Hello" * 100)
    for body in (b"no gzip", whole[:-9], whole[:5] + b"\xff" * 20):
        site.replies["/"] = Reply(body, 200, {"Content-Type": "text/plain", "Content-Encoding": "gzip"})
        assert "damaged" in refusal(web, site.url("/"), tmp_path)


def test_a_page_that_breaks_off_is_refused(web: Web, site: Site, tmp_path: Path) -> None:
    site.replies["/"] = Reply(
        lambda out: out.write(b"half"), 200, {"Content-Type": "text/plain", "Content-Length": "1000"}
    )
    assert "cannot be reached" in refusal(web, site.url("/"), tmp_path)


def test_endless_headers_are_refused(web: Web, site: Site, tmp_path: Path) -> None:
    site.replies["/"] = Reply(b"x", 200, {f"X-{number}": "y" * 1_000 for number in range(500)})
    assert "cannot be reached" in refusal(web, site.url("/"), tmp_path)


@pytest.mark.alone
def test_a_server_that_drips_is_left_after_the_seconds_allowed(site: Site, tmp_path: Path) -> None:
    def drip(out: BufferedIOBase) -> None:
        for _ in range(200):
            out.write(b"x")
            time.sleep(0.1)

    site.replies |= {"/a": Reply(drip, 200, {"Content-Type": "text/plain"}), "/robots.txt": Reply(b"", 404)}
    with Web(allow_private=True, seconds=1.0, resolve=named(docs="127.0.0.1")) as web:
        started = time.monotonic()
        assert "longer than 1 seconds" in refusal(web, site.url("/a"), tmp_path)
        assert 0.9 < time.monotonic() - started < 4


@pytest.mark.alone
def test_a_resolver_that_never_answers_is_left_after_the_seconds_allowed(tmp_path: Path) -> None:
    never = threading.Event()
    with Web(seconds=0.5, resolve=lambda host, port: [str(never.wait(20))]) as web:
        started = time.monotonic()
        assert "longer than 0.5 seconds" in refusal(web, "http://docs.test/", tmp_path)
        assert time.monotonic() - started < 4
    never.set()


# -- robots


def test_robots_txt_is_respected_and_fetched_once(web: Web, site: Site, tmp_path: Path) -> None:
    site.replies |= {
        "/robots.txt": page("User-agent: *\nDisallow: /private/\nAllow: /private/open", "text/plain"),
        "/a": HELLO,
        "/private/open": HELLO,
        "/private/b": HELLO,
    }
    assert web.fetch(site.url("/a"), tmp_path / "a")
    assert web.fetch(site.url("/private/open"), tmp_path / "a")
    assert "robots.txt" in refusal(web, site.url("/private/b"), tmp_path / "b")
    with pytest.raises(LoadError, match=r"robots\.txt"):
        web.expand(site.url("/private/b"))
    assert [asked.path for asked in site.asked] == ["/robots.txt", "/a", "/private/open"]


def test_rules_for_this_program_go_before_those_for_all(web: Web, site: Site, tmp_path: Path) -> None:
    rules = "User-agent: *\nDisallow:\n\nUser-agent: Solar-Assistant\nDisallow: /\n"
    site.replies |= {"/robots.txt": page(rules, "text/plain"), "/a": HELLO}
    assert "robots.txt" in refusal(web, site.url("/a"), tmp_path)


@pytest.mark.parametrize("status", [400, 403, 404, 410])
def test_without_robots_txt_all_is_open(web: Web, site: Site, tmp_path: Path, status: int) -> None:
    site.replies |= {"/robots.txt": Reply(b"User-agent: *\nDisallow: /", status), "/a": HELLO}
    assert web.fetch(site.url("/a"), tmp_path)


@pytest.mark.parametrize("status", [500, 502, 503])
def test_while_robots_txt_cannot_be_had_nothing_is_open(web: Web, site: Site, tmp_path: Path, status: int) -> None:
    site.replies |= {"/robots.txt": Reply(b"", status), "/a": HELLO}
    for _ in range(2):  # the second time, by what is remembered
        assert "robots.txt answers" in refusal(web, site.url("/a"), tmp_path)
    assert site.paths == []
    assert len(site.asked) == (2 if status == 503 else 1)


def test_a_robots_txt_that_breaks_off_closes_all(web: Web, site: Site, tmp_path: Path) -> None:
    site.replies |= {"/robots.txt": Reply(lambda out: None, 200, {"Content-Length": "9"}), "/a": HELLO}
    assert "robots.txt" in refusal(web, site.url("/a"), tmp_path)
    assert site.paths == []


def test_robots_txt_is_followed_within_the_host_only(web: Web, site: Site, tmp_path: Path) -> None:
    closed = page("User-agent: *\nDisallow: /", "text/plain")
    site.replies |= {"/robots.txt": redirect("/r"), "/r": closed, "/a": HELLO}
    assert "closed to programs" in refusal(web, site.url("/a"), tmp_path)
    site.replies["/robots.txt"] = redirect(site.url("/r", "other.test"))
    with Web(allow_private=True, resolve=named(docs="127.0.0.1")) as other:
        assert "another place" in refusal(other, site.url("/a"), tmp_path)
    assert {asked.host for asked in site.asked} == {"docs.test"}


@pytest.mark.parametrize("packing", ["identity", "gzip"])
def test_of_an_endless_robots_txt_the_beginning_counts(web: Web, site: Site, tmp_path: Path, packing: str) -> None:
    rules = b"User-agent: *\nDisallow: /a\n" + b"# and so on\n" * 200_000
    body = gzip.compress(rules) if packing == "gzip" else rules
    site.replies |= {"/robots.txt": Reply(body, 200, {"Content-Encoding": packing}), "/a": HELLO, "/b": HELLO}
    assert "closed to programs" in refusal(web, site.url("/a"), tmp_path)
    assert web.fetch(site.url("/b"), tmp_path)


@pytest.mark.parametrize(("delay", "waited"), [("4", 4), ("3600", 10), ("-1", 0), ("soon", 0)])
def test_pages_are_asked_for_no_faster_than_robots_txt_says(
    web: Web, site: Site, tmp_path: Path, slept: list[float], delay: str, waited: float
) -> None:
    site.replies |= {"/robots.txt": page(f"User-agent: *\nCrawl-delay: {delay}", "text/plain"), "/a": HELLO}
    web.fetch(site.url("/a"), tmp_path)
    assert slept == []
    web.fetch(site.url("/a"), tmp_path)
    assert sum(slept) == pytest.approx(waited, abs=1)


@pytest.mark.parametrize(
    ("tag", "closed"),
    [
        ("noindex", True),
        ("nofollow, NoIndex", True),
        ("none", True),
        ("solar-assistant: noindex", True),
        ("unavailable_after: 25 Jun 2030 15:00:00 PST, noindex", True),
        ("otherbot: nofollow, noindex", False),
        ("nofollow", False),
        ("all", False),
    ],
)
def test_a_page_that_is_not_to_be_indexed_is_not(web: Web, site: Site, tmp_path: Path, tag: str, closed: bool) -> None:
    site.replies["/"] = page("Hello", x_robots_tag=tag)
    if closed:
        assert "noindex" in refusal(web, site.url("/"), tmp_path)
    else:
        assert web.fetch(site.url("/"), tmp_path)


@pytest.mark.parametrize(
    ("head", "closed"),
    [
        ('<meta name="robots" content="noindex, follow">', True),
        ("<META CONTENT=none NAME=Robots>", True),
        ('<meta name="solar-assistant" content="noindex">', True),
        ('<meta name="otherbot" content="noindex">', False),
        ('<!-- <meta name="robots" content="noindex"> -->', False),
        ('<script>"<meta name=robots content=noindex>"</script>', False),
        ('<meta name="robots" content="noindexing">', False),
        ("<div>" * 100_000, False),
    ],
)
def test_a_page_may_ask_so_in_its_head(web: Web, site: Site, tmp_path: Path, head: str, closed: bool) -> None:
    site.replies["/"] = page(f"<html><head>{head}</head><body>Hello</body></html>")
    if closed:
        assert "noindex" in refusal(web, site.url("/"), tmp_path)
    else:
        assert web.fetch(site.url("/"), tmp_path)


# -- sitemaps


def urlset(*addresses: str) -> str:
    inner = "".join(f"<url><loc>\n{address} </loc><lastmod>2026-01-01</lastmod></url>" for address in addresses)
    return f'<?xml version="1.0"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inner}</urlset>'


def index(*addresses: str) -> str:
    inner = "".join(f"<sitemap><loc>{address}</loc></sitemap>" for address in addresses)
    return f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{inner}</sitemapindex>'


XML = "application/xml"


def expanded(web: Web, url: str) -> tuple[list[str], list[str]]:
    """The pages, and what was said of those left out."""
    told: list[LoadError] = []
    pages = web.expand(url, told.append)
    return pages, [error.problem for error in told]


def test_a_page_stands_for_itself(web: Web, site: Site) -> None:
    site.replies["/a"] = HELLO
    told = expanded(web, site.url("/x/../a#c", "DOCS.test."))
    assert told == ([site.url("/a")], [])


def test_a_sitemap_stands_for_its_pages_each_once(web: Web, site: Site) -> None:
    addresses = [site.url("/a"), site.url("/b?x=1&amp;y=2"), site.url("/a#part"), site.url("/./a"), "/c"]
    site.replies["/sitemap.xml"] = page(urlset(*addresses), XML, x_robots_tag="noindex")
    assert expanded(web, site.url("/sitemap.xml")) == (
        [site.url("/a"), site.url("/b?x=1&y=2"), site.url("/c")],
        [],
    )


@pytest.mark.parametrize(
    "kind", ["application/xml", "text/xml", "application/rss+xml", "text/html", "application/x-gzip"]
)
def test_a_sitemap_is_known_by_what_is_in_it(web: Web, site: Site, kind: str) -> None:
    body = urlset(site.url("/a")).encode()
    body = gzip.compress(body) if "gzip" in kind else body
    site.replies["/map.xml"] = Reply(body, 200, {"Content-Type": kind})
    assert expanded(web, site.url("/map.xml"))[0] == [site.url("/a")]


def test_pictures_and_translations_in_a_sitemap_are_no_pages(web: Web, site: Site) -> None:
    text = (
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" xmlns:i="http://i/" xmlns:x="http://x/"><url>'
        f"<loc>{site.url('/a')}</loc><i:image><i:loc>{site.url('/a.png')}</i:loc></i:image>"
        f'<x:link rel="alternate" href="{site.url("/de")}"/></url></urlset>'
    )
    site.replies["/s.xml"] = page(text, XML)
    assert expanded(web, site.url("/s.xml")) == ([site.url("/a")], [])


def test_a_sitemap_may_be_packed_or_in_lines(web: Web, site: Site) -> None:
    lines = f"\ufeff{site.url('/a')}\r\n\r\n{site.url('/b')}\n"
    packed = gzip.compress(urlset(site.url("/a")).encode())
    site.replies |= {
        "/s.txt": page(lines, "text/plain"),
        "/s.xml.gz": Reply(packed, 200, {"Content-Type": "application/octet-stream"}),
    }
    assert expanded(web, site.url("/s.txt"))[0] == [site.url("/a"), site.url("/b")]
    assert expanded(web, site.url("/s.xml.gz"))[0] == [site.url("/a")]


def test_a_text_that_only_names_addresses_among_others_is_a_page(web: Web, site: Site) -> None:
    site.replies["/links.txt"] = page("See\nhttp://docs.test/a\n", "text/plain")
    assert expanded(web, site.url("/links.txt")) == ([site.url("/links.txt")], [])


@pytest.mark.parametrize(
    "text", ["<html/>", "<a><urlset><url/></urlset></a>", "not xml", "<broken", "", "<!DOCTYPE html><html/>"]
)
def test_xml_of_other_kinds_is_a_page(web: Web, site: Site, text: str) -> None:
    site.replies["/a.xml"] = page(text, XML)
    assert expanded(web, site.url("/a.xml")) == ([site.url("/a.xml")], [])


def test_sitemaps_of_sitemaps_are_read_and_circles_end(web: Web, site: Site) -> None:
    names = ["index", "one", "two", "gone", "page"]
    site.replies |= {
        "/index": page(index(*(site.url(f"/{name}") for name in names)), XML),
        "/one": page(urlset(site.url("/a")), XML),
        "/two": page(index(site.url("/index"), site.url("/three")), XML),
        "/three": page(urlset(site.url("/b"), site.url("/a")), XML),
        "/page": HELLO,
    }
    pages, told = expanded(web, site.url("/index"))
    assert pages == [site.url("/a"), site.url("/b")]
    assert [text.split()[0] for text in told] == [site.url("/gone"), site.url("/page")]
    assert sorted(site.paths) == sorted(f"/{name}" for name in [*names, "three"])


def test_addresses_elsewhere_are_left_out_and_never_asked(web: Web, site: Site) -> None:
    elsewhere = [
        site.url("/a", "other.test"),
        "https://other.test/a",
        "http://docs.test:1/",
        "file:///etc/passwd",
        "http://u:p@docs.test/",
        "http://[/",
        site.url("/", "evil-docs.test"),
        site.url("/", "docs.test.evil.test"),
    ]
    site.replies |= {
        "/s": page(urlset(*elsewhere, site.url("/b")), XML),
        "/i": page(index(site.url("/s", "other.test"), site.url("/s")), XML),
    }
    assert expanded(web, site.url("/s"))[0] == [site.url("/b")]
    pages, told = expanded(web, site.url("/i"))
    assert pages == [site.url("/b")]
    assert told == [f"{site.url('/i')} lists 9 addresses that are not on its own host."]
    assert {asked.host for asked in site.asked} == {"docs.test"}


def test_more_pages_than_the_limit_are_said_to_be_left_out(web: Web, site: Site) -> None:
    site.replies |= {
        "/all": page(urlset(*(site.url(f"/{n}") for n in range(MAX_PAGES))), XML),
        "/more": page(urlset(*(site.url(f"/{n}") for n in range(MAX_PAGES + 1))), XML),
    }
    assert expanded(web, site.url("/all")) == ([site.url(f"/{n}") for n in range(MAX_PAGES)], [])
    pages, told = expanded(web, site.url("/more"))
    assert pages == [site.url(f"/{n}") for n in range(MAX_PAGES)]
    assert told == [f"{site.url('/more')} lists more than 2,000 pages; those after them were left out."]


def test_more_sitemaps_than_the_limit_are_said_to_be_left_out(web: Web, site: Site) -> None:
    site.replies["/i"] = page(index(*(site.url(f"/{n}") for n in range(MAX_SITEMAPS + 50))), XML)
    site.replies |= {f"/{n}": page(urlset(site.url(f"/p{n}")), XML) for n in range(MAX_SITEMAPS + 50)}
    pages, told = expanded(web, site.url("/i"))
    assert len(pages) == MAX_SITEMAPS
    assert len(site.paths) == MAX_SITEMAPS + 1
    assert told == [f"{site.url('/i')} lists more than 100 sitemaps; those after them were left out."]


def laughs(depth: int) -> str:
    entities = "".join(f'<!ENTITY l{n + 1} "{f"&l{n};" * 10}">' for n in range(depth))
    return f'<!DOCTYPE urlset [<!ENTITY l0 "ha">{entities}]><urlset><url><loc>&l{depth};</loc></url></urlset>'


BOMBS = {
    "laughs": laughs(10),
    "a file": '<!DOCTYPE urlset [<!ENTITY x SYSTEM "file:///etc/passwd">]><urlset><url><loc>&x;</loc></url></urlset>',
    "a net": '<!DOCTYPE urlset SYSTEM "http://other.test/x.dtd"><urlset/>',
    "deep": "<urlset>" + "<a>" * 200_000,
    "many": "<urlset>" + "<a/>" * 1_100_000 + "</urlset>",
    "cut": "<urlset><url><loc>http://docs.test/",
}


@pytest.mark.alone
@pytest.mark.parametrize("kind", BOMBS)
def test_a_sitemap_made_to_harm_is_refused_in_time(site: Site, kind: str) -> None:
    site.replies["/s.xml"] = page(BOMBS[kind], XML)
    with Web(allow_private=True, resolve=named(docs="127.0.0.1")) as web:
        started = time.monotonic()
        with pytest.raises(LoadError):
            web.expand(site.url("/s.xml"))
        assert time.monotonic() - started < 8
    assert site.paths == ["/s.xml"]


@pytest.mark.alone
def test_a_sitemap_that_unpacks_to_more_than_allowed_is_refused_in_time(web: Web, site: Site) -> None:
    bomb = gzip.compress(urlset("http://docs.test/" + "a" * 50_000_000).encode())
    site.replies["/s.xml.gz"] = Reply(bomb, 200, {"Content-Type": "application/gzip"})
    started = time.monotonic()
    with pytest.raises(LoadError, match="more than 1 MB"):
        web.expand(site.url("/s.xml.gz"))
    assert time.monotonic() - started < 5


def test_a_page_that_never_ends_is_a_page_and_its_fetching_tells(web: Web, site: Site, tmp_path: Path) -> None:
    site.replies["/a"] = Reply(endless(b"x" * 65_536, []), 200, {"Content-Type": "text/html"})
    assert expanded(web, site.url("/a")) == ([site.url("/a")], [])
    assert "more than 1 MB" in refusal(web, site.url("/a"), tmp_path)


def test_pages_seen_while_looking_for_sitemaps_are_kept_as_far_as_there_is_room(
    web: Web, site: Site, tmp_path: Path
) -> None:
    site.replies |= {path: page("x" * 600_000) for path in ("/a", "/b")}
    for path in ("/a", "/b"):
        web.expand(site.url(path))
    for path in ("/a", "/b"):
        assert web.fetch(site.url(path), tmp_path).path.stat().st_size == 600_000
    assert site.paths == ["/a", "/b", "/b"]


# -- TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for docs.test that signs itself, with its key, in one file."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "docs.test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("docs.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path_factory.mktemp("tls") / "docs.pem"
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def wanted_names() -> list[str | None]:
    """The names that were asked for in TLS handshakes (SNI)."""
    return []


@pytest.fixture
def secure(authority: Path, wanted_names: list[str | None]) -> Iterator[Site]:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(authority)
    tls.sni_callback = lambda socket, name, context: wanted_names.append(name)
    with Site({"/": HELLO}, tls=tls) as site:
        yield site


def test_the_checked_address_is_asked_by_the_name_of_the_host(
    secure: Site, authority: Path, wanted_names: list[str | None], tmp_path: Path
) -> None:
    tls = ssl.create_default_context(cafile=authority)
    with Web(allow_private=True, resolve=named(docs="127.0.0.1"), tls=tls) as web:
        assert web.fetch(secure.url("/"), tmp_path).url == secure.url("/")
    assert set(wanted_names) == {"docs.test"}
    assert {asked.host for asked in secure.asked} == {"docs.test"}


def test_a_certificate_of_another_host_is_refused(secure: Site, authority: Path, tmp_path: Path) -> None:
    tls = ssl.create_default_context(cafile=authority)
    with Web(allow_private=True, resolve=named(other="127.0.0.1"), tls=tls) as web:
        assert "cannot be reached" in refusal(web, secure.url("/", "other.test"), tmp_path)
    with Web(allow_private=True, resolve=named(docs="127.0.0.1")) as web:
        assert "CERTIFICATE_VERIFY_FAILED" in refusal(web, secure.url("/"), tmp_path)
    assert secure.asked == []


def test_a_redirect_may_lead_to_tls_and_never_back(secure: Site, site: Site, authority: Path, tmp_path: Path) -> None:
    tls = ssl.create_default_context(cafile=authority)
    site.replies |= {"/": redirect(secure.url("/")), "/plain": HELLO}
    secure.replies["/back"] = redirect(site.url("/plain"))
    with Web(allow_private=True, resolve=named(docs="127.0.0.1"), tls=tls) as web:
        assert web.fetch(site.url("/"), tmp_path / "there").url == secure.url("/")
        assert "another place" in refusal(web, secure.url("/back"), tmp_path / "back")
    assert site.paths == ["/"]


# -- addresses

# IANA's registries of special addresses, for IPv4 and IPv6, and the fixed addresses of metadata services.
SPECIAL_4 = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
    "192.88.99.0/24 192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 "
    "255.255.255.255/32 169.254.169.254/32 100.100.100.200/32 192.0.0.192/32 168.63.129.16/32"
).split()
SPECIAL_6 = (
    "::/128 ::1/128 ::/96 64:ff9b:1::/48 100::/64 2001::/23 2001:db8::/32 2002::/16 3fff::/20 5f00::/16 fc00::/7 "
    "fe80::/10 fec0::/10 ff00::/8 4000::/2 fd00:ec2::254/128"
).split()


special_4 = st.sampled_from(SPECIAL_4).flatmap(lambda network: st.ip_addresses(v=4, network=network))
special = st.one_of(
    special_4.map(str),
    special_4.map(lambda address: f"::ffff:{address}"),
    special_4.map(lambda address: f"64:ff9b::{address}"),
    special_4.map(lambda address: f"::{address}"),
    st.ip_addresses(v=4).map(lambda address: str(ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80) | 1))),
    st.sampled_from(SPECIAL_6).flatmap(lambda network: st.ip_addresses(v=6, network=network)).map(str),
)


@settings(deadline=None)
@given(address=special, public=st.lists(st.just(PUBLIC), max_size=2), place=st.integers(0, 2))
@example(address="fe80::1%lo", public=[], place=0)
@example(address="not an address", public=[], place=0)
def test_a_host_with_an_address_that_is_not_public_is_never_connected_to(
    address: str, public: list[str], place: int
) -> None:
    addresses = [*public[:place], address, *public[place:]]
    before = len(connected)
    with Web(resolve=lambda host, port: addresses, tls=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as web:
        for ask in (web.expand, lambda url: web.fetch(url, Path("nowhere"))):
            with pytest.raises(LoadError, match="not an address of the public internet"):
                ask("https://docs.test/")
    assert len(connected) == before


@pytest.mark.parametrize(
    "address", ["8.8.8.8", PUBLIC, "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "192.0.1.1", "172.32.0.1"]
)
def test_public_addresses_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0",
        "127.0.0.1.",
        "127\u30020\u30020\u30021",
        "localhost",
        "LOCALHOST.",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
        "168.63.129.16",
        "192.0.0.192",
        "100.100.100.200",
        "2852039166",
        "[fd00:ec2::254]",
        "10.0.0.1",
    ],
)
def test_however_an_inner_address_is_written_it_is_refused(host: str, tmp_path: Path) -> None:
    before = len(connected)
    with Web() as web:
        assert "not an address of the public internet" in refusal(web, f"http://{host}/", tmp_path)
    assert len(connected) == before


@pytest.mark.parametrize(
    "url",
    [
        "http://0177.0.0.1/",
        "http://256.1.1.1/",
        "http://\uff11\uff12\uff17.0.0.1/",
        "http://\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3/",
        "http://%31%32%37.0.0.1/",
        "http://[fe80::1%25lo]/",
        "http://docs.test\\@127.0.0.1/",
        "http://127.0.0.1@docs.test/",
        "http://user:secret@docs.test/",
        "http://docs..test/",
        "http://.docs.test/",
        "http://docs.test:0/",
        "http://docs.test:65536/",
        "http://docs.test:x/",
        "http://do\tcs.test/",
        "http:///etc/passwd",
        "http:docs.test",
        "file:///etc/passwd",
        "gopher://docs.test/",
        "docs.test/a",
        "",
    ],
)
def test_what_is_no_address_of_a_page_is_refused(web: Web, url: str, tmp_path: Path) -> None:
    before = len(connected)
    assert "secret" not in refusal(web, url, tmp_path)
    with pytest.raises(LoadError):
        web.expand(url)
    assert len(connected) == before


@pytest.mark.filterwarnings("ignore:A test tried to use socket")
def test_a_name_that_is_resolved_anew_cannot_slip_in_another_address(tmp_path: Path) -> None:
    answers = [[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]
    # The tests' guard stops the connection, and says where it was going to.
    with (
        Web(resolve=lambda host, port: answers.pop(0)) as web,
        pytest.raises(pytest_socket.SocketConnectBlockedError, match=PUBLIC),
    ):
        web.fetch("http://docs.test/", tmp_path)
    assert len(answers) == 2


def test_the_next_address_is_tried_when_one_does_not_answer(site: Site, tmp_path: Path) -> None:
    site.replies["/"] = HELLO
    with Web(allow_private=True, resolve=named(docs="::1 127.0.0.1")) as web:
        assert web.fetch(site.url("/"), tmp_path)


@settings(deadline=None)
@given(st.text(max_size=40), st.sampled_from(["", "http://", "https://docs.test", "http://docs.test/"]))
def test_any_text_is_read_as_an_address_or_refused(text: str, start: str) -> None:
    try:
        url = parse(start + text)
    except LoadError:
        return
    assert url.scheme in ("http", "https")
    assert (url.userinfo, url.fragment) == (b"", "")
    assert parse(str(url)) == url
    assert same_site(url, url)
