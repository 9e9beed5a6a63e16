"""Who may talk to our loopback servers: processes of the same user.

The engine attaches to providers over plain TCP on loopback and has no way to show a token, and loopback is open to
every user of a machine. The kernel knows whose a connection is, so we ask it, once per connection.

The question goes through netlink (https://man7.org/linux/man-pages/man7/sock_diag.7.html), which looks one socket up;
``/proc/net/tcp`` would list all of them, at 10 ms each time.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import sys
import threading

from fleet.adapters.pulumi.protocol import Context, grpc

_SOCK_DIAG = 4
_BY_FAMILY = 20
_REQUEST = 1
_ERROR = 2
_HEADER = struct.Struct("=IHHII")
_QUERY = struct.Struct("=BBBxI")
_ID = struct.Struct("!HH16s16s")
_NO_COOKIE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
_UID_OFFSET = _HEADER.size + 4 + _ID.size + 12 + 12
"""Of `idiag_uid` in the answer: after the header, four bytes, the socket's id, and expiry and queue lengths."""
_TIMEOUT = 1.0
_REMEMBERED = 4096
_PEER = re.compile(r"ipv4:127\.0\.0\.1:(\d+)")


class Peers:
    """Remembers which connections were checked. Where the kernel does not tell (not Linux), all of them pass."""

    def __init__(self) -> None:
        self.port = 0
        """Port of our server."""
        self._allowed: dict[str, None] = {}
        self._lock = threading.Lock()

    def check(self, context: Context) -> None:
        """Abort the request of a connection that belongs to another user."""
        peer = context.peer()
        if peer in self._allowed:
            return
        found = _PEER.fullmatch(peer)
        uid = owner_of_connection(int(found[1]), self.port) if found else None
        if uid is not None and uid not in (os.getuid(), 0):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "this server belongs to another user")
        with self._lock:
            self._allowed[peer] = None
            while len(self._allowed) > _REMEMBERED:
                del self._allowed[next(iter(self._allowed))]


def owner_of_connection(source: int, destination: int) -> int | None:
    """Return the user id behind the ``source`` port of a loopback connection, if the kernel tells."""
    address = socket.inet_aton("127.0.0.1").ljust(16, b"\0")
    body = _QUERY.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
    body += _ID.pack(source, destination, address, address) + _NO_COOKIE
    request = _HEADER.pack(_HEADER.size + len(body), _BY_FAMILY, _REQUEST, 1, 0) + body
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as netlink:
            netlink.settimeout(_TIMEOUT)
            netlink.send(request)
            answer = netlink.recv(4096)
    except (OSError, AttributeError):
        return None
    kind = _HEADER.unpack_from(answer)[1]
    if kind == _ERROR or len(answer) < _UID_OFFSET + 4:
        return None
    return int.from_bytes(answer[_UID_OFFSET : _UID_OFFSET + 4], sys.byteorder)
