"""Policy tests: finds their files, parses them strictly, and checks the names in them against the fleet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from fleet.adapters.config import codes, wording
from fleet.adapters.config.document import SIZE_LIMIT, Document, parse
from fleet.adapters.config.scenario_names import unknown_names
from fleet.errors import Location, Problem, UsageError
from fleet.model.fleet import Fleet
from fleet.model.policy_test import PolicyTestFile
from fleet.ports.policy_tests import ScenarioFile, Scenarios
from fleet.ports.tree import EntryKind, Tree, TreeEntry

NOT_THERE = "FLT-USE-030"


class YamlScenarios:
    """Implements :class:`fleet.ports.policy_tests.ScenarioReader`."""

    def read(self, tree: Tree, fleet: Fleet, places: Sequence[str]) -> Scenarios:
        """Return the scenarios of some files, and of the YAML files below some directories."""
        files, problems = [], list[Problem]()
        for entry in _entries(tree, places):
            found = _file(tree, fleet, entry, problems)
            if found is not None:
                files.append(found)
        return Scenarios(tuple(files), tuple(problems))


def _entries(tree: Tree, places: Iterable[str]) -> list[TreeEntry]:
    found: dict[str, TreeEntry] = {}
    for place in places:
        entries = [e for e in tree.entries(place) if e.path == place or _is_test(e.path, place)]
        if not entries and not tree.entries(place):
            raise UsageError(
                f"there is no `{place}` in {tree.origin}",
                code=NOT_THERE,
                hints=("policy tests stand in `policies/`, or where you name them: `fleet test PATH`",),
            )
        found |= {entry.path: entry for entry in entries}
    return [found[path] for path in sorted(found)]


def _is_test(path: str, place: str) -> bool:
    below = path.removeprefix(f"{place}/") if place else path
    return path.endswith((".yaml", ".yml")) and not any(part.startswith(".") for part in below.split("/"))


def _file(tree: Tree, fleet: Fleet, entry: TreeEntry, problems: list[Problem]) -> ScenarioFile | None:
    """Return a file that can be used; else None, and what is wrong with it is added to the problems."""
    if entry.kind is not EntryKind.FILE:
        problems.append(
            Problem(codes.NOT_A_FILE, "links and submodules are not followed", Location(entry.path), "put a file there")
        )
        return None
    if entry.size > SIZE_LIMIT:
        text = f"the file has {entry.size:,} bytes, more than the {SIZE_LIMIT:,} that it may have"
        problems.append(Problem(codes.TOO_LARGE, text, Location(entry.path), "split it into several"))
        return None
    document, found = parse(entry.path, tree.read(entry.path))
    problems += found
    if document is None:
        return None
    content, wrong = wording.validate(PolicyTestFile, document)
    if content is None:
        problems += wrong
        return None
    checked = [*_names(content, document), *_unknown(content, document, fleet)]
    problems += checked
    if checked or found:
        return None
    return ScenarioFile(entry.path, content, lambda keys: document.at(tuple(keys)))


def _names(content: PolicyTestFile, document: Document) -> Iterator[Problem]:
    counted = Counter[str]()
    for number, scenario in enumerate(content.scenarios):
        counted[scenario.name] += 1
        if counted[scenario.name] == 2:
            at = document.at(("scenarios", number, "name"))
            text = f"there are two scenarios `{scenario.name}`"
            yield Problem(codes.SCENARIO_NAME, text, at, "give one another name")


def _unknown(content: PolicyTestFile, document: Document, fleet: Fleet) -> Iterator[Problem]:
    for number, scenario in enumerate(content.scenarios):
        for name in unknown_names(scenario, fleet):
            yield Problem(name.code, name.message, document.at(("scenarios", number, *name.keys)), name.hint)
