"""Releases and pins."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from fleet.model.release import Pin, Release

COMMIT = "4f1c2e0" + "0" * 33


@pytest.mark.parametrize("version", ["1.0.0", "0.1.0-rc.1", "2.3.4+build.5", "1.0.0-alpha-a.b-c+x-y"])
def test_semantic_versions_are_taken(version: str) -> None:
    assert Release(version=version, revision=COMMIT).version == version


@pytest.mark.parametrize("version", ["1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-", "latest", "1.0.0\n", "1.0.٣"])
def test_other_versions_are_not(version: str) -> None:
    with pytest.raises(ValidationError, match="is not a semantic version"):
        Release(version=version, revision=COMMIT)


@pytest.mark.parametrize("revision", ["main", "4f1c2e0", COMMIT.upper(), COMMIT + "0", "-" * 40])
def test_a_revision_is_a_whole_commit_id(revision: str) -> None:
    with pytest.raises(ValidationError):
        Release(version="1.0.0", revision=revision)


def test_an_unknown_key_in_a_pin_is_refused() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Pin.model_validate({"relase": {}})
