"""How the result of `fleet init` looks."""

from __future__ import annotations

from fleet.console.terminal import Terminal
from fleet.operations.init import InitReport


def show_init(terminal: Terminal, report: InitReport) -> None:
    """Print the tree of files, then the commits."""
    terminal.print(report.directory, "bold")
    for line in tree_lines(report.files, unicode=terminal.unicode):
        terminal.print(line)
    terminal.print()
    if report.commits:
        commits = " and ".join(commit[:7] for commit in report.commits)
        terminal.print(f"wrote the fleet `{report.name}`: {len(report.files)} files in commits {commits}")
    else:
        terminal.print(f"would write the fleet `{report.name}`: {len(report.files)} files")


def tree_lines(paths: tuple[str, ...], *, unicode: bool) -> list[str]:
    """Return the lines of a tree of paths, directories before files."""
    tree: dict[str, dict] = {}  # type: ignore[type-arg]
    for path in paths:
        node = tree
        for part in path.split("/"):
            node = node.setdefault(part, {})
    return _lines(tree, "", ("├── ", "└── ", "│   ") if unicode else ("|-- ", "`-- ", "|   "))


def _lines(tree: dict[str, dict], indent: str, marks: tuple[str, str, str]) -> list[str]:  # type: ignore[type-arg]
    lines: list[str] = []
    names = sorted(tree, key=lambda name: (not tree[name], name))
    for name in names:
        last = name == names[-1]
        lines.append(f"{indent}{marks[1] if last else marks[0]}{name}{'/' if tree[name] else ''}")
        lines.extend(_lines(tree[name], indent + ("    " if last else marks[2]), marks))
    return lines
