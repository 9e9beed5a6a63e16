from __future__ import annotations

import hashlib
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from fleet.adapters.toolchain.catalogue import CATALOGUE, Platform, Tool
from fleet.adapters.toolchain.releases import Hosts, published_checksum
from fleet.adapters.toolchain.toolchain import Toolchain
from fleet.errors import ToolError
from fleet.model.events import Level, Message
from fleet.model.toolchain import Source
from fleet.ports.reporter import Reporter
from tests.helpers.programs import Publisher, archive, hammer, publisher, script
from tests.helpers.reporting import RecordingReporter, SilentReporter


@pytest.fixture
def site() -> Iterator[Publisher]:
    with publisher() as running:
        yield running


def toolchain(tmp_path: Path, tool: Tool, reporter: Reporter | None = None) -> Toolchain:
    return Toolchain(
        tmp_path / "cache",
        {},
        reporter or SilentReporter(),
        environment={"PATH": "/usr/bin:/bin"},
        catalogue=(tool,),
    )


def test_a_release_is_fetched_verified_and_then_served_from_the_cache(tmp_path: Path, site: Publisher) -> None:
    site.publish("hammer-1.2.3", script("1.2.3"))
    tools = toolchain(tmp_path, hammer(site.base))
    fetched = tools.install(["hammer"])[0]
    assert (fetched.source, fetched.version) == (Source.RELEASE, "1.2.3")
    assert fetched.path.stat().st_mode & 0o111
    assert tools.install(["hammer"])[0].source is Source.CACHE
    assert [p for p in (tmp_path / "cache").rglob("*.part")] == []


def test_a_program_is_taken_out_of_its_archive(tmp_path: Path, site: Publisher) -> None:
    content = archive("hammer-v1/bin/hammer", script("1.2.3"))
    site.publish("hammer-1.2.3.tar.gz", content)
    fetched = toolchain(tmp_path, hammer(site.base, member="hammer-v1/bin/hammer")).install(["hammer"])[0]
    assert fetched.path.read_bytes() == script("1.2.3")


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(tmp_path: Path, site: Publisher) -> None:
    site.publish("hammer-1.2.3", script("1.2.3"), checksum="0" * 64)
    tools = toolchain(tmp_path, hammer(site.base))
    with pytest.raises(ToolError, match="does not have the checksum") as caught:
        tools.install(["hammer"])
    assert caught.value.code == "FLT-TLC-003"
    assert not [p for p in (tmp_path / "cache").rglob("*hammer-1.2.3*") if p.is_file()]


def test_a_file_without_a_published_checksum_is_refused(tmp_path: Path, site: Publisher) -> None:
    site.publish("nail-1.2.3", b"")
    site.files["/hammer-1.2.3"] = script("1.2.3")
    with pytest.raises(ToolError, match="publishes no checksum"):
        toolchain(tmp_path, hammer(site.base)).install(["hammer"])


def test_a_checksum_that_changed_since_is_refused(tmp_path: Path, site: Publisher) -> None:
    site.publish("hammer-1.2.3", script("1.2.3"))
    tools = toolchain(tmp_path, hammer(site.base))
    tools.install(["hammer"])[0].path.unlink()
    site.files.clear()
    site.publish("hammer-1.2.3", script("1.2.3") + b"# something else\n")
    with pytest.raises(ToolError, match="has changed since") as caught:
        toolchain(tmp_path, hammer(site.base)).install(["hammer"])
    assert "checksums.json" in caught.value.hints[0]


def test_a_program_of_another_version_is_not_installed(tmp_path: Path, site: Publisher) -> None:
    site.publish("hammer-1.2.3", script("1.4.0"))
    with pytest.raises(ToolError, match=r"\(release\) is 1\.4\.0"):
        toolchain(tmp_path, hammer(site.base)).install(["hammer"])


def _part(tmp_path: Path, content: bytes, present: bytes) -> Path:
    part = tmp_path / "cache" / "downloads" / f"{hashlib.sha256(content).hexdigest()[:16]}-hammer-1.2.3.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(present)
    return part


def test_a_download_goes_on_where_it_was_killed(tmp_path: Path, site: Publisher) -> None:
    content = script("1.2.3")
    site.publish("hammer-1.2.3", content)
    _part(tmp_path, content, content[:10])
    fetched = toolchain(tmp_path, hammer(site.base)).install(["hammer"])[0]
    assert fetched.path.read_bytes() == content
    assert ("/hammer-1.2.3", "bytes=10-") in site.served


def test_a_damaged_half_download_is_fetched_anew(tmp_path: Path, site: Publisher) -> None:
    content = script("1.2.3")
    site.publish("hammer-1.2.3", content)
    _part(tmp_path, content, b"rubbish!")
    assert toolchain(tmp_path, hammer(site.base)).install(["hammer"])[0].path.read_bytes() == content


def test_two_at_once_fetch_once_and_the_second_says_for_whom_it_waits(tmp_path: Path, site: Publisher) -> None:
    site.publish("hammer-1.2.3", script("1.2.3"))
    site.hold = threading.Event()
    sources: list[Source] = []

    class Releasing(RecordingReporter):
        def emit(self, event: object) -> None:
            if isinstance(event, Message) and event.level is Level.WAIT:
                said.append(event.text)
                assert site.hold
                site.hold.set()

    said: list[str] = []

    def install() -> None:
        tools = toolchain(tmp_path, hammer(site.base), Releasing())
        sources.append(tools.install(["hammer"])[0].source)

    threads = [threading.Thread(target=install) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(sources) == [Source.CACHE, Source.RELEASE]
    assert len(said) == 1
    assert "which installs hammer since" in said[0]
    assert [path for path, _ in site.served].count("/hammer-1.2.3") == 1


@pytest.fixture
def silent_hosts() -> Iterator[list[str]]:
    """Hosts that take connections and never say a word."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(6)]
        yield [f"http://127.0.0.1:{s.getsockname()[1]}" for s in sockets]


def test_hosts_that_swallow_everything_are_noticed_together_and_fast(silent_hosts: list[str], site: Publisher) -> None:
    hosts = Hosts(seconds=3)
    begun = time.monotonic()
    hosts.probe([*silent_hosts, site.base])
    assert time.monotonic() - begun < 6 * 3  # all at the same time, not one after the other
    assert all(hosts.reason(host) for host in silent_hosts)
    assert hosts.reason(site.base) == ""


def test_nothing_reachable_says_for_each_source_why(tmp_path: Path, silent_hosts: list[str]) -> None:
    begun = time.monotonic()
    with pytest.raises(ToolError) as caught:
        toolchain(tmp_path, hammer(silent_hosts[0])).install(["hammer"])
    assert time.monotonic() - begun < 60
    lines = caught.value.message.splitlines()
    assert lines[0] == "`hammer` 1.2.3 cannot be obtained"
    assert [line.split(":")[0].strip() for line in lines[1:]] == ["configured", "PATH", "cache", "release", "build"]
    assert "no answer" in lines[4]
    assert any("FLEET_TOOL_HAMMER" in hint for hint in caught.value.hints)


def test_a_release_that_is_not_there_is_a_reason_not_a_crash(tmp_path: Path, site: Publisher) -> None:
    with pytest.raises(ToolError, match="status 404"):
        toolchain(tmp_path, hammer(site.base)).install(["hammer"])


SUM = "a" * 64


@pytest.mark.parametrize(
    ("text", "checksum"),
    [
        (SUM, SUM),
        (SUM + "\n", SUM),
        (f"{'b' * 64}  other\n{SUM}  file.tgz\n", SUM),
        (f"{SUM} *file.tgz\n", SUM),
        (f"{SUM.upper()}  ./file.tgz\n", SUM),
        (f"{'c' * 128}  file.tgz\n", "c" * 128),
        (json.dumps({"assets": [{"name": "file.tgz", "digest": f"sha256:{SUM}"}]}), SUM),
        (json.dumps({"assets": [{"name": "file.tgz", "digest": None}]}), None),
        (json.dumps({"assets": [{"name": "file.tgz", "digest": "md5:abc"}]}), None),
        (f"{SUM}  file.tgz.sig\n", None),
        ("not a checksum", None),
        ("<html>captive portal</html>", None),
        ("{broken", None),
        ("", None),
    ],
)
def test_checksums_are_read_in_the_forms_that_publishers_use(text: str, checksum: str | None) -> None:
    assert published_checksum(text, "file.tgz") == checksum


def test_official_addresses() -> None:
    here = Platform("linux", "amd64")
    addresses = {
        tool.name: tool.release.fill(tool.release.mirrors[0].url, tool.version, here)
        for tool in CATALOGUE
        if tool.release
    }
    assert addresses["pulumi"].endswith("/releases/sdk/pulumi-v3.230.0-linux-x64.tar.gz")
    assert addresses["etcd"].endswith("/download/v3.6.8/etcd-v3.6.8-linux-amd64.tar.gz")
    assert addresses["kwokctl"].endswith("/kwok/releases/download/v0.8.0/kwokctl-linux-amd64")
    assert addresses["kube-apiserver"] == "https://dl.k8s.io/release/v1.36.1/bin/linux/amd64/kube-apiserver"
