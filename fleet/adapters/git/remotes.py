"""The remote: which one it is, what its refs are now, and bringing them here."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Mapping
from functools import cached_property

from fleet.adapters.git.names import OBJECT_ID, check_remote, check_url, mask
from fleet.adapters.git.process import NETWORK_TIMEOUT, Answer, GitProcess, summary
from fleet.errors import FleetError, GitError, UnreachableError

_LINE = re.compile(r"^(?P<name>\S+)\t(?P<url>.*) \((?:fetch|push)\)(?: \[.*\])?$")
_FETCH_ATTEMPTS = 6
_BUSY = ("cannot lock ref", "nable to create", "File exists", "failed to lock")


class Remote:
    """The remote repository, or this one itself where no remote is set up."""

    def __init__(self, process: GitProcess, name: str) -> None:
        self._process = process
        self._wanted = check_remote(name)

    @cached_property
    def name(self) -> str | None:
        """Name of the remote; None where the clone has no remote at all.

        Raises:
            GitError: there are remotes, but not this one; or its address is not one that fleet talks to.
        """
        self._process.check_version()
        urls: dict[str, list[str]] = {}
        for line in self._process.run(["remote", "-v"]).text.splitlines():
            found = _LINE.match(line)
            if found:
                urls.setdefault(found["name"], []).append(found["url"])
        if not urls:
            return None
        if self._wanted not in urls:
            raise GitError(
                f"there is no git remote `{self._wanted}`; there is {', '.join(f'`{n}`' for n in urls)}",
                code="FLT-GIT-005",
                hints=(f"git remote add {self._wanted} URL", "or set `git.remote` in `fleet.yaml`"),
            )
        for url in urls[self._wanted]:
            check_url(url)
        return self._wanted

    @property
    def refspecs(self) -> tuple[str, ...]:
        """What is mirrored here: branches, and fleet's own refs out of the way of everything else."""
        return (
            f"+refs/heads/*:refs/remotes/{self._wanted}/*",
            f"+refs/fleet/*:refs/fleet-mirror/{self._wanted}/*",
        )

    @property
    def tracking(self) -> tuple[str, ...]:
        """Settings with which a push moves the mirrored refs along."""
        return tuple(f"remote.{self._wanted}.fetch={spec}" for spec in self.refspecs)

    def local_ref(self, branch: str) -> str:
        """Return the ref that mirrors a branch of the remote."""
        return f"refs/heads/{branch}" if self.name is None else f"refs/remotes/{self.name}/{branch}"

    def mirror_of(self, ref: str) -> str:
        """Return the ref that mirrors a full ref of the remote: a branch or a fleet ref.

        Raises:
            GitError: it is neither, and not mirrored.
        """
        if self.name is None:
            return ref
        for spec in self.refspecs:
            theirs, ours = (side.removesuffix("*") for side in spec.removeprefix("+").split(":"))
            if ref.startswith(theirs):
                return ours + ref.removeprefix(theirs)
        raise GitError(f"`{ref}` is not brought here from the remote", code="FLT-GIT-002")

    def refs(self, prefix: str) -> Mapping[str, str]:
        """Return the refs below a prefix (or the one with this name) as they are now, in one look.

        Raises:
            UnreachableError: the remote cannot be reached.
        """
        if self.name is None:
            answer = self._process.run(["for-each-ref", "--format=%(objectname)%09%(refname)"])
        else:
            answer = self._talk(["ls-remote", "--refs", "--", self.name])
        found: dict[str, str] = {}
        for line in answer.text.splitlines():
            oid, _, ref = line.partition("\t")
            if OBJECT_ID.match(oid) and (ref == prefix or (prefix.endswith("/") and ref.startswith(prefix))):
                found[ref] = oid
        return found

    def fetch(self) -> None:
        """Mirror branches and fleet refs, and forget those that are gone."""
        if self.name is None:
            return
        arguments = ["fetch", "--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"]
        arguments += ["--no-recurse-submodules", "--no-show-forced-updates", "--", self.name, *self.refspecs]
        for attempt in range(_FETCH_ATTEMPTS):
            answer = self._process.run(arguments, fine=range(256), timeout=NETWORK_TIMEOUT)
            if answer.status == 0:
                return
            if not any(mark in answer.error for mark in _BUSY):
                break
            time.sleep(random.uniform(0.01, 0.03) * 2**attempt)  # noqa: S311 - jitter, not a secret
        raise self.unreachable("fetch", answer)

    def _talk(self, arguments: list[str]) -> Answer:
        answer = self._process.run(arguments, fine=range(256), timeout=NETWORK_TIMEOUT)
        if answer.status != 0:
            raise self.unreachable(arguments[0], answer)
        return answer

    def unreachable(self, command: str, answer: Answer) -> FleetError:
        """Return the error of a remote that did not answer, or not to us."""
        text = answer.error
        if "transport '" in text and "not allowed" in text:
            return GitError(f"`git {command}` was refused: {summary(text)}", code="FLT-GIT-006")
        denied = any(
            mark in text for mark in ("Authentication failed", "Permission denied", "could not read Username", "403")
        )
        what = "refused our credentials" if denied else "cannot be reached"
        return UnreachableError(
            f"the git remote `{self._wanted}` {what}: {mask(summary(text)) or 'no reason given'}",
            code="FLT-GIT-060",
            hints=(f"try it by hand: `git ls-remote {self._wanted}`",),
        )
