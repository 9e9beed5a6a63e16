"""Collects every error code from the source: from the tables of codes, and from the places that raise them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

CODE = re.compile(r"FLT-[A-Z]{3}-\d{3}")

FAMILIES = {
    "USE": "Usage",
    "CFG": "Fleet files",
    "INI": "New fleets",
    "SEC": "Secrets",
    "RND": "Rendering",
    "GIT": "git",
    "FRG": "Forge",
    "PRM": "Promotion",
    "LED": "Ledger",
    "GAT": "Gates",
    "RST": "Locks, holds and rejections",
    "CON": "Concurrent changes",
    "CLU": "Clusters",
    "DEP": "Engine",
    "OUT": "Outside systems",
    "REG": "Registries",
    "STO": "Local store",
    "TLC": "Toolchain",
    "SBX": "Sandbox",
    "DEM": "Demo",
    "BUG": "Bugs",
    "GEN": "General",
}


SAID_ELSEWHERE = {
    "FLT-SEC-001": "An app renders a Secret with plain values. Seal it, or let an operator fetch it.",
    "FLT-GIT-051": "A revision that a pin names is not in this clone. In a shallow clone: `git fetch --unshallow`.",
    "FLT-GAT-002": "A gate holds the promotion; its reason says which cluster or condition, and the hint how to go on.",
    "FLT-PRM-009": "The source environment never had the release that `--from-release` names.",
    "FLT-GAT-020": "There is no such gate to override, or the policy does not let this person override it.",
    "FLT-GAT-010": "A gate holds the merge of a pull request, such as missing approvals.",
    "FLT-CLU-403": "The API server does not allow this to the credentials of the cluster's context.",
    "FLT-CLU-409": "Another field manager owns a field; the message names managers and fields.",
    "FLT-CLU-410": "A list or watch became too old; fleet starts it again by itself.",
    "FLT-CLU-422": "The API server calls the object invalid; the message says which field.",
    "FLT-REG-004": "A registry is too busy to answer (429, 5xx), even after some repetitions.",
    "FLT-REG-020": "The repository, range or form of tags on the command line cannot be used.",
    "FLT-OUT-101": "No connection to the API server.",
    "FLT-OUT-107": "The kubeconfig, or the context that the cluster's file names, cannot be used.",
}
"""Codes whose messages are put together in several places."""


@dataclass
class Entry:
    """What is known of one code."""

    title: str = ""
    explanation: str = ""
    messages: list[str] = field(default_factory=list)


def catalogue(package: Path) -> dict[str, Entry]:
    """Return every code that the package holds, sorted."""
    entries: dict[str, Entry] = {}
    for path in sorted(package.rglob("*.py")):
        source = path.read_text()
        module = ast.parse(source)
        for code in CODE.findall(source):
            entries.setdefault(code, Entry())
        names = _constants(module)
        for code in {*names.values(), *_defaults(module)}:
            entries.setdefault(code, Entry())
        for code, doc in _defaults(module).items():
            entries[code].title = entries[code].title or doc
        for code, message in _raised(module, names):
            known = entries.setdefault(code, Entry()).messages
            if message and message not in known:
                known.append(message)
    for table in _tables():
        for code, (title, explanation) in table.items():
            entry = entries.setdefault(code, Entry())
            entry.title, entry.explanation = title, explanation
    for code, text in SAID_ELSEWHERE.items():
        entries.setdefault(code, Entry()).explanation = text
    return dict(sorted(entries.items()))


def _tables() -> Iterator[dict[str, tuple[str, str]]]:
    from fleet.adapters.config.codes import CODES as FILES
    from fleet.adapters.render.codes import CODES as RENDERING

    for table in (FILES, RENDERING):
        yield {code: (entry.title, entry.explanation) for code, entry in table.items()}


def _constants(module: ast.Module) -> dict[str, str]:
    """Return module-level names that hold a code."""
    return {
        target.id: str(node.value.value)
        for node in module.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and _is_code(node.value.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _is_code(value: object) -> bool:
    return isinstance(value, str) and CODE.fullmatch(value) is not None


def _defaults(module: ast.Module) -> dict[str, str]:
    """Return the default codes of error classes, with what the class says of itself."""
    found = {}
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if (
                    isinstance(item, ast.Assign)
                    and isinstance(item.value, ast.Constant)
                    and _is_code(item.value.value)
                    and getattr(item.targets[0], "id", "") == "default_code"
                ):
                    found[str(item.value.value)] = (ast.get_docstring(node) or "").split("\n\n")[0]
    return found


def _raised(module: ast.Module, names: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield each code that is given to an error or problem, with its message as a pattern."""
    for node in ast.walk(module):
        if not isinstance(node, ast.Call):
            continue
        values = [*node.args, *(k.value for k in node.keywords if k.arg == "code")]
        codes = [code for value in values if (code := _code_of(value, names))]
        messages = [text for value in node.args if not _code_of(value, names) and (text := _pattern(value))]
        for code in codes:
            yield code, messages[0] if messages else ""


def _code_of(value: ast.expr, names: dict[str, str]) -> str | None:
    if isinstance(value, ast.Constant) and _is_code(value.value):
        return str(value.value)
    if isinstance(value, ast.Name):
        return names.get(value.id)
    return None


def _pattern(value: ast.expr) -> str:
    """Return a message with `…` for what is filled in."""
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return value.value
    if isinstance(value, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in value.values)
    return ""
