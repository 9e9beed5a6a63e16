"""The client of registries against servers that misbehave."""

from __future__ import annotations

import base64
import gzip
import json
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs, urlsplit

import pytest

from fleet.adapters.registry.client import OciRegistries
from fleet.adapters.registry.limits import Limits
from fleet.engine.registries import api_url, may_be_asked
from fleet.errors import FleetError, RegistryError, UnreachableError
from fleet.model.registry import Manifest, Repository
from tests.helpers.certificates import self_signed
from tests.helpers.fake_api import Behaviour, Drip, FakeApi, Hang, Request, fake_api, reply
from tests.helpers.oci import CHART, MemoryRegistry, digest_of, manifest, memory_registry

QUICK = Limits(deadline=3.0, request=0.5, first_pause=0.01, longest_pause=0.1, answer=20_000, manifest=20_000)
SECRET = "pass-w0rd"
T = TypeVar("T")


def ask(
    api: FakeApi, *, allowed: Sequence[str] = (), environment: Mapping[str, str] | None = None, limits: Limits = QUICK
) -> Sequence[str] | FleetError:
    """Return the tags of `web`."""
    web = Repository(f"127.0.0.1:{api.port}", "web")
    return using(api, lambda one: one.tags([web])[web], allowed=allowed, environment=environment, limits=limits)


def using(
    api: FakeApi,
    question: Callable[[OciRegistries], T],
    *,
    allowed: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    limits: Limits = QUICK,
) -> T:
    registries = OciRegistries([f"127.0.0.1:{api.port}", *allowed], environment or {}, limits)
    try:
        return question(registries)
    finally:
        registries.close()


def told(behaviour: Behaviour, **more: object) -> FleetError:
    """Return what is said of a registry that behaves like this."""
    with fake_api(behaviour) as api:
        answer = ask(api, **more)  # type: ignore[arg-type]
        assert isinstance(answer, FleetError), answer
        assert answer.message.startswith(f"127.0.0.1:{api.port}/web: ")
        return answer


def test_all_pages_are_read() -> None:
    wanted = [f"1.{number}.0" for number in range(20)]
    with memory_registry(web=wanted) as (_, api):
        assert sorted(ask(api)) == sorted(wanted)  # type: ignore[arg-type]
        assert len(api.requests) == 7


def test_a_repository_that_is_not_there_does_not_touch_the_others() -> None:
    with memory_registry(web=["1.0.0"]) as (_, api):
        host = f"127.0.0.1:{api.port}"
        web, other = Repository(host, "web"), Repository(host, "other")
        found = using(api, lambda one: one.tags([other, web]))
    assert found[web] == ["1.0.0"]
    missing = found[other]
    assert isinstance(missing, RegistryError)
    assert missing.code == "FLT-REG-008"


def test_kinds_and_digests_come_from_the_content() -> None:
    with memory_registry(web=["1.0.0"]) as (registry, api):
        registry.push("web", "2.0.0", config=CHART)
        web = Repository(f"127.0.0.1:{api.port}", "web")
        keys = [(web, "1.0.0"), (web, "2.0.0"), (web, "3.0.0")]
        found = using(api, lambda one: one.manifests(keys))
        assert [found[key] for key in keys] == [
            Manifest(registry.digest("web", "1.0.0"), "image"),
            Manifest(registry.digest("web", "2.0.0"), "chart"),
            None,
        ]


def test_content_that_is_not_what_its_digest_says_is_refused() -> None:
    document, _ = manifest("one")
    kind = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"}
    answers = {
        "/v2/web/manifests/other": reply(200, raw=document, headers=kind | {"Docker-Content-Digest": digest_of(b"x")}),
        "/v2/web/manifests/none": reply(200, raw=document, headers=kind | {"Docker-Content-Digest": "md5:12"}),
        "/v2/web/manifests/old": reply(200, {"schemaVersion": 1, "name": "web"}, kind),
        "/v2/web/manifests/list": reply(200, [], kind),
        "/v2/web/manifests/silent": reply(200, raw=document, headers=kind),
    }
    with fake_api(lambda request: answers[request.path]) as api:
        web = Repository(f"127.0.0.1:{api.port}", "web")
        found = using(api, lambda one: one.manifests([(web, path.rpartition("/")[2]) for path in answers]))
    codes = {key[1]: answer.code for key, answer in found.items() if isinstance(answer, FleetError)}
    assert codes == {"other": "FLT-REG-009", "none": "FLT-REG-006", "old": "FLT-REG-006", "list": "FLT-REG-006"}
    assert found[web, "silent"] == Manifest(digest_of(document), "image")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (reply(200, raw=b"<html>"), "FLT-REG-006"),
        (reply(200, raw=b"[" * 5000), "FLT-REG-006"),
        (reply(200, [1]), "FLT-REG-006"),
        (reply(200, {"tags": "1.0.0"}), "FLT-REG-006"),
        (reply(200, {"tags": ["1.0.0", 2]}), "FLT-REG-006"),
        (reply(200, {"tags": ["\u001b[2Jbad"]}), "FLT-REG-006"),
        (reply(200, raw=b" " * 30_000), "FLT-REG-005"),
        (reply(200, raw=gzip.compress(b"{}", mtime=0), headers={"Content-Encoding": "gzip"}), "FLT-REG-006"),
        (reply(418, {"errors": [{"code": "TEAPOT", "message": SECRET}]}), "FLT-REG-006"),
        (reply(200, {"tags": []}, {"Link": '<http://other.example/v2/web/tags/list>; rel="next"'}), "FLT-REG-006"),
        (reply(200, {"tags": []}, {"Link": '</v2/web/tags/list?n=1000>; rel="next"'}), "FLT-REG-006"),
        (reply(200, {"tags": []}, {"Link": '<http://[x>; rel="next"'}), "FLT-REG-006"),
        (reply(503, {}), "FLT-REG-004"),
        (reply(429, {}, {"Retry-After": "3600"}), "FLT-REG-004"),
        (reply(302, {}, {"Location": "http://169.254.169.254/latest"}), "FLT-REG-002"),
        (reply(302, {}, {"Location": "/v2/web/tags/list"}), "FLT-REG-006"),
        (b"no http at all\r\n\r\n", "FLT-REG-003"),
        (Hang(), "FLT-REG-003"),
        (Drip(), "FLT-REG-003"),
        (None, "FLT-REG-003"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_lie_is_an_error_with_a_code(answer: object, code: str) -> None:
    error = told(lambda _request: answer)  # type: ignore[arg-type,return-value]
    assert error.code == code
    assert SECRET not in f"{error} {error.hints}"
    assert "\u001b" not in error.message


def test_a_list_without_end_is_cut_off() -> None:
    def endless(request: Request) -> bytes:
        number = int(parse_qs(urlsplit(request.path).query).get("last", ["0"])[0])
        link = f'</v2/web/tags/list?last={number + 1}>; rel="next"'
        return reply(200, {"tags": [f"1.{number}.0"]}, {"Link": link})

    assert told(endless, limits=Limits(pages=10)).code == "FLT-REG-005"
    assert told(endless, limits=Limits(tags=5)).code == "FLT-REG-005"


def test_a_question_has_a_deadline_with_all_of_its_pages() -> None:
    def slow(request: Request) -> bytes | Hang:
        return (
            Hang() if "last=3" in request.path else MemoryRegistry({"web": {str(n): b"" for n in range(9)}}, 1)(request)
        )

    error = told(slow, limits=Limits(deadline=0.5, request=30))
    assert isinstance(error, UnreachableError)
    assert "no answer within 0.5 s" in error.message


def test_a_busy_registry_is_asked_again() -> None:
    answers = iter(
        [
            reply(429, {}, {"Retry-After": "0"}),
            reply(503, {}, {"Retry-After": "Wed, 01 Jan 2020 00:00:00 GMT"}),
            None,
            reply(200, {"tags": ["1.0.0"]}),
        ]
    )
    with fake_api(lambda _request: next(answers)) as api:
        assert ask(api) == ["1.0.0"]


def test_only_hosts_on_the_list_are_asked() -> None:
    with memory_registry(web=["1.0.0"]) as (_, api):
        web = Repository(f"127.0.0.1:{api.port}", "web")
        registries = OciRegistries(["registry.example"], {}, QUICK)
        answer = registries.tags([web])[web]
        registries.close()
        assert isinstance(answer, RegistryError)
        assert answer.code == "FLT-REG-002"
        assert api.requests == []


# ── who asks ──


def variables(api: FakeApi) -> dict[str, str]:
    name = f"FLEET_REGISTRY_127_0_0_1_{api.port}"
    return {f"{name}_USER": "ada", f"{name}_PASSWORD": SECRET}


BASIC = "Basic " + base64.b64encode(f"ada:{SECRET}".encode()).decode()


class Guarded:
    """A registry that wants a token, and the service that gives it."""

    def __init__(self, registry: MemoryRegistry) -> None:
        self.registry = registry
        self.realm = ""
        self.token = "t0ken"
        self.asked: list[Request] = []

    def __call__(self, request: Request) -> bytes:
        if request.headers.get("authorization") == f"Bearer {self.token}":
            return self.registry(request)
        challenge = f'Bearer realm="{self.realm}",service="reg, one",scope="repository:everything:push"'
        return reply(401, {"errors": []}, {"WWW-Authenticate": challenge})

    def service(self, request: Request) -> bytes:
        self.asked.append(request)
        if request.headers.get("authorization") != BASIC:
            return reply(401, {"details": "incorrect username or password"})
        return reply(200, {"token": self.token})


@pytest.fixture
def guarded() -> Guarded:
    registry = MemoryRegistry()
    registry.push("web", "1.0.0", "1.1.0", "1.2.0", "1.3.0")
    return Guarded(registry)


def test_a_token_is_fetched_once_for_the_repository_alone_and_credentials_go_to_the_service_only(
    guarded: Guarded,
) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(fake_api(guarded.service))
        api = stack.enter_context(fake_api(guarded))
        guarded.realm = f"{service.url}/token"
        found = ask(api, allowed=[f"127.0.0.1:{service.port}"], environment=variables(api))
        assert len(found) == 4  # type: ignore[arg-type]
        assert [parse_qs(urlsplit(r.path).query) for r in guarded.asked] == [
            {"scope": ["repository:web:pull"], "service": ["reg, one"]}
        ]
        assert all("Basic" not in r.headers.get("authorization", "") for r in api.requests)


def test_a_service_that_is_not_on_the_list_gets_nothing(guarded: Guarded) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(fake_api(guarded.service))
        api = stack.enter_context(fake_api(guarded))
        guarded.realm = f"{service.url}/token"
        error = ask(api, environment=variables(api))
        assert isinstance(error, RegistryError)
        assert error.code == "FLT-REG-002"
        assert f"127.0.0.1:{service.port}" in error.message
        assert service.requests == []


@pytest.mark.parametrize("realm", ["", "ftp://x", "http://user:pw@127.0.0.1/", "/token"])
def test_a_realm_that_is_no_address_is_refused(guarded: Guarded, realm: str) -> None:
    with fake_api(guarded) as api:
        guarded.realm = realm
        error = ask(api, environment=variables(api))
    assert isinstance(error, FleetError)
    assert error.code in ("FLT-REG-002", "FLT-REG-007")


@pytest.mark.parametrize("token", ["", "a b", "a\r\nX: y", "x" * 20_000, 7, None])
def test_a_token_that_is_none_is_refused(guarded: Guarded, token: object) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(fake_api(lambda _request: reply(200, {"token": token})))
        api = stack.enter_context(fake_api(guarded))
        guarded.realm = f"{service.url}/token"
        error = ask(api, allowed=[f"127.0.0.1:{service.port}"], environment=variables(api))
    assert isinstance(error, RegistryError)
    assert error.code == "FLT-REG-006"


def test_credentials_that_are_refused_are_said_to_be_and_not_shown(guarded: Guarded) -> None:
    with ExitStack() as stack:
        service = stack.enter_context(fake_api(guarded.service))
        api = stack.enter_context(fake_api(guarded))
        guarded.realm = f"{service.url}/token"
        wrong = {name: "wr0ng" for name in variables(api)}
        error = ask(api, allowed=[f"127.0.0.1:{service.port}"], environment=wrong)
    assert isinstance(error, UnreachableError)
    assert error.code == "FLT-REG-007"
    assert "wr0ng" not in f"{error} {error.hints}"


def test_the_file_of_docker_is_read_and_its_programs_are_not_run(tmp_path: Path) -> None:
    def wants(request: Request) -> bytes:
        if request.headers.get("authorization") == BASIC:
            return reply(200, {"tags": ["1.0.0"]})
        return reply(401, {}, {"WWW-Authenticate": 'Basic realm="x"'})

    with fake_api(wants) as api:
        host = f"127.0.0.1:{api.port}"
        auth = base64.b64encode(f"ada:{SECRET}".encode()).decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
        assert ask(api, environment={"DOCKER_CONFIG": str(tmp_path)}) == ["1.0.0"]
        (tmp_path / "config.json").write_text(json.dumps({"credsStore": f"run-me; touch {tmp_path}/ran"}))
        error = ask(api, environment={"DOCKER_CONFIG": str(tmp_path)})
        assert isinstance(error, UnreachableError)
        assert "credential helpers are not run" in error.hints[0]
        assert not (tmp_path / "ran").exists()
        for broken in ("{", "[]", '{"auths": []}', json.dumps({"auths": {host: {"auth": "%%%"}}})):
            (tmp_path / "config.json").write_text(broken)
            assert isinstance(ask(api, environment={"DOCKER_CONFIG": str(tmp_path)}), UnreachableError)


def test_credentials_stay_behind_where_a_redirect_leads_to_another_host() -> None:
    with ExitStack() as stack:
        other = stack.enter_context(fake_api(lambda _request: reply(200, {"tags": ["1.0.0"]})))

        def guard(request: Request) -> bytes:
            if "authorization" not in request.headers:
                return reply(401, {}, {"WWW-Authenticate": "Basic realm=x"})
            return reply(307, {}, {"Location": f"{other.url}/v2/web/tags/list"})

        api = stack.enter_context(fake_api(guard))
        assert ask(api, allowed=[f"127.0.0.1:{other.port}"], environment=variables(api)) == ["1.0.0"]
        assert [r.headers.get("authorization") for r in other.requests] == [None]
        assert any(r.headers.get("authorization") == BASIC for r in api.requests)


# ── where a name leads ──


def leads_to(monkeypatch: pytest.MonkeyPatch, address: str, port: int) -> None:
    """Let every name lead to an address."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_arguments, **_options: found)


def named(host: str, environment: Mapping[str, str], allowed: Sequence[str]) -> Sequence[str] | FleetError:
    web = Repository(host, "web")
    registries = OciRegistries(allowed, environment, QUICK)
    try:
        return registries.tags([web])[web]
    finally:
        registries.close()


@pytest.mark.parametrize("address", ["169.254.169.254", "127.0.0.1", "0.0.0.0"])  # noqa: S104 - it is refused
def test_a_name_that_leads_where_no_registry_is_is_not_asked(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    with memory_registry(web=["1.0.0"]) as (_, api):
        leads_to(monkeypatch, address, api.port)
        host = f"registry.example:{api.port}"
        error = named(host, {}, [f"http://{host}"])
        assert isinstance(error, RegistryError)
        assert "is not asked: it leads to" in error.message
        assert api.requests == []


def test_tls_checks_the_name_although_the_address_is_connected_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    monkeypatch.setattr("fleet.resolving.refused_address", lambda *_: None)
    registry = MemoryRegistry()
    registry.push("web", "1.0.0")
    with fake_api(registry, certificate=certificate) as api:
        leads_to(monkeypatch, "127.0.0.1", api.port)
        host = f"registry.example:{api.port}"
        error = named(host, {}, [host])
        assert isinstance(error, UnreachableError)
        assert "certificate" in error.message.lower()
        assert api.requests == []


def test_credentials_are_not_sent_over_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fleet.resolving.refused_address", lambda *_: None)
    with fake_api(lambda _request: reply(401, {}, {"WWW-Authenticate": "Basic realm=x"})) as api:
        leads_to(monkeypatch, "127.0.0.1", api.port)
        host = f"registry.example:{api.port}"
        name = f"FLEET_REGISTRY_REGISTRY_EXAMPLE_{api.port}"
        error = named(host, {f"{name}_USER": "ada", f"{name}_PASSWORD": SECRET}, [f"http://{host}"])
        assert isinstance(error, RegistryError)
        assert error.code == "FLT-REG-011"
        assert all("authorization" not in request.headers for request in api.requests)


@pytest.mark.parametrize(
    ("host", "allowed", "url"),
    [
        ("registry.example", ["registry.example"], "https://registry.example/v2/web"),
        ("registry.example:5000", ["registry.example:5000"], "https://registry.example:5000/v2/web"),
        ("registry.example:5000", ["http://Registry.Example:5000"], "http://registry.example:5000/v2/web"),
        ("registry.example:5000", ["registry.example"], None),
        ("registry.example", ["http://registry.example:5000"], None),
        ("localhost:5000", ["localhost:5000"], "http://localhost:5000/v2/web"),
        ("localhost:5000", [], None),
        ("docker.io", ["registry-1.docker.io"], "https://registry-1.docker.io/v2/web"),
        ("docker.io", ["docker.io"], None),
    ],
)
def test_the_address_of_a_registry(host: str, allowed: list[str], url: str | None) -> None:
    repository = Repository(host, "web")
    assert may_be_asked(repository, allowed) == (url is not None)
    if url is not None:
        assert api_url(repository, allowed) == url


def test_a_token_service_with_a_certificate_is_asked_by_tls(
    guarded: Guarded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = self_signed(tmp_path)
    with ExitStack() as stack:
        service = stack.enter_context(fake_api(guarded.service, certificate=certificate))
        api = stack.enter_context(fake_api(guarded))
        guarded.realm = f"{service.url}/token?account=x"
        allowed = [f"127.0.0.1:{service.port}"]
        assert isinstance(ask(api, allowed=allowed, environment=variables(api)), UnreachableError)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        assert len(ask(api, allowed=allowed, environment=variables(api))) == 4  # type: ignore[arg-type]


def test_a_proxy_of_the_environment_is_used_and_resolves_the_name(monkeypatch: pytest.MonkeyPatch) -> None:
    with fake_api(lambda _request: reply(200, {"tags": ["1.0.0"]})) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        assert named("registry.example", {}, ["http://registry.example"]) == ["1.0.0"]
        assert [r.path for r in proxy.requests] == ["http://registry.example/v2/web/tags/list?n=1000"]
