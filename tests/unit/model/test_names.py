"""Names, targets and stacks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.model.names import (
    APP_NAME_LIMIT,
    CLUSTER_NAME_LIMIT,
    ENVIRONMENT_NAME_LIMIT,
    Target,
    is_label,
)


def labels(limit: int) -> st.SearchStrategy[str]:
    """Return DNS labels of at most ``limit`` characters."""
    return st.from_regex(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", fullmatch=True).filter(lambda name: len(name) <= limit)


targets = st.builds(
    Target, app=labels(APP_NAME_LIMIT), environment=labels(ENVIRONMENT_NAME_LIMIT), cluster=labels(CLUSTER_NAME_LIMIT)
)


@given(targets)
def test_a_stack_name_leads_back_to_its_target(target: Target) -> None:
    assert Target.from_stack(target.stack) == target


def test_the_longest_stack_name_is_one_that_pulumi_takes() -> None:
    longest = Target("a" * APP_NAME_LIMIT, "e" * ENVIRONMENT_NAME_LIMIT, "c" * CLUSTER_NAME_LIMIT)
    assert len(longest.stack) <= 100


@pytest.mark.parametrize("stack", ["", "a", "a.b", "a.b.c.d", "a..c", ".b.c"])
def test_a_foreign_stack_name_is_refused(stack: str) -> None:
    with pytest.raises(ValueError, match="is not a stack name"):
        Target.from_stack(stack)


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a.b", "a/b", "ä", "a" * 37, "a\n"])
def test_what_is_no_dns_label_is_no_name(name: str) -> None:
    assert not is_label(name, APP_NAME_LIMIT)
