"""Names of apps, environments, clusters, targets and stacks, and the rules they keep.

Names are DNS labels (RFC 1123, section 2.1), short enough that the stack name of every possible target
stays within Pulumi's limit of 100 characters: 36 + 24 + 38 and two dots.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import StringConstraints

LABEL_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
APP_NAME_LIMIT = 36
ENVIRONMENT_NAME_LIMIT = 24
CLUSTER_NAME_LIMIT = 38

AppName = Annotated[str, StringConstraints(pattern=LABEL_PATTERN, max_length=APP_NAME_LIMIT)]
EnvironmentName = Annotated[str, StringConstraints(pattern=LABEL_PATTERN, max_length=ENVIRONMENT_NAME_LIMIT)]
ClusterName = Annotated[str, StringConstraints(pattern=LABEL_PATTERN, max_length=CLUSTER_NAME_LIMIT)]
WaveName = Annotated[str, StringConstraints(pattern=LABEL_PATTERN, max_length=63)]

_LABEL = re.compile(LABEL_PATTERN.strip("^$"))


def is_label(name: str, limit: int) -> bool:
    """Say whether ``name`` is a DNS label of at most ``limit`` characters."""
    return len(name) <= limit and _LABEL.fullmatch(name) is not None


@dataclass(frozen=True, slots=True, order=True)
class Target:
    """One app in one environment on one cluster: the unit of apply, diff, drift and lock."""

    app: str
    environment: str
    cluster: str

    @property
    def stack(self) -> str:
        """Name of the Pulumi stack of this target; injective, since names hold no dots."""
        return f"{self.app}.{self.environment}.{self.cluster}"

    def __str__(self) -> str:
        return f"{self.app}/{self.environment}/{self.cluster}"

    @classmethod
    def from_stack(cls, stack: str) -> Target:
        """Return the target of a stack name.

        Raises:
            ValueError: the name is not one of ours.
        """
        parts = stack.split(".")
        if len(parts) != 3 or not all(parts):
            raise ValueError(f"`{stack}` is not a stack name of the form app.environment.cluster")
        return cls(*parts)
