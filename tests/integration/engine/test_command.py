"""`fleet pulumi` and the program at the root of a fleet, on a fleet in git that was reconciled."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from fleet.bootstrap.pulumi_program import StackResolver
from fleet.bootstrap.services import Services
from tests.helpers.reporting import SilentReporter
from tests.integration.reconcile.test_commands import Repository, repository

__all__ = ["repository"]

STACK = "web.dev.dev"
PREVIEW = ("preview", "-s", STACK, "--non-interactive")
_PROGRAM = """
import json, sys
from pulumi import automation
from fleet.bootstrap.pulumi_program import main
job = json.load(sys.stdin)
settings = automation.StackSettings(
    secrets_provider=job["settings"]["secretsprovider"], encrypted_key=job["settings"]["encryptedkey"]
)
stack = automation.create_or_select_stack(
    job["stack"],
    project_name=job["project"],
    program=main,
    opts=automation.LocalWorkspaceOptions(
        work_dir=job["directory"], secrets_provider=settings.secrets_provider, stack_settings={job["stack"]: settings}
    ),
)
print(json.dumps(stack.preview().change_summary))
"""


def test_command_works_on_the_stacks_of_a_fleet(repository: Repository) -> None:
    repository.fleet("reconcile", "-y")
    assert STACK in repository.fleet("pulumi", "--", "stack", "ls").stdout
    same = repository.fleet("pulumi", "--", *PREVIEW, "--expect-no-changes").stdout
    assert "4 unchanged" in same
    repository.pin("2.0.0", ("dev",))
    changed = repository.fleet("pulumi", "--", *PREVIEW, "--diff").stdout
    assert '"registry.example/web:1.0.0" => "registry.example/web:2.0.0"' in changed
    assert "1 to update" in changed
    unknown = repository.fleet("pulumi", "--", "preview", "-s", "nothing.dev.dev", "--non-interactive", status=6)
    assert "no stack named" in unknown.stderr


def test_command_uses_the_project_at_the_root(repository: Repository) -> None:
    repository.fleet("reconcile", "-y", "-e", "dev")
    project = (Path(__file__).parents[3] / "Pulumi.yaml").read_text().replace("name: bookinfo", "name: NAME", 1)
    repository.write(
        {
            "Pulumi.yaml": project.replace("NAME", repository.namespace),
            "fleet/bootstrap/pulumi_program.py": "from fleet.bootstrap.pulumi_program import main\n\nmain()\n",
        }
    )
    assert "4 unchanged" in repository.fleet("pulumi", "--", *PREVIEW, "--expect-no-changes").stdout


def test_root_program_registers_what_reconcile_wrote(repository: Repository, tmp_path: Path) -> None:
    repository.fleet("reconcile", "-y", "-e", "dev")
    services = Services(repository.root, SilentReporter())
    tools = tmp_path / "bin"
    tools.mkdir()
    (tools / "pulumi").symlink_to(repository.environment["FLEET_TOOL_PULUMI"])
    try:
        runtime = services.deployer.runtime  # type: ignore[attr-defined]
        environment = runtime.attach(StackResolver(services))
        environment.pop("PULUMI_DEBUG_LANGUAGES")  # the Automation API brings its own language host
        job = {
            "stack": STACK,
            "project": repository.namespace,
            "directory": str(tmp_path),
            "settings": runtime.stack_settings(STACK),
        }
        done = subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            input=json.dumps(job),
            cwd=repository.root,
            env={**repository.environment, **environment, "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        services.close()
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {"same": 4}
