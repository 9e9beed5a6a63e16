"""Rules of health that hold for any object, however odd."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.health import _RULES, object_health, target_health
from fleet.model.health import SEVERITY, HealthStatus
from fleet.model.objects import Manifest, ObjectRef

KINDS = sorted({*_RULES, ("example.com", "Widget"), ("", "ConfigMap")})

values = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 5) | st.sampled_from(["", "True", "False", "Running", "Failed", "x"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "type", "status"]), inner, max_size=3)
    ),
    max_leaves=6,
)
conditions = st.lists(
    st.fixed_dictionaries(
        {
            "type": st.sampled_from(
                ["Ready", "Available", "Progressing", "Stalled", "Reconciling", "Complete", "Failed", "Established"]
            ),
            "status": st.sampled_from(["True", "False", "Unknown"]),
        },
        optional={"reason": st.sampled_from(["NewReplicaSetAvailable", "ProgressDeadlineExceeded", "x"])},
    ),
    max_size=4,
)
counts = st.integers(0, 3)
COUNTED = ["replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "currentReplicas", "numberReady"]
statuses = st.fixed_dictionaries(
    {},
    optional={
        **{name: counts for name in COUNTED},
        "desiredNumberScheduled": counts,
        "currentNumberScheduled": counts,
        "updatedNumberScheduled": counts,
        "numberAvailable": counts,
        "fullyLabeledReplicas": counts,
        "phase": st.sampled_from(["Active", "Running", "Pending", "Failed", "Succeeded", "Bound", "Lost"]),
        "conditions": conditions | values,
        "observedGeneration": counts | values,
        "loadBalancer": values,
    },
)


@st.composite
def manifests(draw: st.DrawFn, odd: bool = True) -> Manifest:
    group, kind = draw(st.sampled_from(KINDS))
    found: dict[str, Any] = {
        "apiVersion": f"{group}/v1" if group else "v1",
        "kind": kind,
        "metadata": {"name": draw(st.sampled_from("abc")), "namespace": "n", "generation": draw(st.integers(1, 3))},
        "spec": draw(
            st.fixed_dictionaries({}, optional={"replicas": counts, "type": st.sampled_from(["LoadBalancer"])})
        ),
        "status": draw(statuses),
    }
    if odd and draw(st.booleans()):
        found[draw(st.sampled_from(["spec", "status"]))] = draw(values)
    return found


@given(manifests())
def test_any_object_has_a_health_and_a_reason_unless_it_is_healthy(manifest: Manifest) -> None:
    health = object_health(manifest, ObjectRef.of(manifest))
    assert (health.status is HealthStatus.HEALTHY) == (health.reason == "")
    assert "\n" not in health.reason
    assert len(health.reason) < 300


@given(manifests(odd=False), st.integers(0, 2))
def test_never_healthy_before_the_controller_saw_the_generation(manifest: Manifest, behind: int) -> None:
    status = {**manifest["status"], "observedGeneration": behind}
    metadata = {**manifest["metadata"], "generation": behind + 1}
    stale = {**manifest, "status": status, "metadata": metadata}
    assert object_health(stale, ObjectRef.of(stale)).status is not HealthStatus.HEALTHY


@given(st.lists(manifests(), max_size=6), st.sets(st.integers(0, 5)))
def test_the_worst_object_decides(found: list[Manifest], missing: set[int]) -> None:
    desired = list({ObjectRef.of(m).identity: m for m in found}.values())
    live = {ObjectRef.of(m).identity: m for i, m in enumerate(desired) if i not in missing}
    health = target_health(desired, live)
    assert len(health.objects) == len(desired)
    worst = max((SEVERITY[o.status] for o in health.objects), default=0)
    assert SEVERITY[health.status] == worst
    if len(live) < len(desired):
        assert not health.exact
        assert health.status in (HealthStatus.MISSING, HealthStatus.FAILED)
