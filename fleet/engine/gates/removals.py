"""API removals: no object uses an API version that the Kubernetes of a target cluster does not serve any more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from fleet.engine.gates.case import OPEN, Case
from fleet.engine.kubernetes_apis import Lifecycle, Minor, lifecycle, minor_of, release_text
from fleet.engine.objects import OwnedObjects
from fleet.model.gate import GateResult, Verdict
from fleet.model.names import Target
from fleet.model.objects import Manifest, ObjectRef

_SHOWN = 3
"""How many objects, or clusters, a text names."""


def judge(case: Case) -> Iterator[GateResult]:
    """Yield whether each cluster still serves what would be applied to it; nothing, if no such API is used at all."""
    used = uses_ending(case.objects)
    if not used:
        return
    name = f"api-removals({case.environment})"
    removed: dict[str, list[str]] = {}
    unknown = []
    for target, objects in used.items():
        version = minor_of(case.observed.versions.get(target.cluster, ""))
        if version is None:
            unknown.append(target.cluster)
            continue
        for ref, life in objects:
            if _removed(life, version):
                removed.setdefault(_gone(ref, life), []).append(f"{target.cluster} ({release_text(version)})")
    if removed:
        texts = [f"{text}: {_names(clusters)}" for text, clusters in removed.items()]
        hint = f"change the templates in apps/{case.app}/templates, and release again: `fleet release {case.app}`"
        yield GateResult(name=name, verdict=Verdict.FAILED, reason=_first(texts), holds=OPEN, hint=hint)
    elif unknown:
        which = next(f"`{ref}` ({life.api_version})" for ref, life in next(iter(used.values())))
        reason = f"the Kubernetes version of {_names(unknown)} is not known, and {which} is not served by every one"
        hint = f"fleet status -c {unknown[0]}"
        yield GateResult(name=name, verdict=Verdict.PENDING, reason=reason, holds=OPEN, hint=hint)
    else:
        reason = "every cluster serves the API versions that are used"
        yield GateResult(name=name, verdict=Verdict.PASSED, reason=reason, holds=OPEN)


Ending = tuple[tuple[ObjectRef, Lifecycle], ...]
"""Objects with what ends their API version."""


def uses_ending(objects: Mapping[Target, Sequence[Manifest]]) -> dict[Target, Ending]:
    """Return, by target, the objects whose API version is deprecated or removed in some release of Kubernetes."""
    known: dict[int, Ending] = {}
    used: dict[Target, Ending] = {}
    for target, manifests in objects.items():
        rendered = manifests.rendered if isinstance(manifests, OwnedObjects) else manifests
        if id(rendered) not in known:  # targets share what they render
            known[id(rendered)] = _ending(rendered)
        if known[id(rendered)]:
            used[target] = known[id(rendered)]
    return used


def deprecations(objects: Mapping[Target, Sequence[Manifest]], versions: Mapping[str, str]) -> tuple[str, ...]:
    """Return a sentence for each object whose API version is still served, but not for long."""
    texts: dict[str, None] = {}
    for target, used in uses_ending(objects).items():
        version = minor_of(versions.get(target.cluster, ""))
        for ref, life in used:
            if version is not None and life.deprecated <= version and not _removed(life, version):
                until = f" and removed in {release_text(life.removed)}" if life.removed else ""
                since = f"which is deprecated since Kubernetes {release_text(life.deprecated)}{until}"
                texts[f"`{ref}` uses {life.api_version}, {since}{_instead(life)}"] = None
    return tuple(texts)


def _ending(objects: Iterable[Manifest]) -> Ending:
    found = []
    for manifest in objects:
        life = lifecycle(str(manifest.get("apiVersion")), str(manifest.get("kind")))
        if life is not None:
            found.append((ObjectRef.of(manifest), life))
    return tuple(found)


def _removed(life: Lifecycle, version: Minor) -> bool:
    return life.removed is not None and life.removed <= version


def _gone(ref: ObjectRef, life: Lifecycle) -> str:
    assert life.removed is not None  # noqa: S101
    return f"`{ref}` uses {life.api_version}, which Kubernetes removed in {release_text(life.removed)}{_instead(life)}"


def _instead(life: Lifecycle) -> str:
    return f"; use {life.instead}" if life.instead else "; nothing takes its place"


def _names(clusters: Sequence[str]) -> str:
    names = list(dict.fromkeys(clusters))
    shown = ", ".join(names[:_SHOWN])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown


def _first(texts: Sequence[str]) -> str:
    return "; ".join(texts[:_SHOWN]) + (f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else "")
