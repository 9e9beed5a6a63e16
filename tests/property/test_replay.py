"""What the ledger keeps of a decision is enough to make it again."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.gates.registry import decide
from fleet.engine.ledger import START, canonical, chain, key_of, line_of, parse
from fleet.model.gate import Override
from fleet.model.health import HealthStatus
from fleet.model.ledger import Decision, EntryKind, LedgerDraft
from fleet.model.names import Target
from fleet.model.observation import TargetObservation
from fleet.model.promotion import PromotionKind
from fleet.model.release import Release
from fleet.operations.common.recording import decision_of
from tests.unit.promotion.cases import ADA, NOW, case
from tests.unit.promotion.plans import NEW, OLD

VALUES = st.dictionaries(
    st.text(), st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False), max_size=3
)
RELEASES = st.builds(
    Release,
    version=st.just("1.1.0"),
    revision=st.just(NEW),
    images=st.dictionaries(st.text(), st.text()),
    values=VALUES,
)


@st.composite
def observations(draw: st.DrawFn, release: Release) -> tuple[TargetObservation, ...]:
    since = st.none() | st.timedeltas(timedelta(), timedelta(days=3)).map(lambda ago: NOW - ago)
    return tuple(
        TargetObservation(
            target=Target("web", "staging", cluster),
            release=release,
            status=draw(st.sampled_from(HealthStatus)),
            exact=draw(st.booleans()),
            reason=draw(st.text()),
            since=draw(since),
        )
        for cluster in draw(st.sets(st.sampled_from(["staging", "elsewhere"])))
    )


@given(st.data())
def test_a_decision_that_is_read_back_is_the_same(data: Any) -> None:
    release = data.draw(RELEASES)
    policies = {
        "staging": {"soak": data.draw(st.sampled_from(["1m", "1h", "2d"]))},
        "prod": {"approvals": data.draw(st.integers(0, 3)), "overrides": {"roles": ["ops"]}},
    }
    overrides = tuple(
        Override(gate=gate, by=ADA, reason=data.draw(st.text(min_size=1)))
        for gate in data.draw(st.sets(st.sampled_from(["soak", "health", "health(staging)"])))
    )
    given_case = case(policies, targets=data.draw(observations(release)), after=release, overrides=overrides)
    decision = Decision(
        stage="open",
        promotion=PromotionKind.PROMOTION,
        app="web",
        environment="prod",
        source="staging",
        base="b" * 40,
        before=given_case.before,
        after=release,
        plan="p" * 64,
        gates=decide(given_case),
        overrides=overrides,
        observations=given_case.observed,
    )
    draft = LedgerDraft(
        kind=EntryKind.DECIDED,
        key=key_of("decided"),
        app="web",
        environment="prod",
        data=decision.model_dump(mode="json", by_alias=True, exclude={"app", "environment"}),
    )
    assert json.loads(canonical(draft.data)) == draft.data
    (entry,) = chain([draft], previous=START, sequence=0, actor=ADA, time=NOW)
    found = decision_of(parse(line_of(entry)))
    assert found == decision
    assert found is not None
    assert found.observations is not None
    again = case(
        policies,
        now=found.observations.at,
        targets=found.observations.targets,
        after=found.after,
        before=found.before,
        overrides=found.overrides,
    )
    assert decide(again) == decision.gates
    assert found.before is None or found.before.revision == OLD
