"""Label selectors, with the semantics of Kubernetes.

Source: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#resources-that-support-set-based-requirements
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Self

from pydantic import Field, model_validator

from fleet.model.base import Spec
from fleet.model.names import ClusterName


class LabelExpression(Spec):
    """One set-based requirement on a label."""

    key: str = Field(min_length=1)
    """Label key."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How the label's value is compared."""
    values: tuple[str, ...] = ()
    """Values for `In` and `NotIn`; must be empty for the other two."""

    @model_validator(mode="after")
    def _values_fit_operator(self) -> Self:
        wants = self.operator in ("In", "NotIn")
        if wants and not self.values:
            raise ValueError(f"operator `{self.operator}` needs `values`")
        if not wants and self.values:
            raise ValueError(f"operator `{self.operator}` takes no `values`")
        return self

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Say whether a set of labels meets this requirement; an absent key meets `NotIn`."""
        match self.operator:
            case "In":
                return labels.get(self.key) in self.values
            case "NotIn":
                return labels.get(self.key) not in self.values
            case "Exists":
                return self.key in labels
            case "DoesNotExist":
                return self.key not in labels


class ClusterSelector(Spec):
    """Which clusters: by name, by labels, or both added together."""

    names: tuple[ClusterName, ...] = ()
    """Clusters by name."""
    match_labels: dict[str, str] = Field(default_factory=dict)
    """Labels that must all be equal."""
    match_expressions: tuple[LabelExpression, ...] = ()
    """Set-based requirements that must all hold."""

    @property
    def by_labels(self) -> bool:
        """Whether any label requirement is written; without one, only `names` select."""
        return bool(self.match_labels or self.match_expressions)

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        """Say whether a cluster is selected. An empty selector selects nothing."""
        if name in self.names:
            return True
        if not self.by_labels:
            return False
        return all(labels.get(k) == v for k, v in self.match_labels.items()) and all(
            expression.matches(labels) for expression in self.match_expressions
        )
