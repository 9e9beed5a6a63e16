"""Confines the process that renders. Called in the child, before it reads anything that a repository holds.

Several layers, because the machines that fleet runs on allow different ones. Limits of the process always hold. Where
the kernel allows it: a network namespace of its own, Landlock (no file but Python's own libraries can be opened), and
seccomp (no new process, no socket). An audit hook refuses the same from Python code, with a message.

Sources: https://docs.kernel.org/userspace-api/landlock.html,
https://docs.kernel.org/userspace-api/seccomp_filter.html, https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
import struct
import sys
import sysconfig
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1
_PR_SET_SECCOMP = 22
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CLONE_THREAD = 0x00010000

_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446  # the same on every architecture
_LANDLOCK_READ = (1 << 2) | (1 << 3)  # READ_FILE, READ_DIR
_LANDLOCK_FILES = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1}  # from version 5 on: 16 bits
_LANDLOCK_NETWORK = 0b11  # BIND_TCP, CONNECT_TCP; version 4
_LANDLOCK_SCOPES = 0b11  # abstract unix sockets, signals; version 6

_SYSCALLS: dict[str, tuple[int, dict[str, int]]] = {
    "x86_64": (
        0xC000003E,
        {
            "socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "clone": 56, "fork": 57, "vfork": 58,
            "execve": 59, "kill": 62, "ptrace": 101, "pivot_root": 155, "chroot": 161, "mount": 165, "umount2": 166,
            "tkill": 200, "tgkill": 234, "add_key": 248, "request_key": 249, "keyctl": 250, "unshare": 272,
            "accept4": 288, "perf_event_open": 298, "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310,
            "process_vm_writev": 311, "memfd_create": 319, "bpf": 321, "execveat": 322, "userfaultfd": 323,
            "pidfd_send_signal": 424, "io_uring_setup": 425, "pidfd_open": 434, "clone3": 435, "pidfd_getfd": 438,
        },
    ),
    "aarch64": (
        0xC00000B7,
        {
            "umount2": 39, "mount": 40, "pivot_root": 41, "chroot": 51, "unshare": 97, "ptrace": 117, "kill": 129,
            "tkill": 130, "tgkill": 131, "socket": 198, "bind": 200, "listen": 201, "accept": 202, "connect": 203,
            "add_key": 217, "request_key": 218, "keyctl": 219, "clone": 220, "execve": 221, "perf_event_open": 241,
            "accept4": 242, "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271,
            "memfd_create": 279, "bpf": 280, "execveat": 281, "userfaultfd": 282, "pidfd_send_signal": 424,
            "io_uring_setup": 425, "pidfd_open": 434, "clone3": 435, "pidfd_getfd": 438,
        },
    ),
}  # fmt: skip

_REFUSED_EVENTS = (
    "socket.", "subprocess.", "os.system", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.kill", "os.remove",
    "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.chmod", "os.chown", "os.truncate", "os.utime",
    "os.putenv", "os.chdir", "os.startfile", "shutil.", "ctypes.", "webbrowser.", "ftplib.", "smtplib.", "urllib.",
    "http.client.", "tempfile.", "pty.", "fcntl.", "mmap.", "sqlite3.", "signal.pthread_kill", "sys.addaudithook",
)  # fmt: skip
_ALLOWED_EVENTS = ("socket.__new__", "socket.gethostname")
"""asyncio makes a socket pair for itself; seccomp keeps anything else from being made."""


class RefusedError(PermissionError):
    """What the audit hook raises."""


def limit_process(*, memory: int, files: int, processes: int | None) -> None:
    """Set the limits of this process: address space in bytes, open files, processes; no file may be written."""
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_NOFILE, files)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    if processes is not None:
        _limit(resource.RLIMIT_NPROC, processes)


def _limit(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    with suppress(ValueError, OSError):  # systems other than Linux do not have all of them
        resource.setrlimit(which, (value, value))


def limit_cpu(seconds: int) -> None:
    """Let the kernel kill this process after so many more seconds of processor time (soft limit, raised each time)."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(usage.ru_utime + usage.ru_stime) + seconds + 1
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when its parent ends."""
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:  # it ended before the call
        os._exit(1)


def leave_network() -> bool:
    """Move to a network namespace without any interface, and to a user namespace without rights."""
    return _LINUX and bool(_libc().unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0)


def give_up_privileges() -> bool:
    """Never gain rights again, for example by running a set-uid program. Landlock and seccomp ask for it."""
    return _prctl(_PR_SET_NO_NEW_PRIVS, 1)


def library_directories() -> list[Path]:
    """Return where Python's standard library, the installed packages and fleet itself are."""
    import fleet

    names = ("stdlib", "platstdlib", "purelib", "platlib")
    found = [Path(sysconfig.get_path(name)) for name in names]
    found += [
        Path(path) for path in sys.path if path.endswith(("lib-dynload", "site-packages", "dist-packages", ".zip"))
    ]
    found.append(Path(fleet.__file__).parent)
    return [path for path in dict.fromkeys(found) if path.exists()]


def hide_files(readable: Sequence[Path]) -> bool:
    """Forbid to open any file except for reading below these directories (Landlock)."""
    if not _LINUX:
        return False
    libc = _libc()
    version = libc.syscall(_LANDLOCK_CREATE, None, 0, 1)
    if version < 1:
        return False
    attributes = struct.pack(
        "=QQQ",
        _LANDLOCK_FILES.get(min(version, 3), 0) if version < 5 else (1 << 16) - 1,
        _LANDLOCK_NETWORK if version >= 4 else 0,
        _LANDLOCK_SCOPES if version >= 6 else 0,
    )
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = libc.syscall(_LANDLOCK_CREATE, attributes, size, 0)
    if rules < 0:
        return False
    try:
        for path in readable:
            directory = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                access = _LANDLOCK_READ if path.is_dir() else 1 << 2
                if libc.syscall(_LANDLOCK_ADD, rules, 1, struct.pack("=Qi", access, directory), 0) != 0:
                    return False
            finally:
                os.close(directory)
        return bool(libc.syscall(_LANDLOCK_RESTRICT, rules, 0) == 0)
    finally:
        os.close(rules)


def forbid_syscalls(*, threads: bool) -> bool:
    """Forbid sockets, processes, signals to others and the like (seccomp); threads only if asked for."""
    known = _SYSCALLS.get(platform.machine())
    if known is None or not _LINUX:
        return False
    architecture, numbers = known
    program = _filter(architecture, numbers, threads=threads)
    buffer = ctypes.create_string_buffer(program, len(program))
    header = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer))
    return _prctl(_PR_SET_SECCOMP, 2, header)


def _filter(architecture: int, numbers: dict[str, int], *, threads: bool) -> bytes:
    """Return the classic BPF program: what it names gets EPERM, everything else is allowed."""
    load, jump_equal, jump_set, jump_ge, give = 0x20, 0x15, 0x45, 0x35, 0x06
    allow, deny, missing, kill = 0x7FFF0000, 0x00050001, 0x00050026, 0x80000000  # EPERM is 1, ENOSYS is 38

    def op(code: int, value: int, yes: int = 0, no: int = 0) -> bytes:
        return struct.pack("=HBBI", code, yes, no, value)

    parts = [op(load, 4), op(jump_equal, architecture, 1, 0), op(give, kill), op(load, 0)]
    # The second numbering of system calls on x86_64 (x32) would go round the list.
    parts += [op(jump_ge, 0x40000000, 0, 1), op(give, deny)]
    for name, number in numbers.items():
        if name == "clone3":
            # Its flags are behind a pointer; told that it does not exist, the C library uses clone.
            parts += [op(jump_equal, number, 0, 1), op(give, missing)]
        elif name == "clone" and threads:
            parts += [op(jump_equal, number, 0, 4), op(load, 16), op(jump_set, _CLONE_THREAD, 0, 1)]
            parts += [op(give, allow), op(give, deny)]
        else:
            parts += [op(jump_equal, number, 0, 1), op(give, deny)]
    parts.append(op(give, allow))
    return b"".join(parts)


def refuse_in_python(readable: Sequence[Path]) -> None:
    """Refuse sockets, processes and files from Python code, with a message; for the whole life of the process."""
    prefixes = tuple(f"{os.path.realpath(path)}/" for path in readable)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            _check_open(prefixes, *arguments)
        elif event.startswith(_REFUSED_EVENTS) and event not in _ALLOWED_EVENTS:
            raise RefusedError(f"`{event}` is not allowed while an app is rendered")

    sys.addaudithook(hook)


def _check_open(prefixes: tuple[str, ...], path: Any, mode: Any, flags: Any) -> None:
    writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if isinstance(path, int):  # a descriptor that is open already
        return
    text = os.fsdecode(path) if isinstance(path, (str, bytes)) else str(path)
    del mode
    if writes or not os.path.realpath(text).startswith(prefixes):
        raise RefusedError("files cannot be opened while an app is rendered")


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def _prctl(option: int, first: int, second: Any = 0) -> bool:
    if not _LINUX:
        return False
    second = second if isinstance(second, bytes) else ctypes.c_ulong(second)
    return bool(_libc().prctl(option, ctypes.c_ulong(first), second, ctypes.c_ulong(0), ctypes.c_ulong(0)) == 0)
