"""Checks what was rendered and turns it into Kubernetes objects. Runs in the jail, for templates and programs alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from fleet.adapters.render import codes
from fleet.adapters.render.kinds import CLUSTER_SCOPED

_API_VERSION = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?[a-z0-9]+")
_KIND = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_NAMESPACE = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_DROPPED = ("creationTimestamp", "generation", "selfLink")
"""Metadata that generators leave behind and the server sets anyway."""
_REFUSED = ("managedFields", "resourceVersion", "uid")
"""Metadata with which an apply would fail or overwrite the wrong object."""
_LOCAL_QUOTE = 'quote it, like `"{}"`'

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something that was rendered and may be an object.

    ``place`` returns file and line of a part of it, by keys.
    """

    value: Any
    place: Callable[[Path], tuple[str, int | None]]


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem with a part of a candidate."""

    code: str
    message: str
    candidate: Candidate
    keys: Path = ()
    hint: str | None = None


class Checker:
    """Collects objects and findings of one app."""

    def __init__(self, namespace: str | None, cluster_scoped: Iterable[str]) -> None:
        self._namespace = namespace
        self._cluster_scoped = {_split(kind) for kind in cluster_scoped} | CLUSTER_SCOPED
        self.findings: list[Finding] = []

    def objects(self, candidates: Sequence[Candidate]) -> list[dict[str, Any]]:
        """Return the objects in order; what is wrong with them is in :attr:`findings`."""
        flat = [item for candidate in candidates for item in self._flatten(candidate)]
        shaped = [candidate for candidate in flat if self._shape(candidate)]
        self._learn_scopes(shaped)
        result: list[dict[str, Any]] = []
        first: dict[tuple[str, str, str, str], Candidate] = {}
        for candidate in shaped:
            manifest = self._finish(candidate)
            if manifest is None:
                continue
            metadata = manifest["metadata"]
            identity = (
                _group(manifest["apiVersion"]),
                manifest["kind"],
                metadata.get("namespace", ""),
                metadata["name"],
            )
            if identity in first:
                self._duplicate(candidate, first[identity], identity)
                continue
            first[identity] = candidate
            result.append(manifest)
        return result

    def _flatten(self, candidate: Candidate) -> Iterable[Candidate]:
        value = candidate.value
        kind = value.get("kind") if isinstance(value, dict) else None
        if not (isinstance(kind, str) and kind.endswith("List") and isinstance(value.get("items"), list)):
            return [candidate]
        item_kind = kind.removesuffix("List")
        result: list[Candidate] = []
        for index, item in enumerate(value["items"]):
            if item_kind and isinstance(item, dict):
                # Items of a typed list may leave out what the list says.
                item = {"apiVersion": value.get("apiVersion"), "kind": item_kind, **item}
            result += self._flatten(Candidate(item, _below(candidate, index)))
        return result

    def _find(self, code: str, message: str, candidate: Candidate, *keys: str | int, hint: str | None = None) -> bool:
        self.findings.append(Finding(code, message, candidate, keys, hint))
        return False

    def _shape(self, candidate: Candidate) -> bool:
        """Check what every object has: version, kind, metadata and name."""
        value = candidate.value
        if not isinstance(value, dict):
            return self._find(
                codes.NOT_AN_OBJECT, f"a rendered document is {_article(value)}, not a Kubernetes object", candidate
            )
        for key, pattern in (("apiVersion", _API_VERSION), ("kind", _KIND)):
            text = value.get(key)
            if text is None:
                return self._find(codes.NOT_AN_OBJECT, f"a rendered document has no `{key}`", candidate)
            if not isinstance(text, str) or not pattern.fullmatch(text):
                return self._find(codes.NOT_AN_OBJECT, f"`{key}: {str(text)[:80]}` is not valid", candidate, key)
        kind = value["kind"]
        metadata = value.get("metadata")
        if not isinstance(metadata, dict):
            return self._find(codes.NO_NAME, f"a `{kind}` has no `metadata`", candidate, "metadata")
        return self._name(candidate, kind, metadata) and self._metadata(candidate, kind, metadata)

    def _name(self, candidate: Candidate, kind: str, metadata: dict[str, Any]) -> bool:
        if metadata.get("generateName") is not None:
            hint = "give it a `name`; a new object on every apply could never be told from the one before"
            return self._find(
                codes.GENERATE_NAME, f"a `{kind}` uses `generateName`", candidate, "metadata", "generateName", hint=hint
            )
        name = metadata.get("name")
        if name is None or name == "":
            return self._find(codes.NO_NAME, f"a `{kind}` has no `metadata.name`", candidate, "metadata")
        if not isinstance(name, str):
            hint = _LOCAL_QUOTE.format(name)
            message = f"the name of a `{kind}` is {_article(name)}, not a text"
            return self._find(codes.NO_NAME, message, candidate, "metadata", "name", hint=hint)
        if name in (".", "..") or len(name) > 253 or any(c in "/%" or ord(c) <= 32 or ord(c) == 127 for c in name):
            return self._find(codes.NO_NAME, f"`{name[:80]}` cannot be a name", candidate, "metadata", "name")
        return True

    def _metadata(self, candidate: Candidate, kind: str, metadata: dict[str, Any]) -> bool:
        label = f"`{kind}/{metadata['name']}`"
        good = True
        for key in _REFUSED:
            if metadata.get(key) is not None:
                good = self._find(
                    codes.SERVER_FIELD, f"{label} sets `metadata.{key}`", candidate, "metadata", key, hint="remove it"
                )
        for key in ("labels", "annotations"):
            entries = metadata.get(key)
            if entries is None:
                continue
            if not isinstance(entries, dict):
                good = self._find(codes.BAD_METADATA, f"`{key}` of {label} is not a map", candidate, "metadata", key)
                continue
            for name, value in entries.items():
                if not isinstance(value, str):
                    message = f"`{name}` in the {key} of {label} is {_article(value)}, not a text"
                    hint = _LOCAL_QUOTE.format(value) if value is not None else None
                    good = self._find(codes.BAD_METADATA, message, candidate, "metadata", key, name, hint=hint)
        return good

    def _learn_scopes(self, candidates: Iterable[Candidate]) -> None:
        """Take the scope of custom kinds from their definitions, where those are rendered too."""
        for candidate in candidates:
            spec = candidate.value.get("spec")
            if candidate.value["kind"] == "CustomResourceDefinition" and isinstance(spec, dict):
                names = spec.get("names")
                if spec.get("scope") == "Cluster" and isinstance(names, dict):
                    self._cluster_scoped.add((str(spec.get("group")), str(names.get("kind"))))

    def _finish(self, candidate: Candidate) -> dict[str, Any] | None:
        """Return the object with its namespace, without what only the server writes."""
        value = candidate.value
        metadata = {k: v for k, v in value["metadata"].items() if k not in _DROPPED and k not in _REFUSED}
        kind, name = value["kind"], metadata["name"]
        namespace = metadata.get("namespace")
        if namespace == "":
            namespace = None
        if (_group(value["apiVersion"]), kind) in self._cluster_scoped:
            if namespace is not None:
                message = f"`{kind}/{name}` has a namespace, but objects of this kind have none"
                self._find(codes.NAMESPACED, message, candidate, "metadata", "namespace", hint="remove `namespace`")
                return None
            metadata.pop("namespace", None)
        else:
            namespace = self._namespace if namespace is None else namespace
            if namespace is None:
                hint = "set `namespace` in `app.yaml`, or list the kind in its `clusterScoped`"
                self._find(codes.NO_NAMESPACE, f"`{kind}/{name}` has no namespace", candidate, "metadata", hint=hint)
                return None
            if not isinstance(namespace, str) or not _NAMESPACE.fullmatch(namespace):
                message = f"`{str(namespace)[:80]}` cannot be a namespace"
                self._find(codes.NO_NAMESPACE, message, candidate, "metadata", "namespace")
                return None
            metadata["namespace"] = namespace
        return {**{k: v for k, v in value.items() if k != "status"}, "metadata": metadata}

    def _duplicate(self, candidate: Candidate, first: Candidate, identity: tuple[str, str, str, str]) -> None:
        _, kind, namespace, name = identity
        path, line = first.place(("metadata", "name"))
        where = f"{path}:{line}" if line is not None else path
        shown = f"{kind}/{namespace}/{name}" if namespace else f"{kind}/{name}"
        message = f"`{shown}` is rendered twice; the other one is at {where}"
        self._find(codes.DUPLICATE_OBJECT, message, candidate, "metadata", "name")


def _below(candidate: Candidate, index: int) -> Callable[[Path], tuple[str, int | None]]:
    return lambda keys: candidate.place(("items", index, *keys))


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def _split(kind: str) -> tuple[str, str]:
    group, _, name = kind.rpartition("/")
    return group, name


def _article(value: Any) -> str:
    match value:
        case None:
            return "empty"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
    return "a map"
