"""Turns what a run of the engine did and said into the result that the rest of fleet reads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from fleet.adapters.pulumi.process import Finished
from fleet.adapters.pulumi.provider.session import Session
from fleet.engine.compare import compare_objects, join
from fleet.errors import FleetError, UnreachableError
from fleet.model.change import ChangeKind, ChangeSet, ObjectChange
from fleet.model.objects import Manifest, ObjectRef
from fleet.ports.deployer import DeployedObject, DeployResult

_ERROR_LINE = re.compile(r"^\s*error: (?P<text>.+)$", re.MULTILINE)
_NOISE = (
    (re.compile(r"\b(?:https?://)?(?:127\.0\.0\.1|localhost|\[::1\]):\d+\S*"), "the engine"),
    (re.compile(r"urn:pulumi:\S+::"), ""),
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "…"),
    (re.compile(r"\b\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)?"), "…"),
    (re.compile(r"\bpid \d+"), "a process"),
    (re.compile(r"rpc error: code = \w+ desc = "), ""),
)
_GENERIC = (
    "update failed",
    "preview failed",
    "destroy failed",
    "resource monitor shut down",
    "an unhandled error occurred",
)
_LIMIT = 300


def changes_of(session: Session) -> ChangeSet:
    """Return what the run changed, or (in a preview) would change; values of Secrets are masked."""
    changes: list[ObjectChange] = []
    for ref in sorted({operation.ref for operation in session.operations}):
        change = compare_objects(session.initial.get(ref.identity), _after(session, ref))
        if change is not None:
            changes.append(_without_server_annotations(change, session.desired.get(ref.identity)))
    return ChangeSet(objects=tuple(changes))


def _without_server_annotations(change: ObjectChange, desired: Manifest | None) -> ObjectChange:
    """Return the change without annotations that the server itself counts up, as the revision of a rollout."""
    if change.kind is not ChangeKind.CHANGED or desired is None:
        return change
    declared = {join("metadata.annotations", key) for key in (desired["metadata"].get("annotations") or {})}
    fields = tuple(
        field
        for field in change.fields
        if field.kind is ChangeKind.REMOVED
        or not field.path.startswith("metadata.annotations")
        or field.path in declared
    )
    return change.model_copy(update={"fields": fields})


def _after(session: Session, ref: ObjectRef) -> Manifest | None:
    """Return the object as it is after the run. What a preview cannot know is as it is asked for."""
    deleted = any(operation.ref == ref and operation.step == "delete" for operation in session.operations)
    if deleted and ref.identity not in session.desired:
        return None
    return session.live.get(ref.identity) or session.desired.get(ref.identity)


def objects_of(session: Session) -> tuple[DeployedObject, ...]:
    """Return every declared object that is live, in the order of declaration."""
    found = []
    for identity, manifest in session.desired.items():
        live = session.live.get(identity)
        if live is not None:
            found.append(DeployedObject(ObjectRef.of(manifest), manifest, live))
    return tuple(found)


def counts_of(session: Session) -> dict[str, int]:
    """Return the engine steps by name; an object that nothing was done to counts as `same`."""
    steps = {operation.ref.identity: operation.step for operation in session.operations}
    counts = Counter(steps.values())
    failed = {ref.identity for ref, _ in session.errors if ref is not None}
    same = sum(1 for identity in session.desired if identity not in steps and identity not in failed)
    return {**counts, "same": same} if same else dict(counts)


def result_of(session: Session, finished: Finished | None, error: FleetError | None = None) -> DeployResult:
    """Return the result of a run."""
    text, hint, unreachable = _failure(session, finished, error)
    return DeployResult(
        changes=changes_of(session),
        objects=objects_of(session),
        operations=counts_of(session),
        error=text,
        hint=hint,
        unreachable=unreachable,
        warnings=tuple(canonical(warning) for warning in session.warnings),
    )


def _failure(session: Session, finished: Finished | None, error: FleetError | None) -> tuple[str, str, bool]:
    """Return the error line, the hint and whether the cluster was the problem; empty for success."""
    errors: Sequence[FleetError] = [error] if error is not None else [found for _, found in session.errors]
    if finished is not None and finished.timed_out:
        waited = f": {errors[0].message}" if errors else ""
        return (
            f"the run took too long and was stopped{waited}",
            "give it more time: `engine.timeout` in fleet.yaml",
            False,
        )
    if finished is not None and finished.status == 0 and not errors:
        return "", "", False
    if errors:
        first = errors[0]
        more = len({found.message for found in errors}) - 1
        text = canonical(first.message) + (f" (and {more} more)" if more else "")
        return text, first.hints[0] if first.hints else "", isinstance(first, UnreachableError)
    assert finished is not None  # noqa: S101 - a run either finished or has an error
    return (
        engine_error(finished.output),
        "run `fleet pulumi -- preview -s " + session.target.stack + "` to see more",
        False,
    )


def engine_error(output: str) -> str:
    """Return the line that says why the engine itself failed, without what differs from run to run."""
    lines = [canonical(match["text"]) for match in _ERROR_LINE.finditer(output)]
    telling = [line for line in lines if not any(generic in line for generic in _GENERIC)]
    fallback = [canonical(line) for line in output.splitlines() if line.strip()]
    for line in (*telling, *lines, *reversed(fallback)):
        if line:
            return f"the engine failed: {line}"
    return "the engine failed and said nothing"


def canonical(text: str) -> str:
    """Return a message as one line without ids, times and addresses, so that the same cause gives the same text."""
    line = " ".join(text.split())
    for pattern, replacement in _NOISE:
        line = pattern.sub(replacement, line)
    return line if len(line) <= _LIMIT else line[: _LIMIT - 1] + "…"
