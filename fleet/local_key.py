"""The local key of a fleet: random, of this clone only, made at first use. Importable everywhere, like `fleet.files`.

It unlocks the secrets of Pulumi's state and keys the hashes that records keep of Secret values. Losing it costs nothing
but one run that rebuilds both.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from fleet.errors import FleetError

KEY_BYTES = 32


def load_key(path: Path) -> bytes:
    """Return the key in a file; make it if it is not there. Two processes that start at once get the same one.

    Raises:
        FleetError: the file cannot be read or written.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            return _read(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(secrets.token_bytes(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(temporary)  # fails where another process was faster, and never replaces its key
        finally:
            temporary.unlink()
        return _read(path)
    except OSError as error:
        raise FleetError(f"the key file `{path}` cannot be used: {error.strerror}", code="FLT-STO-003") from error


def _read(path: Path) -> bytes:
    key = path.read_bytes()
    if len(key) != KEY_BYTES:
        raise FleetError(
            f"the key file `{path}` is damaged",
            code="FLT-STO-001",
            hints=(f"delete it, a new one is made: `rm {path}`",),
        )
    if path.stat().st_mode & 0o077:
        path.chmod(0o600)
    return key
