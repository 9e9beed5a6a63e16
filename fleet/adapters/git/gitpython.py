"""GitPython's command runner, without the rest of GitPython.

``import git`` takes about 0.08 CPU seconds and runs ``git version`` twice: it loads its models of repositories, indexes
and remotes, none of which is used here. The command runner (``git.cmd``) needs a third of that, so it is imported as if
its package were empty. A later ``import git`` in the same process works as ever, and where it came first, it is used.
"""

from __future__ import annotations

import sys
import threading
import types
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from git.cmd import Git

_PACKAGE = "git"
_MODULE = "git.cmd"
_lock = threading.Lock()


def command_runner() -> type[Git]:
    """Return the class ``git.cmd.Git``. Safe to call from several threads.

    Raises:
        ImportError: GitPython is not installed.
    """
    with _lock:
        if _MODULE not in sys.modules and _PACKAGE not in sys.modules:
            _import_alone()
        runner: type[Git] = import_module(_MODULE).Git if _PACKAGE in sys.modules else sys.modules[_MODULE].Git
        if runner.GIT_PYTHON_GIT_EXECUTABLE is None:
            runner.GIT_PYTHON_GIT_EXECUTABLE = runner.git_exec_name  # as `import git` would find out by running it
        return runner


def _import_alone() -> None:
    spec = find_spec(_PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError("GitPython is not installed", name=_PACKAGE)
    package = types.ModuleType(_PACKAGE)
    package.__path__ = list(spec.submodule_search_locations)
    sys.modules[_PACKAGE] = package
    try:
        import_module(_MODULE)
    finally:
        del sys.modules[_PACKAGE]
