"""The rivals, each as a process of its own so that its whole cost is counted: `python -m bench.rivals WHAT …`.

``automation``: Pulumi's plain Automation API, `Stack.up()` with an inline program, on the same objects. The
Kubernetes provider is fleet's resident one, in this process and attached: the rival is the loop around the
engine, not the provider (the official provider costs more still).

``apply``: raw server-side apply of the same objects, one request each: the limit.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path


def main() -> int:
    """Run one rival over a JSON description of targets: `{kubeconfig, targets: [{context, stack, objects}]}`."""
    what, path, *rest = sys.argv[1:]
    work = json.loads(Path(path).read_text())
    if what == "apply":
        _apply(work)
    elif what == "automation":
        from bench.automation import up_all

        up_all(work, Path(rest[0]))
    return 0


def _apply(work: dict) -> None:  # type: ignore[type-arg]
    import os

    from fleet.adapters.kube.clusters import KubeClusters
    from fleet.model.declared import AccessSpec, ClusterSpec

    clusters = KubeClusters(Path(work["kubeconfig"]), Path.cwd(), os.environ)
    for target in work["targets"]:
        spec = ClusterSpec(access=AccessSpec(sandbox=target["context"]))
        writer = clusters.writer(target["context"], spec)
        for manifest in target["objects"]:
            writer.apply(manifest, manager="bench", force=True)
    clusters.close()


if __name__ == "__main__":
    sys.exit(main())
