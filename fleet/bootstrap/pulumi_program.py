"""The Pulumi program of a fleet: registers the target that the selected stack stands for.

``Pulumi.yaml`` names this file as its program. Fleet itself never runs it: it registers the same resources, with the
same names, without a program (:mod:`fleet.adapters.pulumi.language`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fleet.errors import ConfigError, UsageError
from fleet.model.declared import ClusterSpec
from fleet.model.events import Event
from fleet.model.names import Target
from fleet.model.state import DesiredState

if TYPE_CHECKING:
    from fleet.bootstrap.services import Services
    from fleet.model.fleet import Fleet
    from fleet.ports.tree import Tree


class StackResolver:
    """Says what a stack should be: its target as the protected branch declares it, rendered at its pinned revision.

    The fleet is loaded when the first stack is asked for, and once.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._loaded: tuple[Fleet, Tree] | None = None

    def __call__(self, stack: str) -> tuple[DesiredState, ClusterSpec]:
        """Return the desired state and the cluster of a stack.

        Raises:
            UsageError: the fleet declares no such target.
            ConfigError: the target cannot be rendered.
        """
        from fleet.operations.common.desired import desired_states

        fleet, tree = self._fleet()
        try:
            target = Target.from_stack(stack)
        except ValueError as error:
            raise UsageError(str(error), hints=("list the stacks with `fleet pulumi -- stack ls`",)) from error
        if target not in set(fleet.targets()):
            raise UsageError(
                f"the fleet declares no target `{target}`", hints=("list the targets with `fleet status -o wide`",)
            )
        found = desired_states(
            fleet,
            [target],
            tree=tree,
            repository=self._services.repository,
            loader=self._services.loader,
            renderer=self._services.renderer,
        )
        if target not in found.states:
            problems = found.problems.get(target, ())
            raise ConfigError(f"the target `{target}` cannot be rendered", problems=problems)
        return found.states[target], fleet.clusters[target.cluster]

    def _fleet(self) -> tuple[Fleet, Tree]:
        from fleet.operations.common.loading import load_fleet

        if self._loaded is None:
            services = self._services
            self._loaded = load_fleet(services.repository, services.loader, services.branch)
        return self._loaded


class _Silent:
    """Pulumi shows its own progress."""

    def emit(self, event: Event) -> None:
        """Say nothing."""


def main() -> None:
    """Register the selected stack's resources with the Pulumi SDK."""
    import pulumi

    from fleet.adapters.pulumi.program import register
    from fleet.adapters.pulumi.runtime import provider_inputs
    from fleet.bootstrap.services import Services

    services = Services(Path.cwd(), _Silent())
    try:
        desired, cluster = StackResolver(services)(pulumi.get_stack())
        register(desired.objects, provider_inputs(services.clusters, desired.target, cluster))
    finally:
        services.close()


if __name__ == "__main__":
    main()
