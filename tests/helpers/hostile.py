"""A web server on loopback that answers as it is told, byte by byte: well, badly, or never."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

Script = Callable[[socket.socket, threading.Event], None]
"""Sends what it likes over a connection; ends when the event is set."""


@dataclass
class Hostile:
    """The server. `paths` says what it does by path; each request that it got is in `requests`, head only."""

    port: int
    scheme: str = "http"
    paths: dict[str, Script] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)

    def url(self, path: str, host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def asked(self, path: str) -> list[str]:
        """Return the heads of requests for a path, with its query."""
        return [head for head in self.requests if head.split(" ", 2)[1].partition("?")[0] == path]


def says(body: Any, status: int = 200, *headers: str) -> Script:
    """Answer with a body, as JSON unless it is bytes."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}", "Connection: close", *headers]
    return sends(("\r\n".join(head) + "\r\n\r\n").encode() + content)


def sends(data: bytes) -> Script:
    """Send bytes as they are, and close."""

    def script(connection: socket.socket, stopped: threading.Event) -> None:
        connection.sendall(data)

    return script


def drips(data: bytes, forever: bytes = b"") -> Script:
    """Send bytes, then one byte now and then, for ever."""

    def script(connection: socket.socket, stopped: threading.Event) -> None:
        connection.sendall(data)
        while not stopped.wait(0.02):
            connection.sendall(forever or b"x")

    return script


def hangs(data: bytes = b"") -> Script:
    """Send bytes, and nothing more, without closing."""

    def script(connection: socket.socket, stopped: threading.Event) -> None:
        connection.sendall(data)
        stopped.wait()

    return script


def floods(head: bytes, chunk: bytes, times: int) -> Script:
    """Send a lot."""

    def script(connection: socket.socket, stopped: threading.Event) -> None:
        connection.sendall(head)
        for _ in range(times):
            connection.sendall(chunk)

    return script


@contextmanager
def hostile(tls: ssl.SSLContext | None = None) -> Iterator[Hostile]:
    """Give a running server."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = Hostile(listener.getsockname()[1], "https" if tls else "http")
    threads: list[threading.Thread] = []

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(30)
            secure = tls.wrap_socket(connection, server_side=True) if tls else connection
            head = _head(secure)
            server.requests.append(head)
            path = head.split(" ", 2)[1].partition("?")[0] if " " in head else ""
            server.paths.get(path, says({}, 404))(secure, server.stopped)
            if tls:
                secure.close()

    def accept() -> None:
        while not server.stopped.is_set():
            with suppress(OSError):
                connection, _ = listener.accept()
                thread = threading.Thread(target=serve, args=(connection,), daemon=True)
                threads.append(thread)
                thread.start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield server
    finally:
        server.stopped.set()
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        accepting.join(10)
        for thread in threads:
            thread.join(10)


def _head(connection: socket.socket) -> str:
    data = b""
    deadline = time.monotonic() + 30
    while b"\r\n\r\n" not in data and time.monotonic() < deadline:
        more = connection.recv(65536)
        if not more:
            break
        data += more
    return data.decode("latin-1")
