"""What may reach a git command line."""

from __future__ import annotations

import re
import subprocess

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fleet.adapters.git.names import (
    branch_ref,
    check_path,
    check_ref,
    check_remote,
    check_revision,
    check_url,
    mask,
)
from fleet.errors import GitError

NASTY = st.text(st.sampled_from("ab-./@{}~^:?*[\\ \n\x00\x7f$();'\"|é"), max_size=12)


@given(NASTY)
@example("-x")
@example("a.lock/b")
@example("@")
@example("a/../b")
def test_every_branch_that_passes_is_one_that_git_allows(name: str) -> None:
    try:
        ref = branch_ref(name)
    except GitError:
        return
    done = subprocess.run(["git", "check-ref-format", ref], check=False, capture_output=True)
    assert done.returncode == 0, ref
    assert not any(part.startswith("-") for part in ref.split("/"))


@pytest.mark.parametrize("name", ["main", "fleet/promote/prod/web", "v1.2", "a-b_c", "é"])
def test_usual_branches_pass(name: str) -> None:
    assert branch_ref(name) == f"refs/heads/{name}"


@pytest.mark.parametrize("ref", ["main", "HEAD", "refs/", "refs/heads", "--upload-pack=x", "refs/heads/../x"])
def test_a_ref_is_a_full_name(ref: str) -> None:
    with pytest.raises(GitError):
        check_ref(ref)


@given(NASTY)
@example("../etc/passwd")
@example("/etc/passwd")
@example("a/.git/hooks/x")
@example(".GIT/config")
def test_a_path_that_passes_stays_in_the_tree(path: str) -> None:
    try:
        checked = check_path(path)
    except GitError:
        return
    parts = checked.split("/") if checked else []
    assert not checked.startswith("/")
    assert not {"", ".", "..", ".git"} & {p.lower() for p in parts}
    assert "\x00" not in checked


@pytest.mark.parametrize(
    "url",
    [
        "ext::sh -c touch% /tmp/x",
        "fd::17",
        "git://example.com/x",
        "http://example.com/x",
        "--upload-pack=touch x",
        "-oProxyCommand=touch x:y",
        "ssh://-oProxyCommand=touch/x",
        "javascript://x",
        "a\nb",
        "",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(GitError, match="does not talk"):
        check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/x.git",
        "ssh://git@example.com:22/x",
        "git@example.com:team/x.git",
        "example.com:team/x.git",
        "file:///srv/x.git",
        "/srv/x.git",
        "../x.git",
        "x/y.git",
    ],
)
def test_addresses_that_are_fine(url: str) -> None:
    assert check_url(url) == url


@pytest.mark.parametrize("name", ["", "-x", "a b", "ext::x", "https://x", "a/../b", "a\n"])
def test_a_remote_has_a_plain_name(name: str) -> None:
    with pytest.raises(GitError):
        check_remote(name)


@pytest.mark.parametrize("revision", ["", "a\nb", "\x00", "x" * 2000])
def test_a_revision_is_one_line(revision: str) -> None:
    with pytest.raises(GitError):
        check_revision(revision)


@pytest.mark.parametrize(
    "text",
    [
        "fatal: unable to access 'https://user:CANARY@example.com/x.git/': 403",
        "https://CANARY@example.com/x",
        "ssh://CANARY:CANARY@host/x",
        "https://u:p%40CANARY@example.com:8443/x?y=1",
        "https://example.com/x?private_token=CANARY&a=b",
        "https://example.com/x?access_token=CANARY",
    ],
)
def test_credentials_in_addresses_are_masked(text: str) -> None:
    masked = mask(text)
    assert "CANARY" not in masked
    assert re.search("example.com|host", masked)


def test_token_shapes_are_masked_anywhere() -> None:
    assert "abcdefghij" not in mask("remote: bad token ghp_abcdefghijklmnopqrstuvwxyz0123456789")
