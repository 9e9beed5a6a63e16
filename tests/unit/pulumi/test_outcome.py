"""What people read about a run."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest

from fleet.adapters.pulumi import outcome
from fleet.adapters.pulumi.process import Finished
from fleet.adapters.pulumi.provider.session import Session
from fleet.errors import DeployError, UnreachableError
from fleet.model.names import Target
from fleet.model.objects import ObjectRef

CONFIG_MAP = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "n"}}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}}
TARGET = Target("web", "dev", "one")


def session(*objects: dict[str, Any]) -> Session:
    return Session(TARGET, "shop", cast(Any, None), objects, deadline=time.monotonic() + 5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("dial tcp 127.0.0.1:41234: refused", "dial tcp the engine refused"),
        ("the stack is locked by pid 4711 since 2026-11-23T21:30:50.97Z", "the stack is locked by a process since …"),
        ("urn:pulumi:s::p::t::n\n   failed", "n failed"),
        ("rpc error: code = Unknown desc = boom", "boom"),
        ("x" * 1000, "x" * 299 + "…"),
    ],
)
def test_messages_hold_nothing_that_differs_from_run_to_run(text: str, expected: str) -> None:
    assert outcome.canonical(text) == expected


def test_engine_error_is_the_telling_line() -> None:
    output = "Updating\nerror: update failed\n  error: integrity check failed\n"
    assert outcome.engine_error(output) == "the engine failed: integrity check failed"
    assert outcome.engine_error("panic: oops\n") == "the engine failed: panic: oops"
    assert outcome.engine_error("") == "the engine failed and said nothing"


def test_success_has_no_error() -> None:
    result = outcome.result_of(session(CONFIG_MAP), Finished(0, ""))
    assert (result.error, result.hint, result.operations) == ("", "", {"same": 1})


def test_several_errors_are_one_line_with_the_hint_of_the_first() -> None:
    here = session(CONFIG_MAP)
    ref = ObjectRef.of(CONFIG_MAP)
    here.failed(ref, DeployError("first", hints=("do this",)))
    here.failed(ref, DeployError("second"))
    result = outcome.result_of(here, Finished(255, "error: update failed"))
    assert (result.error, result.hint) == ("first (and 1 more)", "do this")


def test_unreachable_cluster_is_marked() -> None:
    result = outcome.result_of(session(), None, UnreachableError("cluster `one` cannot be reached"))
    assert result.unreachable
    assert result.error == "cluster `one` cannot be reached"


def test_time_limit_names_the_setting() -> None:
    result = outcome.result_of(session(), Finished(130, "", timed_out=True))
    assert "took too long" in result.error
    assert "engine.timeout" in result.hint


def test_secret_values_are_masked_in_changes() -> None:
    here = session(SECRET)
    ref = ObjectRef.of(SECRET)
    here.initial[ref.identity] = {**SECRET, "data": {"k": "b2xk"}}
    here.live[ref.identity] = {**SECRET, "data": {"k": "bmV3"}}
    here.note(ref, "update")
    text = outcome.result_of(here, Finished(0, "")).changes.model_dump_json()
    assert "b2xk" not in text
    assert "bmV3" not in text
    assert "data.k" in text


def test_annotations_that_the_server_counts_up_are_no_change() -> None:
    here = session(CONFIG_MAP)
    ref = ObjectRef.of(CONFIG_MAP)

    def revision(number: str, data: str) -> dict[str, Any]:
        annotations = {"deployment.kubernetes.io/revision": number}
        return {**CONFIG_MAP, "metadata": {**CONFIG_MAP["metadata"], "annotations": annotations}, "data": {"k": data}}  # type: ignore[dict-item]

    here.initial[ref.identity], here.live[ref.identity] = revision("1", "a"), revision("2", "b")
    here.note(ref, "update")
    (change,) = outcome.changes_of(here).objects
    assert [field.path for field in change.fields] == ["data.k"]
