"""Files that survive a crash, and locks between processes. Importable everywhere, like :mod:`fleet.failpoints`."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path


def write_atomically(path: Path, data: bytes | str, *, mode: int = 0o644) -> None:
    """Write a file so that a reader, or a crash, sees either the old content or the new one.

    Raises:
        OSError: the directory cannot be written to.
    """
    content = data.encode() if isinstance(data, str) else data
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


@contextmanager
def exclusive(path: Path, purpose: str, waiting: Callable[[str], None]) -> Iterator[int]:
    """Hold a lock file while the block runs; wait for whoever holds it.

    The operating system drops the lock when its holder ends, however it ends. A child process that inherits the
    descriptor (``pass_fds``) keeps the lock for as long as it lives.

    Args:
        path: the lock file; it is created, and stays. Who removes it must hold it.
        purpose: what the holder does, for the one that waits: `builds kubernetes`.
        waiting: called once with a text about the holder, if there is one: `process 4711, which builds kubernetes`.

    Yields:
        The descriptor of the lock file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = _locked(path, waiting)
    try:
        since = datetime.now(UTC).astimezone().strftime("%H:%M:%S")
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()}, which {purpose} since {since}".encode(), 0)
        yield handle
    finally:
        os.close(handle)


def _locked(path: Path, waiting: Callable[[str], None]) -> int:
    told = False
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    waiting(os.pread(handle, 500, 0).decode(errors="replace") or "another process")
                    told = True
                fcntl.flock(handle, fcntl.LOCK_EX)
            with suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), path.stat()):
                    return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # the last holder removed the file: lock the one that is there now
        path.parent.mkdir(parents=True, exist_ok=True)
