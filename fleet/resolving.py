"""Names of hosts become addresses, each of which was checked.

The connection then goes to the very address that was checked: a name that changes its mind in between (DNS rebinding)
gains nothing. TLS still checks the name.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import Callable

from fleet.engine.hosts import HostError, Place, refused_address


async def addresses_of(place: Place) -> list[str]:
    """Return the addresses of a host; of an address, itself.

    Raises:
        HostError: it has none, or one that must not be asked.
    """
    if is_address(place.host):
        return [place.host]
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def look_up() -> None:
        # A thread of our own, which nobody waits for: the resolver has a patience that cannot be set.
        try:
            answers = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
            result: list[str] | Exception = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        except (OSError, UnicodeError) as error:
            result = error
        loop.call_soon_threadsafe(_settle, found, result)

    threading.Thread(target=_quietly, args=(look_up,), daemon=True, name="resolve").start()
    try:
        addresses = await found
    except (OSError, UnicodeError) as error:
        raise HostError(f"the host `{place.host}` is not known") from error
    for address in addresses:
        refused = refused_address(place.host, address)
        if refused is not None:
            raise HostError(f"`{place.host}` is not asked: {refused} ({address})")
    return addresses


def is_address(host: str) -> bool:
    """Say whether a host is an address, not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _quietly(look_up: Callable[[], None]) -> None:
    try:
        look_up()
    except RuntimeError:
        """The loop is closed: nobody waits for the answer any more."""


def _settle(future: asyncio.Future[list[str]], result: list[str] | Exception) -> None:
    if future.done():
        return
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
