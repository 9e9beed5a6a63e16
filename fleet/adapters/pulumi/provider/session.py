"""What the provider knows during one run of the engine: the target, its live objects, and what was done to them.

The live objects of the target are listed once when the run begins, side by side for all kinds, so that an unchanged
object costs no request of its own, and so that a plain update sees what was changed behind its back.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from fleet.adapters.pulumi.provider import shapes
from fleet.engine.objects import owner_of, ownership
from fleet.errors import ClusterError, ConflictError, DeployError, FleetError
from fleet.failpoints import failpoint
from fleet.model.names import Target
from fleet.model.objects import DIGEST_ANNOTATION, FIELD_MANAGER, Manifest, ObjectRef
from fleet.ports.cluster import ClusterWriter

Identity = tuple[str, str, str, str]

CONFLICT, NOT_FOUND, FORBIDDEN, INVALID = "FLT-CLU-409", "FLT-CLU-404", "FLT-CLU-403", "FLT-CLU-422"
_NOT_YET_PAUSES = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds between attempts while a definition or namespace of the same run becomes ready."""
_WATCH_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Operation:
    """One engine step on one object: `create`, `update`, `replace`, `delete`."""

    ref: ObjectRef
    step: str


class CancelledError(DeployError):
    """The run was cancelled: its time is over, or the engine went away."""

    def __init__(self) -> None:
        super().__init__("the run was cancelled")


def going(live: Manifest) -> bool:
    """Say whether an object is being deleted: what is applied to it would go with it."""
    return "deletionTimestamp" in live["metadata"]


class Session:
    """One run on one stack. Its methods are called from many threads at once.

    Args:
        target: whose objects these are.
        fleet: name of the fleet.
        cluster: where they live.
        desired: objects that the run registers.
        deadline: when waiting must end, on the monotonic clock.
        on_object: told each object and engine step as it happens.
    """

    def __init__(
        self,
        target: Target,
        fleet: str,
        cluster: ClusterWriter,
        desired: Iterable[Manifest],
        *,
        deadline: float,
        on_object: Callable[[ObjectRef, str], None] = lambda _ref, _step: None,
    ) -> None:
        self.target = target
        self.fleet = fleet
        self.cluster = cluster
        self.desired: Mapping[Identity, Manifest] = {ObjectRef.of(m).identity: m for m in desired}
        self.deadline = deadline
        self.labels = ownership(fleet, target)
        self.initial: dict[Identity, Manifest] = {}
        self.live: dict[Identity, Manifest | None] = {}
        self.operations: list[Operation] = []
        self.errors: list[tuple[ObjectRef | None, FleetError]] = []
        self.warnings: list[str] = []
        self._on_object = on_object
        self._listed: set[tuple[str, str]] = set()
        self._replaced: set[str] = set()
        self._lock = threading.Lock()
        self._cancelled = threading.Event()

    # -- what is live -----------------------------------------------------------------------------------------------

    def prefetch(self, others: Iterable[ObjectRef]) -> None:
        """List the target's live objects of all kinds that it declares, and of ``others`` (what its stack holds).

        Raises:
            UnreachableError: the cluster does not answer.
        """
        refs = [*(ObjectRef.of(m) for m in self.desired.values()), *others]
        kinds = sorted({(ref.api_version, ref.kind) for ref in refs})
        try:
            found = self.cluster.list_many(kinds, labels=self.labels)
        except ClusterError as error:
            if error.code != FORBIDDEN:
                raise
            return  # credentials that may not list all namespaces: objects are read one by one
        for listed in found.values():
            for live in listed:
                identity = ObjectRef.of(live).identity
                self.live[identity] = live
                if not going(live):
                    self.initial[identity] = live

    def lookup(self, ref: ObjectRef) -> Manifest | None:
        """Return the live object; one that was not listed is read (its labels may be what somebody removed)."""
        identity = ref.identity
        with self._lock:
            if identity in self.live:
                return self.live[identity]
        live = self.cluster.get(ref)
        with self._lock:
            self.live[identity] = live
            if live is not None and not going(live):
                self.initial.setdefault(identity, live)
        return live

    def owned(self, live: Manifest) -> bool:
        """Say whether an object carries this target's ownership labels."""
        return owner_of(live, self.fleet) == self.target

    def orphans(self, known: Iterable[ObjectRef]) -> list[ObjectRef]:
        """Return listed objects of this target that it no longer declares and that its stack does not know.

        A run that was killed may leave such objects. They must carry all ownership labels *and* fleet's digest:
        controllers copy labels (of a Service to its Endpoints), but not that annotation.
        """
        declared = {*self.desired, *(ref.identity for ref in known)}
        return [
            ObjectRef.of(live)
            for identity, live in self.initial.items()
            if identity not in declared
            and self.owned(live)
            and shapes.annotation(live, DIGEST_ANNOTATION) is not None
            and not live["metadata"].get("ownerReferences")
            and self.live.get(identity) is not None
        ]

    # -- changes ----------------------------------------------------------------------------------------------------

    def create(self, urn: str, manifest: Manifest, *, preview: bool) -> Manifest | None:
        """Apply an object that the stack does not have. See :meth:`_apply` for the result."""
        ref = ObjectRef.of(manifest)
        live = self.lookup(ref)
        if live is not None:
            self._check_ownership(ref, live)
        step = "replace" if urn in self._replaced else "create"
        return self._apply(ref, manifest, step, preview)

    def update(self, manifest: Manifest, *, preview: bool, previous_manager: str = "") -> Manifest | None:
        """Apply an object that the stack has already."""
        ref = ObjectRef.of(manifest)
        applied = self._apply(ref, manifest, "update", preview)
        if previous_manager and previous_manager != self.manager(manifest) and not preview:
            # Give up the fields of the manager that wrote this before (another provider), now that we hold them.
            metadata = {key: manifest["metadata"][key] for key in ("name", "namespace") if key in manifest["metadata"]}
            nothing = {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], "metadata": metadata}
            applied = self.cluster.apply(nothing, manager=previous_manager)
            self.remember(ref, applied)
        return applied

    def accepts(self, manifest: Manifest) -> bool:
        """Ask the server, by a dry run, whether it takes a change that looks as if it needed a new object.

        It decides: a table of immutable fields cannot know that a default is declared now, or that two ways to write a
        quantity are one. A replacement loses data, so it must be certain.
        """
        try:
            self.cluster.dry_run(manifest, manager=self.manager(manifest), force=True)
        except ClusterError as error:
            return error.code != INVALID
        return True

    def manager(self, manifest: Manifest) -> str:
        """Return the field manager that an object is written with."""
        return shapes.annotation(manifest, shapes.MANAGER_ANNOTATION) or FIELD_MANAGER

    def _apply(self, ref: ObjectRef, manifest: Manifest, step: str, preview: bool) -> Manifest | None:
        """Apply by server-side apply and return the live object.

        Returns:
            The API server's answer, or None for a preview that cannot know it: the namespace or the definition of the
            kind is not there yet, or the object would be replaced.

        Raises:
            ClusterError: the server refused.
        """
        self._told(ref, step)
        if preview and step == "replace":
            return None  # the old object is in the way of a dry run
        if not preview:
            former = self.live.get(ref.identity)
            if former is not None and going(former):
                self._wait_until_gone(ref, former["metadata"].get("uid"), None)
            failpoint("provider.before-apply")
        applied = self._apply_when_possible(ref, manifest, preview)
        if not preview:
            failpoint("provider.after-apply")
        if applied is not None:
            self.remember(ref, applied)
        return applied

    def _apply_when_possible(self, ref: ObjectRef, manifest: Manifest, preview: bool) -> Manifest | None:
        for pause in (*_NOT_YET_PAUSES, None):
            try:
                return self._apply_once(ref, manifest, preview)
            except ClusterError as error:
                if error.code != NOT_FOUND:
                    raise
                if preview and self._comes_with(ref):
                    return None
                if pause is None or not self._comes_with(ref):
                    raise
            self.pause(pause)
        raise AssertionError("the last attempt returns or raises")

    def _apply_once(self, ref: ObjectRef, manifest: Manifest, preview: bool) -> Manifest:
        """Apply without force, so that a conflict shows; then by force, unless the object says otherwise.

        Declared fields win: that is what git as the source of truth means.
        """
        call = self.cluster.dry_run if preview else self.cluster.apply
        manager = self.manager(manifest)
        if shapes.annotation(manifest, shapes.FORCE_ANNOTATION) == "true":
            return call(manifest, manager=manager, force=True)
        try:
            return call(manifest, manager=manager, force=False)
        except ClusterError as error:
            if error.code != CONFLICT:
                raise
            if shapes.annotation(manifest, shapes.FORCE_ANNOTATION) == "false":
                raise ClusterError(
                    error.message,
                    code=CONFLICT,
                    hints=(
                        f'let the declared fields win: remove the annotation `{shapes.FORCE_ANNOTATION}: "false"`,'
                        " or stop declaring the fields that the other manager owns",
                    ),
                ) from error
            with self._lock:
                self.warnings.append(f"took over fields of `{ref}`: {error.message}")
            return call(manifest, manager=manager, force=True)

    def delete(self, urn: str, ref: ObjectRef, timeout: float | None = None) -> None:
        """Delete an object of this target and wait until it is gone.

        An object that no longer carries the target's labels is left alone: it is somebody else's by now.

        Raises:
            DeployError: it is still there at the deadline.
        """
        declared = self.desired.get(ref.identity)
        if declared is not None and urn not in self._replaced:
            return  # the same object under another API version; it lives on
        step = "replace" if declared is not None else "delete"
        live = self.lookup(ref)
        if live is None:
            self._record(ref, "delete", when=step == "delete")
            return
        if not self.owned(live):
            with self._lock:
                self.warnings.append(f"left `{ref}` alone: it does not carry the ownership labels of `{self.target}`")
            return
        if step == "delete":
            self._told(ref, step)
        failpoint("provider.before-delete")
        uid = live["metadata"].get("uid")
        self.cluster.delete(ref, propagation="Foreground", uid=uid)
        failpoint("provider.after-delete")
        if step == "replace" or shapes.annotation(live, shapes.SKIP_AWAIT_ANNOTATION) != "true":
            self._wait_until_gone(ref, uid, timeout)
        with self._lock:
            self.live[ref.identity] = None

    def _wait_until_gone(self, ref: ObjectRef, uid: str | None, timeout: float | None) -> None:
        deadline = self.deadline if timeout is None else min(self.deadline, time.monotonic() + timeout)
        while True:
            live = self.cluster.get(ref)
            if live is None or live["metadata"].get("uid") != uid:
                return
            remaining = deadline - time.monotonic()
            if self._cancelled.is_set() or remaining <= 0:
                finalizers = ", ".join(f"`{name}`" for name in live["metadata"].get("finalizers", ()))
                raise DeployError(
                    f"`{ref}` was deleted but is still there"
                    + (f", held by the finalizers {finalizers}" if finalizers else ""),
                    hints=(f"look at it with `kubectl describe {ref.kind.lower()} {ref.name}`",),
                )
            # The watch is asked for by label, as all watches are; it ends early at the event that we wait for.
            for event in self.cluster.watch(
                ref.api_version,
                ref.kind,
                labels=self.labels,
                namespace=ref.namespace,
                timeout=min(_WATCH_SECONDS, max(remaining, 0.1)),
            ):
                if event.type == "DELETED" and event.object["metadata"].get("uid") == uid:
                    return
                if self._cancelled.is_set():
                    break

    # -- bookkeeping ------------------------------------------------------------------------------------------------

    def will_replace(self, urn: str) -> None:
        """Remember that the engine was told to replace this resource."""
        with self._lock:
            self._replaced.add(urn)

    def failed(self, ref: ObjectRef | None, error: FleetError) -> None:
        """Keep an error for the result."""
        with self._lock:
            self.errors.append((ref, error))

    def cancel(self) -> None:
        """End all waiting."""
        self._cancelled.set()

    def pause(self, seconds: float) -> None:
        """Wait, unless the run is cancelled.

        Raises:
            CancelledError: it is.
        """
        if self._cancelled.wait(min(seconds, max(0.0, self.deadline - time.monotonic()))):
            raise CancelledError

    def note(self, ref: ObjectRef, step: str) -> None:
        """Take down a step that somebody else took."""
        self._record(ref, step)

    def foresee_deletion(self, ref: ObjectRef) -> None:
        """Note what a preview would delete, if it is there and ours."""
        live = self.lookup(ref)
        if live is not None and self.owned(live):
            self._record(ref, "delete")

    def _told(self, ref: ObjectRef, step: str) -> None:
        if self._cancelled.is_set():
            raise CancelledError
        self._record(ref, step)

    def _record(self, ref: ObjectRef, step: str, *, when: bool = True) -> None:
        if not when:
            return
        with self._lock:
            self.operations.append(Operation(ref, step))
        self._on_object(ref, step)

    def remember(self, ref: ObjectRef, live: Manifest) -> None:
        """Keep what an object is now."""
        with self._lock:
            self.live[ref.identity] = live

    def _comes_with(self, ref: ObjectRef) -> bool:
        """Say whether this run itself makes the namespace of an object, or the definition of its kind."""
        if ("", "Namespace", "", ref.namespace) in self.desired:
            return True
        for (group, kind, _, _), manifest in self.desired.items():
            if (group, kind) == ("apiextensions.k8s.io", "CustomResourceDefinition"):
                spec = manifest.get("spec") or {}
                if spec.get("group") == ref.group and (spec.get("names") or {}).get("kind") == ref.kind:
                    return True
        return False

    def _check_ownership(self, ref: ObjectRef, live: Manifest) -> None:
        """Refuse to take an object from another target, which would take it back at its next run.

        Raises:
            ConflictError: the object carries the labels of another target.
        """
        owner = owner_of(live, self.fleet)
        if owner is not None and owner != self.target:
            raise ConflictError(
                f"`{ref}` belongs to the target `{owner}`",
                hints=("declare the object in one app only, or give one of the two another name or namespace",),
            )
