"""Cluster selectors behave as Kubernetes label selectors do."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fleet.model.selector import ClusterSelector, LabelExpression

EU_PROD = {"tier": "prod", "region": "eu"}


@pytest.mark.parametrize(
    ("expression", "labels", "matches"),
    [
        (("region", "In", ("eu", "us")), EU_PROD, True),
        (("region", "In", ("us",)), EU_PROD, False),
        (("zone", "In", ("a",)), EU_PROD, False),
        (("region", "NotIn", ("us",)), EU_PROD, True),
        (("region", "NotIn", ("eu",)), EU_PROD, False),
        (("zone", "NotIn", ("a",)), EU_PROD, True),
        (("tier", "Exists", ()), EU_PROD, True),
        (("zone", "Exists", ()), EU_PROD, False),
        (("zone", "DoesNotExist", ()), EU_PROD, True),
        (("tier", "DoesNotExist", ()), EU_PROD, False),
    ],
)
def test_each_operator(expression: tuple[str, str, tuple[str, ...]], labels: dict[str, str], matches: bool) -> None:
    key, operator, values = expression
    parsed = LabelExpression.model_validate({"key": key, "operator": operator, "values": values})
    assert parsed.matches(labels) is matches


@pytest.mark.parametrize(
    ("operator", "values"), [("In", ()), ("NotIn", ()), ("Exists", ("x",)), ("DoesNotExist", ("x",))]
)
def test_operators_and_values_have_to_fit(operator: str, values: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="values"):
        LabelExpression.model_validate({"key": "k", "operator": operator, "values": values})


def test_an_empty_selector_selects_nothing() -> None:
    assert not ClusterSelector().matches("any", EU_PROD)


def test_names_and_labels_add_up() -> None:
    selector = ClusterSelector(names=("special",), match_labels={"tier": "prod"})
    assert selector.matches("special", {})
    assert selector.matches("other", EU_PROD)
    assert not selector.matches("other", {"tier": "dev"})


def test_all_label_requirements_have_to_hold() -> None:
    selector = ClusterSelector.model_validate(
        {"matchLabels": {"tier": "prod"}, "matchExpressions": [{"key": "region", "operator": "In", "values": ["us"]}]}
    )
    assert not selector.matches("prod-eu", EU_PROD)
    assert selector.matches("prod-us", {"tier": "prod", "region": "us"})
