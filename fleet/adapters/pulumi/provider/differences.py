"""Decides what a run has to do with an object that its stack has already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fleet.adapters.pulumi import protocol
from fleet.adapters.pulumi.provider import shapes
from fleet.adapters.pulumi.provider.session import Session
from fleet.adapters.pulumi.structs import Struct, decode
from fleet.engine.immutable import forces_replacement
from fleet.engine.live import prune
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
    if same_inputs and live is not None and _untouched(request.olds, live):
        return response(changes=response.DIFF_NONE)

    news, old_inputs = decode(request.news), decode(request.old_inputs).data
    if news.unknown or ref is None:
        return response(changes=response.DIFF_SOME, diffs=sorted(news.data))
    recorded = shapes.live_of(decode(request.olds).data)
    changed = list(shapes.changed_paths(old_inputs, news.data))
    replaces = set(forces_replacement(old_inputs, news.data))
    if live is None:
        changed.append(("metadata.uid", "delete"))  # somebody deleted it: an update puts it back
        replaces.clear()
    else:
        drifted = shapes.drifted_paths(recorded, live, old_inputs)
        changed += [item for item in drifted if item not in changed]
        if drifted:
            replaces |= set(forces_replacement(_comparable(recorded, live, news.data), prune(live, news.data)))
    if not changed:
        return response(changes=response.DIFF_NONE)
    if replaces:
        session.will_replace(request.urn)
    return _some(changed, replaces)


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


def _comparable(recorded: Manifest, live: Manifest, shape: Manifest) -> Manifest:
    metadata = {**recorded.get("metadata", {}), "managedFields": live["metadata"].get("managedFields", [])}
    return prune({**recorded, "metadata": metadata}, shape)


def _untouched(olds: Struct, live: Manifest) -> bool:
    """Say whether nobody wrote to the object since it was recorded, not even its controller."""
    metadata: Any = olds.fields["metadata"].struct_value.fields if "metadata" in olds.fields else {}
    return all(
        key in metadata and metadata[key].string_value == live["metadata"].get(key)
        for key in ("uid", "resourceVersion")
    )


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
