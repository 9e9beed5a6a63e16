"""Runs git: argument lists only, an environment that we made, no prompts, no hooks, and a deadline.

What is kept of the user's environment and configuration is who they are and how they sign in. What is taken
away are the variables that would point git at another repository (`GIT_DIR`, `GIT_INDEX_FILE`, …; they are set
when fleet runs inside a git hook), traces that could print credentials, and every transport but file, https and ssh.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fleet.adapters.git.names import SCHEMES, mask
from fleet.errors import FleetError, GitError, ToolError, UnreachableError

MINIMUM_VERSION = (2, 38)
"""`git merge-tree --write-tree` came with 2.38: https://github.com/git/git/blob/master/Documentation/RelNotes/2.38.0.txt"""

LOCAL_TIMEOUT = 300.0
NETWORK_TIMEOUT = 180.0
"""Seconds."""

_KEPT = re.compile(
    r"GIT_(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL|DATE)|GIT_SSH(?:_COMMAND|_VARIANT)?|GIT_ASKPASS|GIT_EXEC_PATH"
    r"|GIT_CONFIG_(?:GLOBAL|SYSTEM|NOSYSTEM|COUNT|KEY_\d+|VALUE_\d+)|GIT_SSL_\w+|GIT_HTTP_\w+|GIT_PROXY_SSL_\w+"
)
_FORCED = {
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "GIT_TERMINAL_PROMPT": "0",
    "GCM_INTERACTIVE": "never",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_PAGER": "cat",
    "GIT_EDITOR": "false",
    "GIT_ADVICE": "0",
}
_SETTINGS = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "i18n.commitEncoding=UTF-8",
    "i18n.logOutputEncoding=UTF-8",
    "user.useConfigOnly=true",
    "log.follow=false",
    "merge.renames=false",
    "merge.directoryRenames=false",
    "gc.auto=0",
    "color.ui=false",
    "push.gpgSign=false",
    "push.followTags=false",
    "push.recurseSubmodules=no",
)
"""Settings of every command; they outweigh the user's."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a git command said."""

    status: int
    out: bytes
    error: str
    """Standard error, without credentials."""

    @property
    def text(self) -> str:
        """Standard output as text, without the last newline."""
        return self.out.decode("utf-8", "replace").rstrip("\n")


class GitProcess:
    """Starts git in one directory."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def run(
        self,
        arguments: Sequence[str],
        *,
        feed: bytes = b"",
        fine: Sequence[int] = (0,),
        environment: Mapping[str, str] | None = None,
        settings: Sequence[str] = (),
        timeout: float = LOCAL_TIMEOUT,
    ) -> Answer:
        """Run one command and wait for it.

        Args:
            arguments: subcommand and arguments; values of users stand behind `--` or in `--option=value`.
            feed: standard input.
            fine: exit statuses that are not failures.
            environment: variables on top of the safe ones.
            settings: `key=value` configuration on top of the safe ones.
            timeout: seconds.

        Raises:
            GitError: another exit status.
            UnreachableError: the deadline passed.
            ToolError: there is no git.
        """
        command = ["git"]
        for setting in (*_SETTINGS, *settings):
            command += ["-c", setting]
        command += arguments
        try:
            done = subprocess.run(
                command,
                cwd=self.directory,
                env={**safe_environment(self.directory), **(environment or {})},
                input=feed,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except FileNotFoundError as error:
            raise _missing(self.directory) from error
        except subprocess.TimeoutExpired as error:
            raise UnreachableError(
                f"`git {arguments[0]}` did not finish within {timeout:.0f} s", code="FLT-GIT-010"
            ) from error
        answer = Answer(done.returncode, done.stdout, mask(done.stderr.decode("utf-8", "replace")).strip())
        if answer.status not in fine:
            raise failure(arguments[0], answer, self.directory)
        return answer

    def check_version(self) -> None:
        """Make sure that git is new enough.

        Raises:
            ToolError: it is too old, or not there.
        """
        answer = self.run(["version"])
        found = re.search(r"(\d+)\.(\d+)", answer.text)
        if found is None or (int(found[1]), int(found[2])) < MINIMUM_VERSION:
            wanted = ".".join(str(n) for n in MINIMUM_VERSION)
            raise ToolError(
                f"git is too old: fleet needs {wanted} or newer, this is `{answer.text}`",
                code="FLT-GIT-011",
                hints=("install a newer git: https://git-scm.com/downloads",),
            )


def safe_environment(directory: Path) -> dict[str, str]:
    """Return the environment of a git command that works in a directory and nowhere else."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("GIT_") or _KEPT.fullmatch(name)
    }
    environment.update(_FORCED)
    environment["GIT_CEILING_DIRECTORIES"] = str(directory.parent)
    own = os.environ.get("GIT_ALLOW_PROTOCOL")
    allowed = [s for s in SCHEMES if own is None or s in own.split(":")]
    environment["GIT_ALLOW_PROTOCOL"] = ":".join(allowed)
    return environment


def failure(command: str, answer: Answer, directory: Path) -> FleetError:
    """Return the error of a failed command, with a hint where the reason is known."""
    text = answer.error
    if "dubious ownership" in text:
        return GitError(
            f"git does not trust `{directory}`: it belongs to another user",
            code="FLT-GIT-012",
            hints=(f"git config --global --add safe.directory {directory}",),
        )
    if "not a git repository" in text and "Could not read from remote" not in text:
        return no_repository(directory)
    if _no_identity(text):
        return GitError(
            "git does not know who you are, so no commit can be made",
            code="FLT-GIT-013",
            hints=('git config --global user.name "Your Name"', "git config --global user.email you@example.com"),
        )
    return GitError(f"`git {command}` failed: {summary(text) or f'exit status {answer.status}'}")


def no_repository(directory: Path) -> GitError:
    """Return the error for a directory that is in no repository."""
    return GitError(
        f"`{directory}` is not inside a git repository",
        code="FLT-GIT-014",
        hints=("make a new fleet with `fleet init`, or point to one with `fleet -C PATH`",),
    )


def summary(text: str, limit: int = 400) -> str:
    """Return git's complaint as one line: without progress, hints and decoration."""
    lines = []
    for raw in text.splitlines():
        line = re.sub(r"^(?:fatal|error|remote):\s*", "", raw.strip())
        if line and not line.startswith(("hint:", "warning:", "To ", "Everything up-to-date", "Done")):
            lines.append(line.rstrip("."))
    joined = "; ".join(dict.fromkeys(lines))
    return joined if len(joined) <= limit else joined[: limit - 1] + "…"


def _no_identity(text: str) -> bool:
    marks = (
        "Please tell me who you are",
        "user.useConfigOnly",
        "no email was given",
        "no name was given",
        "empty ident",
    )
    return any(mark in text for mark in marks)


def _missing(directory: Path) -> FleetError:
    if not directory.is_dir():
        return GitError(f"`{directory}` is not a directory", code="FLT-GIT-014")
    return ToolError(
        "git is not installed, or not on the PATH",
        code="FLT-GIT-011",
        hints=("install git: https://git-scm.com/downloads",),
    )
