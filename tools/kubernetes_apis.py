"""Writes the table of Kubernetes API versions that are deprecated or removed, from the life-cycle markers of modules.

Kubernetes marks each type of a pre-release API version with the releases that deprecate and remove it, and with its
replacement (`zz_generated.prerelease-lifecycle.go`); the marker is kept after the removal. With the modules of a new
Kubernetes release in the Go module cache (`go mod download k8s.io/api@v0.36.1`, and the two others):

    K=~/go/pkg/mod/k8s.io
    uv run python tools/kubernetes_apis.py $K/api@v0.36.1 $K/apiextensions-apiserver@v0.36.1 $K/kube-aggregator@v0.36.1

What was removed together with its Go types stands in :mod:`fleet.engine.kubernetes_apis` by hand.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

TABLE = Path(__file__).resolve().parents[1] / "fleet" / "engine" / "kubernetes_lifecycle.py"

_HEAD = '''"""Life-cycle markers of Kubernetes' API versions; written by tools/kubernetes_apis.py.

From {modules}.
Each line: apiVersion and kind, the Kubernetes release that deprecates it, the one that removes it, and what to use
instead (`=` is the same kind, `-` is nothing).
"""

MARKERS = """\\
'''

_FUNCTION = re.compile(
    r"func \(in \*(?P<kind>\w+)\) APILifecycle(?P<what>Introduced|Deprecated|Removed|Replacement)\(\)[^{]*\{"
    r"\s*return (?P<value>[^\n]+)"
)
_GROUP = re.compile(r'GroupName = "([^"]*)"')
_REPLACEMENT = re.compile(r'Group:\s*"([^"]*)", Version:\s*"([^"]*)", Kind:\s*"([^"]*)"')


def rows(module: Path) -> Iterator[str]:
    """Yield the lines of a module."""
    for path in sorted(module.rglob("zz_generated.prerelease-lifecycle.go")):
        group = _GROUP.search((path.parent / "register.go").read_text())
        if group is None or not re.fullmatch(r"v\d+((alpha|beta)\d+)?", path.parent.name):
            continue
        found: dict[str, dict[str, str]] = {}
        for match in _FUNCTION.finditer(path.read_text()):
            found.setdefault(match["kind"], {})[match["what"]] = match["value"]
        for kind, facts in sorted(found.items()):
            if kind.endswith(("List", "Options")) or "Deprecated" not in facts:
                continue
            version = _joined(group[1], path.parent.name)
            new = _replacement(facts.get("Replacement", ""), kind) or _stable(path.parent, group[1], kind)
            yield f"{version} {kind} {_release(facts['Deprecated'])} {_release(facts.get('Removed', ''))} {new}"


def _joined(group: str, version: str) -> str:
    return f"{group}/{version}" if group else version


def _release(value: str) -> str:
    return ".".join(re.findall(r"\d+", value)) or "-"


def _replacement(value: str, kind: str) -> str | None:
    match = _REPLACEMENT.search(value)
    if match is None:
        return None
    new = match[3].removesuffix("List")  # the marker of IngressClass names the list
    return f"{_joined(match[1], match[2])} {'=' if new == kind else new}"


def _stable(directory: Path, group: str, kind: str) -> str:
    """Return the stable version of the group that has the kind too."""
    for other in sorted(directory.parent.glob("v*"), reverse=True):
        types = other / "types.go"
        if re.fullmatch(r"v\d+", other.name) and types.exists() and f"type {kind} struct" in types.read_text():
            return f"{_joined(group, other.name)} ="
    return "- -"


if __name__ == "__main__":
    paths = [Path(argument).expanduser() for argument in sys.argv[1:]]
    named = ", ".join(path.name for path in paths)
    lines = sorted(row for path in paths for row in rows(path))
    TABLE.write_text(_HEAD.format(modules=named) + "".join(f"{line}\n" for line in lines) + '"""\n')
