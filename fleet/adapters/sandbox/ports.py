"""Free TCP ports on the loopback address."""

from __future__ import annotations

import random
import socket
from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path

_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST, _HIGHEST = 15000, 60999


def free_ports(count: int, taken: Collection[int] = ()) -> list[int]:
    """Return ports that are free now, all different and none of the taken ones.

    The sockets are held until all are chosen. Ports that the system itself gives to outgoing connections are left
    out: hundreds of those are made while clusters start, and one of them would sooner or later sit on a port whose
    server has not started yet.

    Raises:
        OSError: there are not that many.
    """
    candidates = [port for port in _candidates() if port not in taken]
    random.shuffle(candidates)
    chosen: list[int] = []
    with ExitStack() as held:
        for port in candidates:
            if _hold(port, held):
                chosen.append(port)
            if len(chosen) == count:
                return chosen
    raise OSError(f"fewer than {count} free ports between {_LOWEST} and {_HIGHEST}")


def _hold(port: int, held: ExitStack) -> bool:
    # Without SO_REUSEADDR, so that a port with connections that linger does not count as free; and all addresses,
    # since a server on `0.0.0.0` would take the loopback address as well.
    for address in ("127.0.0.1", ""):
        attempt = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            attempt.bind((address, port))
        except OSError:
            attempt.close()
            return False
        if address:
            attempt.close()
        else:
            held.callback(attempt.close)
    return True


def _candidates() -> list[int]:
    try:
        low, high = (int(word) for word in _RANGE.read_text().split())
    except (OSError, ValueError):
        low, high = 32768, 60999
    outside = [port for port in range(_LOWEST, _HIGHEST) if not low <= port <= high]
    return outside if len(outside) >= 1000 else list(range(_LOWEST, _HIGHEST))
