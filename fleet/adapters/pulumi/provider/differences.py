"""Decides what a run has to do with an object that its stack has already."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from fleet.adapters.pulumi import protocol
from fleet.adapters.pulumi.protocol import Struct
from fleet.adapters.pulumi.provider import shapes
from fleet.adapters.pulumi.provider.session import Session, going
from fleet.adapters.pulumi.structs import decode
from fleet.engine.immutable import forces_replacement
from fleet.engine.live import prune
from fleet.engine.objects import removes_itself
from fleet.model.objects import Manifest, ObjectRef

if TYPE_CHECKING:
    from pulumi.runtime.proto import provider_pb2 as pb


def diff_response(request: pb.DiffRequest, session: Session) -> pb.DiffResponse:
    """Answer a Diff: inputs against the last inputs, and live against recorded.

    The second comparison is why a plain update corrects what somebody changed on the cluster; the stock provider would
    need a refresh first (https://github.com/pulumi/pulumi-kubernetes/issues/2403).
    """
    response = protocol.provider_pb2.DiffResponse
    same_inputs = request.old_inputs == request.news
    ref = _ref_of(request.news)
    live = session.lookup(ref) if ref is not None else None
    if live is not None and going(live):
        live = None
    if same_inputs and live is not None and _untouched(request.news, request.olds, live):
        return response(changes=response.DIFF_NONE)

    inputs = decode(request.news)
    if inputs.unknown or ref is None:
        return response(changes=response.DIFF_SOME, diffs=sorted(inputs.data))
    news = inputs.data
    old_inputs = news if same_inputs else decode(request.old_inputs).data
    changed = [] if same_inputs else list(shapes.changed_paths(old_inputs, news))
    replaces = set[str]()
    if live is None and same_inputs and removes_itself(news):
        return response(changes=response.DIFF_NONE)
    if live is None:
        changed.append(("metadata.uid", "delete"))  # somebody deleted it: an update puts it back
    else:
        recorded = shapes.comparable(shapes.live_of(decode(request.olds).data), live)
        drifted = shapes.drifted_paths(recorded, live, old_inputs)
        changed += [item for item in drifted if item not in changed]
        if changed:
            suspects = _immutable_changes(old_inputs, news, recorded, live, drifted=bool(drifted))
            replaces = suspects if suspects and not session.accepts(news) else replaces
    if not changed:
        return response(changes=response.DIFF_NONE)
    if replaces:
        session.will_replace(request.urn)
    return _some(changed, replaces)


def _immutable_changes(old: Manifest, new: Manifest, recorded: Manifest, live: Manifest, *, drifted: bool) -> set[str]:
    """Return the immutable fields that seem to change. The server has the last word on them.

    Compared are the last inputs with the new ones; the live object with fields that are declared for the first time;
    and, where somebody edited the object (deleted it and made it again), the recorded state with the live one.
    """
    suspects = set(forces_replacement(old, new))
    now = prune(live, new)
    suspects |= {path for path in forces_replacement(now, new) if _absent(old, path)}
    if drifted:
        suspects |= set(forces_replacement(prune(recorded, new), now))
    return suspects


def _absent(manifest: Any, path: str) -> bool:
    for key in path.split("."):
        if not isinstance(manifest, Mapping) or key not in manifest:
            return True
        manifest = manifest[key]
    return False


def _some(changed: list[tuple[str, str]], replaces: set[str]) -> pb.DiffResponse:
    pb2 = protocol.provider_pb2
    detailed = {}
    for path, kind in changed:
        replacing = any(path == r or path.startswith((f"{r}.", f"{r}[")) for r in replaces)
        name = kind.upper() + ("_REPLACE" if replacing else "")
        detailed[path] = pb2.PropertyDiff(kind=pb2.PropertyDiff.Kind.Value(name))
    return pb2.DiffResponse(
        changes=pb2.DiffResponse.DIFF_SOME,
        diffs=sorted({path.partition(".")[0].partition("[")[0] for path, _ in changed}),
        replaces=sorted(replaces),
        deleteBeforeReplace=bool(replaces),  # names are explicit: the old object has to go first
        detailedDiff=detailed,
        hasDetailedDiff=True,
    )


def _untouched(news: Struct, olds: Struct, live: Manifest) -> bool:
    """Say whether nobody changed what was asked for since the object was recorded, without decoding all of it.

    Either nobody wrote to the object at all, or only its status was written: the server counts ``generation`` up with
    every other change but those of metadata, whose labels and annotations are looked at here.
    Source: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md#metadata
    """
    recorded: Any = olds.fields["metadata"].struct_value.fields if "metadata" in olds.fields else {}
    now = live["metadata"]
    if any(key not in recorded for key in ("uid", "resourceVersion")) or recorded["uid"].string_value != now.get("uid"):
        return False
    if recorded["resourceVersion"].string_value == now.get("resourceVersion"):
        return True
    generation = now.get("generation")
    if generation is None or "generation" not in recorded or recorded["generation"].number_value != generation:
        return False
    declared: Any = news.fields["metadata"].struct_value.fields
    if any(key not in ("name", "namespace", "labels", "annotations") for key in declared):
        return False
    for name in ("labels", "annotations"):
        fields: Any = declared[name].struct_value.fields if name in declared else {}
        present = now.get(name) or {}
        if any(present.get(key) != value.string_value for key, value in fields.items()):
            return False
    return True


def _ref_of(news: Struct) -> ObjectRef | None:
    """Return the object that inputs name, without decoding all of them; None if the name is not known yet."""
    fields: Any = news.fields
    metadata: Any = fields["metadata"].struct_value.fields
    if "name" not in metadata or metadata["name"].WhichOneof("kind") != "string_value":
        return None
    namespace = metadata["namespace"].string_value if "namespace" in metadata else ""
    return ObjectRef(
        fields["apiVersion"].string_value, fields["kind"].string_value, namespace, metadata["name"].string_value
    )
