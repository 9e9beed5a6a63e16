"""The gate `http` against a real web server that answers well, badly, or never."""

from __future__ import annotations

import gzip
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet.adapters.probes.prober import OutsideProber
from tests.helpers.certificates import self_signed
from tests.helpers.hostile import Hostile, Script, drips, floods, hangs, hostile, says, sends
from tests.unit.probes.asking import ask, ask_one

OK = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def server() -> Iterator[Hostile]:
    with hostile() as running:
        yield running


def http(server: Hostile, path: str = "/x", **more: Any) -> dict[str, Any]:
    return {"http": {"url": server.url(path), **more}}


def leads_to(monkeypatch: pytest.MonkeyPatch, port: int, *addresses: str) -> None:
    """Let every name lead to some addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    def resolve(*_arguments: object, **_options: object) -> list[Any]:
        return found

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.parametrize(
    ("script", "spec", "passed", "reason"),
    [
        (says({"ok": True}), {}, True, "answered 200"),
        (says({"ok": True}, 204), {"status": 204}, True, "answered 204"),
        (says({"ok": True, "n": 3}), {"expect": "body.ok && body.n < 4"}, True, "answered 200, and `body.ok"),
        (says({"ok": False}), {"expect": "body.ok"}, False, "answered 200, and `body.ok` is false"),
        (says({}, 404), {}, False, "answered 404, not 200"),
        (says({}, 401), {}, False, "answered 401, not 200"),
        (says({}, 500), {}, None, "answered 500, not 200"),
        (says({}, 503), {"status": 503}, True, "answered 503"),
        (says({}, 429), {}, None, "answered 429, not 200"),
        (says({}), {"expect": "body.ok"}, None, "cannot be judged: there is no `ok` in the data"),
        (says({"ok": 1}), {"expect": "body.ok"}, None, "it has to be true or false, and is a number"),
        (says(b"<html>"), {"expect": "body.ok"}, None, "answered 200, but not with JSON"),
        (says(b"<html>"), {}, True, "answered 200"),
        (says(b""), {"expect": "body.ok"}, None, "not with JSON"),
        (says(b'{"n": NaN}'), {"expect": "true"}, None, "not with JSON"),
        (says(b'"\xff"'), {"expect": "true"}, None, "not with JSON"),
        (says(b'{"n": 99999999999999999999999}'), {"expect": "body.n > 0"}, True, "is true"),
        (says(b"[" * 400 + b"]" * 400), {"expect": "true"}, None, "nested more than 64 deep"),
        (says(b"[" * 100000), {"expect": "true"}, None, "not with JSON"),
        (says(list(range(20000))), {"expect": "body.all(a, body.exists(b, b == a))"}, None, "steps"),
    ],
)
def test_what_an_answer_means(
    server: Hostile, script: Script, spec: dict[str, Any], passed: bool | None, reason: str
) -> None:
    server.paths["/x"] = script
    answer = ask_one(http(server, **spec), hosts=[server.place])
    assert (answer.passed, answer.pending) == (passed, False)
    assert reason in answer.reason
    assert "\n" not in answer.reason


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (hangs(), "did not answer within 0.5s"),
        (hangs(OK + b"Content-Length: 10\r\n\r\n{"), "did not answer within 0.5s"),
        (drips(OK + b"X-Slow: "), "did not answer within 0.5s"),
        (drips(OK + b"\r\n{"), "did not answer within 0.5s"),
        (sends(b""), "does not answer"),
        (sends(OK), "does not answer"),
        (sends(OK + b"Content-Length: 100\r\n\r\n{}"), "does not answer"),
        (sends(b"not http at all\r\n\r\n"), "does not answer"),
        (sends(OK + b"Content-Length: -1\r\n\r\n{}"), "does not answer"),
        (sends(OK + b"X: " + b"y" * 200_000 + b"\r\n\r\n{}"), "does not answer"),
        (says(b"x" * (1024 * 1024 + 1)), "has more than 1024 KiB"),
        (floods(OK + b"Connection: close\r\n\r\n", b"x" * 65536, 200), "has more than 1024 KiB"),
        (says(gzip.compress(b"0" * 10_000_000, mtime=0), 200, "Content-Encoding: gzip"), "is compressed"),
    ],
)
def test_a_bad_server_is_left_alone_in_time(server: Hostile, script: Script, reason: str) -> None:
    server.paths["/x"] = script
    start = time.monotonic()
    answer = ask_one(http(server, timeout="500ms", expect="true"), hosts=[server.place])
    assert answer.passed is None
    assert reason in answer.reason
    assert time.monotonic() - start < 20  # and not for ever


def test_a_redirect_is_not_followed(server: Hostile) -> None:
    server.paths["/x"] = says({}, 302, f"Location: {server.url('/secret')}")
    with hostile() as other:
        other.paths["/y"] = says({})
        server.paths["/y"] = says({}, 307, f"Location: {other.url('/y')}")
        answers = ask(http(server, "/x"), http(server, "/y"), hosts=[server.place, other.place])
        assert {a.reason for a in answers.values()} == {
            "answered 302: redirects are not followed",
            "answered 307: redirects are not followed",
        }
        assert all(answer.passed is None for answer in answers.values())
        assert other.requests == []
        assert server.asked("/secret") == []


def test_a_host_that_is_not_on_the_list_is_not_even_connected_to(server: Hostile) -> None:
    answer = ask_one(http(server), hosts=["ci.example.com"])
    assert answer.passed is None
    assert answer.reason == f"`{server.place}` is not in `allowedHosts` of fleet.yaml"
    assert server.requests == []


def test_a_name_that_leads_to_this_machine_or_to_metadata_is_refused(
    server: Hostile, monkeypatch: pytest.MonkeyPatch
) -> None:
    for address in ("127.0.0.1", "169.254.169.254"):
        leads_to(monkeypatch, server.port, address)
        place = f"http://ci.example.com:{server.port}"
        answer = ask_one({"http": {"url": f"{place}/x"}}, hosts=[place])
        assert answer.passed is None
        assert "`ci.example.com` is not asked: it leads to" in answer.reason
    assert server.requests == []


def test_the_connection_goes_to_the_address_that_was_checked(server: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that leads elsewhere the second time (DNS rebinding) gains nothing: there is no second time."""
    server.paths["/x"] = says({})
    times: list[str] = []

    def resolve(host: str, *_arguments: object, **_options: object) -> list[Any]:
        times.append(host)
        address = "127.0.0.1" if len(times) == 1 else "127.0.0.99"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, server.port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    answer = ask_one({"http": {"url": server.url("/x", "localhost")}}, hosts=[f"localhost:{server.port}"])
    assert answer.passed is True
    assert "localhost" in times
    assert f"Host: localhost:{server.port}" in server.requests[0]


def test_the_next_address_is_tried_where_one_refuses(server: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    server.paths["/x"] = says({})
    leads_to(monkeypatch, server.port, "127.0.0.77", "127.0.0.1")
    answer = ask_one({"http": {"url": server.url("/x", "localhost")}}, hosts=[f"localhost:{server.port}"])
    assert answer.passed is True


def test_a_resolver_that_hangs_costs_the_time_limit_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()

    def hang(*_arguments: object, **_options: object) -> list[Any]:
        let_go.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    try:
        answer = ask_one({"http": {"url": "https://ci.example.com/", "timeout": "300ms"}}, hosts=["ci.example.com"])
        assert answer.reason == "`ci.example.com` did not answer within 0.3s"
    finally:
        let_go.set()


def test_nobody_listens_and_nobody_knows_the_name(server: Hostile) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    answers = ask(
        {"http": {"url": f"http://127.0.0.1:{port}/"}},
        {"http": {"url": "https://no-such-host.invalid/"}},
        hosts=[f"127.0.0.1:{port}", "no-such-host.invalid"],
    )
    assert "cannot be reached" in answers["gate-0"].reason
    assert answers["gate-1"].reason == "the host `no-such-host.invalid` is not known"


def test_one_gate_that_fails_does_not_break_the_others(server: Hostile) -> None:
    server.paths |= {"/good": says({"ok": True}), "/slow": hangs(), "/bad": sends(b"\0\0")}
    answers = ask(
        http(server, "/slow", timeout="500ms"),
        http(server, "/bad"),
        http(server, "/good", expect="body.ok"),
        {"http": {"url": "no url"}},
        hosts=[server.place],
    )
    assert [answer.passed for answer in answers.values()] == [None, None, True, None]


def test_placeholders_cannot_change_the_shape_of_the_url(server: Hostile) -> None:
    server.paths["/ready"] = says({})
    ask_one(http(server, "/ready?app={app}&v={version}&from={source}&to={environment}"), hosts=[server.place])
    assert server.requests[0].startswith("GET /ready?app=web&v=1.1.0%2Bbuild&from=staging&to=prod HTTP/1.1")


def test_a_token_is_sent_and_never_shown(server: Hostile, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    server.paths |= {"/x": says({}), "/bad": says({}, 401), "/broken": sends(b"")}
    secret = {"CI_TOKEN": "hunter2-hunter2\n"}
    gates = [http(server, path, tokenFrom="CI_TOKEN") for path in ("/x", "/bad", "/broken")]
    answers = ask(*gates, hosts=[server.place], environment=secret)
    assert "Authorization: Bearer hunter2-hunter2\r\n" in server.requests[0]
    assert "hunter2" not in str(answers)
    assert "hunter2" not in caplog.text
    assert "hunter2" not in repr(OutsideProber(lambda: None, secret))  # type: ignore[arg-type, return-value]


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("", "`CI_TOKEN`, which should hold the token, is not set"),
        ("hunter2\r\nX-Evil: 1", "what the environment variable `CI_TOKEN` holds is no bearer token"),
        ("hunter2 hunter3", "is no bearer token"),
        ("hunter2é", "is no bearer token"),
    ],
)
def test_a_token_that_is_none_is_not_sent(server: Hostile, value: str, reason: str) -> None:
    answer = ask_one(http(server, tokenFrom="CI_TOKEN"), hosts=[server.place], environment={"CI_TOKEN": value})
    assert reason in answer.reason
    assert "hunter2" not in answer.reason
    assert server.requests == []


def test_a_token_is_not_sent_over_plain_http() -> None:
    gate = {"http": {"url": "http://ci.example.com/", "tokenFrom": "CI_TOKEN"}}
    answer = ask_one(gate, hosts=["http://ci.example.com"], environment={"CI_TOKEN": "hunter2"})
    assert answer.reason == "the token is not sent to `ci.example.com` over plain HTTP"


def test_a_proxy_of_the_environment_is_not_used(server: Hostile, monkeypatch: pytest.MonkeyPatch) -> None:
    server.paths["/x"] = says({})
    for name in ("HTTP_PROXY", "ALL_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert ask_one(http(server), hosts=[server.place]).passed is True


def test_tls_checks_the_name_although_the_address_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = self_signed(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    trust = ssl.create_default_context(cafile=str(certificate))
    with hostile(context) as server:
        server.paths["/x"] = says({"ok": True})
        hosts = [f"localhost:{server.port}", f"shop.example.com:{server.port}"]
        good = {"http": {"url": server.url("/x", "localhost"), "expect": "body.ok"}}
        assert ask_one(good, hosts=hosts, tls=trust).passed is True
        untrusted = ask_one(good, hosts=hosts)
        assert untrusted.passed is None
        assert "certificate verify failed" in untrusted.reason
        monkeypatch.setattr("fleet.resolving.refused_address", lambda *_: None)
        leads_to(monkeypatch, server.port, "127.0.0.1")
        other = ask_one({"http": {"url": server.url("/x", "shop.example.com")}}, hosts=hosts, tls=trust)
        assert other.passed is None
        assert "shop.example.com" in other.reason
        assert "certificate" in other.reason
