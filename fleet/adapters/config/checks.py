"""Cross-checks of the fleet file, the pipeline, clusters, selectors and waves."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from fleet.adapters.config import codes
from fleet.adapters.config.declared import Declared, Parsed
from fleet.adapters.config.wording import did_you_mean
from fleet.engine import pipeline
from fleet.errors import Problem
from fleet.model.declared import AccessSpec, ClusterSpec, EnvironmentSpec
from fleet.model.names import CLUSTER_NAME_LIMIT, is_label
from fleet.model.selector import ClusterSelector

# https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#syntax-and-character-set
_LABEL_NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_LABEL_PREFIX = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_BAD_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|^[-./]|[./]$|\.lock(/|$)|^@$|^$")
"""What `git check-ref-format` refuses, and a leading dash."""

Labels = Mapping[str, Mapping[str, str]]


def check(declared: Declared) -> Iterator[Problem]:
    """Yield every problem that concerns more than the form of one file."""
    yield from _fleet_file(declared)
    yield from _pipeline(declared)
    for cluster in declared.clusters.values():
        if cluster.known is not None:
            yield from _cluster(cluster, cluster.known)
    labels = {name: p.model.labels for name, p in declared.clusters.items() if p.model is not None}
    all_known = len(labels) == len(declared.clusters)  # otherwise an empty selection says nothing

    selected: dict[str, tuple[str, ...]] = {}
    for name, environment in sorted(declared.environments.items()):
        if environment.known is not None:
            yield from _names(declared, environment, environment.known.clusters, ("clusters",))
        if environment.model is not None:
            selected[name] = pipeline.members(environment.model.clusters, labels)
            if not selected[name] and all_known:
                yield Problem(
                    codes.NO_CLUSTERS,
                    f"the environment `{name}` selects no cluster",
                    environment.at("clusters"),
                    severity="warning",
                )
            yield from _waves(declared, name, environment, environment.model, selected[name], labels)
    yield from _membership(declared, selected)


def listed(names: Sequence[str], limit: int = 5) -> str:
    """Return names in backticks; of many only the first."""
    shown = ", ".join(f"`{name}`" for name in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


def _fleet_file(declared: Declared) -> Iterator[Problem]:
    fleet = declared.fleet
    if fleet.known is not None:
        for key, name in (("remote", fleet.known.git.remote), ("branch", fleet.known.git.branch)):
            if _BAD_REF.search(name):
                yield Problem(codes.BAD_REF, f"`{name}` is not a {key} name of git", fleet.at("git", key))


def _pipeline(declared: Declared) -> Iterator[Problem]:
    known = {name: p.known for name, p in declared.environments.items() if p.known is not None}
    sources = {name: spec.promotes_from for name, spec in known.items()}
    for name, source in sorted(sources.items()):
        environment = declared.environments[name]
        if source is not None and source not in declared.environments:
            yield Problem(
                codes.UNKNOWN_SOURCE,
                f"`{name}` promotes from `{source}`, which is not declared",
                environment.at("promotesFrom"),
                did_you_mean(source, declared.environments),
            )
        track = known[name].track
        if track is not None and source is not None:
            yield Problem(
                codes.TRACK_NOT_FIRST,
                f"`{name}` follows the branch `{track}` and promotes from `{source}`; it can only do one",
                environment.at("track"),
                "only the first environment of a pipeline may have `track`",
            )
        if track is not None and _BAD_REF.search(track):
            yield Problem(codes.BAD_REF, f"`{track}` is not a branch name of git", environment.at("track"))
    for cycle in pipeline.cycles(sources):
        way = " → ".join(f"`{name}`" for name in (*cycle, cycle[0]))
        yield Problem(
            codes.CYCLE,
            f"environments promote in a circle: {way}",
            declared.environments[cycle[0]].at("promotesFrom"),
            "the first environment of a pipeline has no `promotesFrom`",
        )


def _names(
    declared: Declared, environment: Parsed[EnvironmentSpec], selector: ClusterSelector, path: tuple[str | int, ...]
) -> Iterator[Problem]:
    for index, name in enumerate(selector.names):
        if name not in declared.clusters:
            yield Problem(
                codes.UNKNOWN_CLUSTER,
                f"the cluster `{name}` is not declared",
                environment.at(*path, "names", index),
                did_you_mean(name, declared.clusters) or f"declare it in `clusters/{name}.yaml`",
            )
    for key, value in selector.match_labels.items():
        for reason in _label_faults(key, value):
            yield Problem(codes.BAD_LABEL, reason, environment.at(*path, "matchLabels", key))
    for index, expression in enumerate(selector.match_expressions):
        for reason in _label_faults(expression.key, *expression.values):
            yield Problem(codes.BAD_LABEL, reason, environment.at(*path, "matchExpressions", index))


def _waves(
    declared: Declared,
    name: str,
    environment: Parsed[EnvironmentSpec],
    spec: EnvironmentSpec,
    own: tuple[str, ...],
    labels: Labels,
) -> Iterator[Problem]:
    seen: set[str] = set()
    taken: dict[str, str] = {}
    for index, wave in enumerate(spec.waves):
        yield from _names(declared, environment, wave.clusters, ("waves", index, "clusters"))
        if wave.name in seen or wave.name == pipeline.REST:
            why = "is the wave of all clusters that no other selects" if wave.name == pipeline.REST else "is used twice"
            yield Problem(codes.WAVE_NAME, f"the wave name `{wave.name}` {why}", environment.at("waves", index, "name"))
        seen.add(wave.name)
        for position, cluster in enumerate(wave.clusters.names):
            if cluster in labels and cluster not in own:
                yield Problem(
                    codes.WAVE_OUTSIDE,
                    f"the wave `{wave.name}` names `{cluster}`, which is not a cluster of `{name}`",
                    environment.at("waves", index, "clusters", "names", position),
                )
        selected = pipeline.members(wave.clusters, {cluster: labels[cluster] for cluster in own})
        doubled: defaultdict[str, list[str]] = defaultdict(list)
        for cluster in selected:
            if cluster in taken:
                doubled[taken[cluster]].append(cluster)
            taken.setdefault(cluster, wave.name)
        for other, both in doubled.items():
            yield Problem(
                codes.WAVE_OVERLAP,
                f"the waves `{other}` and `{wave.name}` both select {listed(both)}",
                environment.at("waves", index, "clusters"),
            )
        if not selected and len(labels) == len(declared.clusters):
            yield Problem(
                codes.WAVE_EMPTY,
                f"the wave `{wave.name}` selects no cluster of `{name}`",
                environment.at("waves", index, "clusters"),
                severity="warning",
            )


def _membership(declared: Declared, selected: Mapping[str, tuple[str, ...]]) -> Iterator[Problem]:
    owners: defaultdict[str, list[str]] = defaultdict(list)
    for environment, clusters in selected.items():
        for cluster in clusters:
            owners[cluster].append(environment)
    pairs: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for cluster, environments in sorted(owners.items()):
        for other in environments[1:]:
            pairs[environments[0], other].append(cluster)
    for (first, second), both in pairs.items():
        plural = "clusters" if len(both) > 1 else "cluster"
        yield Problem(
            codes.CLUSTER_SHARED,
            f"the {plural} {listed(both)} would be in `{first}` and in `{second}`",
            declared.environments[second].at("clusters"),
            "a cluster belongs to exactly one environment: narrow one of the two selectors",
        )
    complete = all(environment.model is not None for environment in declared.environments.values())
    for name, cluster_file in sorted(declared.clusters.items()):
        if cluster_file.model is not None and name not in owners and complete:
            yield Problem(
                codes.CLUSTER_UNUSED,
                f"the cluster `{name}` belongs to no environment",
                cluster_file.at("labels"),
                "give it labels that an environment selects, or remove the file",
            )


def _cluster(cluster: Parsed[ClusterSpec], spec: ClusterSpec) -> Iterator[Problem]:
    for key, value in spec.labels.items():
        for reason in _label_faults(key, value):
            yield Problem(codes.BAD_LABEL, reason, cluster.at("labels", key))
    where = cluster.at("access")
    fault = _access_fault(spec.access)
    if fault:
        hint = "write `access: {context: NAME}`, with `kubeconfig: PATH` if it is not in the default file"
        yield Problem(codes.BAD_ACCESS, fault, where, hint)
    path = spec.access.kubeconfig
    if path is not None and not path.startswith(("/", "~", "$")) and _leaves(path):
        yield Problem(
            codes.KUBECONFIG_OUTSIDE,
            f"the path `{path}` leaves the repository",
            cluster.at("access", "kubeconfig"),
            "use `~`, `$VAR` or an absolute path for a file elsewhere",
        )


def _access_fault(access: AccessSpec) -> str | None:
    if access.sandbox is not None:
        if access.context is not None or access.kubeconfig is not None:
            return "`access` names a sandbox cluster and a kubeconfig; it can only have one"
        if not is_label(access.sandbox, CLUSTER_NAME_LIMIT):
            return f"`{access.sandbox}` is not a name of a sandbox cluster"
        return None
    if not access.context:
        with_file = " (a kubeconfig's current context can change at any time)" if access.kubeconfig else ""
        return f"`access` names neither a `context` nor a `sandbox` cluster{with_file}"
    return None


def _leaves(path: str) -> bool:
    normal = posixpath.normpath(path)
    return normal == ".." or normal.startswith("../")


def _label_faults(key: str, *values: str) -> Iterator[str]:
    prefix, slash, name = key.rpartition("/")
    good_prefix = not slash or (len(prefix) <= 253 and _LABEL_PREFIX.fullmatch(prefix))
    if not (good_prefix and _LABEL_NAME.fullmatch(name)):
        yield f"`{key}` is not a label key"
    for value in values:
        if value and not _LABEL_NAME.fullmatch(value):
            yield f"`{value}` is not a label value"
