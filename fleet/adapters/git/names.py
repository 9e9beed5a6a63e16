"""What git may be told: refs, revisions, paths and addresses, checked before they reach a command line.

Pure text; nothing here starts a process.
"""

from __future__ import annotations

import re

from fleet.errors import GitError

SCHEMES = ("file", "https", "ssh")
"""Transports that may be used; everything else (`ext::`, `git://`, `http://`, …) is refused."""

OBJECT_ID = re.compile(r"\A[0-9a-f]{40}(?:[0-9a-f]{24})?\Z")
REMOTE = re.compile(r"\A[A-Za-z0-9][A-Za-z0-9._-]*(?:/[A-Za-z0-9][A-Za-z0-9._-]*)*\Z")

_FORBIDDEN_IN_REF = re.compile(r"[\x00-\x20\x7f ~^:?*\[\\]|\.\.|@\{|//")
_SCP_LIKE = re.compile(r"\A(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9][A-Za-z0-9._-]*:(?!:)[^\x00-\x1f]+\Z")
_CREDENTIALS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*://)[^/\s'\"@]*@(?=\S)")
_TOKEN_IN_QUERY = re.compile(r"([?&](?:[a-z_]*token|password|secret|key)=)[^&\s'\"]+", re.IGNORECASE)
_TOKEN_SHAPES = re.compile(r"\b(?:gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,})\b")


def check_ref(ref: str) -> str:
    """Return a full ref name, if it keeps the rules of ``git check-ref-format``.

    Source: https://git-scm.com/docs/git-check-ref-format

    Raises:
        GitError: it is not a full, well-formed ref name.
    """
    parts = ref.split("/")
    if (
        not ref.startswith("refs/")
        or len(parts) < 3
        or _FORBIDDEN_IN_REF.search(ref)
        or ref.endswith(("/", "."))
        or any(not part or part.startswith((".", "-")) or part.endswith(".lock") for part in parts)
    ):
        raise GitError(f"`{printable(ref)}` is not a name that git allows for a branch or ref", code="FLT-GIT-002")
    return ref


def branch_ref(branch: str) -> str:
    """Return the full ref of a branch.

    Raises:
        GitError: the name is not allowed.
    """
    return check_ref(f"refs/heads/{branch}")


def check_revision(revision: str) -> str:
    """Return a revision expression that is one line and not empty; git itself parses it as a revision only.

    Raises:
        GitError: it could be taken for something else.
    """
    if not revision or len(revision) > 1024 or re.search(r"[\x00-\x1f\x7f]", revision):
        raise GitError(f"`{printable(revision)}` is not a revision", code="FLT-GIT-003")
    return revision


def check_path(path: str) -> str:
    """Return a path relative to the tree, with `/`; the empty one is the tree itself.

    Raises:
        GitError: it is absolute, leaves the tree, or cannot be a path in git.
    """
    if path == "":
        return path
    if "\x00" in path or any(part in ("", ".", "..") or part.lower() == ".git" for part in path.split("/")):
        raise GitError(f"`{printable(path)}` is not a path inside the tree", code="FLT-GIT-004")
    return path


def check_remote(name: str) -> str:
    """Return the name of a remote.

    Raises:
        GitError: git could take it for an option or an address.
    """
    if not REMOTE.match(name) or ".." in name:
        raise GitError(
            f"`{printable(name)}` is not a name for a git remote",
            code="FLT-GIT-005",
            hints=("set `git.remote` in `fleet.yaml`, for example to `origin`",),
        )
    return name


def check_url(url: str) -> str:
    """Return the address of a remote, if its transport is one of :data:`SCHEMES` or it is a path.

    Raises:
        GitError: the transport is not allowed, or git could take the address for an option.
    """
    scheme, found, _ = url.partition("://")
    if found:
        allowed = scheme.lower() in SCHEMES and not re.match(r"\A-", url.partition("://")[2])
    elif url.startswith(("/", "./", "../", "~/")):
        allowed = True
    elif "::" in url or url.startswith("-") or not url:
        allowed = False
    else:
        allowed = _SCP_LIKE.match(url) is not None or ":" not in url.partition("/")[0]
    if not allowed or re.search(r"[\x00-\x1f]", url):
        raise GitError(
            f"fleet does not talk to the remote address `{mask(printable(url))}`",
            code="FLT-GIT-006",
            hints=(f"use one of {', '.join(f'`{s}://`' for s in SCHEMES)}, or a path",),
        )
    return url


def mask(text: str) -> str:
    """Return a text without the credentials that addresses in it carry."""
    text = _CREDENTIALS.sub(r"\g<scheme>***@", text)
    text = _TOKEN_IN_QUERY.sub(r"\1***", text)
    return _TOKEN_SHAPES.sub("***", text)


def printable(text: str, limit: int = 200) -> str:
    """Return a text that is safe in a one-line message."""
    shown = text.encode("unicode_escape").decode("ascii") if not text.isprintable() else text
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
