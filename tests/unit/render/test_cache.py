"""Renders are shared where their inputs are equal, and kept on disk."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fleet.adapters.render.cache import KEEP_SECONDS, DiskCache
from fleet.adapters.render.renderer import JailedRenderer
from tests.helpers.rendering import CONFIG_MAP, one, program, templates

PLAIN = CONFIG_MAP + "  a: '{{ values.replicas }}'\n"
OF_CLUSTER = CONFIG_MAP + "  a: '{{ cluster.name }}'\n"
IN_COMMENT = "{# one for each cluster #}\n" + PLAIN


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[JailedRenderer]:
    made = JailedRenderer(tmp_path / "cache", workers=1)
    yield made
    made.close()


def cluster(name: str) -> dict[str, Any]:
    return {"cluster": {"name": name, "labels": {}}}


def entries(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob("cache/??/*.json") if "-names" not in path.name)


def test_equal_requests_of_one_call_share_their_objects(fresh: JailedRenderer, tmp_path: Path) -> None:
    first, second = fresh.render([templates(PLAIN), templates(PLAIN)])
    assert first.objects is second.objects
    assert len(entries(tmp_path)) == 1


@pytest.mark.parametrize("text", [PLAIN, IN_COMMENT])
def test_clusters_share_a_render_that_does_not_look_at_them(fresh: JailedRenderer, tmp_path: Path, text: str) -> None:
    results = fresh.render([templates(text, **cluster(f"c{n}")) for n in range(20)])
    assert len({id(result.objects) for result in results}) == 1
    assert len(entries(tmp_path)) == 1


def test_a_template_that_looks_at_the_cluster_is_rendered_for_each(fresh: JailedRenderer) -> None:
    files = {"a.yaml.j2": "{% include '_b.j2' %}", "_b.j2": OF_CLUSTER}
    results = fresh.render([templates(files, **cluster(name)) for name in ("one", "two")])
    assert [r.objects[0]["data"]["a"] for r in results] == ["one", "two"]


def test_a_template_cannot_see_a_cluster_that_it_does_not_name(fresh: JailedRenderer) -> None:
    text = CONFIG_MAP + "  a: '{{ self._TemplateReference__context }}'\n"
    assert one(fresh, templates(text)).problems


def test_a_program_that_looks_at_the_cluster_is_run_for_each(fresh: JailedRenderer) -> None:
    code = (
        "import pulumi\nimport pulumi_kubernetes as k\n"
        'name = pulumi.Config("fleet").require_object("cluster")["name"]\n'
        'k.core.v1.ConfigMap("a", metadata={"name": "a"}, data={"a": name})\n'
    )
    results = fresh.render([program(code, **cluster(name)) for name in ("one", "two")])
    assert [r.objects[0]["data"]["a"] for r in results] == ["one", "two"]


def test_a_second_renderer_finds_everything_on_disk_and_starts_no_process(tmp_path: Path) -> None:
    first = JailedRenderer(tmp_path / "cache")
    expected = [one(first, templates(text)).objects for text in (PLAIN, IN_COMMENT)]
    first.close()
    second = JailedRenderer(tmp_path / "cache")
    assert [one(second, templates(text)).objects for text in (PLAIN, IN_COMMENT)] == expected
    assert second.layers == {}
    second.close()


@pytest.mark.parametrize("damage", [b"", b"{", b"x" * 200])
def test_a_damaged_entry_is_ignored_and_written_again(tmp_path: Path, damage: bytes) -> None:
    first = JailedRenderer(tmp_path / "cache", workers=1)
    expected = one(first, templates(PLAIN))
    first.close()
    entry = entries(tmp_path)[0]
    good = entry.read_bytes()
    entry.write_bytes(good[:100] + damage)
    second = JailedRenderer(tmp_path / "cache", workers=1)
    assert one(second, templates(PLAIN)) == expected
    second.close()
    assert entry.read_bytes() == good


def test_problems_are_not_kept(fresh: JailedRenderer, tmp_path: Path) -> None:
    assert one(fresh, templates("{{ nobody }}")).problems
    assert entries(tmp_path) == []


def test_nobody_else_may_read_the_cache(fresh: JailedRenderer, tmp_path: Path) -> None:
    one(fresh, templates(PLAIN))
    assert entries(tmp_path)[0].stat().st_mode & 0o077 == 0


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    renderer = JailedRenderer(tmp_path / "file" / "cache", workers=1)
    assert one(renderer, templates(PLAIN)).problems == ()
    renderer.close()


@pytest.mark.parametrize(
    "change",
    [{"values": {"replicas": 3}}, {"namespace": "other"}, {"text": PLAIN + "  b: c\n"}],
)
def test_whatever_the_result_depends_on_is_in_the_digest(
    fresh: JailedRenderer, tmp_path: Path, change: dict[str, Any]
) -> None:
    text = str(change.pop("text", PLAIN))
    fresh.render([templates(PLAIN), templates(text, **change)])
    assert len(entries(tmp_path)) == 2


def test_old_entries_are_removed(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path)
    cache.put("aa" + "0" * 62, [1])
    cache.remove_old(time.time())
    assert cache.get("aa" + "0" * 62) == [1]
    cache.remove_old(time.time() + KEEP_SECONDS + 60)
    assert cache.get("aa" + "0" * 62) is None
