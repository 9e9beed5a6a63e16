"""What is sent to an API server, and what its answers mean."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fleet.adapters.kube.answers import canonical
from fleet.errors import ClusterError, FleetError, UnreachableError
from fleet.model.objects import ObjectRef
from fleet.ports.cluster import ApiKind
from tests.helpers.fake_api import FakeApi, Request, discovery, fake_api, reply, status
from tests.unit.kube.conftest import Connect
from tests.unit.kube.test_faults import NAME, OBJECT

SECRET = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "s", "namespace": "app"},
    "data": {"password": base64.b64encode(b"hunter2-canary").decode(), "pin": 12},
    "stringData": {"token": "canary-token"},
}


def query(request: Request) -> dict[str, list[str]]:
    return parse_qs(urlsplit(request.path).query)


def item(name: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "app", "resourceVersion": "1"}}


def page(names: list[str], token: str = "") -> bytes:
    document = {"kind": "ConfigMapList", "metadata": {"resourceVersion": "7"}, "items": [item(n) for n in names]}
    if token:
        document["metadata"] = {"resourceVersion": "7", "continue": token}
    return reply(200, document)


def test_apply_is_a_strict_server_side_apply(connect: Connect) -> None:
    with fake_api(lambda _: reply(200, OBJECT)) as api:
        connect(api.url).apply(OBJECT, manager="fleet")
    sent = api.requests[-1]
    assert sent.method == "PATCH"
    assert sent.headers["content-type"] == "application/apply-patch+yaml"
    assert query(sent) == {"fieldManager": ["fleet"], "force": ["false"], "fieldValidation": ["Strict"]}
    assert json.loads(sent.body) == OBJECT


def test_dry_run_says_so_and_forces(connect: Connect) -> None:
    with fake_api(lambda _: reply(200, OBJECT)) as api:
        connect(api.url).dry_run(OBJECT, manager="fleet")
    assert query(api.requests[-1])["dryRun"] == ["All"]
    assert query(api.requests[-1])["force"] == ["true"]


def test_delete_sends_propagation_and_precondition(connect: Connect) -> None:
    with fake_api(lambda _: reply(200, {"kind": "Status"})) as api:
        cluster = connect(api.url)
        assert cluster.delete(NAME, uid="u-1")
        body = json.loads(api.requests[-1].body)
        assert (body["propagationPolicy"], body["preconditions"]) == ("Foreground", {"uid": "u-1"})
        api.behaviour = lambda _: status(404, "not found")
        assert not cluster.delete(NAME)


def test_object_of_another_uid_is_not_there(connect: Connect) -> None:
    other = {**OBJECT, "metadata": {**OBJECT["metadata"], "uid": "u-2"}}

    def behave(request: Request) -> bytes:
        return status(409, "Precondition failed: UID") if request.method == "DELETE" else reply(200, other)

    with fake_api(behave) as api:
        assert not connect(api.url).delete(NAME, uid="u-1")


def test_missing_object_and_missing_kind_are_none(connect: Connect) -> None:
    with fake_api(lambda _: status(404, "not found")) as api:
        cluster = connect(api.url)
        assert cluster.get(NAME) is None
        assert cluster.get(ObjectRef("example.com/v1", "Widget", "", "w")) is None
        assert cluster.delete(ObjectRef("example.com/v1", "Widget", "", "w")) is False
        with pytest.raises(ClusterError, match="has no kind `Widget`") as caught:
            cluster.apply({"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}, manager="f")
        assert caught.value.code == "FLT-CLU-404"


def test_hostile_names_stay_one_path_segment(connect: Connect) -> None:
    with fake_api(lambda _: status(404, "not found")) as api:
        cluster = connect(api.url)
        for name in ("a?watch=1", "a b\r\nX: y", "a#b"):
            assert cluster.get(ObjectRef("v1", "ConfigMap", "app", name)) is None
        for name in ("../secrets/s", "a/b", "..", ".", "%2e%2e"):
            for ref in (ObjectRef("v1", "ConfigMap", "app", name), ObjectRef("v1", "ConfigMap", name, "a")):
                with pytest.raises(ClusterError, match="cannot be the name of an object"):
                    cluster.get(ref)
    assert len(api.paths()) == 3
    assert all(p.startswith("/api/v1/namespaces/app/configmaps/") and p.count("/") == 6 for p in api.paths())
    assert not any("?" in p or "#" in p or " " in p for p in api.paths())


def test_conflict_names_managers_and_fields_but_no_times(connect: Connect) -> None:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{m}" using apps/v1 at 2026-01-01T00:00:00Z',
            "field": f,
        }
        for m, f in [("hpa", ".spec.replicas"), ("kubectl", ".spec.a"), ("kubectl", ".spec.b")]
    ]
    refused = status(409, "Apply failed with 3 conflicts", causes=causes)
    with fake_api(lambda _: refused) as api, pytest.raises(ClusterError) as caught:
        connect(api.url).apply(OBJECT, manager="fleet")
    assert caught.value.code == "FLT-CLU-409"
    assert caught.value.message == (
        "cluster `eu` refused `ConfigMap/app/settings`: conflict, "
        "`hpa` owns `.spec.replicas`; `kubectl` owns `.spec.a`, `.spec.b`"
    )


@pytest.mark.parametrize("code", [400, 403, 405, 409, 413, 415, 422, 500])
def test_refusals_carry_their_status(connect: Connect, code: int) -> None:
    refused = status(code, "because of this")
    with fake_api(lambda _: refused) as api, pytest.raises(ClusterError, match="because of this") as caught:
        connect(api.url).apply(OBJECT, manager="fleet")
    assert caught.value.code == f"FLT-CLU-{code}"


def test_a_schema_error_is_invalid_though_the_server_calls_it_internal(connect: Connect) -> None:
    message = "failed to create typed patch object (app/x; apps/v1, Kind=Deployment): .spec.x: field not declared"
    with fake_api(lambda _: status(500, message)) as api, pytest.raises(ClusterError) as caught:
        connect(api.url).apply(OBJECT, manager="fleet")
    assert caught.value.code == "FLT-CLU-422"


def test_pages_of_a_proxy_are_not_shown(connect: Connect) -> None:
    with fake_api(lambda _: reply(502, raw=b"<html>canary</html>")) as api, pytest.raises(FleetError) as caught:
        connect(api.url).get(NAME)
    assert "canary" not in caught.value.message


def test_no_secret_value_in_an_error(connect: Connect) -> None:
    text = f"Invalid value: {SECRET['data']} hunter2-canary and canary-token and 12, not 123"
    with fake_api(lambda _: status(422, text)) as api, pytest.raises(ClusterError) as caught:
        connect(api.url).apply(SECRET, manager="fleet")
    assert "canary" not in caught.value.message
    assert base64.b64encode(b"hunter2-canary").decode() not in caught.value.message
    assert "(secret), not 123" in caught.value.message


def test_text_is_one_line_without_terminal_codes_and_cut() -> None:
    assert canonical("a\x1b]8;;http://evil\x07b\nc\u202ed.") == "a ]8;;http://evil b c d"
    assert len(canonical("x" * 1000)) == 256


def test_list_reads_all_pages_and_fills_in_the_kind(connect: Connect) -> None:
    def behave(request: Request) -> bytes:
        return page(["c"]) if query(request).get("continue") == ["next"] else page(["a", "b"], "next")

    with fake_api(behave) as api:
        found = connect(api.url).list("v1", "ConfigMap", labels={"b": "2", "a": "1"}, namespace="app")
    assert [o["metadata"]["name"] for o in found] == ["a", "b", "c"]
    assert {(o["apiVersion"], o["kind"]) for o in found} == {("v1", "ConfigMap")}
    assert query(api.requests[-1])["labelSelector"] == ["a=1,b=2"]
    assert urlsplit(api.requests[-1].path).path == "/api/v1/namespaces/app/configmaps"


def test_list_starts_again_when_its_snapshot_is_gone(connect: Connect) -> None:
    answers = [page(["a"], "next"), status(410, "too old"), page(["a"], "again"), page(["b"])]
    with fake_api(lambda _: answers.pop(0)) as api:
        found = connect(api.url).list("v1", "ConfigMap")
    assert [o["metadata"]["name"] for o in found] == ["a", "b"]


@pytest.mark.parametrize(
    "last",
    [status(410, "too old"), status(403, "no"), reply(200, {"items": "x", "metadata": {}}), reply(200, {"items": []})],
)
def test_a_list_is_complete_or_it_raises(connect: Connect, last: bytes) -> None:
    def behave(request: Request) -> bytes:
        return last if "continue" in query(request) else page(["a"], "next")

    with fake_api(behave) as api, pytest.raises(FleetError):
        connect(api.url).list("v1", "ConfigMap")


def test_list_many_asks_side_by_side_and_lacking_kinds_are_empty(connect: Connect) -> None:
    def behave(request: Request) -> bytes:
        return page(["a"]) if "configmaps" in request.path else page([])

    with fake_api(behave) as api:
        kinds = [("v1", "ConfigMap"), ("apps/v1", "Deployment"), ("example.com/v1", "Widget")]
        found = connect(api.url).list_many(kinds, labels={"a": "1"})
    assert {kind: len(objects) for kind, objects in found.items()} == dict(zip(kinds, [1, 0, 0], strict=True))


def test_built_in_kinds_are_listed_without_discovery_unless_the_server_lacks_them(connect: Connect) -> None:
    def behave(request: Request) -> bytes:
        if request.path in ("/api", "/apis"):
            return discovery(request.path)
        return page(["a"]) if "deployments" in request.path else status(404, "the server could not find it")

    with fake_api(behave) as api:
        api.own_discovery = False
        cluster = connect(api.url)
        assert len(cluster.list_many([("apps/v1", "Deployment")], labels={})["apps/v1", "Deployment"]) == 1
        assert [request.path for request in api.requests] == ["/apis/apps/v1/deployments?limit=500"]
        assert cluster.list_many([("policy/v1", "PodDisruptionBudget")], labels={}) == {
            ("policy/v1", "PodDisruptionBudget"): []
        }


def test_list_many_raises_when_one_kind_cannot_be_listed(connect: Connect) -> None:
    def behave(request: Request) -> bytes:
        return page(["a"]) if "configmaps" in request.path else status(403, "no")

    with fake_api(behave) as api, pytest.raises(ClusterError):
        connect(api.url).list_many([("v1", "ConfigMap"), ("apps/v1", "Deployment")], labels={})


def test_discovery_is_asked_once_and_again_on_a_miss(connect: Connect) -> None:
    groups: list[Any] = [("apps", "v1", [("deployments", "Deployment", True)])]

    def behave(request: Request) -> bytes:
        return discovery(request.path, groups if request.path == "/apis" else None)

    with fake_api(behave) as api:
        api.own_discovery = False
        cluster = connect(api.url)
        for _ in range(3):
            assert cluster.kind("apps/v1", "Deployment") == ApiKind("apps/v1", "Deployment", "deployments", True)
        assert len(api.requests) == 2
        assert cluster.kind("example.com/v1", "Widget") is None
        groups.append(("example.com", "v1", [("widgets", "Widget", False)]))
        assert cluster.kind("example.com/v1", "Widget") == ApiKind("example.com/v1", "Widget", "widgets", False)
        assert api.requests[-1].headers["if-none-match"] == '"/apis"'


def test_discovery_that_did_not_change_is_not_read_again(connect: Connect) -> None:
    def behave(request: Request) -> bytes:
        return reply(304, raw=b"") if "if-none-match" in request.headers else discovery(request.path)

    with fake_api(behave) as api:
        api.own_discovery = False
        cluster = connect(api.url)
        assert cluster.kind("v1", "ConfigMap") is not None
        assert cluster.kind("example.com/v1", "Widget") is None
        assert cluster.kind("apps/v1", "Deployment") is not None


def test_old_servers_are_asked_for_each_group_version(connect: Connect) -> None:
    resources = [
        {"name": "deployments", "kind": "Deployment", "namespaced": True},
        {"name": "deployments/scale", "kind": "Scale", "namespaced": True},
    ]

    def behave(request: Request) -> bytes:
        if request.path == "/apis/apps/v1":
            return reply(200, {"kind": "APIResourceList", "resources": resources})
        if request.path in ("/api", "/apis"):
            return reply(200, {"kind": "APIGroupList", "groups": []})
        return status(404, "not found")

    with fake_api(behave) as api:
        api.own_discovery = False
        cluster = connect(api.url)
        assert cluster.kind("apps/v1", "Deployment") == ApiKind("apps/v1", "Deployment", "deployments", True)
        assert cluster.kind("apps/v1", "Scale") is None
        assert cluster.kind("example.com/v1", "Widget") is None


def test_a_kind_of_an_api_server_that_is_down_is_unknown_not_missing(connect: Connect) -> None:
    stale = {"metadata": {"name": "m.io"}, "versions": [{"version": "v1", "resources": [], "freshness": "Stale"}]}

    def behave(request: Request) -> bytes:
        if request.path == "/apis":
            return reply(200, {"kind": "APIGroupDiscoveryList", "items": [stale]})
        return discovery(request.path)

    with fake_api(behave) as api:
        api.own_discovery = False
        with pytest.raises(UnreachableError, match=r"cannot tell about `m\.io/v1`"):
            connect(api.url).get(ObjectRef("m.io/v1", "Metric", "", "x"))


def _chunked(*lines: dict[str, Any]) -> bytes:
    text = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(text), text)


def _live(name: str, version: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "app", "resourceVersion": version}}


def _watch(api: FakeApi, connect: Connect, timeout: float = 1.0) -> list[tuple[str, str]]:
    events = connect(api.url).watch("v1", "ConfigMap", labels={}, timeout=timeout)
    return [(e.type, e.object["metadata"].get("name", "")) for e in events]


def _listing(version: str, *objects: dict[str, Any]) -> bytes:
    return reply(200, {"metadata": {"resourceVersion": version}, "items": list(objects)})


def test_watch_goes_on_where_it_ended(connect: Connect) -> None:
    streams = [
        _chunked({"type": "ADDED", "object": _live("b", "11")}, {"type": "BOOKMARK", "object": _live("", "15")}),
        _chunked({"type": "DELETED", "object": _live("b", "16")}),
    ]
    asked: list[str] = []

    def behave(request: Request) -> bytes:
        if "watch" not in query(request):
            return _listing("10", _live("a", "3"))
        asked.append(query(request)["resourceVersion"][0])
        return streams.pop(0) if streams else _chunked()

    with fake_api(behave) as api:
        events = _watch(api, connect, 0.5)
    assert events[:4] == [("ADDED", "a"), ("ADDED", "b"), ("BOOKMARK", ""), ("DELETED", "b")]
    assert asked[:3] == ["10", "15", "16"]


@pytest.mark.parametrize("way", ["status", "event"])
def test_watch_lists_again_when_its_place_is_gone_and_misses_nothing(connect: Connect, way: str) -> None:
    lists = [
        _listing("10", _live("gone", "1"), _live("changed", "2"), _live("same", "3")),
        _listing("20", _live("changed", "12"), _live("same", "3"), _live("new", "13")),
    ]
    gone = status(410, "too old")
    if way == "event":
        gone = _chunked({"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old"}})
    first = [gone]

    def behave(request: Request) -> bytes:
        if "watch" not in query(request):
            return lists.pop(0)
        return first.pop() if first else _chunked()

    with fake_api(behave) as api:
        events = _watch(api, connect, 0.5)
    assert events[:3] == [("ADDED", "gone"), ("ADDED", "changed"), ("ADDED", "same")]
    assert events[3:6] == [("DELETED", "gone"), ("MODIFIED", "changed"), ("ADDED", "new")]


def test_watch_that_breaks_again_and_again_is_unreachable(connect: Connect) -> None:
    def behave(request: Request) -> bytes | None:
        return None if "watch" in query(request) else _listing("10")

    with fake_api(behave) as api, pytest.raises(UnreachableError, match="the connection was closed"):
        _watch(api, connect, 20)


def test_watch_that_is_refused_raises(connect: Connect) -> None:
    def behave(request: Request) -> bytes:
        return status(403, "no watching") if "watch" in query(request) else _listing("10")

    with fake_api(behave) as api, pytest.raises(ClusterError, match="no watching"):
        _watch(api, connect)
