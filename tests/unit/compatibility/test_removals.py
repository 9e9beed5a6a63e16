from __future__ import annotations

from typing import Any

import pytest

from fleet.engine.gates import removals
from fleet.engine.kubernetes_apis import lifecycle, minor_of
from fleet.model.gate import GateResult, Verdict
from fleet.model.names import Target
from tests.unit.promotion.cases import case
from tests.unit.promotion.plans import config, thing

BUDGET = thing("PodDisruptionBudget", "web", "policy/v1beta1")
EU, US = Target("web", "prod", "prod-eu"), Target("web", "prod", "prod-us")


def gate(*objects: Any, **versions: str) -> GateResult:
    seen = {name.replace("_", "-"): version for name, version in versions.items()}
    given = case(objects={EU: objects, US: objects}, observed={"versions": seen})
    (result,) = removals.judge(given)
    return result


def test_an_app_that_uses_no_such_api_has_no_such_gate() -> None:
    assert list(removals.judge(case(objects={EU: [config("a")]}))) == []


def test_an_api_that_a_cluster_does_not_serve_any_more_is_a_no() -> None:
    found = gate(BUDGET, prod_eu="1.24", prod_us="1.25")
    assert (found.name, found.verdict, found.holds) == ("api-removals(prod)", Verdict.FAILED, "open")
    assert found.reason == (
        "`PodDisruptionBudget/web/web` uses policy/v1beta1, which Kubernetes removed in 1.25; "
        "use policy/v1 PodDisruptionBudget: prod-us (1.25)"
    )


def test_a_deprecated_api_passes_with_a_warning() -> None:
    assert gate(BUDGET, prod_eu="1.24", prod_us="1.24").verdict is Verdict.PASSED
    warnings = removals.deprecations({EU: [BUDGET], US: [BUDGET]}, {"prod-eu": "1.24", "prod-us": "1.24"})
    assert warnings == (
        "`PodDisruptionBudget/web/web` uses policy/v1beta1, which is deprecated since Kubernetes 1.21 and removed in "
        "1.25; use policy/v1 PodDisruptionBudget",
    )
    assert removals.deprecations({EU: [BUDGET]}, {"prod-eu": "1.20"}) == ()
    assert removals.deprecations({EU: [BUDGET]}, {}) == ()


def test_a_cluster_whose_version_is_not_known_is_pending() -> None:
    found = gate(BUDGET, prod_eu="1.24")
    assert (found.verdict, found.hint) == (Verdict.PENDING, "fleet status -c prod-us")
    assert "the Kubernetes version of prod-us is not known" in found.reason


def test_many_objects_and_clusters_are_told_in_short() -> None:
    found = gate(*(thing("CronJob", f"job-{n}", "batch/v1beta1") for n in range(5)), prod_eu="1.36", prod_us="1.36")
    assert found.reason.endswith("; and 2 more")
    assert "prod-eu (1.36), prod-us (1.36)" in found.reason


@pytest.mark.parametrize(
    ("api_version", "kind", "removed", "instead"),
    [
        ("extensions/v1beta1", "Deployment", (1, 16), "apps/v1 Deployment"),
        ("extensions/v1beta1", "Ingress", (1, 22), "networking.k8s.io/v1 Ingress"),
        (
            "apiextensions.k8s.io/v1beta1",
            "CustomResourceDefinition",
            (1, 22),
            "apiextensions.k8s.io/v1 CustomResourceDefinition",
        ),
        ("networking.k8s.io/v1beta1", "IngressClass", (1, 22), "networking.k8s.io/v1 IngressClass"),
        ("batch/v1beta1", "CronJob", (1, 25), "batch/v1 CronJob"),
        ("policy/v1beta1", "PodSecurityPolicy", (1, 25), ""),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", (1, 26), "autoscaling/v2 HorizontalPodAutoscaler"),
        ("storage.k8s.io/v1beta1", "CSIStorageCapacity", (1, 27), "storage.k8s.io/v1 CSIStorageCapacity"),
        ("flowcontrol.apiserver.k8s.io/v1beta3", "FlowSchema", (1, 32), "flowcontrol.apiserver.k8s.io/v1 FlowSchema"),
        ("v1", "Endpoints", None, "discovery.k8s.io/v1 EndpointSlice"),
    ],
)
def test_the_table_says_what_the_deprecation_guide_says(
    api_version: str, kind: str, removed: tuple[int, int] | None, instead: str
) -> None:
    found = lifecycle(api_version, kind)
    assert found is not None
    assert (found.removed, found.instead) == (removed, instead)
    assert found.removed is None or found.deprecated <= found.removed


def test_stable_kinds_are_not_in_the_table() -> None:
    assert [k for k in (("apps/v1", "Deployment"), ("v1", "Service"), ("batch/v1", "Job")) if lifecycle(*k)] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [("v1.36.1", (1, 36)), ("v1.27.3-gke.100", (1, 27)), ("1.31+", (1, 31)), ("", None), ("latest", None)],
)
def test_versions_of_servers(text: str, expected: tuple[int, int] | None) -> None:
    assert minor_of(text) == expected
