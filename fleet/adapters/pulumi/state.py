"""Pulumi's self-managed state backend on local disk, as far as fleet looks after it itself.

Layout below the fleet's own directory (https://www.pulumi.com/docs/iac/concepts/state-and-backends/#local-filesystem)::

    .pulumi/meta.yaml                                     layout version
    .pulumi/stacks/<project>/<stack>.json                 state of a stack
    .pulumi/history/<project>/<stack>/                    one pair of files for each run: pruned
    .pulumi/locks/organization/<project>/<stack>/*.json   who works on the stack: no expiry, no check of the owner
    home/                                                 PULUMI_HOME
    settings/Pulumi.<stack>.yaml                          settings of stacks, for a person's commands
    fences/<stack>                                        highest fencing token that worked on the stack
    intents/<stack>.json                                  kinds of objects that an unfinished run may have made

A stack exists when its state file does. `pulumi stack init` would be a process of its own for each target (0.3 CPU
seconds), so the first, empty state is written here.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import quote

from fleet.adapters.pulumi.names import PROVIDER_TYPE, Urn
from fleet.errors import ConflictError, DeployError
from fleet.model.names import Target
from fleet.model.objects import ObjectRef

_VERSION = 3
_KEPT_RUNS = 2
_LOCK_WAIT = 5.0
_LOCK_POLL = 0.1


class StateDirectory:
    """The backend directory of one project (one fleet)."""

    def __init__(self, root: Path, project: str) -> None:
        self.root = root
        self.project = project
        self._bucket = root / ".pulumi"

    @property
    def url(self) -> str:
        """Backend URL. Without `metadata=skip`, each file would have a sibling with attributes that nobody reads."""
        return f"file://{quote(str(self.root))}?metadata=skip"

    @property
    def home(self) -> Path:
        """Directory for what the CLI keeps besides state."""
        return self.root / "home"

    def prepare(self) -> None:
        """Make the directories, readable by this user only."""
        for directory in (self.root, self.home, self._bucket):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        meta = self._bucket / "meta.yaml"
        if not meta.exists():
            _write(meta, b"version: 1\n")

    # -- stacks -----------------------------------------------------------------------------------------------------

    def file(self, stack: str) -> Path:
        """Return the state file of a stack."""
        return self._bucket / "stacks" / self.project / f"{stack}.json"

    def stacks(self) -> list[Target]:
        """Return the targets that have a stack, sorted; stacks that a person made under other names are not ours."""
        found = []
        for file in self.file("x").parent.glob("*.json"):
            with suppress(ValueError):
                found.append(Target.from_stack(file.name.removesuffix(".json")))
        return sorted(found)

    def create(self, stack: str) -> None:
        """Write an empty state, unless the stack exists."""
        file = self.file(stack)
        if not file.exists():
            name = f"organization/{self.project}/{stack}"
            _write(file, json.dumps({"version": _VERSION, "checkpoint": {"stack": name}}).encode())

    def resources(self, stack: str) -> list[Mapping[str, Any]]:
        """Return the resources of a stack; empty for a stack that does not exist.

        Raises:
            DeployError: the state cannot be read.
        """
        file = self.file(stack)
        try:
            document = json.loads(file.read_bytes())
            latest = (document.get("checkpoint") or {}).get("latest") or {}
            return list(latest.get("resources") or ())
        except FileNotFoundError:
            return []
        except (ValueError, AttributeError) as error:
            raise DeployError(
                f"the state of the stack `{stack}` cannot be read",
                hints=(f"remove it with `rm {file}`: the next reconcile takes over what is live",),
            ) from error

    def held(self, stack: str) -> list[ObjectRef]:
        """Return the Kubernetes objects that a stack holds."""
        refs = (Urn.parse(resource["urn"]).ref for resource in self.resources(stack) if not resource.get("delete"))
        return [ref for ref in refs if ref is not None]

    def cluster(self, stack: str) -> str | None:
        """Return the cluster that the stack's provider was configured for."""
        for resource in self.resources(stack):
            if resource.get("type") == PROVIDER_TYPE:
                return (resource.get("inputs") or {}).get("clusterIdentifier")
        return None

    def wrapped_key(self, stack: str) -> str | None:
        """Return what stands for the data key in a stack's state (see :mod:`.secrets_endpoint`), if it has secrets.

        It is empty where somebody else's key service holds the key, a passphrase for example.
        """
        try:
            document = json.loads(self.file(stack).read_bytes())
            found = document["checkpoint"]["latest"]["secrets_providers"]
            state = found.get("state") if found.get("type") else None
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return None
        return str(state.get("encryptedkey") or "") if isinstance(state, dict) else None

    def copy_from(self, other: StateDirectory, stack: str) -> None:
        """Take over the state that a stack has in another directory, or an empty one."""
        try:
            _write(self.file(stack), other.file(stack).read_bytes())
        except FileNotFoundError:
            self.file(stack).unlink(missing_ok=True)
            self.create(stack)

    def write_settings(self, stack: str, settings: Mapping[str, str]) -> None:
        """Write the settings file of a stack, where the project at the root of a fleet looks for it."""
        _write(self.root / "settings" / f"Pulumi.{stack}.yaml", json.dumps(settings).encode())  # JSON is YAML

    def remove(self, stack: str) -> None:
        """Remove a stack and everything that belongs to it."""
        self.file(stack).unlink(missing_ok=True)
        self.file(stack).with_suffix(".json.bak").unlink(missing_ok=True)
        for name in ("history", "backups"):
            shutil.rmtree(self._bucket / name / self.project / stack, ignore_errors=True)
        shutil.rmtree(self._locks(stack), ignore_errors=True)
        (self.root / "fences" / stack).unlink(missing_ok=True)
        (self.root / "settings" / f"Pulumi.{stack}.yaml").unlink(missing_ok=True)
        self.forget_intent(stack)

    def prune(self, stack: str) -> None:
        """Remove all but the latest runs from the history. The CLI never does, and each holds a copy of the state."""
        for name in ("history", "backups"):
            files = sorted((self._bucket / name / self.project / stack).glob("*"), key=lambda file: file.name)
            for file in files[: -2 * _KEPT_RUNS]:
                file.unlink(missing_ok=True)
        logs = sorted((self.home / "logs").glob("*"))
        for file in logs[:-_KEPT_RUNS]:
            with suppress(OSError):
                file.unlink()

    # -- what a run is about to make --------------------------------------------------------------------------------

    def intend(self, stack: str, refs: Iterable[ObjectRef], held: Iterable[ObjectRef]) -> None:
        """Write down the kinds that a run may make objects of, if they are more than the stack holds.

        State is written at the end of a run. Should this one be killed, and the next one declare fewer objects, the
        list of kinds is what the left-over objects are found by.
        """
        kinds = {(ref.api_version, ref.kind) for ref in refs} - {(ref.api_version, ref.kind) for ref in held}
        if kinds - {(ref.api_version, ref.kind) for ref in self.intent(stack)}:
            known = {(ref.api_version, ref.kind) for ref in self.intent(stack)}
            _write(self._intent(stack), json.dumps(sorted(kinds | known)).encode())

    def intent(self, stack: str) -> list[ObjectRef]:
        """Return the kinds that unfinished runs may have made objects of, as references without names."""
        try:
            kinds = json.loads(self._intent(stack).read_bytes())
            return [ObjectRef(str(api_version), str(kind), "", "") for api_version, kind in kinds]
        except (FileNotFoundError, ValueError, TypeError):
            return []

    def forget_intent(self, stack: str) -> None:
        """A run finished: its state says everything."""
        self._intent(stack).unlink(missing_ok=True)

    def _intent(self, stack: str) -> Path:
        return self.root / "intents" / f"{stack}.json"

    # -- who may work on a stack ------------------------------------------------------------------------------------

    def take(self, stack: str, fence: int) -> None:
        """Make sure that the holder of this fencing token, and no earlier one, works on the stack.

        Lock files of processes that are gone are removed: the CLI never would, and the caller's lease says that nobody
        else is at work. A process that lives is waited for, for a moment.

        Raises:
            ConflictError: a later token was seen, or a living process works on the stack.
        """
        file = self.root / "fences" / stack
        try:
            seen = int(file.read_text())
        except (FileNotFoundError, ValueError):
            seen = 0
        if fence < seen:
            raise ConflictError(
                f"another run took over the stack `{stack}`", hints=("run `fleet reconcile` again when it is done",)
            )
        if fence > seen:
            _write(file, str(fence).encode())
        end = time.monotonic() + _LOCK_WAIT
        while holder := self._break_stale_locks(stack):
            if time.monotonic() > end:
                raise ConflictError(
                    f"the stack `{stack}` is locked by {holder}",
                    hints=(f"if nothing runs there, release it with `fleet pulumi -- cancel -s {stack}`",),
                )
            time.sleep(_LOCK_POLL)

    def _locks(self, stack: str) -> Path:
        return self._bucket / "locks" / "organization" / self.project / stack

    def _break_stale_locks(self, stack: str) -> str | None:
        """Remove locks of dead processes of this host; return who holds a lock that stays."""
        for file, lock in self._read_locks(stack):
            here = lock.get("hostname") == socket.gethostname()
            pid = lock.get("pid")
            if here and isinstance(pid, int) and not _alive(pid):
                file.unlink(missing_ok=True)
            else:
                return f"process {pid} of `{lock.get('username')}@{lock.get('hostname')}`"
        return None

    def _read_locks(self, stack: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        directory = self._locks(stack)
        for file in directory.glob("*.json") if directory.is_dir() else ():
            try:
                lock = json.loads(file.read_bytes())
            except FileNotFoundError:
                continue
            except ValueError:
                lock = {}
            yield file, lock if isinstance(lock, dict) else {}


def _alive(pid: int) -> bool:
    """Say whether a process is there and is not another program that got the same number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    try:
        return "pulumi" in Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return Path(f"/proc/{pid}").exists() or not Path("/proc/self").exists()


def _write(file: Path, content: bytes) -> None:
    """Write a file as a whole, or not at all; mode 0600."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}-", delete=False) as temporary:
        temporary.write(content)
        temporary.flush()
        os.fsync(temporary.fileno())
    Path(temporary.name).replace(file)
