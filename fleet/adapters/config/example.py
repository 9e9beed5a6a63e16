"""The fleets that a new one starts from: the example of this repository, and a minimal one."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from fleet.adapters.config.scaffold import BRANCH, GitScaffold
from fleet.errors import InternalError, UsageError
from fleet.ports.scaffold import FleetTemplate

BOOKINFO, MINIMAL = "bookinfo", "minimal"
_PIN = re.compile(r"environments/[^/]+/apps/[^/]+\.yaml")
_REVISION = re.compile(r"(?m)^(  revision: )[0-9a-f]{40,64}")
_BRANCH = re.compile(r"(?m)^  branch: \S+")
_NAME = re.compile(r"(?m)^name: \S+")
_SANDBOX = re.compile(r"(?m)^  sandbox: (\S+).*$")

_GITIGNORE = b"# Local state of fleet: it can be deleted at any time and is rebuilt.\n.fleet/\n"

_PULUMI = """\
# Every target of this fleet is a Pulumi stack named <app>.<environment>.<cluster>. `fleet reconcile` drives them;
# people look at them with `fleet pulumi -- stack ls`, `fleet pulumi -- preview -s <stack>` and the like,
# or in the shell that `fleet pulumi --shell` starts: only there are the state's secrets unlocked.
name: {name}
description: Targets of the fleet, one stack each
runtime: python
main: program/__main__.py
backend:
  url: file://./.fleet/pulumi?metadata=skip
stackConfigDir: .fleet/pulumi/settings
"""
_PROGRAM = """\
# Registers the resources of the selected stack; needs the package `fleet-gitops`.
from fleet.bootstrap.pulumi_program import main

main()
"""

_MINIMAL: dict[str, str] = {
    "fleet.yaml": "# The root of the fleet. `fleet schema fleet` lists all keys.\nname: minimal\n",
    "apps/hello/app.yaml": (
        "# What the app is, the same for every environment. Templates stand in `templates/`.\n"
        "namespace: hello\n"
        "values:\n"
        "  greeting: Hello\n"
        "# Values that travel with a release; all others belong to the environments.\n"
        "promotable:\n"
        "  - greeting\n"
    ),
    "apps/hello/templates/hello.yaml.j2": (
        "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: {{ namespace }}\n"
        "---\n"
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: hello\ndata:\n  greeting: {{ values.greeting }}\n"
    ),
    "clusters/dev.yaml": (
        "# How to reach the cluster. For one of your own: `access: {context: NAME}`, from your kubeconfig.\n"
        "access:\n  sandbox: dev\n"
    ),
    "clusters/prod.yaml": "access:\n  sandbox: prod\n",
    "environments/dev/environment.yaml": (
        "clusters:\n  names: [dev]\npolicy:\n  releases: direct # `fleet release` commits on the branch itself\n"
    ),
    "environments/prod/environment.yaml": "promotesFrom: dev\nclusters:\n  names: [prod]\n",
    "policies/prod.yaml": (
        "# Scenarios that `fleet test` puts before the policies. `fleet schema policy-test` lists all keys.\n"
        "scenarios:\n"
        "  - name: a release that is well in dev may go to prod\n"
        "    given:\n"
        "      app: hello\n"
        "      to: prod\n"
        "      at: 2026-03-04T12:00 # UTC\n"
        "      observed: all-healthy\n"
        "    expect:\n"
        "      merge: true\n"
        "  - name: a release that is not healthy in dev stays there\n"
        "    given:\n"
        "      app: hello\n"
        "      to: prod\n"
        "      at: 2026-03-04T12:00\n"
        "      observed: all-healthy\n"
        "      health:\n"
        "        dev: {status: failed}\n"
        "    expect:\n"
        "      open: false\n"
        "      failed: [health]\n"
    ),
    "environments/dev/apps/hello.yaml": "release:\n  version: 0.1.0\n  revision: {revision}\n",
    "environments/prod/apps/hello.yaml": "release:\n  version: 0.1.0\n  revision: {revision}\n",
}


def example_directory() -> Path:
    """Return the directory of the example fleet: package data in a wheel, the repository in a development install."""
    package = Path(__file__).resolve().parents[2]
    for directory in (package / "_example", package.parent):
        if (directory / "fleet.yaml").is_file() and (directory / "apps" / BOOKINFO).is_dir():
            return directory
    raise InternalError("the example fleet is missing from this installation")


class ExampleTemplates:
    """Implements :class:`fleet.ports.scaffold.Templates`."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory

    def names(self) -> Sequence[str]:
        """Return the names of the templates."""
        return (BOOKINFO, MINIMAL)

    def template(
        self,
        template: str,
        *,
        name: str | None = None,
        branch: str | None = None,
        contexts: Mapping[str, str] | None = None,
    ) -> FleetTemplate:
        """Return a template, for a fleet of this name and branch and with these kubeconfig contexts by cluster.

        Raises:
            UsageError: the template has no such cluster, or there is no such template.
        """
        if template not in self.names():
            raise UsageError(
                f"there is no template `{template}`", hints=(f"use one of {', '.join(f'`{n}`' for n in self.names())}",)
            )
        texts = _example(self._directory or example_directory()) if template == BOOKINFO else dict(_MINIMAL)
        if name is not None:
            texts["fleet.yaml"] = _NAME.sub(f"name: {name}", texts["fleet.yaml"], count=1)
        if branch not in (None, BRANCH):
            texts["fleet.yaml"] = _with_branch(texts["fleet.yaml"], str(branch))
        for cluster, context in (contexts or {}).items():
            path = f"clusters/{cluster}.yaml"
            if path not in texts:
                known = ", ".join(f"`{p[9:-5]}`" for p in sorted(texts) if p.startswith("clusters/"))
                raise UsageError(f"the template `{template}` has no cluster `{cluster}`", hints=(f"it has {known}",))
            texts[path] = _replaced(_SANDBOX, texts[path], f"  context: {json.dumps(context, ensure_ascii=False)}")
        texts["Pulumi.yaml"] = _PULUMI.replace("{name}", name or template)
        texts["program/__main__.py"] = _PROGRAM
        pins = {path: text for path, text in texts.items() if _PIN.fullmatch(path)}
        files = {path: text.encode() for path, text in texts.items() if path not in pins}
        return FleetTemplate({".gitignore": _GITIGNORE, **files}, pins)


def _replaced(pattern: re.Pattern[str], text: str, by: str) -> str:
    return pattern.sub(lambda _: by, text, count=1)


def _with_branch(text: str, branch: str) -> str:
    quoted = json.dumps(branch, ensure_ascii=False)
    if _BRANCH.search(text):
        return _replaced(_BRANCH, text, f"  branch: {quoted}")
    return f"{text}git:\n  branch: {quoted}\n"


def _example(directory: Path) -> dict[str, str]:
    paths = [directory / "fleet.yaml"]
    for top in ("apps", "clusters", "environments", "policies"):
        paths += [p for p in sorted((directory / top).rglob("*")) if p.is_file() and not p.name.startswith(".")]
    texts = {path.relative_to(directory).as_posix(): path.read_text("utf-8") for path in paths}
    return {
        path: _REVISION.sub(r"\g<1>{revision}", text) if _PIN.fullmatch(path) else text for path, text in texts.items()
    }


class ExampleFleet:
    """Writes the example fleet into a directory: what the sandbox starts its demo from."""

    def __init__(self, directory: Path | None = None) -> None:
        self._templates = ExampleTemplates(directory)

    def write(self, directory: Path, *, name: str | None = None, contexts: Mapping[str, str] | None = None) -> None:
        """Write the files and make the two commits, on `main`; make the repository if there is none.

        Args:
            directory: where to write.
            name: name of the fleet, if not `bookinfo`.
            contexts: kubeconfig context by cluster name, for clusters that are not of the sandbox.
        """
        GitScaffold().write(directory, self._templates.template(BOOKINFO, name=name, contexts=contexts))
