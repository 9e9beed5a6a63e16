from __future__ import annotations

import pytest

from fleet.model.toolchain import at_least, fits, parse_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("v3.230.0\n", "3.230.0"),
        ("3.230.0", "3.230.0"),
        ("etcd Version: 3.6.8\nGit SHA: Not provided\nGo Version: go1.26.8", "3.6.8"),
        ("kwok version v0.8.0 go1.26.8 (linux/amd64)", "0.8.0"),
        ("Kubernetes v1.36.1", "1.36.1"),
        ("Client Version: v1.36.1\nKustomize Version: v5.8.1", "1.36.1"),
        ("Kubernetes v0.0.0-master+$Format:%H$", "0.0.0-master"),
        ("3.231.0-alpha.1", "3.231.0-alpha.1"),
        ("no version here, only go1.26.8 and 10.0.0.1x", "10.0.0"),
        ("nothing", None),
        ("", None),
    ],
)
def test_version_is_found_in_what_programs_print(text: str, version: str | None) -> None:
    assert parse_version(text) == version


@pytest.mark.parametrize(
    ("found", "fitting"),
    [
        ("1.36.1", True),
        ("1.36.4", True),
        ("1.36.0", False),
        ("1.37.1", False),
        ("2.36.1", False),
        ("1.36.2-rc.0", False),
        ("0.0.0-master", False),
    ],
)
def test_only_the_same_minor_version_from_the_wanted_patch_on_fits(found: str, fitting: bool) -> None:
    assert fits(found, "1.36.1") is fitting


def test_a_prerelease_fits_if_it_is_the_wanted_one() -> None:
    assert fits("1.0.0-rc.1", "1.0.0-rc.1")


@pytest.mark.parametrize(
    ("found", "wanted", "enough"),
    [("1.26.8", "1.26.0", True), ("1.27", "1.26.0", True), ("1.25.9", "1.26.0", False), ("1.27rc1", "1.26.0", True)],
)
def test_go_may_be_newer(found: str, wanted: str, enough: bool) -> None:
    assert at_least(found, wanted) is enough
