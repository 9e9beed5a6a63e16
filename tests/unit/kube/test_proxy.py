"""Reaching an API server through an HTTP proxy."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fleet.errors import UnreachableError
from tests.helpers.certificates import self_signed
from tests.helpers.fake_api import fake_api, reply
from tests.unit.kube.conftest import Connect
from tests.unit.kube.test_faults import NAME, OBJECT


@contextmanager
def proxy(answer: bytes | None = None) -> Iterator[tuple[int, list[str]]]:
    """Give the port of a proxy and the CONNECT lines it saw; with ``answer``, it says that and does nothing."""
    seen: list[str] = []
    sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def start(target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        threads.append(thread)
        thread.start()

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def serve(client: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(1)
        line = head.split(b"\r\n")[0].decode()
        seen.append(line)
        if answer is not None:
            client.sendall(answer)
            client.shutdown(socket.SHUT_RDWR)
            return
        host, port = line.split()[1].rsplit(":", 1)
        upstream = socket.create_connection((host, int(port)))
        sockets.append(upstream)
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        start(pump, client, upstream)
        pump(upstream, client)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                sockets.append(client)
                start(serve, client)

    start(accept)
    try:
        yield listener.getsockname()[1], seen
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        for open_socket in (listener, *sockets):
            with suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)
        for thread in threads:
            thread.join(5)
        for open_socket in (listener, *sockets):
            open_socket.close()


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl program")
def test_requests_go_through_the_proxy_and_tls_ends_at_the_server(connect: Connect, tmp_path: Path) -> None:
    pair = self_signed(tmp_path / "tls")
    with fake_api(lambda _: reply(200, OBJECT), certificate=pair) as api, proxy() as (port, seen):
        trust = {"certificate-authority": str(pair[0]), "proxy-url": f"http://127.0.0.1:{port}"}
        cluster = connect(api.url, cluster=trust, user={"token": "canary"})
        assert cluster.get(NAME) == OBJECT
        assert cluster.get(NAME) == OBJECT
        assert seen == [f"CONNECT 127.0.0.1:{api.port} HTTP/1.{seen[0][-1]}"]


def test_a_proxy_that_refuses_is_unreachable(connect: Connect) -> None:
    with proxy(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n") as (port, _):
        cluster = connect("https://127.0.0.1:1", cluster={"proxy-url": f"http://127.0.0.1:{port}"})
        with pytest.raises(UnreachableError, match="cannot be reached"):
            cluster.get(NAME)


@pytest.mark.parametrize("url", ["socks5://x:1", "https://x:1", "http://user:canary@x:1", "nonsense", "http://x:port"])
def test_other_kinds_of_proxies_are_refused_without_their_address(connect: Connect, url: str) -> None:
    cluster = connect("https://127.0.0.1:1", cluster={"proxy-url": url})
    with pytest.raises(UnreachableError, match="its proxy is of a kind that is not supported") as caught:
        cluster.get(NAME)
    assert "canary" not in str(caught.value)
