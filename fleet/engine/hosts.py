"""Hosts that fleet may talk to on behalf of a policy: the `allowedHosts` of `fleet.yaml`.

An entry is one of

* `name`: HTTPS at port 443,
* `name:port`: HTTPS at that port,
* `http://name` or `http://name:port`: plain HTTP too.

Names are compared whole and without regard to case; there are no wildcards. For the loopback (`localhost`, `127.0.0.1`,
`[::1]`) plain HTTP needs no `http://`, since nobody can listen in.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

_NAME = re.compile(r"(?=.{1,253}$)[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?)*\.?", re.I)
_PORTS = {"https": 443, "http": 80}


class HostError(ValueError):
    """An address cannot be asked; the message says why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a URL leads."""

    scheme: str
    host: str
    """Name or address, in lower case; an IPv6 address without brackets."""
    port: int

    @property
    def loopback(self) -> bool:
        """Whether it is this machine by its very name."""
        if self.host == "localhost":
            return True
        address = _address(self.host)
        return address is not None and address.is_loopback

    @property
    def netloc(self) -> str:
        """Host and port, as they stand in a URL; without the port that the scheme has anyway."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


def place_of(url: str) -> Place:
    """Return where a URL leads.

    Raises:
        HostError: it is no usable URL of a web service, or carries a user or password.
    """
    if any(ord(c) <= 0x20 or ord(c) == 0x7F for c in url) or "\\" in url:
        raise HostError("a URL has no spaces, control characters or backslashes")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise HostError(f"it is not a URL: {error}") from error
    if parts.scheme not in _PORTS:
        raise HostError(
            "a URL starts with `https://`" + (" or `http://`" if not parts.scheme else ", not with another")
        )
    if "@" in parts.netloc:
        raise HostError("a URL with a user or password in it is refused: use `tokenFrom`")
    if not host or not _is_host(host):
        raise HostError("it names no host")
    if parts.fragment:
        raise HostError("a URL to ask has no fragment (`#…`)")
    return Place(parts.scheme, host.lower().rstrip("."), port or _PORTS[parts.scheme])


def require_allowed(place: Place, allowed: Iterable[str]) -> None:
    """Accept a place that an entry of `allowedHosts` names.

    Raises:
        HostError: none does, or only for HTTPS.
    """
    secure = False
    for entry in allowed:
        known = _entry(entry)
        if known is None or known.host != place.host:
            continue
        if known.port != place.port:
            secure |= (known.port, place.port, place.scheme) == (443, 80, "http")
            continue
        if place.scheme == "https" or known.scheme == "http" or place.loopback:
            return
        secure = True
    if secure:
        raise HostError(f"`{place.netloc}` may only be asked over HTTPS: `allowedHosts` does not say `http://`")
    raise HostError(f"`{place.netloc}` is not in `allowedHosts` of fleet.yaml")


def entry_fault(entry: str) -> str | None:
    """Return what is wrong with an entry of `allowedHosts`; None if it is fine."""
    return None if _entry(entry) is not None else "an entry is `name`, `name:port` or `http://name:port`"


def refused_address(host: str, address: str) -> str | None:
    """Return why an address that a host was resolved to is not to be connected to; None if it is fine.

    Addresses in private networks are fine: whoever put the name on the list knows where it leads. Refused are addresses
    that no service of that name has: link-local ones (the metadata services of clouds, `169.254.169.254`), the
    loopback, unspecified, multicast and reserved ones. The list can name such an address itself, as a literal.
    """
    found = _address(address)
    if found is None:
        return "it is no address"
    if isinstance(found, ipaddress.IPv6Address):
        found = found.ipv4_mapped or found.sixtofour or _behind_nat64(found) or found
    if host == "localhost" and found.is_loopback:
        return None
    if _address(host) is not None:
        return None  # the list names it
    if found.is_link_local or found in _METADATA:
        return "it leads to a link-local address, where clouds keep credentials"
    if found.is_loopback:
        return "it leads to this machine"
    if found.is_unspecified or found.is_multicast or found.is_reserved:
        return "it leads to an address that no service has"
    return None


_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_METADATA = frozenset(ipaddress.ip_address(text) for text in ("fd00:ec2::254", "100.100.100.200", "168.63.129.16"))
"""Metadata services that are not at a link-local address."""


def _behind_nat64(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Return the address that the well-known prefix of RFC 6052 stands before."""
    return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None


def _entry(entry: str) -> Place | None:
    plain = entry.removeprefix("http://")
    if not plain or any(c in plain for c in "/?#@ "):
        return None
    try:
        return place_of(entry if plain != entry else f"https://{entry}")
    except HostError:
        return None


def _is_host(host: str) -> bool:
    if _address(host) is not None:
        return True
    if not _NAME.fullmatch(host):
        return False
    # `2130706433`, `0x7f.1`: not an address as we read it, but one as the resolver does.
    return not re.fullmatch(r"(0x[0-9a-f]*|\d+)", host.rstrip(".").rpartition(".")[2], re.I)


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
