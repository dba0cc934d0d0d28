"""Which internet addresses are public, so that a URL cannot reach into the network that this runs in."""

import ipaddress
import socket
from collections.abc import Callable, Sequence

# A host's addresses, as text, in the order in which to try them. Raises OSError or UnicodeError.
Resolve = Callable[[str, int], Sequence[str]]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# RFC 4291, 2.4: what is assigned for global unicast. All else in IPv6 is special.
_GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
# RFC 6052: an IPv4 address as a network without IPv4 writes it; the last 32 bits are that address.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Special in IANA's registries, or by use, and global to one version of Python's `ipaddress` or another.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        "168.63.129.16/32",  # the metadata service of Azure
        "192.0.0.0/24",  # protocol assignments, RFC 6890; the metadata service of Oracle's cloud is here
        "192.88.99.0/24",  # 6to4 relays, RFC 7526
        "2001::/23",  # protocol assignments, RFC 2928, Teredo among them
        "2001:db8::/32",  # documentation, RFC 3849
        "2002::/16",  # 6to4: any IPv4 address, private ones too
        "3fff::/20",  # documentation, RFC 9637
    )
)


def resolve(host: str, port: int) -> list[str]:
    """The system's answer; each address once."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def is_public(text: str) -> bool:
    """Whether everybody on the internet would reach the same machine by this address. Not an address: no."""
    try:
        address = _unwrapped(ipaddress.ip_address(text))
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _GLOBAL_UNICAST:
        return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not special and not any(address in network for network in _NOT_PUBLIC)


def _unwrapped(address: _Address) -> _Address:
    """The IPv4 address inside an IPv6 one that is only a way of writing it."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else address
