"""Cross-checks of the gates that policies define themselves: everything that shows before anybody is asked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from fleet.adapters.config import codes
from fleet.adapters.config.checks import listed
from fleet.adapters.config.declared import Declared, Parsed
from fleet.adapters.config.wording import did_you_mean
from fleet.engine.expressions import FUNCTIONS, Fault
from fleet.engine.expressions import check as check_expression
from fleet.engine.gates.facts import VARIABLES
from fleet.engine.gates.own import RESERVED
from fleet.engine.hosts import HostError, place_of, require_allowed
from fleet.engine.placeholders import NAMES, PlaceholderError, fill_query, fill_url
from fleet.errors import Problem
from fleet.model.declared import EnvironmentSpec
from fleet.model.durations import seconds
from fleet.model.names import is_label
from fleet.model.policy import GateSpec

BODY_VARIABLES = ("body", "status")
"""Names that `expect` of an `http` gate may use."""
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SAMPLE = dict.fromkeys(NAMES, "x")
_LIMITS = {"http": ("timeout", 120.0), "metric": ("timeout", 120.0), "job": ("timeout", 86400.0)}
"""Longest that whoever promotes waits for an answer, and that a Job runs, in seconds."""
_LONGEST_METRIC = 31 * 86400.0

Key = str | int


def check(declared: Declared) -> Iterator[Problem]:
    """Yield every problem of gates of one's own."""
    file = declared.fleet.known
    hosts = file.allowed_hosts if file is not None else None
    for name, environment in sorted(declared.environments.items()):
        spec = environment.known
        for index, gate in enumerate(spec.policy.gates if spec is not None else ()):
            at = ("policy", "gates", index)
            yield from _name(environment, gate, index)
            yield from _asked(environment, gate, at, hosts)
            yield from _times(environment, gate, at)
            if gate.cel is not None:
                yield from _expression(environment, gate.cel, (*at, "cel"), VARIABLES)
            if gate.job is not None:
                yield from _job(declared, name, gate, at)


def _name(environment: Parsed[EnvironmentSpec], gate: GateSpec, index: int) -> Iterator[Problem]:
    where = environment.at("policy", "gates", index, "name")
    if gate.name in RESERVED:
        text = f"`{gate.name}` is the name of a gate that fleet has itself"
        yield Problem(codes.GATE_NAME, text, where, f"call it `own-{gate.name}`, or what it asks for")
    earlier = [g.name for g in environment.known.policy.gates[:index]] if environment.known is not None else []
    if gate.name in earlier:
        first = environment.at("policy", "gates", earlier.index(gate.name)).line
        text = f"there is a gate `{gate.name}` already, in line {first}"
        yield Problem(codes.GATE_NAME, text, where, "each gate of an environment has a name of its own")


def _asked(
    environment: Parsed[EnvironmentSpec], gate: GateSpec, at: tuple[Key, ...], hosts: tuple[str, ...] | None
) -> Iterator[Problem]:
    for key, asked in (("http", gate.http), ("metric", gate.metric)):
        if asked is None:
            continue
        yield from _url(environment, asked.url, (*at, key, "url"), hosts)
        if asked.token_from is not None and not _VARIABLE.fullmatch(asked.token_from):
            where = environment.at(*at, key, "tokenFrom")
            text = "`tokenFrom` is not the name of an environment variable"  # it may be the token itself
            yield Problem(codes.NOT_A_VARIABLE, text, where, "write the name only, like `CI_TOKEN`; never the token")
    if gate.http is not None and gate.http.expect is not None:
        yield from _expression(environment, gate.http.expect, (*at, "http", "expect"), BODY_VARIABLES)
    if gate.metric is not None:
        try:
            fill_query(gate.metric.query, _SAMPLE)
        except PlaceholderError as error:
            hint = 'write it like `up{{job="web"}}`'
            yield Problem(codes.BAD_QUERY, f"the query: {error}", environment.at(*at, "metric", "query"), hint)


def _url(
    environment: Parsed[EnvironmentSpec], url: str, at: tuple[Key, ...], hosts: tuple[str, ...] | None
) -> Iterator[Problem]:
    where, shown = environment.at(*at), _without_password(url)
    hint = "write it like `https://ci.example.com/ready?app={app}`"
    before_path = re.split(r"(?<!/)[/?](?!/)", url, maxsplit=1)[0]
    try:
        if "{" in before_path:
            raise HostError("placeholders stand behind the host only")
        place = place_of(fill_url(url, _SAMPLE))
    except (HostError, PlaceholderError) as error:
        yield Problem(codes.BAD_URL, f"`{shown}` cannot be asked: {error}", where, hint)
        return
    if hosts is None:
        return
    try:
        require_allowed(place, hosts)
    except HostError as error:
        entry = f"http://{place.netloc}" if place.scheme == "http" and not place.loopback else place.netloc
        hint = f"add `{entry}` to `allowedHosts` in fleet.yaml"
        yield Problem(codes.GATE_HOST, f"the gate may not ask its host: {error}", where, hint)


def _times(environment: Parsed[EnvironmentSpec], gate: GateSpec, at: tuple[Key, ...]) -> Iterator[Problem]:
    found = [(kind, *_LIMITS[kind], asked) for kind in _LIMITS if (asked := getattr(gate, kind)) is not None]
    if gate.metric is not None:
        found.append(("metric", "over", _LONGEST_METRIC, gate.metric))
    for kind, key, longest, asked in found:
        text = getattr(asked, key)
        if not 0 < seconds(text) <= longest:
            message = f"`{key}: {text}` is no usable time: it is longer than nothing, and {longest:g}s at most"
            yield Problem(codes.BAD_VALUE, message, environment.at(*at, kind, key), "write it like `30s` or `5m`")


def _expression(
    environment: Parsed[EnvironmentSpec], expression: str, at: tuple[Key, ...], variables: tuple[str, ...]
) -> Iterator[Problem]:
    fault = check_expression(expression, variables)
    if fault is not None:
        where = environment.within(*at, line=fault.line, column=fault.column)
        text = f"the expression cannot be used: {fault.message}"
        yield Problem(codes.BAD_EXPRESSION, text, where, _help(fault, variables))


def _help(fault: Fault, variables: tuple[str, ...]) -> str:
    if fault.name is not None:
        return did_you_mean(fault.name, variables) or f"there are {listed(variables)}"
    if fault.message.startswith("there is no function"):
        return did_you_mean(fault.message.split("`")[1], FUNCTIONS) or f"there are {listed(sorted(FUNCTIONS))}"
    return "the language is CEL: `after.version != before.version && size(clusters) > 1`"


def _job(declared: Declared, name: str, gate: GateSpec, at: tuple[Key, ...]) -> Iterator[Problem]:
    environment = declared.environments[name]
    spec = environment.known
    assert gate.job is not None  # noqa: S101
    if spec is not None and spec.promotes_from is None and environment.model is not None:
        text = f"the Job has nowhere to run: nothing is promoted to `{name}` from another environment"
        yield Problem(codes.NO_JOB_PLACE, text, environment.at(*at, "job"), "use it in an environment further down")
        return
    if gate.job.namespace is not None:
        if not is_label(gate.job.namespace, 63):
            where = environment.at(*at, "job", "namespace")
            text = f"`{gate.job.namespace}` is not a namespace name"
            yield Problem(codes.BAD_NAMESPACE, text, where, "lower-case letters, digits and dashes")
        return
    here = [app for where, app in sorted(declared.pins) if where == name]
    without = [a for a in here if (p := declared.apps.get(a)) and p.known is not None and p.known.namespace is None]
    if without:
        text = f"nobody says in which namespace the Job runs for {listed(without)}"
        hint = "add `namespace:` to the gate's `job`, or to `app.yaml`"
        yield Problem(codes.NO_JOB_PLACE, text, environment.at(*at, "job"), hint)


def _without_password(url: str) -> str:
    return re.sub(r"//[^/?#]*@", "//…@", url)[:120]
