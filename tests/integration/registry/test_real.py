"""The client against Debian's registry, with images that were really pushed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from fleet.adapters.registry.client import OciRegistries
from fleet.errors import RegistryError, UnreachableError
from fleet.model.registry import Manifest, Repository
from tests.helpers.git import IDENTITY_VARIABLES
from tests.helpers.oci import CHART, PASSWORD, USER, RealRegistry, real_registry
from tests.helpers.promoting import Team


@contextmanager
def client(host: str, environment: Mapping[str, str] | None = None) -> Iterator[OciRegistries]:
    made = OciRegistries([host], environment or {})
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


def test_tags_and_digests_are_those_that_were_pushed(registry: RealRegistry) -> None:
    first = registry.push("team/web", "1.0.0", "one")
    second = registry.push("team/web", "v1.1.0", "two")
    both = registry.push_index("team/web", "1.2.0", "amd", "arm")
    chart = registry.push("team/charts", "0.1.0_build.1", "chart", CHART)
    web, charts = Repository(registry.host, "team/web"), Repository(registry.host, "team/charts")
    missing = Repository(registry.host, "team/missing")
    with client(registry.host) as registries:
        listed = registries.tags([web, charts, missing])
        assert sorted(listed[web]) == ["1.0.0", "1.2.0", "v1.1.0"]  # type: ignore[arg-type]
        assert list(listed[charts]) == ["0.1.0_build.1"]  # type: ignore[arg-type]
        assert isinstance(listed[missing], RegistryError)
        wanted = [(web, "1.0.0"), (web, "v1.1.0"), (web, "1.2.0"), (charts, "0.1.0_build.1"), (web, "9.9.9")]
        found = registries.manifests(wanted)
        assert [found[key] for key in wanted] == [
            Manifest(first, "image"),
            Manifest(second, "image"),
            Manifest(both, "index"),
            Manifest(chart, "chart"),
            None,
        ]
        assert registries.digests([(web, "1.2.0"), (web, "9.9.9")]) == {(web, "1.2.0"): both, (web, "9.9.9"): None}


def test_many_tags_are_all_listed(registry: RealRegistry) -> None:
    first = registry.push("team/many", "1.0.0", "same")
    document = None
    with registry._client() as http:
        document = http.get("/v2/team/many/manifests/1.0.0", headers={"Accept": "*/*, " + _accept()}).content
    for number in range(1, 120):
        assert registry.put("team/many", f"1.{number}.0", document, _accept()) == first
    many = Repository(registry.host, "team/many")
    with client(registry.host) as registries:
        assert set(registries.tags([many])[many]) == {f"1.{n}.0" for n in range(120)}  # type: ignore[arg-type]


def _accept() -> str:
    return "application/vnd.oci.image.manifest.v1+json"


def test_a_password_is_taken_from_the_environment_and_never_shown(tmp_path: Path) -> None:
    with real_registry(tmp_path, password=True) as registry:
        registry.push("web", "1.0.0", "one")
        web = Repository(registry.host, "web")
        name = f"FLEET_REGISTRY_127_0_0_1_{registry.host.rpartition(':')[2]}"
        with client(registry.host, {f"{name}_USER": USER, f"{name}_PASSWORD": PASSWORD}) as registries:
            assert registries.tags([web])[web] == ["1.0.0"]
        with client(registry.host, {f"{name}_USER": USER, f"{name}_PASSWORD": "wrong-word"}) as registries:
            refused = registries.tags([web])[web]
        assert isinstance(refused, UnreachableError)
        assert "refuses the credentials" in refused.message
        assert "wrong-word" not in f"{refused} {refused.hints}"
        with client(registry.host) as registries:
            refused = registries.tags([web])[web]
        assert isinstance(refused, UnreachableError)
        assert f"{name}_PASSWORD" in refused.hints[0]


def test_a_newer_image_gets_to_the_first_environment_and_a_second_run_finds_nothing(
    registry: RealRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name)
    team = Team(tmp_path, dev="{releases: direct}")
    registry.push("shop/web", "1.0.0", "old")
    team.write(
        {
            "fleet.yaml": f"name: shop\nallowedHosts: ['{registry.host}']\n",
            "apps/web/app.yaml": f"namespace: web\nimages:\n  web: {registry.host}/shop/web:1.0.0\n"
            "values: {replicas: 1}\ndiscover:\n  images:\n    web: {range: '^1'}\n",
        }
    )
    assert "nothing newer" in team.fleet("releases", "discover", "--yes").stdout
    digest = registry.push_index("shop/web", "1.3.0", "new amd", "new arm")
    registry.push("shop/web", "2.0.0", "too new")
    ended = team.fleet("releases", "discover", "--yes")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"web: {registry.host}/shop/web:1.3.0@{digest}" in team.pin("dev").replace('"', "")
    again = team.fleet("releases", "discover", "--yes")
    assert "nothing newer" in again.stdout
    moved = registry.push("shop/web", "1.3.0", "moved")
    told = team.fleet("releases", "discover", "--dry-run")
    assert f"moved: it is {moved[:19]}… now, and {digest[:19]}… runs" in " ".join(told.stderr.split())
