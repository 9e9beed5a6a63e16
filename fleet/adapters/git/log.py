"""Reads history: one ``git log``, fields separated by NUL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from fleet.errors import GitError
from fleet.ports.repository import Commit, Signature

# Each record starts with an empty field, which no path can be, so that the paths of the record before it end there.
_FORMAT = "%x00".join(("", "%H", "%P", "%an", "%ae", "%at", "%cn", "%ce", "%ct", "%B"))
_FIELDS = 9


def log_arguments(
    revision: str, *, paths: Sequence[str], first_parent: bool, limit: int | None, with_paths: bool
) -> list[str]:
    """Return the arguments of a ``git log`` that :func:`parse_log` understands."""
    arguments = ["log", "-z", f"--format={_FORMAT}", "--encoding=UTF-8", "--no-decorate", "--no-notes"]
    arguments += ["--no-show-signature", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames"]
    if first_parent:
        arguments.append("--first-parent")
    if limit is not None:
        arguments.append(f"--max-count={limit}")
    if with_paths:
        arguments += ["--name-only", "--full-diff", "--diff-merges=first-parent"]
    return [*arguments, "--end-of-options", revision, "--", *paths]


def parse_log(out: bytes) -> Iterator[Commit]:
    """Yield the commits of a log.

    Raises:
        GitError: git said something that is not a log of ours.
    """
    fields = out.decode("utf-8", "backslashreplace").split("\0")
    at = 0
    while at < len(fields) - 1:
        if fields[at] != "" or at + _FIELDS >= len(fields):
            raise GitError("`git log` answered in a form that fleet does not know", code="FLT-GIT-030")
        oid, parents, name, email, written, by, by_email, committed, message = fields[at + 1 : at + 1 + _FIELDS]
        at += 1 + _FIELDS
        paths = []
        while at < len(fields) and fields[at] != "":
            paths.append(fields[at].removeprefix("\n"))
            at += 1
        yield Commit(
            oid,
            tuple(parents.split()),
            Signature(name, email, _time(written)),
            Signature(by, by_email, _time(committed)),
            message.rstrip("\n"),
            tuple(paths),
        )


def _time(text: str) -> datetime:
    """Return a time in UTC; a commit with a nonsense date is as old as can be."""
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)
