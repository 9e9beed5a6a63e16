from __future__ import annotations

from pathlib import Path

import pytest

from fleet.adapters.config.codes import CODES
from fleet.adapters.config.loader import YamlFleetLoader, read_fleet_file
from fleet.errors import ConfigError
from fleet.model.names import Target
from fleet.ports.tree import EntryKind
from tests.helpers.fleets import REVISION, small_fleet
from tests.helpers.trees import MemoryTree

DEV = "environments/dev/environment.yaml"
PROD = "environments/prod/environment.yaml"
PIN = "environments/prod/apps/web.yaml"
APP = "apps/web/app.yaml"
EU = "clusters/prod-eu.yaml"
RELEASE = f"release:\n  version: 1.0.0\n  revision: {REVISION}\n"


def problems(**files: str | None) -> list[str]:
    """Return what is wrong with the small fleet after some files were replaced."""
    loaded = YamlFleetLoader().load(MemoryTree(small_fleet(**files)))
    for problem in loaded.problems:
        assert problem.code in CODES
    assert list(loaded.problems) == sorted(
        loaded.problems,
        key=lambda p: (p.location.path, p.location.line or 0, p.location.column or 0) if p.location else (),
    )
    return [f"{p.severity[0].upper()} {p.code} {p.location}: {p.message}" for p in loaded.problems]


def prod(tail: str, clusters: str = "clusters:\n  matchLabels: {tier: prod}\n") -> str:
    return f"promotesFrom: dev\n{clusters}{tail}"


def app(tail: str) -> str:
    return "namespace: web\nimages: {web: 'registry.example/web:1.0.0'}\nvalues: {ratings: {enabled: true}}\n" + tail


CASES: dict[str, tuple[dict[str, str | None], list[str]]] = {
    "an unknown key": (
        {DEV: "cluster: {}\nclusters: {names: [dev]}\n"},
        [f"E FLT-CFG-030 {DEV}:1:1: unknown key `cluster`"],
    ),
    "an unknown key further in": (
        {PROD: prod("policy:\n  aprovals: 1\n")},
        [f"E FLT-CFG-030 {PROD}:5:3: unknown key `aprovals` in `policy`"],
    ),
    "a missing key": ({DEV: "description: x\n"}, [f"E FLT-CFG-031 {DEV}:1:1: the key `clusters` is missing"]),
    "text instead of a list": (
        {DEV: "clusters:\n  names: dev\n"},
        [f'E FLT-CFG-032 {DEV}:2:3: `clusters.names` is `"dev"`; it must be a list'],
    ),
    "a number instead of text": (
        {EU: "labels: {tier: prod, zone: 1}\naccess: {context: x}\n"},
        [f"E FLT-CFG-032 {EU}:1:22: `labels.zone` is `1`; it must be text"],
    ),
    "an empty value": (
        {APP: app("promotable:\n")},
        [f"E FLT-CFG-032 {APP}:4:1: `promotable` is empty; it must be a list"],
    ),
    "a float as version": (
        {PIN: f"release:\n  version: 1.0\n  revision: {REVISION}\n"},
        [f"E FLT-CFG-032 {PIN}:2:3: `release.version` is `1.0`; it must be text"],
    ),
    "a number in quotes": (
        {PROD: prod('policy: {approvals: "1"}\n')},
        [f'E FLT-CFG-032 {PROD}:4:10: `policy.approvals` is `"1"`; it must be a whole number'],
    ),
    "not one of the choices": (
        {PROD: prod("policy: {releases: pr}\n")},
        [f"E FLT-CFG-033 {PROD}:4:10: `policy.releases` is `pr`; it must be `pull-request` or `direct`"],
    ),
    "a bad name": (
        {"fleet.yaml": "name: My Fleet\n"},
        ["E FLT-CFG-034 fleet.yaml:1:1: `name` is `My Fleet`, which is not a name"],
    ),
    "a bad duration": (
        {"fleet.yaml": "name: shop\nengine:\n  timeout: 5 minutes\n"},
        ["E FLT-CFG-035 fleet.yaml:3:3: `engine.timeout` is `5 minutes`, which is not a duration"],
    ),
    "a number out of range": (
        {PROD: prod("policy: {approvals: -1}\n")},
        [f"E FLT-CFG-035 {PROD}:4:10: `policy.approvals` is `-1`; it must be at least 0"],
    ),
    "an expression without values": (
        {PROD: prod("", "clusters:\n  matchExpressions:\n    - {key: tier, operator: In}\n")},
        [f"E FLT-CFG-035 {PROD}:4:7: operator `In` needs `values`"],
    ),
    "no semantic version": (
        {PIN: f"release:\n  version: v1\n  revision: {REVISION}\n"},
        [f"E FLT-CFG-036 {PIN}:2:3: `v1` is not a semantic version (https://semver.org), like `1.4.2`"],
    ),
    "a branch as revision": (
        {PIN: "release:\n  version: 1.0.0\n  revision: main\n"},
        [f"E FLT-CFG-037 {PIN}:3:3: `release.revision` is `main`, which is not a full commit id"],
    ),
    "an unknown source": (
        {PROD: prod("").replace("dev", "dew", 1)},
        [f"E FLT-CFG-040 {PROD}:1:1: `prod` promotes from `dew`, which is not declared"],
    ),
    "a circle": (
        {DEV: "promotesFrom: prod\nclusters: {names: [dev]}\n"},
        [f"E FLT-CFG-041 {DEV}:1:1: environments promote in a circle: `dev` → `prod` → `dev`"],
    ),
    "track further on": (
        {PROD: prod("track: main\n"), PIN: "values: {}\n"},
        [
            f"E FLT-CFG-042 {PROD}:4:1: `prod` follows the branch `main` and promotes from `dev`; it can only do one",
        ],
    ),
    "track and a release": (
        {DEV: "track: main\nclusters: {names: [dev]}\n"},
        [
            "E FLT-CFG-043 environments/dev/apps/web.yaml:1:1: "
            "`dev` follows the branch `main`, so its pins hold no release"
        ],
    ),
    "track of no branch": (
        {DEV: "track: --upload-pack=x\nclusters: {names: [dev]}\n", "environments/dev/apps/web.yaml": "values: {}\n"},
        [f"E FLT-CFG-073 {DEV}:1:1: `--upload-pack=x` is not a branch name of git"],
    ),
    "a cluster nowhere": (
        {"clusters/spare.yaml": "labels: {tier: spare}\naccess: {context: x}\n"},
        ["E FLT-CFG-044 clusters/spare.yaml:1:1: the cluster `spare` belongs to no environment"],
    ),
    "clusters in two places": (
        {DEV: "clusters:\n  names: [dev]\n  matchLabels: {tier: prod}\n"},
        [f"E FLT-CFG-045 {PROD}:2:1: the clusters `prod-eu`, `prod-us` would be in `dev` and in `prod`"],
    ),
    "an unknown cluster": (
        {DEV: "clusters:\n  names:\n    - dev\n    - prod-eeu\n"},
        [f"E FLT-CFG-046 {DEV}:4:7: the cluster `prod-eeu` is not declared"],
    ),
    "an environment without clusters": (
        {DEV: "clusters: {matchLabels: {tier: nowhere}}\n", "clusters/dev.yaml": None},
        [f"W FLT-CFG-047 {DEV}:1:1: the environment `dev` selects no cluster"],
    ),
    "a wave outside of its environment": (
        {PROD: prod("waves:\n  - name: one\n    clusters:\n      names: [prod-eu, dev]\n")},
        [f"E FLT-CFG-050 {PROD}:7:24: the wave `one` names `dev`, which is not a cluster of `prod`"],
    ),
    "a reserved wave name": (
        {PROD: prod("waves:\n  - name: rest\n    clusters: {names: [prod-eu]}\n")},
        [f"E FLT-CFG-051 {PROD}:5:5: the wave name `rest` is the wave of all clusters that no other selects"],
    ),
    "two waves of a name": (
        {PROD: prod("waves:\n- {name: a, clusters: {names: [prod-eu]}}\n- {name: a, clusters: {names: [prod-us]}}\n")},
        [f"E FLT-CFG-051 {PROD}:6:4: the wave name `a` is used twice"],
    ),
    "a cluster in two waves": (
        {
            PROD: prod(
                "waves:\n- {name: a, clusters: {names: [prod-eu]}}\n"
                "- {name: b, clusters: {matchLabels: {region: eu}}}\n"
            )
        },
        [f"E FLT-CFG-052 {PROD}:6:13: the waves `a` and `b` both select `prod-eu`"],
    ),
    "an empty wave": (
        {PROD: prod("waves:\n- {name: a, clusters: {matchLabels: {region: asia}}}\n")},
        [f"W FLT-CFG-053 {PROD}:5:13: the wave `a` selects no cluster of `prod`"],
    ),
    "a pin for no app": (
        {"environments/prod/apps/wep.yaml": RELEASE},
        ["E FLT-CFG-060 environments/prod/apps/wep.yaml:1:1: the app `wep` is not declared"],
    ),
    "an image that is not declared": (
        {PIN: RELEASE + "  images:\n    wep: registry.example/web:1\n"},
        [f"W FLT-CFG-061 {PIN}:5:5: the release sets the image `wep`, which `web` does not declare"],
    ),
    "a leak": (
        {PIN: RELEASE + "  values: {replicas: 3}\n"},
        [f"W FLT-CFG-062 {PIN}:4:12: the release carries `replicas`, which `web` does not declare promotable"],
    ),
    "masked by a pin": (
        {PIN: RELEASE + "values:\n  ratings:\n    enabled: true\n"},
        [
            f"W FLT-CFG-063 {PIN}:6:5: `ratings.enabled` is promotable in `web`: "
            "a release that carries it wins over the value here"
        ],
    ),
    "masked by a cluster": (
        {EU: "labels: {tier: prod, region: eu}\naccess: {context: x}\nvalues: {ratings: {enabled: true}}\n"},
        [
            f"W FLT-CFG-063 {EU}:3:20: `ratings.enabled` is promotable in `web`: "
            "a release that carries it wins over the value here"
        ],
    ),
    "overlapping values of a release": (
        {PIN: RELEASE + "  values: {ratings: {}, ratings.enabled: true}\n"},
        [f"E FLT-CFG-064 {PIN}:4:3: `ratings.enabled` is inside of `ratings`, which is set too"],
    ),
    "no templates": (
        {"apps/web/templates/web.yaml.j2": None},
        [f"E FLT-CFG-065 {APP}:1:1: the app `web` has no template"],
    ),
    "no program": (
        {APP: app("source: program\n")},
        [
            f"E FLT-CFG-065 {APP}:4:1: the app `web` has no program",
            f"W FLT-CFG-062 {PIN}:7:5: the release carries `ratings.enabled`, which `web` does not declare promotable",
        ],
    ),
    "a promotable path of nothing": (
        {APP: app("promotable:\n  - ratings.enable\n"), PIN: RELEASE},
        [f"W FLT-CFG-066 {APP}:5:5: `ratings.enable` names no value of the app"],
    ),
    "a promotable path that is none": (
        {APP: app("promotable: [ratings..enabled]\n"), PIN: RELEASE},
        [f"E FLT-CFG-066 {APP}:4:14: `ratings..enabled` is not a dotted path, like `ratings.enabled`"],
    ),
    "overlapping promotable paths": (
        {APP: app("promotable: [ratings, ratings.enabled]\n")},
        [f"E FLT-CFG-064 {APP}:4:23: `ratings.enabled` and `ratings` overlap"],
    ),
    "a bad image": (
        {PIN: RELEASE + "  images: {web: 'web: latest'}\n"},
        [f"E FLT-CFG-067 {PIN}:4:12: `web: latest` is not an image reference"],
    ),
    "a bad label": (
        {EU: "labels: {tier: prod, region: 'e u'}\naccess: {context: x}\n", PROD: prod("")},
        [f"E FLT-CFG-070 {EU}:1:22: `e u` is not a label value"],
    ),
    "no access": (
        {EU: "labels: {tier: prod, region: eu}\naccess: {}\n"},
        [f"E FLT-CFG-071 {EU}:2:1: `access` names neither a `context` nor a `sandbox` cluster"],
    ),
    "two ways of access": (
        {EU: "labels: {tier: prod, region: eu}\naccess: {sandbox: a, context: b}\n"},
        [f"E FLT-CFG-071 {EU}:2:1: `access` names a sandbox cluster and a kubeconfig; it can only have one"],
    ),
    "a kubeconfig outside": (
        {EU: "labels: {tier: prod, region: eu}\naccess: {context: a, kubeconfig: x/../../config}\n"},
        [f"E FLT-CFG-072 {EU}:2:22: the path `x/../../config` leaves the repository"],
    ),
    "a bad branch": (
        {"fleet.yaml": "name: shop\ngit: {branch: 'a..b', remote: '-x'}\n"},
        [
            "E FLT-CFG-073 fleet.yaml:2:7: `a..b` is not a branch name of git",
            "E FLT-CFG-073 fleet.yaml:2:23: `-x` is not a remote name of git",
        ],
    ),
    "a bad namespace": (
        {APP: app("promotable: [ratings.enabled]\n").replace("web", "web_1", 1)},
        [f"E FLT-CFG-074 {APP}:1:1: `web_1` is not a namespace name"],
    ),
    "no fleet.yaml": ({"fleet.yaml": None}, ["E FLT-CFG-002 fleet.yaml: there is no `fleet.yaml` in the test"]),
    "broken files do not cause more problems": (
        {APP: "values: [\n", "clusters/dev.yaml": "x: 1\n"},
        [
            f"E FLT-CFG-010 {APP}:2:1: not readable as YAML: did not find expected node content "
            "(while parsing a flow node that starts in line 2)",
            "E FLT-CFG-031 clusters/dev.yaml:1:1: the key `access` is missing",
            "E FLT-CFG-030 clusters/dev.yaml:1:1: unknown key `x`",
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_kind_of_bad_file_is_told_with_its_place(case: str) -> None:
    files, expected = CASES[case]
    assert sorted(problems(**files)) == sorted(expected)


def test_a_file_with_errors_is_checked_as_far_as_it_goes() -> None:
    files = {
        DEV: "promotesFrom: prd\nclusters: {names: [dev, dve]}\npolicy: {approvals: many}\nwaves: [{name: x}]\n",
        PIN: "release: {version: v1}\nvalues: {ratings: {enabled: true}}\nvalue: 1\n",
        EU: "labels: {tier: prod, region: 'e u', zone: 1}\naccess: {context: x, sandbox: y}\ncolour: red\n",
    }
    assert {(line.split()[1], line.split()[2].split(":")[0]) for line in problems(**files)} == {
        ("FLT-CFG-040", DEV),
        ("FLT-CFG-046", DEV),
        ("FLT-CFG-032", DEV),
        ("FLT-CFG-031", DEV),
        ("FLT-CFG-036", PIN),
        ("FLT-CFG-031", PIN),
        ("FLT-CFG-063", PIN),
        ("FLT-CFG-030", PIN),
        ("FLT-CFG-070", EU),
        ("FLT-CFG-032", EU),
        ("FLT-CFG-071", EU),
        ("FLT-CFG-030", EU),
    }


LAYOUT: dict[str, tuple[str, str | EntryKind, list[str]]] = {
    "environment.yml": (
        "environments/qa/environment.yml",
        "x",
        ["FLT-CFG-006 environments/qa/environment.yml: this file is not read"],
    ),
    "a misspelt environment.yaml": (
        "environments/qa/environmnt.yaml",
        "x",
        ["FLT-CFG-006 environments/qa/environmnt.yaml: this file is not read"],
    ),
    "an environment in the wrong place": (
        "environments/qa.yaml",
        "x",
        ["FLT-CFG-006 environments/qa.yaml: this file is not read"],
    ),
    "a pin with the wrong ending": (
        "environments/dev/apps/web.yml",
        "x",
        ["FLT-CFG-006 environments/dev/apps/web.yml: this file is not read"],
    ),
    "a cluster with the wrong ending": ("clusters/a.yml", "x", ["FLT-CFG-006 clusters/a.yml: this file is not read"]),
    "app.yml": ("apps/a/app.yml", "x", ["FLT-CFG-006 apps/a/app.yml: this file is not read"]),
    "an app without app.yaml": (
        "apps/a/templates/x.yaml.j2",
        "x",
        ["FLT-CFG-008 apps/a/app.yaml: `apps/a` has no `app.yaml`"],
    ),
    "an environment without environment.yaml": (
        "environments/qa/apps/web.yaml",
        "values: {}\n",
        ["FLT-CFG-008 environments/qa/environment.yaml: `environments/qa` has no `environment.yaml`"],
    ),
    "a template that is not rendered": (
        "apps/web/templates/more.yaml",
        "x",
        ["FLT-CFG-006 apps/web/templates/more.yaml: this file is not read"],
    ),
    "a cluster with a bad name": (
        "clusters/Prod_EU.yaml",
        "x",
        ["FLT-CFG-007 clusters/Prod_EU.yaml: `Prod_EU` is not a name for a cluster"],
    ),
    "a cluster with a name that is too long": (
        f"clusters/{'c' * 39}.yaml",
        "x",
        [f"FLT-CFG-007 clusters/{'c' * 39}.yaml: `{'c' * 39}` is not a name for a cluster"],
    ),
    "a huge file": (
        "clusters/big.yaml",
        "#" * (256 * 1024 + 1),
        [
            "FLT-CFG-003 clusters/big.yaml: the file has 262,145 bytes, more than the 262,144 that a declared file "
            "may have"
        ],
    ),
    "a link": (
        "clusters/x.yaml",
        EntryKind.SYMLINK,
        ["FLT-CFG-005 clusters/x.yaml: this is a symbolic link, which fleet never follows"],
    ),
    "a linked template": (
        "apps/web/templates/x.yaml.j2",
        EntryKind.SYMLINK,
        ["FLT-CFG-005 apps/web/templates/x.yaml.j2: this is a symbolic link, which fleet never follows"],
    ),
    "a submodule": (
        "apps/sub",
        EntryKind.SUBMODULE,
        ["FLT-CFG-005 apps/sub: this is a submodule, which fleet never follows"],
    ),
    "a directory as a cluster": (
        "clusters/x.yaml/readme.yaml",
        "x",
        ["FLT-CFG-005 clusters/x.yaml: this is a directory; a file is expected"],
    ),
    "a directory as environment.yaml": (
        "environments/qa/environment.yaml/x.yaml",
        "x",
        ["FLT-CFG-005 environments/qa/environment.yaml: this is a directory; a file is expected"],
    ),
    "notes are nobody's business": ("clusters/README.md", "x", []),
    "hidden files are not either": ("environments/.keep", "", []),
}


@pytest.mark.parametrize("case", LAYOUT)
def test_what_stands_in_the_wrong_place_is_told(case: str) -> None:
    path, content, expected = LAYOUT[case]
    files: dict[str, str | bytes | EntryKind] = {**small_fleet(), path: content}
    loaded = YamlFleetLoader().load(MemoryTree(files))
    assert [f"{p.code} {p.location}: {p.message}" for p in loaded.problems] == expected


def test_a_linked_fleet_file_is_refused() -> None:
    files: dict[str, str | bytes | EntryKind] = {**small_fleet(), "fleet.yaml": EntryKind.SYMLINK}
    loaded = YamlFleetLoader().load(MemoryTree(files))
    assert loaded.fleet is None
    assert [p.code for p in loaded.problems] == ["FLT-CFG-005"]


def test_a_good_fleet_is_loaded_whole() -> None:
    loaded = YamlFleetLoader().load(MemoryTree(small_fleet(), revision=REVISION, origin="main"))
    assert loaded.problems == ()
    fleet = loaded.fleet
    assert fleet is not None
    assert (fleet.name, fleet.revision, fleet.origin) == ("shop", REVISION, "main")
    assert list(fleet.environments) == ["dev", "prod"]
    assert [(w.name, w.position, w.clusters) for w in fleet.environments["prod"].waves] == [
        ("eu", 0, ("prod-eu",)),
        ("rest", 1, ("prod-us",)),
    ]
    assert list(fleet.targets()) == [
        Target("web", "dev", "dev"),
        Target("web", "prod", "prod-eu"),
        Target("web", "prod", "prod-us"),
    ]
    release = fleet.environments["prod"].pins["web"].release
    assert release is not None
    assert release.values == {"ratings.enabled": True}


def test_hints_name_what_was_meant() -> None:
    tree = MemoryTree(small_fleet(**{DEV: "clusters:\n  names: [dve]\npolicies: {}\n", EU: "labelz: {}\naccess: {}\n"}))
    hints = {p.message: p.hint for p in YamlFleetLoader().load(tree).problems}
    assert hints["unknown key `policies`"] == "did you mean `policy`?"
    assert hints["unknown key `labelz`"] == "did you mean `labels`?"


def test_a_tracking_environment_has_pins_without_release() -> None:
    files = {
        DEV: "track: main\nclusters: {names: [dev]}\n",
        "environments/dev/apps/web.yaml": "values: {replicas: 2}\n",
    }
    loaded = YamlFleetLoader().load(MemoryTree(small_fleet(**files)))
    assert loaded.problems == ()
    assert loaded.fleet is not None
    pin = loaded.fleet.environments["dev"].pins["web"]
    assert (pin.release, pin.values) == (None, {"replicas": 2})


def test_a_pin_without_release_is_fine() -> None:
    assert problems(**{PIN: "release:\nvalues: {replicas: 2}\n"}) == []


def test_layers_tell_the_place_of_each_value() -> None:
    tree = MemoryTree(small_fleet())
    layers = YamlFleetLoader().layers(tree, tree, "web", "prod", "prod-eu")
    assert [layer.source for layer in layers] == [
        "app web",
        "environment prod",
        "cluster prod-eu",
        "pin prod/web",
        "release prod/web",
    ]
    assert {path: str(at) for path, at in layers[0].locations.items()} == {
        "replicas": f"{APP}:5:3",
        "ratings": f"{APP}:6:3",
        "ratings.enabled": f"{APP}:7:5",
    }
    assert layers[4].values == {"ratings": {"enabled": True}}
    assert str(layers[4].locations["ratings.enabled"]) == f"{PIN}:7:5"


def test_an_app_is_loaded_alone() -> None:
    loader = YamlFleetLoader()
    assert loader.load_app(MemoryTree(small_fleet()), "web").promotable == ("ratings.enabled",)
    with pytest.raises(ConfigError, match="not there"):
        loader.load_app(MemoryTree(small_fleet()), "other")
    with pytest.raises(ConfigError) as caught:
        loader.load_app(MemoryTree({APP: "valuez: {}\n"}), "web")
    assert [p.code for p in caught.value.problems] == ["FLT-CFG-030"]


def test_the_fleet_file_alone_is_read_from_disk(tmp_path: Path) -> None:
    assert read_fleet_file(tmp_path) is None
    (tmp_path / "fleet.yaml").write_text("name: shop\ngit: {branch: trunk}\n")
    file = read_fleet_file(tmp_path)
    assert file is not None
    assert file.git.branch == "trunk"
    (tmp_path / "fleet.yaml").write_text("nme: shop\n")
    assert read_fleet_file(tmp_path) is None


def test_the_example_at_the_root_has_no_problem() -> None:
    from fleet.adapters.config.example import BOOKINFO, ExampleTemplates

    template = ExampleTemplates().template(BOOKINFO)
    files = {**template.files, **{p: t.replace("{revision}", REVISION).encode() for p, t in template.pins.items()}}
    loaded = YamlFleetLoader().load(MemoryTree(files))
    assert loaded.problems == ()
    assert loaded.fleet is not None
    assert [str(target) for target in loaded.fleet.targets()] == [
        "bookinfo/dev/dev",
        "bookinfo/staging/staging",
        "bookinfo/prod/prod-eu",
        "bookinfo/prod/prod-us",
    ]


def test_codes_are_explained() -> None:
    for code, entry in CODES.items():
        assert code.startswith("FLT-CFG-")
        assert entry.title
        assert not entry.title.endswith(".")
        assert entry.explanation.endswith(".")
