"""Cross-checks of what apps provide, require and depend on, by the newest `app.yaml` of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Literal

from fleet.adapters.config import codes
from fleet.adapters.config.checks import listed
from fleet.adapters.config.declared import Declared, Parsed
from fleet.adapters.config.wording import did_you_mean
from fleet.engine.dependencies import circles
from fleet.engine.ranges import range_fault, satisfies
from fleet.engine.versions import is_version, older
from fleet.errors import Problem
from fleet.model.declared import AppSpec

Group = Literal["apis", "schemas"]
GROUPS: tuple[Group, ...] = ("apis", "schemas")
WORDS: dict[Group, str] = {"apis": "API", "schemas": "schema"}

Offers = dict[str, dict[str, str]]
"""Version by app, by name of the API or schema."""


def check(declared: Declared) -> Iterator[Problem]:
    """Yield every problem of interfaces and dependencies."""
    known = {name: (app, app.known) for name, app in sorted(declared.apps.items()) if app.known is not None}
    complete = len(known) == len(declared.apps)  # otherwise somebody unknown may provide it
    for group in GROUPS:
        offers: Offers = defaultdict(dict)
        for name, (_, spec) in known.items():
            for api, version in getattr(spec.provides, group).items():
                offers[api][name] = version
        for name, (app, spec) in known.items():
            yield from _versions(app, spec, group)
            yield from _requirements(name, app, spec, group, offers, complete=complete)
        yield from _twice(declared, group, offers)
    for app, spec in known.values():
        yield from _migrations(app, spec)
    yield from _dependencies(declared, known)


def _versions(app: Parsed[AppSpec], spec: AppSpec, group: Group) -> Iterator[Problem]:
    for api, version in getattr(spec.provides, group).items():
        if not is_version(version):
            text = f"the version `{version}` of the {WORDS[group]} `{api}` is not a semantic version"
            yield Problem(codes.NOT_SEMVER, text, app.at("provides", group, api), "write it like `2.1.0`")


def _requirements(
    name: str, app: Parsed[AppSpec], spec: AppSpec, group: Group, offers: Offers, *, complete: bool
) -> Iterator[Problem]:
    for api, wanted in getattr(spec.requires, group).items():
        where, what = app.at("requires", group, api), f"the {WORDS[group]} `{api}`"
        fault = range_fault(wanted)
        if fault is not None:
            yield Problem(codes.BAD_RANGE, f"what is required of {what}: {fault}", where)
            continue
        provided = offers.get(api, {})
        if not provided:
            if complete:
                hint = did_you_mean(api, offers) or f"list it under `provides.{group}` of the app that has it"
                yield Problem(codes.NOT_PROVIDED, f"no app provides {what}, which `{name}` requires", where, hint)
            continue
        if not any(is_version(version) for version in provided.values()):
            continue  # that is told at the provider
        if any(satisfies(version, wanted) for version in provided.values()):
            continue
        versions = ", ".join(f"`{other}` {version}" for other, version in provided.items())
        if group == "schemas" and name in provided:
            text = f"`{name}` provides {what} {provided[name]}, and does not work with it: it requires `{wanted}`"
            yield Problem(codes.SCHEMA_NOT_OWN, text, where, "include the version that it provides itself")
        else:
            text = f"`{name}` requires {what} `{wanted}`, and the newest is that of {versions}"
            yield Problem(codes.NOT_SATISFIED, text, where, severity="warning")


def _twice(declared: Declared, group: Group, offers: Offers) -> Iterator[Problem]:
    places: defaultdict[str, set[str]] = defaultdict(set)
    for environment, app in declared.pins:
        places[app].add(environment)
    for api, provided in sorted(offers.items()):
        names = sorted(provided)
        for number, name in enumerate(names):
            earlier = next((other for other in names[:number] if places[other] & places[name]), None)
            if earlier is not None:
                where = listed(sorted(places[earlier] & places[name]))
                yield Problem(
                    codes.TWO_PROVIDERS,
                    f"`{earlier}` and `{name}` both provide the {WORDS[group]} `{api}` in {where}",
                    declared.apps[name].at("provides", group, api),
                    "give one of them another name: nobody could know which one is meant",
                )


def _migrations(app: Parsed[AppSpec], spec: AppSpec) -> Iterator[Problem]:
    jobs: set[str] = set()
    for index, step in enumerate(spec.migrations):
        provided = spec.provides.schemas.get(step.schema_name)
        fault, key = "", "version"
        if step.job in jobs:
            fault, key = f"the Job `{step.job}` is that of another migration", "job"
        elif provided is None:
            fault, key = f"the app provides no schema `{step.schema_name}`", "schema"
        elif not is_version(step.version):
            fault = f"`{step.version}` is not a semantic version"
        elif is_version(provided) and older(provided, step.version):
            fault = f"it leads to {step.version}, and `provides.schemas.{step.schema_name}` is only {provided}"
        jobs.add(step.job)
        if fault:
            yield Problem(codes.BAD_MIGRATION, f"migration `{step.job}`: {fault}", app.at("migrations", index, key))


def _dependencies(declared: Declared, known: dict[str, tuple[Parsed[AppSpec], AppSpec]]) -> Iterator[Problem]:
    for name, (app, spec) in known.items():
        for index, other in enumerate(spec.depends_on):
            if other not in declared.apps:
                yield Problem(
                    codes.UNKNOWN_DEPENDENCY,
                    f"`{name}` depends on `{other}`, which is not declared",
                    app.at("dependsOn", index),
                    did_you_mean(other, declared.apps) or f"declare it in `apps/{other}/app.yaml`",
                )
    for circle in circles({name: spec.depends_on for name, (_, spec) in known.items()}):
        app, spec = known[circle[0]]
        following = circle[1] if len(circle) > 1 else circle[0]
        yield Problem(
            codes.DEPENDS_IN_CIRCLE,
            f"apps depend on each other in a circle: {' → '.join(f'`{name}`' for name in (*circle, circle[0]))}",
            app.at("dependsOn", spec.depends_on.index(following)),
            "one of them has to go first; an API that each needs of the other belongs under `requires`",
        )
