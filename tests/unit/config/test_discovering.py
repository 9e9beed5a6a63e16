"""Rules of discovery in app.yaml: each fault is told with its place."""

from __future__ import annotations

import pytest

from fleet.adapters.config.codes import CODES
from fleet.adapters.config.loader import YamlFleetLoader
from tests.helpers.fleets import REVISION, small_fleet
from tests.helpers.trees import MemoryTree

WEB = "apps/web/app.yaml"
HEAD = "namespace: web\nimages: {web: 'registry.example/web:1.0.0'}\nvalues: {ratings: {enabled: true}}\n"
PIN = f"release:\n  version: 1.0.0\n  revision: {REVISION}\n"
HOSTS = "allowedHosts: [registry.example]\n"


def problems(rules: str, hosts: str = HOSTS) -> list[str]:
    files: dict[str, str | None] = {WEB: HEAD + rules, "fleet.yaml": f"name: shop\n{hosts}"}
    files |= {f"environments/{e}/apps/web.yaml": PIN for e in ("dev", "prod")}
    loaded = YamlFleetLoader().load(MemoryTree(small_fleet(**files)))
    for problem in loaded.problems:
        assert problem.code in CODES
    return [f"{p.severity[0].upper()} {p.code} {p.location}: {p.message}" for p in loaded.problems]


def test_good_rules_are_no_problem() -> None:
    rule = "{range: '>=1.20 <2', tag: 'v{version}', prereleases: true, pinDigest: false, ignore: [1.2.3]}"
    assert problems(f"discover:\n  versionOf: web\n  images:\n    web: {rule}\n") == []


CASES = {
    "a range that is none": (
        "discover:\n  images:\n    web: {range: new}\n",
        [
            f"E FLT-CFG-090 {WEB}:6:11: what is discovered of `web`: `new` is not a range of versions, "
            "like `^2.1`, `>=2.0 <3` or `1.x || 2.x`"
        ],
    ),
    "no range": (
        "discover:\n  images:\n    web: {}\n",
        [f"E FLT-CFG-031 {WEB}:6:5: the key `discover.images.web.range` is missing"],
    ),
    "a form without a place": (
        "discover:\n  images:\n    web: {range: '*', tag: 'v*'}\n",
        [
            f"E FLT-CFG-111 {WEB}:6:23: the form of tags `v*` has to hold `{{version}}` once, "
            "like `v{version}` or `{version}-alpine`"
        ],
    ),
    "an image that is not there": (
        "discover:\n  images:\n    wbe: {range: '*'}\n",
        [f"E FLT-CFG-110 {WEB}:6:5: `web` declares no image `wbe` that could be discovered"],
    ),
    "the version of what is not discovered": (
        "discover:\n  versionOf: api\n  images:\n    web: {range: '*'}\n",
        [f"E FLT-CFG-110 {WEB}:5:3: the version of `api` cannot be taken: it is not discovered"],
    ),
    "a repository with a tag": (
        "discover:\n  images:\n    web: {range: '*', repository: 'registry.example/web:1'}\n",
        [
            f"E FLT-CFG-067 {WEB}:6:23: `registry.example/web:1` is not the name of a repository, "
            "like `registry.example/team/web`"
        ],
    ),
    "a host that may not be asked": (
        "discover:\n  images:\n    web: {range: '*', repository: 'other.example/web'}\n",
        [
            f"W FLT-CFG-112 {WEB}:6:23: nothing is discovered in `other.example/web`: `allowedHosts` does not let "
            "fleet ask `other.example`"
        ],
    ),
    "docker hub has another host for its API": (
        "discover:\n  images:\n    web: {range: '*', repository: team/web}\n",
        [
            f"W FLT-CFG-112 {WEB}:6:23: nothing is discovered in `docker.io/team/web`: `allowedHosts` does not let "
            "fleet ask `registry-1.docker.io`"
        ],
    ),
    "an unknown key": (
        "discover:\n  images:\n    web: {range: '*', semver: '1'}\n",
        [f"E FLT-CFG-030 {WEB}:6:23: unknown key `semver` in `discover.images.web`"],
    ),
    "a tag to ignore that is none": (
        "discover:\n  images:\n    web: {range: '*', ignore: ['a b']}\n",
        [f"E FLT-CFG-035 {WEB}:6:32: `discover.images.web.ignore[0]` is `a b`, which is badly formed"],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_fault_is_told_with_its_place(case: str) -> None:
    rules, expected = CASES[case]
    assert problems(rules) == expected


@pytest.mark.parametrize("entry", ["*.example", "https://registry.example", "a b", "x:99999", "x/y"])
def test_an_entry_that_is_no_host_is_told(entry: str) -> None:
    found = problems("", f"allowedHosts:\n  - '{entry}'\n")
    assert [line.split(": ")[0] for line in found] == ["E FLT-CFG-113 fleet.yaml:3:5"]
