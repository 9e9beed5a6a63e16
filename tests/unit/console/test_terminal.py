"""What reaches the terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.console.terminal import Terminal, clean
from fleet.model.events import Level


def terminal(verbosity: int = 0) -> tuple[Terminal, io.StringIO, io.StringIO]:
    """Return a terminal that writes into two strings."""
    out, err = io.StringIO(), io.StringIO()
    return Terminal(color="never", verbosity=verbosity, stdout=out, stderr=err), out, err


@pytest.mark.parametrize(
    ("hostile", "safe"),
    [
        ("\x1b[2Jgone", "gone"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;title\x07text", "text"),
        ("a\rb", "ab"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x9b31mred", "31mred"),
    ],
)
def test_escape_sequences_do_not_pass(hostile: str, safe: str) -> None:
    assert clean(hostile) == safe


@given(st.text())
def test_nothing_that_steers_a_terminal_passes(text: str) -> None:
    assert not [c for c in clean(text) if (ord(c) < 32 and c not in "\n\t") or 127 <= ord(c) < 160]


def test_talk_goes_to_stderr_and_data_to_stdout() -> None:
    screen, out, err = terminal()
    screen.print("data")
    screen.say(Level.OK, "talk")
    assert out.getvalue() == "data\n"
    assert "talk" in err.getvalue()


@pytest.mark.parametrize(
    ("verbosity", "seen"),
    [(-1, {Level.WARN, Level.FAIL, Level.HINT}), (0, set(Level) - {Level.DEBUG}), (1, set(Level))],
)
def test_verbosity_decides_what_is_said(verbosity: int, seen: set[Level]) -> None:
    screen, _, err = terminal(verbosity)
    for level in Level:
        screen.say(level, f"<{level}>")
    assert {level for level in Level if f"<{level}>" in err.getvalue()} == seen


def test_a_table_is_plain_text_with_nothing_cut() -> None:
    screen, out, _ = terminal()
    screen.table(["NAME", "NOTE"], [["a", "x" * 200], ["longer", ""]])
    assert out.getvalue().splitlines() == ["NAME    NOTE", "a       " + "x" * 200, "longer  -"]
