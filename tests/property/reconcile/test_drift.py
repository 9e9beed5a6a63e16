from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.drift import drift_of, recorded_object
from fleet.model.names import Target
from fleet.model.objects import ObjectRef
from fleet.model.state import RecordedState
from tests.helpers.reconciling import CONCEAL, release, state_of

TARGET = Target("web", "dev", "dev")
scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=4)
values = st.recursive(
    scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=4), v, max_size=3)
)
kinds = st.sampled_from([("v1", "ConfigMap"), ("v1", "Secret"), ("apps/v1", "Deployment"), ("x.io/v1", "Thing")])


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    api_version, kind = draw(kinds)
    body: dict[str, Any] = {"apiVersion": api_version, "kind": kind, "metadata": {"name": draw(st.sampled_from("abc"))}}
    if kind in ("ConfigMap", "Secret"):
        body["data"] = draw(st.dictionaries(st.text(min_size=1, max_size=4), st.text(max_size=4), max_size=3))
    else:
        body["spec"] = draw(st.dictionaries(st.text(min_size=1, max_size=4), values, max_size=4))
    return body


@given(st.lists(manifests(), max_size=4, unique_by=lambda m: (m["kind"], m["metadata"]["name"])))
def test_what_was_recorded_has_no_drift_against_itself(objects: list[dict[str, Any]]) -> None:
    live = {ObjectRef.of(m).identity: m for m in state_of(TARGET, "1.0.0", objects).objects}
    record = RecordedState(
        target=TARGET,
        release=release(),
        digest="d",
        applied_at=datetime(2026, 11, 23, tzinfo=UTC),
        run_id="r",
        fence=1,
        objects=tuple(recorded_object(ObjectRef.of(m), m, m, CONCEAL) for m in live.values()),
    )
    found = drift_of(record, live, CONCEAL, "shop")
    assert found.changes.empty
    assert not found.superseded
