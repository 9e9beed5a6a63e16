"""Cross-checks of rules of release discovery, and of the hosts that may be asked."""

from __future__ import annotations

from collections.abc import Iterator

from fleet.adapters.config import codes
from fleet.adapters.config.declared import Declared, Parsed
from fleet.adapters.config.wording import did_you_mean
from fleet.engine.hosts import entry_fault
from fleet.engine.ranges import range_fault
from fleet.engine.references import parse, repository_of
from fleet.engine.registries import api_host, may_be_asked
from fleet.engine.tags import PLACE, form_fault
from fleet.errors import Location, Problem
from fleet.model.declared import AppSpec
from fleet.model.discovery import DiscoverSpec, ImageRuleSpec
from fleet.model.registry import Repository


def check(declared: Declared) -> Iterator[Problem]:
    """Yield every problem of discovery."""
    file = declared.fleet
    entries = file.known.allowed_hosts if file.known is not None else None
    for index, entry in enumerate(entries or ()):
        fault = entry_fault(entry)
        if fault is not None:
            text = f"`{entry[:120]}` is not a host that may be asked: {fault}"
            yield Problem(codes.BAD_HOST, text, file.at("allowedHosts", index), "there are no patterns")
    for name, app in sorted(declared.apps.items()):
        spec = app.known
        if spec is not None and spec.discover is not None:
            yield from _rules(name, app, spec, spec.discover, entries)


def _rules(
    name: str, app: Parsed[AppSpec], spec: AppSpec, discover: DiscoverSpec, entries: tuple[str, ...] | None
) -> Iterator[Problem]:
    for image, rule in discover.images.items():
        at = ("discover", "images", image)
        if image not in spec.images:
            text = f"`{name}` declares no image `{image}` that could be discovered"
            hint = did_you_mean(image, spec.images) or "list it under `images`"
            yield Problem(codes.UNKNOWN_DISCOVERY, text, app.at(*at), hint)
            continue
        yield from _rule(app, at, spec.images[image], rule, entries)
    wanted = discover.version_of
    if wanted is not None and wanted not in discover.images:
        text = f"the version of `{wanted}` cannot be taken: it is not discovered"
        hint = did_you_mean(wanted, discover.images) or "name one of those under `discover.images`"
        yield Problem(codes.UNKNOWN_DISCOVERY, text, app.at("discover", "versionOf"), hint)


def _rule(
    app: Parsed[AppSpec], at: tuple[str, ...], default: str, rule: ImageRuleSpec, entries: tuple[str, ...] | None
) -> Iterator[Problem]:
    fault = range_fault(rule.range)
    if fault is not None:
        yield Problem(codes.BAD_RANGE, f"what is discovered of `{at[-1]}`: {fault}", app.at(*at, "range"))
    fault = form_fault(rule.tag) if rule.tag is not None else None
    if fault is not None:
        yield Problem(
            codes.BAD_TAG_FORM, f"the form of tags {fault}", app.at(*at, "tag"), f"`{PLACE}` stands for the version"
        )
    try:
        repository = _repository(default, rule)
    except ValueError as error:
        if rule.repository is not None:
            hint = "write it without a tag and without a digest"
            yield Problem(codes.BAD_IMAGE, str(error), app.at(*at, "repository"), hint)
        return  # a bad reference under `images` is told there
    if entries is not None and not may_be_asked(repository, entries):
        where = app.at(*at, "repository") if rule.repository is not None else app.at(*at)
        yield _not_allowed(repository, where)


def _repository(default: str, rule: ImageRuleSpec) -> Repository:
    return repository_of(rule.repository) if rule.repository is not None else parse(default).repository


def _not_allowed(repository: Repository, where: Location) -> Problem:
    host = api_host(repository)
    return Problem(
        codes.HOST_NOT_ALLOWED,
        f"nothing is discovered in `{repository}`: `allowedHosts` does not let fleet ask `{host}`",
        where,
        f"add `{host}` to `allowedHosts` in fleet.yaml",
        severity="warning",
    )
