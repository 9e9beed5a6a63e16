"""Names in a scenario that mean nothing in the fleet: a test with a typing error would test nothing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from fleet.adapters.config import codes
from fleet.adapters.config.document import Path
from fleet.adapters.config.wording import did_you_mean
from fleet.engine.expectations import KINDS
from fleet.engine.pipeline import upstream
from fleet.engine.scenarios import kind_of, source_of
from fleet.model.fleet import Fleet
from fleet.model.policy_test import ExpectSpec, FactsGiven, GivenSpec, ScenarioSpec
from fleet.model.promotion import PromotionKind

_SHOWN = 8


@dataclass(frozen=True, slots=True)
class Wrong:
    """What is wrong, and where in the scenario."""

    keys: Path
    message: str
    hint: str | None = None
    code: str = codes.SCENARIO_UNKNOWN


def unknown_names(scenario: ScenarioSpec, fleet: Fleet) -> Iterator[Wrong]:
    """Yield every name that the fleet does not have, and what cannot be."""
    given = scenario.given
    keys: Path = ("given",)
    wrong = [*_promotion(given, fleet)]
    yield from wrong
    if wrong:
        return  # all else depends on where it goes
    yield from _facts(keys, given, given, fleet)
    if scenario.expect is not None:
        yield from _gates(("expect",), scenario.expect, given, fleet)
    for number, step in enumerate(scenario.steps):
        yield from _facts(("steps", number, "given"), step.given, given, fleet)
        yield from _gates(("steps", number, "expect"), step.expect, given, fleet)


def _promotion(given: GivenSpec, fleet: Fleet) -> Iterator[Wrong]:
    yield from _known(("given", "app"), "app", given.app, fleet.apps)
    yield from _known(("given", "to"), "environment", given.to, fleet.environments)
    if given.source is not None:
        yield from _known(("given", "from"), "environment", given.source, fleet.environments)
    if given.to not in fleet.environments or given.source not in (None, *fleet.environments):
        return
    kind, before = kind_of(given, fleet), fleet.environments[given.to].spec.promotes_from
    if not kind.moves_on:
        if given.source is not None:
            yield _no_way(("given", "from"), f"a {kind.value} comes from no other environment", "remove `from`")
    elif before is None:
        hint = "leave `kind` out, or make it a `release`"
        yield _no_way(("given", "to"), f"`{given.to}` is the first environment: nothing is promoted into it", hint)
    elif kind is PromotionKind.HOTFIX and given.source not in upstream(fleet, given.to)[1:]:
        hint = f"say from where, with `from`; a promotion from `{before}` is no hotfix"
        yield _no_way(("given", "kind"), "a hotfix passes over an environment", hint)
    elif kind is PromotionKind.PROMOTION and given.source not in (None, before):
        yield _no_way(
            ("given", "from"), f"releases come to `{given.to}` from `{before}`, not from `{given.source}`", None
        )


def _no_way(keys: Path, message: str, hint: str | None) -> Wrong:
    return Wrong(keys, message, hint, codes.SCENARIO_WAY)


def _facts(keys: Path, facts: FactsGiven, given: GivenSpec, fleet: Fleet) -> Iterator[Wrong]:
    source = source_of(given, fleet)
    places = [name for name in (source, given.to) if name is not None]
    clusters = [cluster for name in places for cluster in fleet.environments[name].clusters]
    for cluster in facts.health:
        yield from _known((*keys, "health", cluster), "cluster", cluster, clusters, f" in {_listed(places)}")
    for cluster in facts.versions:
        yield from _known((*keys, "versions", cluster), "cluster", cluster, fleet.clusters)
    policy = fleet.environments[given.to].spec.policy
    asking = [gate.name for gate in policy.gates if gate.cel is None]
    for gate in facts.probes:
        where = f" that asks somebody in the policy of `{given.to}`"
        yield from _known((*keys, "probes", gate), "gate", gate, asking, where)
    for check in facts.pull_request.checks if facts.pull_request is not None else ():
        where = f" in the policy of `{given.to}`"
        yield from _known((*keys, "pullRequest", "checks", check), "check", check, policy.checks, where)
    yield from _releases(keys, facts, given, fleet)
    yield from _restrictions(keys, facts, fleet)
    for number, entry in enumerate(facts.history):
        if entry.environment is not None:
            place = (*keys, "history", number, "environment")
            yield from _known(place, "environment", entry.environment, fleet.environments)


def _releases(keys: Path, facts: FactsGiven, given: GivenSpec, fleet: Fleet) -> Iterator[Wrong]:
    instead = {given.to: "before", source_of(given, fleet): "after"}
    for environment, apps in facts.releases.items():
        yield from _known((*keys, "releases", environment), "environment", environment, fleet.environments)
        for app in apps:
            place = (*keys, "releases", environment, app)
            yield from _known(place, "app", app, fleet.apps)
            if app == given.app and environment in instead:
                key = instead[environment]
                text = f"what `{environment}` has of `{app}` is `{key}` of the scenario"
                yield _no_way(place, text, f"say it with `{key}`")


def _restrictions(keys: Path, facts: FactsGiven, fleet: Fleet) -> Iterator[Wrong]:
    nouns: dict[str, Collection[str]] = {
        "app": fleet.apps,
        "environment": fleet.environments,
        "cluster": fleet.clusters,
    }
    for part in ("locks", "holds"):
        for number, restriction in enumerate(getattr(facts, part) or ()):
            for noun, known in nouns.items():
                name = getattr(restriction, noun, None)
                if name is not None:
                    yield from _known((*keys, part, number, noun), noun, name, known)


def _gates(keys: Path, expect: ExpectSpec, given: GivenSpec, fleet: Fleet) -> Iterator[Wrong]:
    own = [gate.name for gate in fleet.environments[given.to].spec.policy.gates]
    kinds = (*KINDS, *own)
    for part in ("passed", "pending", "failed", "overridden", "absent", "only"):
        for number, name in enumerate(getattr(expect, part) or ()):
            yield from _gate((*keys, part, number), name, kinds, fleet)
    for name in expect.gates:
        yield from _gate((*keys, "gates", name), name, kinds, fleet)


def _gate(keys: Path, name: str, kinds: Collection[str], fleet: Fleet) -> Iterator[Wrong]:
    kind, bracket, detail = name.partition("(")
    if kind not in kinds:
        hint = did_you_mean(kind, kinds) or f"there are {_listed(sorted(kinds), len(kinds))}"
        yield Wrong(keys, f"there is no gate `{kind}`", hint, codes.SCENARIO_GATE)
    elif bracket and not detail.endswith(")"):
        yield Wrong(keys, f"`{name}` is no name of a gate", f"write `{name})`, or `{kind}`", codes.SCENARIO_GATE)
    elif bracket and kind not in ("role", "check"):
        place = detail[:-1]
        if place not in fleet.environments:
            hint = did_you_mean(place, fleet.environments) or f"write `{kind}`, or one of an environment"
            text = f"there is no gate `{name}`, as there is no environment `{place}`"
            yield Wrong(keys, text, hint, codes.SCENARIO_GATE)


def _known(keys: Path, noun: str, name: str, known: Collection[str], where: str = "") -> Iterator[Wrong]:
    if name not in known:
        hint = did_you_mean(name, known) or (f"there is {_listed(sorted(known))}" if known else None)
        yield Wrong(keys, f"there is no {noun} `{name}`{where}", hint)


def _listed(names: Collection[str], most: int = _SHOWN) -> str:
    shown = [f"`{name}`" for name in list(names)[:most]]
    more = [f"{len(names) - most} more"] if len(names) > most else []
    words = [*shown, *more]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
