"""Secret values are masked in everything that leaves."""

from __future__ import annotations

from fleet.engine.compare import changes_between, compare
from fleet.engine.redact import LAST_APPLIED, mask_changes, mask_manifest
from fleet.model.change import MASK
from tests.helpers.manifests import config_map, secret


def test_a_changed_value_is_a_change_without_its_value() -> None:
    changes = changes_between(secret(password="old", same="x"), secret(password="new", same="x"))
    assert [(c.path, c.kind.value, c.old, c.new) for c in changes] == [("data.password", "changed", MASK, MASK)]


def test_added_and_removed_keys_are_shown_without_values() -> None:
    changes = changes_between(secret(a="1"), secret(b="2"))
    assert [(c.path, c.kind.value, c.old, c.new) for c in changes] == [
        ("data.a", "removed", MASK, None),
        ("data.b", "added", None, MASK),
    ]


def test_a_whole_new_map_keeps_its_keys() -> None:
    old = secret()
    del old["data"]
    new = {**secret(), "stringData": {"token": "t0p"}}
    assert [(c.path, c.new) for c in changes_between(old, new)] == [("data", {}), ("stringData", {"token": MASK})]


def test_values_are_shown_when_asked_for() -> None:
    assert changes_between(secret(a="1"), secret(a="2"), show_secrets=True)[0].new == "2"


def test_a_config_map_is_not_masked() -> None:
    assert changes_between(config_map(a="1"), config_map(a="2"))[0].new == "2"


def test_a_masked_manifest_keeps_its_keys() -> None:
    manifest = secret(password="x")
    manifest["metadata"]["annotations"] = {LAST_APPLIED: '{"data":{"password":"x"}}'}
    masked = mask_manifest(manifest)
    assert masked["data"] == {"password": MASK}
    assert masked["metadata"]["annotations"][LAST_APPLIED] == MASK
    assert manifest["data"] == {"password": "x"}


def test_secrets_in_lists_are_masked() -> None:
    bare = {k: v for k, v in secret(password="hunter2").items() if k not in ("apiVersion", "kind")}
    for document in (
        {"apiVersion": "v1", "kind": "List", "items": [secret(password="hunter2")]},
        {"apiVersion": "v1", "kind": "SecretList", "items": [bare]},
    ):
        assert "hunter2" not in str(mask_manifest(document))


def test_masking_twice_changes_nothing() -> None:
    changes = compare([secret(a="1")], [secret(a="2")], show_secrets=True)
    assert mask_changes(mask_changes(changes)) == mask_changes(changes)
