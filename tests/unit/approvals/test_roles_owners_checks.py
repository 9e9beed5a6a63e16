"""Approvals by role, by owners of files, and checks of the forge."""

from __future__ import annotations

import pytest

from fleet.engine.approvals import check_gates, owners_gate, requirement, role_gates
from fleet.engine.codeowners import is_owner, owners_of
from fleet.model.gate import Verdict
from fleet.model.pull_request import Check, CheckState
from tests.unit.approvals.test_approvals import ADA, BOB, EARLIER, EVE, HEAD, fleet, pull_request

ROLES = {"leads": ("bob@example.com", "ada@example.com"), "security": ("eve@example.com",)}
PROD = ["environments/prod/apps/web.yaml"]


def roles_of(*approvals: tuple[str, str]) -> dict[str, Verdict]:
    needed = requirement(fleet(prod={"approvalRoles": {"leads": 1, "security": 1}}), PROD)
    return {g.name: g.verdict for g in role_gates(pull_request(*approvals), needed, ROLES)}


def test_each_role_needs_one_of_its_members() -> None:
    assert roles_of() == {"role(leads)": Verdict.PENDING, "role(security)": Verdict.PENDING}
    assert roles_of((BOB, HEAD))["role(leads)"] is Verdict.PASSED
    assert set(roles_of((BOB, HEAD), (EVE, HEAD)).values()) == {Verdict.PASSED}


def test_neither_the_author_nor_an_approval_of_an_earlier_head_counts() -> None:
    assert roles_of((ADA, HEAD), (EVE, EARLIER)) == {"role(leads)": Verdict.PENDING, "role(security)": Verdict.PENDING}


def test_a_role_that_only_the_author_has_says_so() -> None:
    needed = requirement(fleet(prod={"approvalRoles": {"leads": 1}}), PROD)
    (gate,) = role_gates(pull_request(), needed, {"leads": ("ada@example.com",)})
    assert "nobody but the author" in gate.reason
    (gate,) = role_gates(pull_request(), needed, ROLES)
    assert gate.clears == "bob@example.com"


OWNERS = """
*                        @leads
environments/prod/       eve@example.com
environments/prod/*.md
docs/                    @acme/security
"""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("apps/web/app.yaml", ("@leads",)),
        ("environments/prod/apps/web.yaml", ("eve@example.com",)),
        ("environments/prod/readme.md", None),
        ("docs/index.md", ("@acme/security",)),
    ],
)
def test_the_last_match_decides(path: str, owners: tuple[str, ...] | None) -> None:
    assert owners_of(OWNERS, [path]) == ({owners: (path,)} if owners else {})


def test_an_owner_is_an_address_a_role_or_a_login() -> None:
    assert is_owner(EVE, ["eve@example.com"], ROLES)
    assert is_owner(BOB, ["@leads"], ROLES)
    assert is_owner(EVE, ["@acme/security"], ROLES)
    assert is_owner("octo", ["@octo"], ROLES)
    assert not is_owner(BOB, ["@security", "eve@example.com"], ROLES)
    assert not is_owner(BOB, ["leads"], ROLES)


def test_an_owner_of_every_file_has_to_approve() -> None:
    owned = owners_of(OWNERS, ["apps/web/app.yaml", "apps/web/x", PROD[0]])
    found = owners_gate(pull_request((EVE, HEAD)), owned, ROLES)
    assert (found.verdict, found.clears) == (Verdict.PENDING, "@leads")
    assert found.reason == "apps/web/app.yaml and 1 more needs one of @leads"
    assert owners_gate(pull_request((EVE, HEAD), (BOB, HEAD)), owned, ROLES).verdict is Verdict.PASSED
    assert owners_gate(pull_request(), {}, ROLES).verdict is Verdict.PASSED


def test_a_check_has_to_be_green_on_the_present_head() -> None:
    needed = requirement(fleet(prod={"checks": ["ci/test"]}), PROD)

    def verdict(*checks: tuple[CheckState, str]) -> Verdict:
        found = [Check(name="ci/test", state=state, head=head) for state, head in checks]
        (gate,) = check_gates(pull_request().model_copy(update={"checks": tuple(found)}), needed)
        return gate.verdict

    assert verdict() is Verdict.PENDING
    assert verdict((CheckState.SUCCESS, EARLIER)) is Verdict.PENDING
    assert verdict((CheckState.FAILURE, HEAD)) is Verdict.FAILED
    assert verdict((CheckState.FAILURE, EARLIER), (CheckState.SUCCESS, HEAD)) is Verdict.PASSED
