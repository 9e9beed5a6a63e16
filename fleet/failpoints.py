"""Named points where a test can kill the process, right before and right after each external effect.

``FLEET_FAILPOINT=promote.before-push`` kills the process with SIGKILL when it passes that point, as a power cut would.
``FLEET_FAILPOINT=name:3`` does so at the third pass. The idea is etcd's gofail (https://github.com/etcd-io/gofail).
Without the variable, a failpoint costs one dictionary look-up.
"""

from __future__ import annotations

import os
import signal
import threading

NAMES = frozenset[str](
    {
        "release.before-push",
        "release.after-push",
        "promote.before-push",
        "promote.after-push",
        "promote.after-comment",
        "promote.before-pull-request",
        "promote.after-pull-request",
        "train.before-pull-request",
        "train.after-pull-request",
        "train.after-closing",
        "ledger.before-push",
        "ledger.after-push",
        "forge.before-push",
        "forge.after-push",
        "restrictions.before-push",
        "restrictions.after-push",
        "probe.before-job",
        "probe.after-job",
        "reconcile.before-lease",
        "reconcile.after-lease",
        "reconcile.before-deploy",
        "reconcile.after-deploy",
        "reconcile.before-record",
        "reconcile.after-record",
        "migration.before-job",
        "migration.after-job",
        "migration.before-note",
        "migration.after-note",
        "engine.before-spawn",
        "engine.after-spawn",
        "provider.before-apply",
        "provider.after-apply",
        "provider.before-delete",
        "provider.after-delete",
    }
)
"""Every failpoint there is; a test proves that each is passed, and that no unknown one is."""

_passes: dict[str, int] = {}
_lock = threading.Lock()


def failpoint(name: str) -> None:
    """Die here, if the environment asks for it."""
    wanted = os.environ.get("FLEET_FAILPOINT")
    if not wanted:
        return
    wanted_name, _, number = wanted.partition(":")
    if wanted_name != name:
        return
    with _lock:
        _passes[name] = _passes.get(name, 0) + 1
        if _passes[name] >= int(number or 1):
            os.kill(os.getpid(), signal.SIGKILL)
