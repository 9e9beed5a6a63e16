from __future__ import annotations

from fleet.engine.contract import undeclared_images, undeclared_values
from fleet.engine.secrets import plain_secrets
from fleet.model.declared import AppSpec
from fleet.model.objects import Manifest
from fleet.model.release import Release
from tests.helpers.fleets import REVISION

APP = AppSpec(images={"web": "reg.io/web:1"}, promotable=("ratings.enabled",))


def test_a_release_carries_only_what_the_app_declares() -> None:
    release = Release(
        version="1.0.0",
        revision=REVISION,
        images={"web": "reg.io/web:2", "wep": "reg.io/web:2"},
        values={"ratings.enabled": True, "replicas": 3},
    )
    assert undeclared_images(release, APP) == ("wep",)
    assert undeclared_values(release, APP) == ("replicas",)


def secret(**body: object) -> Manifest:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "n"}, **body}


def test_plain_secrets_are_found_by_their_shape() -> None:
    found = list(plain_secrets([secret(data={"b": "eA=="}, stringData={"a": "x"})]))
    assert [(str(ref), keys) for ref, keys in found] == [("Secret/n/s", ("a", "b"))]


def test_plain_secrets_are_found_in_lists() -> None:
    objects = [{"apiVersion": "v1", "kind": "List", "items": [secret(data={"a": "eA=="})]}]
    assert len(list(plain_secrets(objects))) == 1


def test_sealed_and_empty_secrets_pass() -> None:
    objects: list[Manifest] = [
        secret(type="kubernetes.io/service-account-token"),
        secret(data={}),
        secret(data={"a": "ENC[AES256_GCM,data:x]"}, sops={"version": "3"}),
        {"apiVersion": "bitnami.com/v1alpha1", "kind": "SealedSecret", "metadata": {"name": "s"}, "spec": {}},
        {"apiVersion": "external-secrets.io/v1", "kind": "ExternalSecret", "metadata": {"name": "s"}, "spec": {}},
    ]
    assert list(plain_secrets(objects)) == []


def test_a_value_that_sops_left_open_is_found() -> None:
    sealed = secret(data={"a": "ENC[AES256_GCM,data:x]", "b": "eA=="}, sops={"version": "3"})
    assert [keys for _, keys in plain_secrets([sealed])] == [("b",)]
