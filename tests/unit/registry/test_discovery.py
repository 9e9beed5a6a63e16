"""Which tag comes next, and why not another one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from fleet.engine.discovery import Choice, Present, choose, kept_by_hand, turned_down
from fleet.engine.references import Reference, parse
from fleet.engine.tags import form_fault, version_of
from fleet.model.discoveries import Verdict
from fleet.model.discovery import ImageRuleSpec
from fleet.model.promotion import HistoryEntry, PromotionKind
from fleet.model.registry import Repository
from fleet.model.release import Release
from fleet.model.restriction import Rejection

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def chosen(tags: str, present: str | None = "1.20.0", wanted: str = ">=1.20 <2", **rule: Any) -> str | None:
    newest = choice(tags, present, wanted, **rule).newest
    return newest.tag if newest is not None else None


def choice(tags: str, present: str | None = "1.20.0", wanted: str = ">=1.20 <2", **rule: Any) -> Choice:
    return choose(tags.split(), Present(present), ImageRuleSpec(range=wanted, **rule))


def reasons(found: Choice) -> dict[str, str]:
    return {verdict.tag: verdict.reason for verdict in found.verdicts}


def test_the_newest_in_the_range_is_chosen_by_version_and_not_by_text() -> None:
    assert chosen("1.9.0 1.20.0 1.21.0 1.100.0 1.22.0 2.0.0") == "1.100.0"


def test_every_tag_has_its_reason() -> None:
    found = choose(
        ["latest", "1.19.0", "1.20.0", "v1.20.0", "1.21.0", "1.22.0", "1.23.0-rc.1", "1.24.0", "1.25.0", "2.0.0"],
        Present("1.20.0"),
        ImageRuleSpec(range=">=1.19 <2", ignore=("1.24.0",)),
        {"1.25.0": "came with 3.0.0, which was rejected: it leaks"},
    )
    assert reasons(found) == {
        "2.0.0": "not in the range `>=1.19 <2`",
        "1.25.0": "came with 3.0.0, which was rejected: it leaks",
        "1.24.0": "listed under `ignore`",
        "1.23.0-rc.1": "a pre-release",
        "1.22.0": "the newest that fits",
        "1.21.0": "1.22.0 is newer, or the same",
        "1.20.0": "runs now",
        "v1.20.0": "the same version as `1.20.0`",
        "1.19.0": "older than 1.20.0",
        "latest": "no version: the form is `{version}`",
    }
    assert list(reasons(found))[-1] == "latest"
    assert [v.tag for v in found.verdicts if v.verdict is Verdict.PRESENT] == ["1.20.0"]


def test_nothing_older_is_ever_chosen() -> None:
    assert chosen("1.20.0 1.21.0", present="1.22.0") is None
    assert chosen("1.20.0 1.21.0", present="3.0.0") is None


@pytest.mark.parametrize(
    ("tags", "present", "rule", "expected"),
    [
        ("1.21.0-rc.1 1.21.0-rc.2", "1.20.0", {}, None),
        ("1.21.0-rc.1 1.21.0-rc.2", "1.20.0", {"prereleases": True}, "1.21.0-rc.2"),
        ("1.21.0-rc.1 1.21.0", "1.21.0-rc.1", {}, "1.21.0"),
        ("2.0.0-rc.1", "1.20.0", {"prereleases": True}, None),
        ("v1.21.0 1.21.0", "v1.20.0", {}, "v1.21.0"),
        ("v1.21.0 1.21.0", "1.20.0", {}, "1.21.0"),
        ("1.21.0_b2 1.21.0 1.21.0_b1", "1.20.0", {}, "1.21.0"),
        ("1.21.0-alpine 1.22.0", "1.20.0-alpine", {"tag": "{version}-alpine"}, "1.21.0-alpine"),
        ("v1.21.0 r1.22.0", "r1.20.0", {"tag": "r{version}"}, "r1.22.0"),
        ("1.21 1 sha-0123abc", "1.20.0", {}, None),
    ],
)
def test_forms_and_pre_releases(tags: str, present: str, rule: dict[str, Any], expected: str | None) -> None:
    assert chosen(tags, present, **rule) == expected


@pytest.mark.parametrize(("present", "said"), [(None, "it has no tag"), ("latest", "its tag `latest` says none")])
def test_where_nobody_knows_what_runs_nothing_is_chosen(present: str | None, said: str) -> None:
    found = choice("1.21.0", present)
    assert found.newest is None
    assert found.fault == f"nobody can tell which version runs now: {said}"


def test_a_plus_is_an_underscore_in_a_tag() -> None:
    assert version_of("1.2.0_build.5", None) == "1.2.0+build.5"
    assert version_of("web-1.2.0", "web-{version}") == "1.2.0"
    assert version_of("web-", "web-{version}") is None


@pytest.mark.parametrize("form", ["", "v", "{version}{version}", "{Version}"])
def test_a_form_has_one_place_for_the_version(form: str) -> None:
    assert form_fault(form) is not None
    assert form_fault("v{version}-x") is None


# ── what nobody wants again ──


def release(version: str, tag: str, **more: str) -> Release:
    images = {"web": f"registry.example/web:{tag}@sha256:{'0' * 64}", **more}
    return Release(version=version, revision="a" * 40, images=images)


def history(*pairs: tuple[Release | None, Release], environment: str = "dev") -> list[HistoryEntry]:
    """Return entries, newest first, of changes that are given oldest first."""
    return [
        HistoryEntry(
            id=str(n), kind=PromotionKind.RELEASE, app="web", environment=environment, before=b, after=a, time=NOW
        )
        for n, (b, a) in enumerate(pairs)
    ][::-1]


ONE, TWO, THREE = release("1.0.0", "1.0.0"), release("2.0.0", "2.0.0"), release("3.0.0", "2.0.0", side="x:1")


def test_tags_of_rejected_releases_are_turned_down_where_the_release_brought_them() -> None:
    rejected = Rejection(app="web", version="2.0.0", revision="a" * 40, owner="Ada", reason="it leaks", created=NOW)
    found = turned_down(history((None, ONE), (ONE, TWO)), "dev", "web", [rejected])
    assert found == {"2.0.0": "came with 2.0.0, which was rejected: it leaks"}
    other = rejected.model_copy(update={"version": "3.0.0"})
    assert turned_down(history((None, ONE), (ONE, TWO), (TWO, THREE)), "dev", "web", [other]) == {}


def test_tags_that_the_environment_went_back_from_are_turned_down_until_a_person_brings_them_again() -> None:
    back = history((None, ONE), (ONE, TWO), (TWO, ONE))
    assert turned_down(back, "dev", "web", []) == {"2.0.0": "came with 2.0.0, which dev went back from"}
    assert turned_down(history((None, ONE), (ONE, TWO), (TWO, ONE), (ONE, THREE)), "dev", "web", []) == {}
    assert turned_down(history((None, ONE), (ONE, TWO), (TWO, ONE), environment="prod"), "dev", "web", []) == {}


# ── pull requests of people ──


@pytest.mark.parametrize(
    ("proposed", "expected"),
    [
        (release("1.0.1", "1.1.0"), None),
        (release("1.0.1", "1.2.0"), None),
        (release("1.0.1", "1.3.0"), "it sets the image `web` to 1.3.0"),
        (release("2.0.0", "1.1.0"), "under a newer version than 1.0.1"),
        (release("1.0.1", "latest"), "it sets the image `web` to what has no version"),
        (release("1.0.1", "1.1.0", side="x:1"), "it sets the image `side`"),
        (release("1.0.1", "1.1.0").model_copy(update={"values": {"a": 1}}), "it sets values"),
    ],
)
def test_what_a_person_put_into_a_pull_request_is_seen(proposed: Release, expected: str | None) -> None:
    after = release("1.0.1", "1.2.0")
    assert kept_by_hand(proposed, ONE, after, {"web": "1.2.0"}, {"web": None}) == expected


# ── references ──


@pytest.mark.parametrize(
    ("text", "repository"),
    [
        ("web", Repository("docker.io", "library/web")),
        ("team/web:1", Repository("docker.io", "team/web")),
        ("index.docker.io/web", Repository("docker.io", "library/web")),
        ("localhost/web:1.0_x", Repository("localhost", "web")),
        ("Registry.Example:5000/a/b-c__d:1", Repository("registry.example:5000", "a/b-c__d")),
        (f"registry.example/web:1.0.0@sha256:{'a' * 64}", Repository("registry.example", "web")),
    ],
)
def test_references_are_written_as_they_were_read(text: str, repository: Repository) -> None:
    assert str(parse(text)) == text
    assert parse(text).repository == repository


@pytest.mark.parametrize(
    "text", ["", "web:", "web@sha256:12", "Web", "registry.example/", "a//b", "web:1:2", "registry.example/../x", "w b"]
)
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        parse(text)


def test_a_reference_is_put_together() -> None:
    assert str(Reference("r.example/web", "1.0.0", "sha256:x")) == "r.example/web:1.0.0@sha256:x"
