"""Stand-ins for external programs, and a web server that publishes them as releases."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fleet.adapters.toolchain.catalogue import Build, Mirror, Release, Tool


def script(version: str) -> bytes:
    """Return a program that tells a version, as many do: a name, the version, more words."""
    return f"#!/bin/sh\necho hammer version v{version} linux/amd64\n".encode()


def put_program(path: Path, version: str) -> Path:
    """Write such a program."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(script(version))
    path.chmod(0o755)
    return path


def hammer(base: str | None = None, *, version: str = "1.2.3", member: str = "", build: Build | None = None) -> Tool:
    """Return a tool of the name `hammer`, released at a base URL."""
    release = None
    if base:
        file = "hammer-{version}.tar.gz" if member else "hammer-{version}"
        release = Release((Mirror(f"{base}/{file}", f"{base}/SHA256SUMS"),), member=member)
    return Tool("hammer", version, ("version",), release, build)


def archive(member: str, content: bytes) -> bytes:
    """Return a tar.gz with one member."""
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as tar:
        info = tarfile.TarInfo(member)
        info.size = len(content)
        tar.addfile(info, io.BytesIO(content))
    return memory.getvalue()


@dataclass
class Publisher:
    """A web server with files, which knows `Range`. Tests change the files as they like."""

    base: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    served: list[tuple[str, str]] = field(default_factory=list)
    """Path and Range of every GET."""
    hold: threading.Event | None = None
    """If set, files other than checksums are sent only after this event."""

    def publish(self, name: str, content: bytes, checksum: str | None = None) -> None:
        """Add a file, and its line in SHA256SUMS."""
        self.files[f"/{name}"] = content
        line = f"{checksum or hashlib.sha256(content).hexdigest()}  {name}\n"
        self.files["/SHA256SUMS"] = self.files.get("/SHA256SUMS", b"") + line.encode()


@contextmanager
def publisher() -> Iterator[Publisher]:
    """Run a publisher on a free port."""
    site = Publisher()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(200)
            self.end_headers()

        def do_GET(self) -> None:
            wanted = self.headers.get("Range", "")
            site.served.append((self.path, wanted))
            content = site.files.get(self.path)
            if site.hold is not None and "SUMS" not in self.path:
                site.hold.wait(20)
            if content is None:
                self.send_error(404)
                return
            if wanted:
                content = content[int(wanted.removeprefix("bytes=").rstrip("-")) :]
            self.send_response(206 if wanted else 200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    site.base = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
