"""Container registries for tests: one in memory that can be told to misbehave, and Debian's real one as a process."""

from __future__ import annotations

import hashlib
import json
import queue
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import parse_qs, urlsplit

import httpx

from tests.helpers.debian import program
from tests.helpers.fake_api import FakeApi, Request, fake_api, reply

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
CHART = "application/vnd.cncf.helm.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

USER, PASSWORD = "ada", "s3cret-word"
# bcrypt of the password above
_HTPASSWD = "$2b$05$abcdefghijklmnopqrstuuEpHRRKIlpAGo.iP7Bpa.htQEJMAAnRe"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def manifest(content: str, config: str = CONFIG) -> tuple[bytes, dict[str, bytes]]:
    """Return the manifest of a small image, and its blobs by digest."""
    blobs = [json.dumps({"architecture": "amd64", "content": content}).encode(), f"layer of {content}".encode()]
    described = [
        {"mediaType": kind, "digest": digest_of(blob), "size": len(blob)}
        for kind, blob in zip((config, LAYER), blobs, strict=True)
    ]
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described[0], "layers": [described[1]]}
    return json.dumps(document).encode(), {digest_of(blob): blob for blob in blobs}


def index(*manifests: bytes) -> bytes:
    """Return an index of manifests."""
    platforms = [{"os": "linux", "architecture": name} for name in ("amd64", "arm64", "s390x")]
    described = [
        {"mediaType": MANIFEST, "digest": digest_of(content), "size": len(content), "platform": platform}
        for content, platform in zip(manifests, platforms, strict=False)
    ]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": described}).encode()


@dataclass
class MemoryRegistry:
    """Repositories in memory: tag by tag the content of its manifest. Answers pages of `page` tags."""

    repositories: dict[str, dict[str, bytes]] = field(default_factory=dict)
    page: int = 3

    def push(self, repository: str, *tags: str, config: str = CONFIG) -> None:
        """Add small images; the content of each is its own tag."""
        for tag in tags:
            self.repositories.setdefault(repository, {})[tag] = manifest(tag, config)[0]

    def digest(self, repository: str, tag: str) -> str:
        return digest_of(self.repositories[repository][tag])

    def __call__(self, request: Request) -> bytes:
        parts = urlsplit(request.path)
        if found := re.fullmatch(r"/v2/(.+)/tags/list", parts.path):
            return self._tags(found[1], parse_qs(parts.query))
        if found := re.fullmatch(r"/v2/(.+)/manifests/(.+)", parts.path):
            content = self.repositories.get(found[1], {}).get(found[2])
            if content is None:
                return reply(404, {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "x"}]})
            headers = {"Content-Type": json.loads(content)["mediaType"], "Docker-Content-Digest": digest_of(content)}
            if request.method == "HEAD":
                lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
                return f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\n{lines}\r\n".encode()
            return reply(200, raw=content, headers=headers)
        return reply(404, {"errors": []})

    def _tags(self, repository: str, query: Mapping[str, list[str]]) -> bytes:
        if repository not in self.repositories:
            return reply(404, {"errors": [{"code": "NAME_UNKNOWN", "message": "x"}]})
        last = query.get("last", [""])[0]
        tags = sorted(tag for tag in self.repositories[repository] if tag > last)
        size = min(self.page, int(query.get("n", ["100"])[0]))
        headers = {}
        if len(tags) > size:
            headers["Link"] = f'</v2/{repository}/tags/list?n={size}&last={tags[size - 1]}>; rel="next"'
        return reply(200, {"name": repository, "tags": tags[:size]}, headers)


@contextmanager
def memory_registry(**repositories: Sequence[str]) -> Iterator[tuple[MemoryRegistry, FakeApi]]:
    """Give a registry on the loopback."""
    registry = MemoryRegistry()
    for name, tags in repositories.items():
        registry.push(name, *tags)
    with fake_api(registry) as api:
        yield registry, api


@dataclass(frozen=True)
class RealRegistry:
    """Debian's `docker-registry`, running."""

    host: str
    auth: tuple[str, str] | None

    def push(self, repository: str, tag: str, content: str, config: str = CONFIG) -> str:
        """Push an image; return the digest of its manifest."""
        document, blobs = manifest(content, config)
        self._blobs(repository, blobs)
        return self.put(repository, tag, document, MANIFEST)

    def push_index(self, repository: str, tag: str, *contents: str) -> str:
        """Push an index of images; return its digest."""
        documents = []
        for content in contents:
            document, blobs = manifest(content)
            self._blobs(repository, blobs)
            self.put(repository, digest_of(document), document, MANIFEST)
            documents.append(document)
        return self.put(repository, tag, index(*documents), INDEX)

    def put(self, repository: str, reference: str, document: bytes, media_type: str) -> str:
        with self._client() as client:
            path = f"/v2/{repository}/manifests/{reference}"
            client.put(path, content=document, headers={"Content-Type": media_type}).raise_for_status()
        return digest_of(document)

    def _blobs(self, repository: str, blobs: Mapping[str, bytes]) -> None:
        with self._client() as client:
            for digest, blob in blobs.items():
                started = client.post(f"/v2/{repository}/blobs/uploads/").raise_for_status()
                client.put(started.headers["Location"], params=_with(started.headers["Location"], digest), content=blob)

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=f"http://{self.host}", auth=self.auth, trust_env=False)


def _with(location: str, digest: str) -> dict[str, str]:
    query = parse_qs(urlsplit(location).query)
    return {**{name: values[0] for name, values in query.items()}, "digest": digest}


@contextmanager
def real_registry(directory: Path, *, password: bool = False) -> Iterator[RealRegistry]:
    """Run a real registry on a free port of the loopback, with its files in a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    lines = ["version: 0.1", "log: {level: info}", "http: {addr: '127.0.0.1:0'}"]
    lines.append(f"storage: {{filesystem: {{rootdirectory: {json.dumps(str(directory / 'data'))}}}}}")
    if password:
        (directory / "users").write_text(f"{USER}:{_HTPASSWD}\n")
        lines.append(f"auth: {{htpasswd: {{realm: test, path: {json.dumps(str(directory / 'users'))}}}}}")
    (directory / "config.yml").write_text("\n".join(lines) + "\n")
    process = subprocess.Popen(
        [str(program("docker-registry")), "serve", str(directory / "config.yml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={},
    )
    assert process.stderr is not None
    talk = threading.Thread(target=_drain, args=(process.stderr, started := queue.SimpleQueue[str]()), daemon=True)
    talk.start()
    try:
        host = started.get(timeout=60)
        assert host, "the registry did not start"
        yield RealRegistry(host, (USER, PASSWORD) if password else None)
    finally:
        process.kill()
        process.wait()
        talk.join()
        process.stderr.close()


def _drain(stream: IO[bytes], started: queue.SimpleQueue[str]) -> None:
    """Read what a registry logs, and tell where it listens; an empty text, if it ends before."""
    for line in stream:
        if found := re.search(rb"listening on (127\.0\.0\.1:\d+)", line):
            started.put(found[1].decode())
    started.put("")
