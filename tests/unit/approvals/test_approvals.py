"""Which policies a pull request meets, and whose approvals count."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.approvals import approvals_gate, requirement, touched_environments
from fleet.model.declared import AccessSpec, ClusterSpec, EnvironmentSpec, FleetFile
from fleet.model.fleet import Environment, Fleet, Wave
from fleet.model.gate import Verdict
from fleet.model.pull_request import Approval, PullRequest, PullRequestState

NOW = datetime(2026, 1, 2, tzinfo=UTC)
HEAD, EARLIER = "1" * 40, "2" * 40
ADA, BOB, EVE = (f"{n} <{n.lower()}@example.com>" for n in ("Ada", "Bob", "Eve"))


def environment(name: str, clusters: dict[str, Any], policy: dict[str, Any] | None = None, **spec: Any) -> Environment:
    declared = EnvironmentSpec.model_validate({"clusters": clusters, "policy": policy or {}, **spec})
    return Environment(name, declared, (f"{name}-1",), (Wave("rest", 0, (f"{name}-1",)),), {})


def fleet(**policies: dict[str, Any]) -> Fleet:
    environments = (
        environment("dev", {"names": ["dev-1"]}, policies.get("dev"), track="main"),
        environment("staging", {"names": ["staging-1"]}, policies.get("staging"), promotesFrom="dev"),
        environment("prod", {"matchLabels": {"tier": "prod"}}, policies.get("prod"), promotesFrom="staging"),
    )
    clusters = {f"{e.name}-1": ClusterSpec(access=AccessSpec(context="x")) for e in environments}
    return Fleet(FleetFile(name="shop"), {e.name: e for e in environments}, clusters, {})


def pull_request(*approvals: tuple[str, str]) -> PullRequest:
    return PullRequest(
        number=7,
        title="t",
        body="",
        author=ADA,
        branch="b",
        base_branch="main",
        head=HEAD,
        state=PullRequestState.OPEN,
        created=NOW,
        updated=NOW,
        approvals=tuple(Approval(by=by, head=head, time=NOW) for by, head in approvals),
    )


@pytest.mark.parametrize(
    ("path", "touched"),
    [
        ("environments/prod/apps/web.yaml", ("prod",)),
        ("environments/prod/environment.yaml", ("prod",)),
        ("environments/staging/deep/er/file", ("staging",)),
        ("environments/new/environment.yaml", ()),
        ("clusters/dev-1.yaml", ("dev", "prod")),
        ("clusters/new.yaml", ("prod",)),
        ("fleet.yaml", ("dev", "staging", "prod")),
        ("apps/web/templates/x.yaml.j2", ("dev",)),
        ("docs/fleet.yaml", ()),
        ("README.md", ()),
        ("environmentsx/prod/x", ()),
    ],
)
def test_a_path_touches_the_environments_that_it_can_change(path: str, touched: tuple[str, ...]) -> None:
    assert touched_environments(fleet(), [path]) == touched


def test_the_strictest_policy_counts() -> None:
    paths = ["environments/dev/apps/web.yaml", "environments/staging/x", "environments/prod/x"]
    needed = requirement(fleet(staging={"approvals": 2}, prod={"approvals": 1}), paths)
    assert (needed.environments, needed.approvals, needed.asked_by) == (("dev", "staging", "prod"), 2, ("staging",))


def test_fast_forward_only_where_every_environment_wants_it() -> None:
    policies = {"staging": {"mergeMethod": "fast-forward"}, "prod": {"mergeMethod": "merge"}}
    assert requirement(fleet(**policies), ["environments/staging/x"]).merge_method == "fast-forward"
    assert requirement(fleet(**policies), ["environments/staging/x", "environments/prod/x"]).merge_method == "merge"
    assert requirement(fleet(**policies), ["README.md"]).merge_method == "merge"


@given(st.lists(st.tuples(st.sampled_from([ADA, BOB, EVE]), st.sampled_from([HEAD, EARLIER]))), st.integers(0, 4))
def test_the_gate_passes_exactly_with_enough_others_at_this_head(given_: list[tuple[str, str]], wanted: int) -> None:
    needed = requirement(fleet(prod={"approvals": wanted}), ["environments/prod/x"])
    gate = approvals_gate(pull_request(*given_), needed)
    counting = {by for by, head in given_ if head == HEAD and by != ADA}
    assert gate.verdict is (Verdict.PASSED if len(counting) >= wanted else Verdict.PENDING)
    assert gate.holds == "merge"


def test_what_is_missing_is_said_with_who_may_give_it() -> None:
    needed = requirement(fleet(prod={"approvals": 3}), ["environments/prod/x"])
    gate = approvals_gate(pull_request((BOB, HEAD), (EVE, EARLIER), (ADA, HEAD)), needed)
    assert gate.name == "approvals(prod)"
    assert gate.reason == (
        "1 of 3: Bob <bob@example.com>; 2 more needed, from anybody but the author Ada <ada@example.com> and those who "
        "approved already; 1 of an earlier head does not count"
    )
    assert gate.hint == "fleet pr approve 7"
