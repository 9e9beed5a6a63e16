"""Print the rendered targets of a fleet as JSON: `python -m bench.rendered DIRECTORY`."""

from __future__ import annotations

import json
import sys
from pathlib import Path


class _Silent:
    def emit(self, event: object) -> None:
        """Do nothing."""


def main() -> None:
    """Render and print."""
    from fleet.bootstrap.services import Services
    from fleet.operations.common.desired import desired_states
    from fleet.operations.common.loading import load_fleet

    services = Services(Path(sys.argv[1]), _Silent())
    fleet, tree = load_fleet(services.repository, services.loader, services.branch, fetch=False)
    desired = desired_states(
        fleet,
        list(fleet.targets()),
        tree=tree,
        repository=services.repository,
        loader=services.loader,
        renderer=services.renderer,
    )
    rows = [
        {"context": target.cluster, "stack": target.stack, "objects": [dict(o) for o in state.objects]}
        for target, state in desired.states.items()
    ]
    services.close()
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
