"""Expressions in CEL: what they mean, what is wrong with one, and that none can hang or crash the process."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fleet.engine.expressions import COST_LIMIT, ExpressionError, Fault, check, cost, judge

DATA: dict[str, Any] = {
    "body": {"errors": 3, "rate": 0.5, "items": [{"name": "a", "ok": True}, {"name": "b", "ok": True}], "none": None},
    "status": 200,
    "now": datetime(2026, 3, 4, 12, tzinfo=UTC),
}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("body.errors < 5 && status == 200", True),
        ("body.errors < 3.5", True),
        ("body.errors == 3.0", True),
        ("body.rate < 1", True),
        ("body.items.all(i, i.ok)", True),
        ("body.items.exists(i, i.name == 'c')", False),
        ("size(body.items) == 2", True),
        ("has(body.nothing)", False),
        ("body.none == null", True),
        ("'errors' in body", True),
        ("'a.b'.matches('^a[.]b$')", True),
        ("now > timestamp('2026-03-04T11:00:00Z')", True),
        ("now - timestamp('2026-03-04T11:00:00Z') == duration('1h')", True),
        ("now.getDayOfWeek() == 3 && now.getHours() < 16", True),
        ("status == 200 ? true : false // a comment", True),
        ("body.missing == 1 || status == 200", True),
    ],
)
def test_an_expression_is_true_or_false(expression: str, expected: bool) -> None:
    assert judge(expression, DATA) is expected


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("body.missing == 1", "there is no `missing`"),
        ("body.none > 1", "kinds that do not go together"),
        ("body.items[7].ok", "index out of bounds"),
        ("1 / 0 == 1", "division by zero"),
        ("9223372036854775807 + 1 > 0", "overflow"),
        ("status", "it has to be true or false, and is a number"),
        ("body.items", "it has to be true or false, and is a list"),
        ("null", "is null"),
        ("status == 200 &&", "it is not an expression in CEL"),
        ("nothing == 1", "there is no variable `nothing` here"),
        ("", "the expression is empty"),
        ("status.matches('[')", "matches"),
    ],
)
def test_one_without_an_answer_says_why(expression: str, why: str) -> None:
    with pytest.raises(ExpressionError, match=why.replace("(", r"\(")):
        judge(expression, DATA)


@pytest.mark.parametrize(
    ("expression", "fault"),
    [
        ("status == 200", None),
        ("body.items.map(i, i.name).exists(name, name == 'a')", None),
        ("type(status) == int", None),
        ("'bdoy' == 'x' && bdoy.ok", Fault("there is no variable `bdoy` here", 1, 18, "bdoy")),
        ("status == 200\n  && stats == 1", Fault("there is no variable `stats` here", 2, 6, "stats")),
        ("body.sizes() == 1", Fault("there is no function `sizes`", 1, 6)),
        ("status ==== 200", Fault("it is not an expression in CEL: extraneous input '=='", 1, 10)),
        ("status ==", Fault("it is not an expression in CEL: mismatched input the end", 1, 10)),
    ],
)
def test_what_is_wrong_shows_without_evaluating(expression: str, fault: Fault | None) -> None:
    assert check(expression, DATA) == fault


@pytest.mark.parametrize(
    "expression",
    ["(" * 990 + "true" + ")" * 990, "[" * 900 + "]" * 900, "x" * 2001, "[1].all(a," * 30 + "true" + ")" * 30],
)
def test_what_is_too_long_or_too_deep_is_refused(expression: str) -> None:
    assert check(expression, DATA)


def test_loops_inside_of_loops_over_much_data_are_refused_before_they_run() -> None:
    data = {"body": list(range(20_000))}
    assert judge("body.all(a, a >= 0)", data)
    with pytest.raises(ExpressionError, match="steps"):
        judge("body.all(a, body.all(b, a != b || a == b))", data)
    with pytest.raises(ExpressionError, match="steps"):
        judge("body.all(a, a in body)", data)
    with pytest.raises(ExpressionError, match="steps"):
        judge("(body + body + body).map(a, body).all(x, x.all(y, y.all(z, true)))", {"body": list(range(500))})


def test_words_inside_of_texts_are_no_loops() -> None:
    assert cost("'.all(x, ' == text && 'in + contains' != text", {"text": "y" * 1000}) < 100
    assert cost("text.all(x, x == 1)", {"text": [1] * 100}) < COST_LIMIT


HOSTILE = [
    "!" * 1990 + "true",
    "-" * 1990 + "1 < 0",
    "+".join(["1"] * 990) + " > 0",
    "&&".join(["true"] * 330),
    "true?true:" * 190 + "true",
    "body" + ".a" * 990,
    "body" + "[0]" * 600,
    "'" + "\\\\" * 900 + "' == ''",
    "'a'" + ".size()" * 200 + " == 1",
    "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')",
    "'x'.matches('" + "(x{1000}){1000}" + "')",
    "\u202e == '\x00'",
]


def test_hostile_expressions_neither_hang_nor_crash() -> None:
    program = (
        "import json, sys, threading\n"
        "from fleet.engine.expressions import ExpressionError, judge\n"
        "def run():\n"
        "    for text in json.load(sys.stdin):\n"
        "        try: judge(text, {'body': {'a': 1}})\n"
        "        except ExpressionError: pass\n"
        "    print('alive')\n"
        "thread = threading.Thread(target=run); thread.start(); thread.join()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(HOSTILE),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout == "alive\n", done.stderr


ATOMS = st.sampled_from(
    ["body", "status", "now", "1", "1.5", "'a'", "true", "null", "[1, 2]", "{'a': 1}", "body.items", "x", "(", ")", "["]
)
PIECES = st.one_of(
    ATOMS,
    st.sampled_from(["==", "<", "&&", "||", "+", "-", "/", "%", "in", "?", ":", ".", ",", "!", ".all(x, ", ".map(x, "]),
    st.text(max_size=3),
)


@given(st.lists(PIECES, max_size=14))
def test_any_text_is_judged_or_refused(pieces: list[str]) -> None:
    try:
        answer = judge(" ".join(pieces), DATA)
    except ExpressionError as error:
        assert str(error)
        assert "\n" not in str(error)
        return
    assert answer in (True, False)
    assert check(" ".join(pieces), DATA) is None
