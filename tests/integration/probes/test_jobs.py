"""The gate `job` on real control planes: real Jobs, a real controller, one that is killed while it starts one."""

from __future__ import annotations

import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fleet.adapters.kube.clusters import KubeClusters
from fleet.adapters.probes.prober import OutsideProber
from fleet.engine.verification import GATE_LABEL
from fleet.model.declared import AccessSpec, ClusterSpec
from fleet.model.objects import ObjectRef
from fleet.model.observation import ProbeAnswer
from fleet.model.policy import GateSpec
from fleet.ports.probes import Question
from tests.integration.conftest import Kube
from tests.unit.probes.asking import question

ROOT = Path(__file__).resolve().parents[3]


class Place:
    """A namespace on a real cluster, and a fleet whose staging environment is that cluster."""

    def __init__(self, kube: Kube, namespace: str) -> None:
        self.kube = kube
        self.namespace = namespace
        self.spec = ClusterSpec(access=AccessSpec(sandbox=kube.contexts[0]))
        self.clusters = KubeClusters(kube.kubeconfig, Path("/"), {})
        self.cluster = self.clusters.writer("staging", self.spec)

    def gate(self, timeout: str = "5m") -> GateSpec:
        job = {"image": "registry.example/smoke:1", "namespace": self.namespace, "timeout": timeout}
        return GateSpec.model_validate({"name": "smoke", "job": job})

    def question(self, **changes: Any) -> Question:
        asked = question(**changes)
        asked.fleet.clusters["staging"] = self.spec  # type: ignore[index]
        return asked

    def ask(self, gate: GateSpec, *, start: bool = True, **changes: Any) -> ProbeAnswer:
        prober = OutsideProber(lambda: self.clusters, {})
        (answer,) = prober.ask([gate], self.question(**changes), datetime.now(UTC), start=start)
        return answer

    def until_answered(self, gate: GateSpec) -> ProbeAnswer:
        """Return the answer when it is no longer on its way."""
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline:
            answer = self.ask(gate, start=False)
            if not answer.pending:
                return answer
            events = self.cluster.watch("batch/v1", "Job", labels={}, namespace=self.namespace, timeout=5)
            next((event for event in events if event.type == "MODIFIED"), None)
        raise AssertionError(answer)

    def jobs(self) -> list[Any]:
        return list(self.cluster.list("batch/v1", "Job", labels={GATE_LABEL: "smoke"}, namespace=self.namespace))


@pytest.fixture
def place(kube: Kube) -> Iterator[Place]:
    namespace = f"probe-{secrets.token_hex(4)}"
    made = Place(kube, namespace)
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    made.cluster.apply(manifest, manager="test")
    yield made
    made.cluster.delete(ObjectRef.of(manifest), propagation="Background")
    made.clusters.close()


def test_a_job_runs_and_passes_the_gate(place: Place) -> None:
    gate = place.gate()
    assert place.ask(gate, start=False).reason == "staging: the Job was not started yet; promoting starts it"
    assert place.jobs() == []
    assert place.ask(gate).pending
    answer = place.until_answered(gate)
    assert (answer.passed, answer.reason) == (True, "the Job succeeded on 1 cluster")
    (job,) = place.jobs()
    assert job["spec"]["ttlSecondsAfterFinished"] == 86_400
    assert place.ask(gate).passed is True
    assert [j["metadata"]["uid"] for j in place.jobs()] == [job["metadata"]["uid"]]


def test_a_job_that_takes_too_long_fails_the_gate(place: Place) -> None:
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "no-pods", "namespace": place.namespace},
        "spec": {"hard": {"pods": "0"}},
    }
    place.cluster.apply(quota, manager="test")
    gate = place.gate("2s")
    assert place.ask(gate).passed is None
    answer = place.until_answered(gate)
    assert (answer.passed, answer.reason) == (False, "staging: the Job did not finish within 2s")
    assert answer.hint is not None


def test_many_who_ask_at_the_same_time_start_one_job(place: Place) -> None:
    gate = place.gate()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: place.ask(gate), range(8)))
    assert all(answer.passed is not False for answer in answers), answers
    assert len(place.jobs()) == 1


def test_a_namespace_that_is_not_there_leaves_it_open(place: Place) -> None:
    gate = GateSpec.model_validate({"name": "smoke", "job": {"image": "x", "namespace": "no-such-namespace"}})
    answer = place.ask(gate)
    assert answer.passed is None
    assert "no-such-namespace" in answer.reason


@pytest.mark.parametrize(("failpoint", "started"), [("probe.before-job", 0), ("probe.after-job", 1)])
def test_killed_while_it_starts_a_job_it_goes_on_the_next_time(place: Place, failpoint: str, started: int) -> None:
    given = {"kubeconfig": str(place.kube.kubeconfig), "context": place.kube.contexts[0], "namespace": place.namespace}
    killed = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(given)],
        env={"FLEET_FAILPOINT": failpoint, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    before = [job["metadata"]["uid"] for job in place.jobs()]
    assert len(before) == started
    assert place.ask(place.gate()).passed is not False
    after = [job["metadata"]["uid"] for job in place.jobs()]
    assert len(after) == 1
    assert after[: len(before)] == before


PROGRAM = """
import json, sys
from pathlib import Path
from tests.integration.conftest import Kube
from tests.integration.probes.test_jobs import Place

given = json.loads(sys.argv[1])
place = Place(Kube(Path(given["kubeconfig"]), [given["context"]]), given["namespace"])
place.ask(place.gate())
"""
