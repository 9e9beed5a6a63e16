"""Names of objects in a stack."""

from __future__ import annotations

import pytest

from fleet.adapters.pulumi.names import Urn, object_urn, resource_name, type_token
from fleet.model.objects import ObjectRef

RBAC = "rbac.authorization.k8s.io"
CASES = [
    (ObjectRef("v1", "Secret", "shop", "web"), "kubernetes:core/v1:Secret", "shop/web"),
    (ObjectRef("apps/v1", "Deployment", "shop", "web"), "kubernetes:apps/v1:Deployment", "shop/web"),
    (ObjectRef("v1", "Namespace", "", "shop"), "kubernetes:core/v1:Namespace", "shop"),
    (
        ObjectRef("rbac.authorization.k8s.io/v1", "ClusterRole", "", "a:b::c"),
        "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
        "a:b::c",
    ),
    (ObjectRef("example.com/v1beta1", "Widget", "shop", "x"), "kubernetes:example.com/v1beta1:Widget", "shop/x"),
]


@pytest.mark.parametrize(("ref", "token", "name"), CASES, ids=lambda case: str(case))
def test_type_tokens_and_names_are_those_of_the_official_provider(ref: ObjectRef, token: str, name: str) -> None:
    assert type_token(ref.api_version, ref.kind) == token
    assert resource_name(ref) == name


@pytest.mark.parametrize("ref", [case[0] for case in CASES], ids=str)
def test_urn_says_which_object_it_is(ref: ObjectRef) -> None:
    urn = object_urn("web.dev.one", "shop", ref)
    assert Urn.parse(str(urn)) == urn
    assert urn.ref == ref


def test_urn_of_a_child_resource_keeps_its_own_type() -> None:
    urn = Urn.parse("urn:pulumi:s::p::my:component:Thing$kubernetes:core/v1:Pod::ns/a")
    assert urn.ref == ObjectRef("v1", "Pod", "ns", "a")


def test_stack_and_provider_are_no_objects() -> None:
    assert Urn.parse("urn:pulumi:s::p::pulumi:pulumi:Stack::p-s").ref is None
    assert Urn.parse("urn:pulumi:s::p::pulumi:providers:kubernetes::cluster").ref is None


@pytest.mark.parametrize("text", ["", "urn:pulumi:s", "s::p::t::n"])
def test_other_text_is_no_urn(text: str) -> None:
    with pytest.raises(ValueError, match="not a URN"):
        Urn.parse(text)
