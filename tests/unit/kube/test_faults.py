"""What a broken API server, or a broken way to it, becomes."""

from __future__ import annotations

import shutil
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from fleet.errors import ClusterError, FleetError, UnreachableError
from fleet.model.objects import Manifest, ObjectRef
from tests.helpers.certificates import self_signed
from tests.helpers.fake_api import Closing, Drip, Hang, Request, fake_api, reply, status
from tests.unit.kube.conftest import Connect

NAME = ObjectRef("v1", "ConfigMap", "app", "settings")
OBJECT: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings", "namespace": "app"}}


def test_refused_connection_is_unreachable_and_names_the_cluster(connect: Connect) -> None:
    with socket.socket() as taken:  # nobody else gets the port, and nobody listens on it
        taken.bind(("127.0.0.1", 0))
        cluster = connect(f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(UnreachableError, match="cluster `eu` cannot be reached: connection refused") as caught:
            cluster.get(NAME)
    assert "127.0.0.1" not in caught.value.message


def test_black_hole_ends_at_the_connect_deadline(connect: Connect) -> None:
    # A listener whose queue is full takes no further connection and says nothing.
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            fillers.append(filler)
        cluster = connect(f"http://127.0.0.1:{port}")
        started = time.monotonic()
        with pytest.raises(UnreachableError, match="no answer"):
            cluster.get(NAME)
        assert time.monotonic() - started < 20  # without a deadline it would be minutes
        for filler in fillers:
            filler.close()


def test_silent_server_ends_at_the_read_deadline(connect: Connect) -> None:
    with fake_api(lambda _: Hang()) as api:
        cluster = connect(api.url)
        started = time.monotonic()
        with pytest.raises(UnreachableError, match="no answer in time"):
            cluster.get(NAME)
        assert time.monotonic() - started < 20  # without a deadline it would be minutes


def test_a_server_that_drips_bytes_cannot_stretch_the_deadline(connect: Connect) -> None:
    with fake_api(lambda _: Drip()) as api:
        cluster = connect(api.url)
        started = time.monotonic()
        with pytest.raises(UnreachableError):
            cluster.get(NAME)
        assert time.monotonic() - started < 20  # without a deadline it would be minutes


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(reply(200, raw=b'{"kind": "ConfigMap", "meta'), id="truncated JSON"),
        pytest.param(reply(200, raw=b"<html>hello</html>"), id="HTML"),
        pytest.param(reply(200, raw=b"[1, 2]"), id="not an object"),
        pytest.param(reply(200, raw=b"[" * 100_000), id="deep nesting"),
        pytest.param(reply(200, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": {}}), id="no name"),
        pytest.param(reply(200, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": 7}), id="odd metadata"),
        pytest.param(reply(200, raw=b"\xff\xfe\x00"), id="not UTF-8"),
    ],
)
def test_an_answer_that_makes_no_sense_is_unreachable(connect: Connect, answer: bytes) -> None:
    with fake_api(lambda _: answer) as api:
        with pytest.raises(UnreachableError, match="cannot be used") as caught:
            connect(api.url).get(NAME)
        assert caught.value.code == "FLT-OUT-106"


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{}", id="body ends early"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", id="chunk ends early"),
        pytest.param(b"SSH-2.0-OpenSSH_9\r\n", id="another protocol"),
        pytest.param(b"", id="closed without an answer"),
    ],
)
def test_a_connection_that_breaks_off_is_tried_again_and_then_unreachable(connect: Connect, answer: bytes) -> None:
    with fake_api(lambda _: Closing(answer) if answer else None) as api:
        with pytest.raises(UnreachableError):
            connect(api.url).get(NAME)
        assert 4 <= len(api.paths()) <= 5  # one more where a kept connection turns out to be closed


def test_refused_credentials_are_unreachable_and_not_tried_again(connect: Connect) -> None:
    with fake_api(lambda _: status(401, "Unauthorized")) as api:
        with pytest.raises(UnreachableError, match="cluster `eu` refused our credentials"):
            connect(api.url, user={"token": "t0ken-canary"}).get(NAME)
        assert len(api.paths()) == 1


def test_too_many_requests_waits_as_long_as_the_server_says(connect: Connect) -> None:
    answers = [reply(429, {}, {"Retry-After": "1"}), reply(200, OBJECT)]
    with fake_api(lambda _: answers.pop(0)) as api:
        started = time.monotonic()
        assert connect(api.url).get(NAME) == OBJECT
        assert time.monotonic() - started >= 1


@pytest.mark.parametrize("code", [429, 503])
def test_repetitions_are_bounded(connect: Connect, code: int) -> None:
    with fake_api(lambda _: status(code, "busy")) as api:
        with pytest.raises(UnreachableError) as caught:
            connect(api.url).get(NAME)
        assert len(api.paths()) == 4
        assert caught.value.code == "FLT-OUT-105"


def test_a_passing_fault_is_survived(connect: Connect) -> None:
    answers: list[bytes | None] = [None, reply(503, {}), reply(200, OBJECT)]
    with fake_api(lambda _: answers.pop(0)) as api:
        assert connect(api.url).get(NAME) == OBJECT


def test_a_kept_connection_that_the_server_closed_meanwhile_is_no_fault(connect: Connect) -> None:
    with fake_api(lambda _: reply(200, OBJECT)) as api:
        cluster = connect(api.url)
        for _ in range(6):  # more often than a request is repeated
            api.behaviour = lambda _: Closing(reply(200, OBJECT))
            assert cluster.get(NAME) == OBJECT


def test_expired_certificate_is_told(connect: Connect, tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl program")
    certificate, key = self_signed(tmp_path / "tls", end="20200102000000Z")
    with fake_api(lambda _: reply(200, OBJECT), certificate=(certificate, key)) as api:
        cluster = connect(api.url, cluster={"certificate-authority": str(certificate)})
        with pytest.raises(UnreachableError, match="certificate has expired") as caught:
            cluster.get(NAME)
        assert caught.value.code == "FLT-OUT-103"


def test_certificate_of_an_unknown_authority_is_not_trusted(connect: Connect, tmp_path: Path) -> None:
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl program")
    pair = self_signed(tmp_path / "tls")
    with (
        fake_api(lambda _: reply(200, OBJECT), certificate=pair) as api,
        pytest.raises(UnreachableError, match="not trusted"),
    ):
        connect(api.url).get(NAME)


def test_unverified_tls_works_where_the_kubeconfig_says_so_and_warns_once(
    connect: Connect, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    if not shutil.which("openssl"):
        pytest.skip("needs the openssl program")
    pair = self_signed(tmp_path / "tls", end="20200102000000Z")
    with fake_api(lambda _: reply(200, OBJECT), certificate=pair) as api:
        cluster = connect(api.url, cluster={"insecure-skip-tls-verify": True})
        assert cluster.get(NAME) == OBJECT
        assert cluster.get(NAME) == OBJECT
    assert [r.getMessage() for r in caplog.records] == [
        "cluster `eu`: TLS certificates are not verified, since its kubeconfig says so"
    ]


def test_a_dead_cluster_fails_at_once_for_a_while(connect: Connect) -> None:
    with fake_api(lambda _: Hang()) as api:
        cluster = connect(api.url, breaker_pause=30)
        for _ in range(2):
            with pytest.raises(UnreachableError):
                cluster.get(NAME)
        sent = len(api.requests)
        with pytest.raises(UnreachableError, match="no answer in time"):
            cluster.get(NAME)
        assert len(api.requests) == sent


def test_a_cluster_that_comes_back_is_used_again(connect: Connect) -> None:
    with fake_api(lambda _: Hang()) as api:
        cluster = connect(api.url, breaker_pause=0.2)
        started = time.monotonic()
        for _ in range(2):
            with pytest.raises(UnreachableError):
                cluster.get(NAME)
        api.behaviour = lambda _: reply(200, OBJECT)
        found = None
        while found is None:
            try:
                found = cluster.get(NAME)
            except UnreachableError:
                time.sleep(0.02)
        assert found == OBJECT
        assert 0.2 <= time.monotonic() - started < 20


def test_many_threads_share_few_connections(connect: Connect) -> None:
    with fake_api(lambda _: reply(200, OBJECT)) as api:
        cluster = connect(api.url)
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: cluster.get(NAME), range(200)))
        assert found == [OBJECT] * 200
        assert api.connections <= 8


def test_the_same_failure_gives_the_same_text_twice(connect: Connect) -> None:
    def behave(request: Request) -> bytes:
        number = len(api.requests)
        identity = f"3f2b6c1e-0000-4000-8000-{number:012d}"
        return status(500, f'request {identity} failed: Post "x": dial tcp 10.0.0.1:44{number}: timed out')

    with fake_api(behave) as api:
        cluster = connect(api.url)
        texts = []
        for _ in range(2):
            with pytest.raises(ClusterError) as caught:
                cluster.get(NAME)
            texts.append(caught.value.message)
        assert texts[0] == texts[1]
        assert caught.value.code == "FLT-CLU-500"


def test_no_credential_shows_in_any_error_or_repr(connect: Connect) -> None:
    canary = "canary-8d1f"
    with fake_api(lambda _: status(403, "no")) as api:
        cluster = connect(api.url, user={"token": canary, "username": canary, "password": canary})
        with pytest.raises(FleetError) as caught:
            cluster.get(NAME)
        assert api.requests[-1].headers["authorization"] == f"Bearer {canary}"
    shown = [repr(cluster), repr(vars(cluster)), str(caught.value), repr(caught.value), str(caught.value.hints)]
    client = vars(cluster)["_client"]
    shown += [repr(vars(client)), repr(client)]
    assert not any(canary in text for text in shown)


@pytest.mark.parametrize("token", ["canary\r\nX: y", "canary\n", "canär", "canary\x00"])
def test_a_token_that_no_header_can_carry_is_not_quoted(connect: Connect, token: str) -> None:
    with fake_api(lambda _: reply(200, OBJECT)) as api:
        with pytest.raises(UnreachableError, match="characters that no request can carry") as caught:
            connect(api.url, user={"token": token}).get(NAME)
        assert api.requests == []
    error: BaseException | None = caught.value
    while error is not None:
        assert "can" not in str(error).replace("cannot", "").replace("can carry", "")
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("host", ["a b", "x" * 300, "bad\u2028host", "-"])
def test_a_host_that_is_none(connect: Connect, host: str) -> None:
    with pytest.raises(UnreachableError):
        connect(f"https://{host}:1").get(NAME)


def test_an_old_token_file_is_read_again(connect: Connect, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("old\n")

    def behave(request: Request) -> bytes:
        return reply(200, OBJECT) if request.headers["authorization"] == "Bearer new" else status(401, "no")

    with fake_api(behave) as api:
        api.own_discovery = True
        cluster = connect(api.url, user={"tokenFile": str(token)})
        with pytest.raises(UnreachableError):
            cluster.get(NAME)
        token.write_text("new\n")
        assert cluster.get(NAME) == OBJECT
