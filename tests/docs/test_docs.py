"""What the documentation says is true."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from fleet.cli.app import COMMANDS
from fleet.cli.story import STORY
from fleet.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text()


def test_generated_pages_are_up_to_date() -> None:
    ended = subprocess.run(
        [sys.executable, "tools/generate_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    targets = [t for t in re.findall(r"\]\(([^)\s]+)\)", text) if not t.startswith(("http:", "https:", "#", "mailto:"))]
    missing = [t for t in targets if not (page.parent / t.partition("#")[0]).exists()]
    assert missing == []


def test_the_readme_names_the_two_commands() -> None:
    assert "make demo" in README
    assert "make test" in README


def test_the_session_in_the_readme_is_the_one_that_the_demo_plays() -> None:
    block = README.partition("<!-- session")[2].partition("<!-- /session -->")[0]
    typed = [line[2:].partition("   #")[0] for line in block.splitlines() if line.startswith("$ ")]
    assert typed, "the README shows no step of the demo"
    story = iter([step.line for chapter in STORY for step in chapter.steps])
    assert [line for line in typed if line not in story] == []  # each is there, in this order


def test_every_command_that_the_documentation_types_exists() -> None:
    names = {entry.name for entry in COMMANDS}
    unknown = []
    for page in PAGES:
        for block in re.findall(r"```(?:console|sh|yaml|bash)\n(.*?)```", page.read_text(), flags=re.DOTALL):
            typed = re.findall(r"(?:^\$ |run: |&& )fleet ([a-z-]+)", block, flags=re.MULTILINE)
            unknown += [f"{page.name}: fleet {name}" for name in typed if name not in names]
    assert unknown == []


def test_every_exit_status_is_documented() -> None:
    table = (ROOT / "docs" / "reference" / "exit-codes.md").read_text()
    documented = {int(number) for number in re.findall(r"^\| (\d+) \|", table, flags=re.MULTILINE)}
    assert documented == {int(code) for code in ExitCode}


def test_every_error_code_in_the_source_is_documented() -> None:
    documented = set(re.findall(r"`(FLT-[A-Z]{3}-\d{3})`", (ROOT / "docs" / "reference" / "errors.md").read_text()))
    used = {
        code
        for path in (ROOT / "fleet").rglob("*.py")
        for code in re.findall(r'"(FLT-[A-Z]{3}-\d{3})"', path.read_text())
    }
    assert used - documented == set()


def test_every_environment_variable_is_documented() -> None:
    page = (ROOT / "docs" / "reference" / "environment-variables.md").read_text()
    used = {
        name
        for path in (ROOT / "fleet").rglob("*.py")
        for name in re.findall(r'"(FLEET_[A-Z_]+)"', path.read_text())
        if name != "FLEET_LABEL"
    }
    assert {name for name in used if f"`{name}`" not in page} == set()


WORDS_WITH_ANOTHER_NAME = {
    r"\bSCM\b": "forge",
    r"\bplayground\b": "sandbox",
    r"\binventory\b": "fleet",
    r"\bbaking? time\b": "soak",
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_glossary_is_kept(page: Path) -> None:
    text = page.read_text()
    assert [word for word in WORDS_WITH_ANOTHER_NAME if re.search(word, text)] == []
