"""A small API server that misbehaves on demand, on a real socket."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


class Closing(bytes):
    """An answer after which the connection is closed."""


class Hang:
    """Take the request and never answer."""


@dataclass(frozen=True)
class Drip:
    """Send one byte every ``pause`` seconds, for ever."""

    pause: float = 0.05


Behaviour = Callable[[Request], "bytes | Hang | Drip | None"]
"""Answer in bytes (the connection stays open), nothing (it is closed without an answer), or something worse."""

DISCOVERY = {
    "/api": [("", "v1", [("configmaps", "ConfigMap", True), ("secrets", "Secret", True), ("nodes", "Node", False)])],
    "/apis": [("apps", "v1", [("deployments", "Deployment", True)])],
}


def reply(
    status: int, document: Any = None, headers: Mapping[str, str] | None = None, raw: bytes | None = None
) -> bytes:
    body = raw if raw is not None else json.dumps(document).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}", *(f"{k}: {v}" for k, v in (headers or {}).items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def status(code: int, message: str, **details: Any) -> bytes:
    return reply(code, {"kind": "Status", "status": "Failure", "message": message, "code": code, "details": details})


def discovery(root: str, groups: Any = None) -> bytes:
    items = []
    for group, version, kinds in groups if groups is not None else DISCOVERY[root]:
        resources = [
            {"resource": plural, "responseKind": {"kind": kind}, "scope": "Namespaced" if namespaced else "Cluster"}
            for plural, kind, namespaced in kinds
        ]
        metadata = {"name": group} if group else {}
        items.append({"metadata": metadata, "versions": [{"version": version, "resources": resources}]})
    return reply(200, {"kind": "APIGroupDiscoveryList", "items": items}, {"ETag": f'"{root}"'})


@dataclass
class FakeApi:
    """Answers discovery by itself; everything else is up to ``behaviour``."""

    behaviour: Behaviour
    url: str = ""
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    own_discovery: bool = True

    def paths(self) -> list[str]:
        """Paths of the requests that were not discovery."""
        return [r.path for r in self.requests if r.path not in DISCOVERY]

    def answer(self, request: Request) -> bytes | Hang | Drip | None:
        self.requests.append(request)
        if self.own_discovery and request.path in DISCOVERY:
            return discovery(request.path)
        return self.behaviour(request)


@contextmanager
def fake_api(behaviour: Behaviour, *, certificate: tuple[Path, Path] | None = None) -> Iterator[FakeApi]:
    api = FakeApi(behaviour)
    listener = socket.create_server(("127.0.0.1", 0))
    api.port = listener.getsockname()[1]
    api.url = f"{'https' if certificate else 'http'}://127.0.0.1:{api.port}"
    tls = None
    if certificate:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*certificate)
    stop = threading.Event()
    threads: list[threading.Thread] = []
    sockets: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            api.connections += 1
            sockets.append(connection)
            thread = threading.Thread(target=_serve, args=(api, connection, tls, stop, sockets), daemon=True)
            threads.append(thread)
            thread.start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield api
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        acceptor.join(5)
        for connection in sockets:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)


def _serve(
    api: FakeApi,
    connection: socket.socket,
    tls: ssl.SSLContext | None,
    stop: threading.Event,
    sockets: list[socket.socket],
) -> None:
    try:
        if tls is not None:
            connection = tls.wrap_socket(connection, server_side=True)
            sockets.append(connection)
        with connection, connection.makefile("rb") as stream:
            while (request := _read(stream)) is not None:
                answer = api.answer(request)
                if answer is None:
                    return
                if isinstance(answer, Hang):
                    stop.wait(30)
                    return
                if isinstance(answer, Drip):
                    while not stop.wait(answer.pause):
                        connection.sendall(b"H")
                    return
                connection.sendall(answer)
                if isinstance(answer, Closing):
                    return
    except OSError:
        pass
    finally:
        connection.close()


def _read(stream: Any) -> Request | None:
    line = stream.readline().decode()
    if not line:
        return None
    method, path, _ = line.split(" ", 2)
    headers: dict[str, str] = {}
    while (header := stream.readline().decode().strip()) != "":
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Request(method, path, headers, body)
