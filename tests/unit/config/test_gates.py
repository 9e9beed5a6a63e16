"""What `fleet validate` finds in gates of one's own, with the place of each."""

from __future__ import annotations

import pytest

from fleet.adapters.config.codes import CODES
from fleet.adapters.config.loader import YamlFleetLoader
from fleet.ports.config import LoadedFleet
from tests.helpers.fleets import small_fleet
from tests.helpers.trees import MemoryTree

PROD = "environments/prod/environment.yaml"
HEAD = "promotesFrom: dev\nclusters: {names: [prod-eu, prod-us]}\npolicy:\n  gates:\n"


def load(
    *gates: str, hosts: str = "[ci.example.com, 'http://prometheus.example.com:9090']", **more: str
) -> LoadedFleet:
    text = HEAD + "".join(f"    - {gate}\n" if not gate.startswith(" ") else gate for gate in gates)
    files = small_fleet(**{PROD: text}, **more)
    files["fleet.yaml"] += f"allowedHosts: {hosts}\n"
    return YamlFleetLoader().load(MemoryTree(files))


def told(loaded: LoadedFleet) -> list[str]:
    assert all(problem.code in CODES and problem.hint for problem in loaded.problems)
    return [f"{p.code} {p.location}: {p.message}" for p in loaded.problems]


def test_good_gates_have_no_problem() -> None:
    loaded = load(
        "{name: a, http: {url: 'https://ci.example.com/ok?app={app}', expect: body.ok && status == 200, tokenFrom: T}}",
        "{name: b, metric: {url: 'http://prometheus.example.com:9090', operator: '>=', threshold: 1, "
        "query: 'up{{app=\"{app}\"}}'}}",
        "{name: c, job: {image: 'registry.example/smoke:1', namespace: smoke}}",
        "{name: d, cel: 'size(clusters) > 0 && gates.health == \"passed\"'}",
        "    - name: e\n      cel: |\n        app == 'web' ||\n          version != '1.0.0'\n",
    )
    assert told(loaded) == []


@pytest.mark.parametrize(
    ("gate", "expected"),
    [
        ("{name: soak, cel: 'true'}", "FLT-CFG-120 {}:5:8: `soak` is the name of a gate that fleet has itself"),
        (
            "{name: a, http: {url: 'https://evil.example.com/'}}",
            "FLT-CFG-122 {}:5:24: the gate may not ask its host: `evil.example.com` is not in `allowedHosts`",
        ),
        (
            "{name: a, http: {url: 'http://ci.example.com/'}}",
            "FLT-CFG-122 {}:5:24: the gate may not ask its host: `ci.example.com` may only be asked over HTTPS",
        ),
        (
            "{name: a, metric: {url: 'http://other:9090', query: up, operator: '>', threshold: 0}}",
            "FLT-CFG-122 {}:5:26: the gate may not ask its host: `other:9090` is not in",
        ),
        ("{name: a, http: {url: ci.example.com}}", "FLT-CFG-121 {}:5:24: `ci.example.com` cannot be asked"),
        ("{name: a, http: {url: 'https://{app}.example.com/'}}", "placeholders stand behind the host only"),
        (
            "{name: a, http: {url: 'https://ci.example.com/{what}'}}",
            "FLT-CFG-121 {}:5:24: `https://ci.example.com/{what}`",
        ),
        (
            "{name: a, http: {url: 'https://ci.example.com/', tokenFrom: 'abc-123'}}",
            "FLT-CFG-123 {}:5:56: `tokenFrom` is not the name of an environment variable",
        ),
        (
            "{name: a, http: {url: 'https://ci.example.com/', expect: body.ok && stats == 200}}",
            "FLT-CFG-124 {}:5:75: the expression cannot be used: there is no variable `stats` here",
        ),
        (
            "{name: a, metric: {query: 'up{x=\"y\"}', url: 'http://prometheus.example.com:9090', operator: '>', "
            "threshold: 0}}",
            'FLT-CFG-125 {}:5:26: the query: `{x="y"}` is no placeholder',
        ),
        ("{name: a, job: {image: x, namespace: A_b}}", "FLT-CFG-074 {}:5:33: `A_b` is not a namespace name"),
        ("{name: a, http: {url: 'https://ci.example.com/', timeout: 0s}}", "`timeout: 0s` is no usable time"),
        ("{name: a, http: {url: 'https://ci.example.com/', timeout: 1h}}", "120s at most"),
        (
            "{name: a, cel: 'app == '}",
            "FLT-CFG-124 {}:5:30: the expression cannot be used: it is not an expression in CEL",
        ),
        ("    - name: a\n      cel: app == 'x' && apps == 'y'\n", "FLT-CFG-124 {}:6:26: "),
        ("    - name: a\n      cel: |\n        app == 'x' &&\n          apps == 'y'\n", "FLT-CFG-124 {}:8:11: "),
        ("    - name: a\n      cel: >-\n        app == 'x' &&\n        apps == 'y'\n", "FLT-CFG-124 {}:6:7: "),
        ('    - name: a\n      cel: "app == \\"x\\" && apps == 1"\n', "FLT-CFG-124 {}:6:7: "),
        ("{name: a, cel: sizes(app) == 1}", "there is no function `sizes`"),
    ],
)
def test_each_mistake_is_told_with_its_place(gate: str, expected: str) -> None:
    (text,) = told(load(gate))
    assert expected.replace("{}", PROD, 1) in text


def test_a_job_needs_a_namespace_of_the_gate_or_of_each_app() -> None:
    gate, app = "{name: a, job: {image: x}}", "images: {web: registry.example/web:1.0.0}\n"
    assert told(load(gate)) == []
    (text,) = [t for t in told(load(gate, **{"apps/web/app.yaml": app})) if "FLT-CFG-126" in t]
    assert text == f"FLT-CFG-126 {PROD}:5:17: nobody says in which namespace the Job runs for `web`"


def test_a_name_that_is_taken_twice_is_told() -> None:
    (text,) = told(load("{name: a, cel: 'true'}", "{name: a, cel: 'false'}"))
    assert text == f"FLT-CFG-120 {PROD}:6:8: there is a gate `a` already, in line 5"


def test_a_job_of_the_first_environment_has_nowhere_to_run() -> None:
    text = "clusters: {names: [dev]}\npolicy: {gates: [{name: a, job: {image: x, namespace: y}}]}\n"
    loaded = YamlFleetLoader().load(MemoryTree(small_fleet(**{"environments/dev/environment.yaml": text})))
    assert told(loaded) == [
        "FLT-CFG-126 environments/dev/environment.yaml:2:28: the Job has nowhere to run: "
        "nothing is promoted to `dev` from another environment"
    ]


def test_a_token_or_password_that_was_written_into_the_file_is_not_repeated() -> None:
    texts = told(
        load(
            "{name: a, http: {url: 'https://ci.example.com/', tokenFrom: 'ghp-hunter2'}}",
            "{name: b, http: {url: 'https://ada:hunter2@ci.example.com/'}}",
        )
    )
    assert len(texts) == 2
    assert not any("hunter2" in text for text in texts)


def test_the_nearest_variable_is_named() -> None:
    (problem,) = load("{name: a, cel: environmnt == 'prod'}").problems
    assert problem.hint == "did you mean `environment`?"
