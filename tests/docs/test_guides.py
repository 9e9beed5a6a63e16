"""What the guides type works, and prints what they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs import guides
from tests.helpers.git import IDENTITY_VARIABLES

GUIDES = sorted(path for path in (guides.ROOT / "docs").rglob("*.md") if guides.is_played(path.read_text()))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda guide: guide.stem)
def test_the_guide_can_be_played(guide: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    guides.check(guide, tmp_path)


@pytest.fixture
def played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in IDENTITY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_a_guide_that_is_wrong_is_noticed(played: Path) -> None:
    guide = played / "guide.md"
    guide.write_text("<!-- played: web -->\n\n```console\n$ echo one\ntwo\n```\n")
    with pytest.raises(AssertionError, match=r"guide\.md:4: \$ echo one\nprints\none"):
        guides.check(guide, played / "stage")


def test_a_command_that_fails_is_noticed_and_one_that_should_fail_is_not(played: Path) -> None:
    guide = played / "guide.md"
    guide.write_text("<!-- played: web -->\n```console\n$ exit 3  # exits with 3\n$ exit 4\n```\n")
    with pytest.raises(AssertionError, match="exits with 4, not 0"):
        guides.check(guide, played / "stage")


def test_steps_files_and_people() -> None:
    text = (
        "<!-- run as bob: true -->\n<!-- file: a/b.yaml -->\n```yaml\nx: 1\n```\n"
        "1. first\n\n   ```console\n   $ one \\\n       two  # why\n   out\n\n   bob$ three\n   ```\n"
        "```yaml\nno: file\n```\n"
    )
    assert list(guides.steps_of(text)) == [
        guides.Step("true", 1, "bob"),
        guides.Written("a/b.yaml", "x: 1\n"),
        guides.Step("one two", 9, "ada", shown=["out"]),
        guides.Step("three", 13, "bob"),
    ]


@pytest.mark.parametrize(
    ("shown", "printed", "expected"),
    [
        (["a", "…", "d"], ["a", "b", "c", "d"], True),
        (["a", "…"], ["a"], True),
        (["a b…"], ["a  b c"], True),
        (["opened 4f1c2e0 now"], ["opened a1b2c3d now"], True),
        (["a"], ["a", "b"], False),
        (["a", "…", "d"], ["a", "b"], False),
    ],
)
def test_what_is_left_out_is_marked(shown: list[str], printed: list[str], expected: bool) -> None:
    assert guides.agrees(shown, printed) is expected
