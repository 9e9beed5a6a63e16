"""Which tag of an image comes next, and why not another one. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fleet.engine.history import release_line
from fleet.engine.ranges import satisfies
from fleet.engine.references import parse
from fleet.engine.tags import PLACE, core, is_prerelease, version_of
from fleet.engine.versions import precedence
from fleet.model.discoveries import TagVerdict, Verdict
from fleet.model.discovery import ImageRuleSpec
from fleet.model.promotion import HistoryEntry
from fleet.model.release import Release
from fleet.model.restriction import Rejection


@dataclass(frozen=True, slots=True)
class Present:
    """What runs now."""

    tag: str | None
    """None: the reference has no tag, so nobody knows which version it is."""


@dataclass(frozen=True, slots=True)
class Choice:
    """The verdict on every tag."""

    verdicts: tuple[TagVerdict, ...] = field(repr=False)
    """Newest version first; after them the tags that are no versions."""
    newest: TagVerdict | None = None
    """The one to propose."""
    fault: str = ""
    """Why nothing can be proposed, whatever tags there are."""


def choose(
    tags: Iterable[str], present: Present, rule: ImageRuleSpec, turned_down: Mapping[str, str] | None = None
) -> Choice:
    """Judge every tag of a repository, and choose the newest that may come next.

    Never chosen is what is not newer than the present version, not in the range, a pre-release (unless the rule wants
    them), listed under `ignore`, or turned down. Of several tags of the chosen version, the one that is written like
    the present tag wins, then one without build metadata, then the first in the alphabet.

    Args:
        tags: tags of the repository, in any order.
        present: what runs now.
        rule: what may be proposed.
        turned_down: tags that must not come again, with the reason.
    """
    versions = {tag: version_of(tag, rule.tag) for tag in dict.fromkeys(tags)}
    now = version_of(present.tag, rule.tag) if present.tag is not None else None
    judged = {t: _judged(t, v, present, now, rule, turned_down or {}) for t, v in versions.items()}
    fault = ""
    if now is None:
        said = f"its tag `{present.tag}` says none" if present.tag is not None else "it has no tag"
        fault = f"nobody can tell which version runs now: {said}"
    fit = {t: v for t, v in versions.items() if v is not None and judged[t] is None and not fault}
    chosen = _preferred(fit, present.tag)
    newest_version = versions[chosen] if chosen is not None else None
    behind = fault or (f"{newest_version} is newer, or the same" if newest_version else "")
    verdicts = tuple(
        _verdict(tag, versions[tag], judged[tag] or behind, chosen, present.tag) for tag in _newest_first(versions)
    )
    newest = next((v for v in verdicts if v.verdict is Verdict.NEWEST), None)
    return Choice(verdicts, newest, fault)


def turned_down(
    entries: Sequence[HistoryEntry], environment: str, image: str, rejections: Collection[Rejection]
) -> dict[str, str]:
    """Return the tags of an image that came with a release which nobody wants again, with the reason.

    That is a release that was rejected, or one that the environment went back from. A tag that came again with a
    release that stands is wanted.

    Args:
        entries: history of the app's pins, newest first.
        environment: the environment that new releases enter.
        image: name of the image.
        rejections: rejected releases of the app.
    """
    here = [entry for entry in entries if entry.environment == environment]
    line = release_line([entry.after for entry in reversed(here)])
    bad = {(one.version, one.revision): one.reason for one in rejections}
    standing = {tag for one in line if (one.version, one.revision) not in bad and (tag := _tag(one, image))}
    found: dict[str, str] = {}
    for entry in entries:
        after = entry.after
        tag = _tag(after, image) if after is not None else None
        if after is None or tag is None or tag == _tag(entry.before, image):
            continue
        reason = bad.get((after.version, after.revision))
        if reason is not None:
            found.setdefault(tag, f"came with {after.version}, which was rejected: {reason}")
        elif entry.environment == environment and after not in line and tag not in standing:
            found.setdefault(tag, f"came with {after.version}, which {environment} went back from")
    return found


def kept_by_hand(
    proposed: Release,
    before: Release | None,
    after: Release,
    found: Mapping[str, str | None],
    rules: Mapping[str, str | None],
) -> str | None:
    """Return what an open pull request holds that discovery would take away; None if nothing.

    Args:
        proposed: the release in the pull request.
        before: the release that is pinned.
        after: the release that discovery makes.
        found: version of each image that was discovered, by name of the image.
        rules: form of the tags of each image that is discovered, by name.
    """
    values = [release.values for release in (before, after) if release is not None]
    if proposed.values not in values:
        return "it sets values"
    if precedence(proposed.version) > precedence(after.version):
        return f"under a newer version than {after.version}"
    old = before.images if before is not None else {}
    for name in sorted({*proposed.images, *old}):
        reference = proposed.images.get(name)
        if reference in (old.get(name), after.images.get(name)):
            continue
        if name not in rules:
            return f"it sets the image `{name}`"
        version = _version_in(reference, rules[name])
        ours = found.get(name)
        if version is None or ours is None or precedence(version) > precedence(ours):
            return f"it sets the image `{name}` to {version or 'what has no version'}"
    return None


def _version_in(reference: str | None, form: str | None) -> str | None:
    tag = _tag_of(reference)
    return version_of(tag, form) if tag is not None else None


def _tag(release: Release | None, image: str) -> str | None:
    return _tag_of(release.images.get(image)) if release is not None else None


def _tag_of(reference: str | None) -> str | None:
    try:
        return parse(reference).tag if reference is not None else None
    except ValueError:
        return None


def _judged(
    tag: str, version: str | None, present: Present, now: str | None, rule: ImageRuleSpec, bad: Mapping[str, str]
) -> str | None:
    """Return why a tag cannot come next; None if it can. What most old tags fail at comes first: it costs least."""
    if version is None:
        return f"no version: the form is `{rule.tag or PLACE}`"
    if tag == present.tag:
        return "runs now"
    if now is not None and precedence(version) <= precedence(now):
        older = precedence(version) < precedence(now)
        return f"older than {now}" if older else f"the same version as `{present.tag}`"
    if tag in rule.ignore:
        return "listed under `ignore`"
    if is_prerelease(version) and not rule.prereleases:
        return "a pre-release"
    if tag in bad:
        return bad[tag]
    return None if _in_range(version, rule) else f"not in the range `{rule.range}`"


def _in_range(version: str, rule: ImageRuleSpec) -> bool:
    """Say whether a version is in the range; where pre-releases are wanted, so is one of a version in the range."""
    if satisfies(version, rule.range):
        return True
    return rule.prereleases and is_prerelease(version) and satisfies(core(version), rule.range)


def _preferred(fit: Mapping[str, str], present_tag: str | None) -> str | None:
    """Return the tag of the newest version; of several, see :func:`choose`."""
    if not fit:
        return None
    keys = {tag: precedence(version) for tag, version in fit.items()}
    top = max(keys.values())
    lead = present_tag is not None and present_tag.startswith("v")
    return min((t for t in fit if keys[t] == top), key=lambda t: (t.startswith("v") != lead, "+" in fit[t], t))


def _newest_first(versions: Mapping[str, str | None]) -> list[str]:
    """Return the tags with the newest version first, then those that are no versions, in the order of the alphabet."""
    known = {tag: precedence(version) for tag, version in versions.items() if version is not None}
    ordered = sorted(sorted(known), key=known.__getitem__, reverse=True)
    return [*ordered, *sorted(tag for tag, version in versions.items() if version is None)]


def _verdict(tag: str, version: str | None, reason: str, chosen: str | None, present_tag: str | None) -> TagVerdict:
    if tag == chosen:
        return TagVerdict(tag=tag, version=version, verdict=Verdict.NEWEST, reason="the newest that fits")
    if tag == present_tag:
        return TagVerdict(tag=tag, version=version, verdict=Verdict.PRESENT, reason="runs now")
    return TagVerdict(tag=tag, version=version, verdict=Verdict.SKIPPED, reason=reason)
