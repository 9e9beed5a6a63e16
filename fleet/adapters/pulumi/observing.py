"""Finds out what the official provider did, which tells us nothing: by looking at the cluster before and after.

Fleet's own provider keeps book while it works; see :class:`fleet.adapters.pulumi.provider.session.Session`.
"""

from __future__ import annotations

from collections.abc import Iterable

from fleet.adapters.pulumi.provider.session import NOT_FOUND, Session
from fleet.errors import ClusterError
from fleet.model.objects import FIELD_MANAGER, Manifest, ObjectRef


def observe_run(session: Session, held: Iterable[ObjectRef]) -> None:
    """Note each object that was created, updated, replaced or deleted since the session began."""
    declared = {identity: ObjectRef.of(manifest) for identity, manifest in session.desired.items()}
    gone = {ref.identity: ref for ref in held if ref.identity not in declared}
    for identity, ref in {**declared, **gone}.items():
        before, after = session.initial.get(identity), session.cluster.get(ref)
        session.live[identity] = after
        step = _step(before, after)
        if step:
            session.note(ref, step)


def observe_preview(session: Session) -> None:
    """Note what each declared object would become, by a dry run of our own."""
    for identity, manifest in session.desired.items():
        ref = ObjectRef.of(manifest)
        before = session.lookup(ref)
        try:
            after = session.cluster.dry_run(manifest, manager=FIELD_MANAGER, force=True)
        except ClusterError as error:
            if error.code != NOT_FOUND:
                raise
            session.note(ref, "create")
            continue
        session.live[identity] = after
        if before is None:
            session.note(ref, "create")
        elif _content(before) != _content(after):
            session.note(ref, "update")


def _step(before: Manifest | None, after: Manifest | None) -> str:
    if before is None or after is None:
        return "create" if after is not None else "delete" if before is not None else ""
    if before["metadata"].get("uid") != after["metadata"].get("uid"):
        return "replace"
    return "update" if _content(before) != _content(after) else ""


def _content(manifest: Manifest) -> Manifest:
    """Return what a person declares of an object; the server and controllers own the rest."""
    metadata = {key: manifest["metadata"].get(key) for key in ("labels", "annotations", "finalizers")}
    return {**{key: value for key, value in manifest.items() if key != "status"}, "metadata": metadata}
