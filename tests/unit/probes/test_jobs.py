"""The gate `job` on clusters in memory: started once, looked at ever after."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from fleet.engine.objects import owner_of
from fleet.engine.verification import Subject, job_manifest, job_name
from fleet.model.policy import GateSpec
from tests.fakes.cluster import FakeClusters
from tests.unit.probes.asking import NOW, ask_one, question
from tests.unit.promotion.cases import fleet
from tests.unit.promotion.plans import release

JOB = {"job": {"image": "registry.example/smoke:1", "args": ["--app={app}", '{"v": "{version}"}'], "timeout": "2m"}}


@pytest.fixture
def clusters() -> FakeClusters:
    return FakeClusters()


def jobs(clusters: FakeClusters, name: str = "staging") -> list[dict[str, Any]]:
    return [o for o in clusters[name].objects.values() if o["kind"] == "Job"]


def ends(clusters: FakeClusters, type_: str, reason: str = "", message: str = "", name: str = "staging") -> None:
    condition = {"type": type_, "status": "True", "reason": reason, "message": message}
    for job in jobs(clusters, name):
        job["status"] = {"conditions": [condition]}


def test_it_is_started_once_and_then_looked_at(clusters: FakeClusters) -> None:
    first = ask_one(JOB, clusters=clusters)
    assert (first.passed, first.pending, first.reason) == (None, True, "staging: the Job is waiting to run")
    (job,) = jobs(clusters)
    assert job["metadata"]["namespace"] == "shop"
    job["status"] = {"active": 1}
    assert ask_one(JOB, clusters=clusters).reason == "staging: the Job runs"
    ends(clusters, "Complete")
    done = ask_one(JOB, clusters=clusters)
    assert (done.passed, done.pending, done.reason) == (True, False, "the Job succeeded on 1 cluster")
    assert [verb for verb, _ in clusters["staging"].log] == ["apply"]


def test_whoever_only_looks_starts_nothing(clusters: FakeClusters) -> None:
    answer = ask_one(JOB, clusters=clusters, start=False)
    assert answer.reason == "staging: the Job was not started yet; promoting starts it"
    assert clusters["staging"].log == []


@pytest.mark.parametrize(
    ("reason", "message", "told"),
    [
        ("BackoffLimitExceeded", "Job has reached the limit", "staging: the Job failed: Job has reached the limit"),
        ("DeadlineExceeded", "too long", "staging: the Job did not finish within 2m"),
    ],
)
def test_a_job_that_failed_fails_the_gate(clusters: FakeClusters, reason: str, message: str, told: str) -> None:
    ask_one(JOB, clusters=clusters)
    ends(clusters, "Failed", reason, message)
    answer = ask_one(JOB, clusters=clusters)
    assert (answer.passed, answer.pending, answer.reason) == (False, False, told)
    name = jobs(clusters)[0]["metadata"]["name"]
    assert answer.hint is not None
    assert answer.hint.startswith(f"kubectl -n shop delete job {name}")


def test_a_job_that_the_cluster_never_ends_fails_in_the_end(clusters: FakeClusters) -> None:
    ask_one(JOB, clusters=clusters)
    (job,) = jobs(clusters)
    job["metadata"]["creationTimestamp"] = (NOW - timedelta(minutes=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert ask_one(JOB, clusters=clusters).passed is None
    assert ask_one(JOB, clusters=clusters, now=NOW + timedelta(minutes=2)).passed is False


def test_every_cluster_of_the_source_has_to_agree(clusters: FakeClusters) -> None:
    about = question(source="dev", environment="staging")

    def ask_one_of() -> tuple[bool | None, str]:
        return _answer(clusters, about)

    ask_one_of()
    ends(clusters, "Complete", name="dev-a")
    assert ask_one_of() == (None, "dev-b: the Job is waiting to run")
    ends(clusters, "Failed", "X", "no", name="dev-b")
    assert ask_one_of() == (False, "dev-b: the Job failed: no")
    ends(clusters, "Complete", name="dev-b")
    assert ask_one_of() == (True, "the Job succeeded on 2 clusters")
    clusters["dev-a"].unreachable = True
    passed, reason = ask_one_of()
    assert passed is None
    assert reason.startswith("dev-a: cluster `dev-a` cannot be reached")


def _answer(clusters: FakeClusters, about: Any) -> tuple[bool | None, str]:
    from fleet.adapters.probes.prober import OutsideProber

    spec = GateSpec.model_validate({"name": "smoke", **JOB})
    (answer,) = OutsideProber(lambda: clusters, {}).ask([spec], about, NOW, start=True)
    return answer.passed, answer.reason


def test_without_a_namespace_or_a_source_nothing_runs(clusters: FakeClusters) -> None:
    bare = question(fleet=fleet())
    assert "in which namespace" in ask_one(JOB, clusters=clusters, about=bare).reason
    first = question(source=None)
    assert "no source environment" in ask_one(JOB, clusters=clusters, about=first).reason
    assert clusters["staging"].log == []


GATE = GateSpec.model_validate({"name": "smoke", **JOB})
SUBJECT = Subject("shop", "web", "staging", "prod", release("1.1.0"))


def test_the_name_is_that_of_the_promotion_and_of_what_is_asked() -> None:
    name = job_name(GATE, SUBJECT)
    others = [
        job_name(GATE, Subject("shop", "web", "staging", "prod", release("1.2.0"))),
        job_name(GATE, Subject("shop", "web", "dev", "staging", release("1.1.0"))),
        job_name(GATE, Subject("shop", "basket", "staging", "prod", release("1.1.0"))),
        job_name(GateSpec.model_validate({"name": "smoke", "job": {"image": "other"}}), SUBJECT),
    ]
    assert name == job_name(GATE, SUBJECT)
    assert len({name, *others}) == 5
    long = GateSpec.model_validate({"name": "a" * 63, **JOB})
    assert len(job_name(long, SUBJECT)) <= 63


def test_the_job_is_nobodys_of_the_fleet_has_no_credentials_and_goes_away() -> None:
    manifest = job_manifest(GATE, SUBJECT, "shop")
    assert owner_of(manifest, "shop") is None
    spec = manifest["spec"]
    assert spec["ttlSecondsAfterFinished"] > 0
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"]) == (0, 120)
    assert spec["template"]["spec"]["automountServiceAccountToken"] is False
    assert spec["template"]["spec"]["containers"][0]["args"] == ["--app=web", '{"v": "1.1.0"}']
