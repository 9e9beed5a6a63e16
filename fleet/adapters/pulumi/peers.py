"""Who may talk to our loopback servers: processes of the same user.

The engine attaches to providers over plain TCP on loopback and has no way to show a token, and loopback is open to
every user of a machine. The kernel knows whose a connection is, so we ask it, once per connection.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from fleet.adapters.pulumi.protocol import Context, grpc

_TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_UID_COLUMN, _LOCAL_COLUMN = 7, 1
_REMEMBERED = 4096


class Peers:
    """Remembers which connections were checked. Where the kernel does not tell (not Linux), all of them pass."""

    def __init__(self) -> None:
        self._allowed: dict[str, None] = {}
        self._lock = threading.Lock()

    def check(self, context: Context) -> None:
        """Abort the request of a connection that belongs to another user."""
        peer = context.peer()
        if peer in self._allowed:
            return
        if not self._ours(peer):
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "this server belongs to another user")
        with self._lock:
            self._allowed[peer] = None
            while len(self._allowed) > _REMEMBERED:
                del self._allowed[next(iter(self._allowed))]

    @staticmethod
    def _ours(peer: str) -> bool:
        """Look the peer (`ipv4:127.0.0.1:41234`) up in the kernel's table of connections."""
        port = f":{int(peer.rpartition(':')[2]):04X}"
        known = False
        for table in _TABLES:
            try:
                lines = table.read_text().splitlines()[1:]
            except OSError:
                continue
            known = True
            for line in lines:
                columns = line.split()
                if columns[_LOCAL_COLUMN].endswith(port) and int(columns[_UID_COLUMN]) in (os.getuid(), 0):
                    return True
        return not known
