"""Ownership, digests and order of objects."""

from __future__ import annotations

from fleet.engine.objects import (
    OwnedObjects,
    canonical,
    digest_of_live,
    digests_of,
    in_apply_order,
    object_digest,
    owner_of,
    ownership,
    set_digest,
    target_digest,
    with_ownership,
    without_ownership,
)
from fleet.model.names import Target
from tests.helpers.manifests import config_map, deployment

TARGET = Target("web", "prod", "prod-eu")


def test_an_owned_object_tells_its_target_and_digest() -> None:
    digest = object_digest(deployment())
    owned = with_ownership(deployment(), ownership("shop", TARGET), digest)
    assert owner_of(owned, "shop") == TARGET
    assert owner_of(owned, "other") is None
    assert digest_of_live(owned) == digest
    assert len(digest) == 16


def test_pod_templates_carry_no_ownership() -> None:
    owned = with_ownership(deployment(), ownership("shop", TARGET), "d")
    assert owned["spec"] == deployment()["spec"]


def test_ownership_comes_off_without_a_trace() -> None:
    plain = deployment()
    labelled = deployment()
    labelled["metadata"]["labels"] = {"team": "a"}
    labelled["metadata"]["annotations"] = {"note": "b"}
    for manifest in (plain, labelled):
        assert without_ownership(with_ownership(manifest, ownership("shop", TARGET), "d")) == manifest


def test_adding_ownership_changes_nothing_in_place() -> None:
    manifest = deployment()
    before = canonical(manifest)
    with_ownership(manifest, ownership("shop", TARGET), "d")
    assert canonical(manifest) == before


def test_digests_ignore_the_order_of_keys_and_objects() -> None:
    one, two = config_map("a", x="1", y="2"), config_map("a", y="2", x="1")
    assert object_digest(one) == object_digest(two)
    assert set_digest([one, deployment()]) == set_digest([deployment(), two])


def test_the_digest_of_a_target_covers_objects_ownership_and_settings() -> None:
    base = target_digest("d", "shop", TARGET, "s")
    others = [
        target_digest("e", "shop", TARGET, "s"),
        target_digest("d", "shop2", TARGET, "s"),
        target_digest("d", "shop", Target("web", "prod", "prod-us"), "s"),
        target_digest("d", "shop", TARGET, "t"),
    ]
    assert len({base, *others}) == 5


def test_objects_are_applied_in_an_order_that_works() -> None:
    kinds = ["Widget", "Deployment", "ConfigMap", "CustomResourceDefinition", "Namespace", "Service"]
    ordered = in_apply_order([{"kind": kind} for kind in kinds])
    assert [m["kind"] for m in ordered] == [
        "Namespace",
        "ConfigMap",
        "CustomResourceDefinition",
        "Service",
        "Deployment",
        "Widget",
    ]


def test_objects_of_one_kind_keep_their_order() -> None:
    ordered = in_apply_order([config_map("b"), config_map("a")])
    assert [m["metadata"]["name"] for m in ordered] == ["b", "a"]


def test_lazy_objects_are_equal_to_labelled_ones() -> None:
    rendered = (deployment(), config_map())
    digests = tuple(map(object_digest, rendered))
    labels = ownership("shop", TARGET)
    lazy = OwnedObjects(rendered, digests, labels)
    labelled = tuple(with_ownership(m, labels, d) for m, d in zip(rendered, digests, strict=True))
    assert lazy == labelled
    assert tuple(lazy) == labelled
    assert (len(lazy), lazy[1], lazy[:1]) == (2, labelled[1], labelled[:1])
    assert lazy.rendered is rendered


def test_digests_of_many_are_those_of_each_and_of_all() -> None:
    objects = [deployment(), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ü"}}]
    assert digests_of(objects) == (tuple(object_digest(one) for one in objects), set_digest(objects))
