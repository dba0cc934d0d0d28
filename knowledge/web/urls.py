"""The addresses of pages: read strictly, written in one way, compared by their hosts."""

import re

import httpx2

from knowledge.errors import LoadError

_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f:]+(?:[0-9.]+)?")


def parse(text: str, base: httpx2.URL | None = None) -> httpx2.URL:
    """A page's address in its one spelling, without a fragment. Raises LoadError, which says what is wrong with it.

    Host and scheme are in small letters, a foreign host in its ASCII form, and a port is told only where it is not the
    usual one. `base` is what a relative address is relative to.
    """
    try:
        url = base.join(text.strip()) if base else httpx2.URL(text.strip())
    except httpx2.InvalidURL as error:
        raise LoadError(f"{text[:200]!r} is not a web address: {error}", _EXAMPLE) from error
    if url.scheme not in ("http", "https") or not url.host:
        raise LoadError(f"{text[:200]!r} is not the address of a web page.", _EXAMPLE)
    if url.userinfo:
        # The address is not repeated: the password would be in every log.
        raise LoadError(
            f"The address of a page on {url.host} holds a name or a password.",
            "Leave them out; only pages that need none are read.",
        )
    host = url.raw_host.decode("ascii").removesuffix(".")
    if not _HOST.fullmatch(host) or not 0 < (1 if url.port is None else url.port) < 65536:
        raise LoadError(f"{text[:200]!r} names no host that there could be.", _EXAMPLE)
    # The path as it was sent: decoding it would make "%2F" a separator.
    return url.copy_with(host=host, raw_path=url.raw_path, fragment=None)


def page_url(text: str) -> str:
    """The one spelling of a page's address. Raises LoadError."""
    return str(parse(text))


_EXAMPLE = "Give it as in https://example.com/guide.html."


def same_site(known: httpx2.URL, other: httpx2.URL) -> bool:
    """Whether one who named the first meant the second, too: the same host and port, or that host by TLS."""
    if known.host != other.host:
        return False
    return origin(known) == origin(other) or (known.scheme, other.scheme) == ("http", "https")


def origin(url: httpx2.URL) -> str:
    """Scheme, host and port, as in "https://example.com:8443"."""
    return f"{url.scheme}://{url.netloc.decode('ascii')}"
