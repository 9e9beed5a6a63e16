"""Results of policy tests as JUnit XML, which CI systems show as tests.

There is no standard of the form; this is the subset that Jenkins, GitLab and GitHub actions have in common:
https://github.com/testmoapp/junitxml
"""

from __future__ import annotations

from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from fleet.console.terminal import clean
from fleet.console.views.policy_test import failure_lines
from fleet.model.policy_report import PolicyTestReport, ScenarioResult


def junit(report: PolicyTestReport) -> str:
    """Return the document: a suite for each file, a case for each scenario. A file that cannot be read is an error."""
    root = Element("testsuites", name="fleet test", tests=str(len(report.scenarios)), failures=str(report.broken))
    for path, scenarios in groupby(report.scenarios, key=lambda one: one.location.path):
        _suite(root, path, tuple(scenarios))
    for path, problems in groupby(report.problems, key=lambda one: one.location.path if one.location else ""):
        suite = SubElement(root, "testsuite", name=path, tests="1", errors="1")
        case = SubElement(suite, "testcase", classname=path, name="the file can be used", file=path)
        lines = [f"{one.location or path}: {one.code} {one.message}" for one in problems]
        SubElement(case, "error", message=clean(lines[0])).text = clean("\n".join(lines))
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}'


def _suite(root: Element, path: str, scenarios: tuple[ScenarioResult, ...]) -> None:
    failures = sum(1 for one in scenarios if not one.ok)
    suite = SubElement(root, "testsuite", name=path, tests=str(len(scenarios)), failures=str(failures))
    for one in scenarios:
        line = str(one.location.line or 1)
        case = SubElement(suite, "testcase", classname=path, name=clean(one.name), file=path, line=line)
        lines = [clean(text) for text in failure_lines(one)]
        if lines:
            first = next(f for moment in one.moments for f in moment.failures)
            message = f"{first.what}: expected {first.expected}, found {first.found}"
            SubElement(case, "failure", message=clean(message)).text = "\n".join(lines)
