"""Expressions in CEL, the Common Expression Language (https://cel.dev): checked, bounded, and judged.

CEL has no assignment, no recursion and no loop but those over lists and maps, so every expression ends. When it ends is
bounded here, by what it says and by the data that it is given, before it is evaluated: the same expression over the
same data has the same outcome on every machine.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

LENGTH_LIMIT = 2000
"""Characters of an expression."""
NESTING_LIMIT = 24
"""Brackets inside of brackets."""
COST_LIMIT = 10_000_000
"""Steps that an expression may take at the very most. The slowest that were measured took half a microsecond each."""

FUNCTIONS = frozenset(
    (
        *("size", "contains", "startsWith", "endsWith", "matches", "has", "timestamp", "duration"),
        *("type", "dyn", "int", "uint", "double", "string", "bytes", "bool"),
        *("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
        *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
    )
)
"""Functions beside the operators and the macros `all`, `exists`, `exists_one`, `filter` and `map`."""
TYPES = frozenset(("int", "uint", "double", "string", "bytes", "bool", "list", "map", "null_type", "type"))
"""Names of types, as `type(x) == int` has them."""

_TEXT = re.compile(r"""(?P<text>[bBrR]{0,2}("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))|(?P<comment>//[^\n]*)""")
_WORD = re.compile(r"[A-Za-z_]\w*|\d[\w.]*|&&|\|\||[=!<>]=|[^\s\w]")
_LOOP = re.compile(r"\.\s*(?:all|exists|exists_one|filter|map)\s*\(")
_BOUND = re.compile(r"\.\s*(?:all|exists|exists_one|filter|map)\s*\(\s*([A-Za-z_]\w*)\s*,")
_SCAN = re.compile(r"\b(?:in|contains|matches)\b|\+")
"""What looks through a whole value at once."""
_SYNTAX = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_OPENING, _CLOSING = "([{", ")]}"


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with an expression, and where in it; lines and columns count from 1."""

    message: str
    line: int = 1
    column: int = 1
    name: str | None = None
    """The variable that is not known, if that is what is wrong."""


class ExpressionError(ValueError):
    """An expression cannot be used, or has no answer for the data that it was given."""


def check(expression: str, variables: Collection[str]) -> Fault | None:
    """Return what is wrong with an expression, as far as that shows without evaluating it; None if nothing does.

    Args:
        expression: the expression.
        variables: names that it may use.
    """
    wrong = _bounds(expression)
    if wrong is not None:
        return wrong
    program = _compiled(expression)
    if isinstance(program, Fault):
        return program
    plain = _plain(expression)
    bound = set(_BOUND.findall(plain))
    for name in program.variables():
        if name not in variables and name not in bound and name not in TYPES:
            return Fault(f"there is no variable `{name}` here", *_place(plain, name), name=name)
    for name in program.functions():
        if name.isidentifier() and not name.startswith("_") and name not in FUNCTIONS:
            return Fault(f"there is no function `{name}`", *_place(plain, name))
    return None


def judge(expression: str, data: Mapping[str, Any]) -> bool:
    """Return whether an expression is true of plain data.

    Args:
        expression: the expression.
        data: JSON data and times (:class:`datetime.datetime` with a time zone) by name.

    Raises:
        ExpressionError: it is badly formed, takes too long, cannot be evaluated, or is neither true nor false.
    """
    fault = check(expression, data.keys())
    if fault is not None:
        raise ExpressionError(fault.message)
    steps = cost(expression, data)
    if steps > COST_LIMIT:
        raise ExpressionError(f"it may take {steps:,.0f} steps over this data, and {COST_LIMIT:,} are the limit")
    program = _compiled(expression)
    try:
        answer = program.execute(dict(data))
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise ExpressionError(_why(error)) from error
    if not isinstance(answer, bool):
        raise ExpressionError(f"it has to be true or false, and is {_kind(answer)}")
    return answer


def cost(expression: str, data: Mapping[str, Any]) -> float:
    """Return how many steps an expression may take over data at the very most.

    Its words, times the entries of all lists and maps for each loop inside a loop; times the size of the data where a
    loop looks through a whole value in each turn (`in`, `contains`, `matches`, `+`).
    """
    plain = _plain(expression)
    words = len(_WORD.findall(plain))
    entries, weight = _size(data)
    widest = (entries + words) * (1 + plain.count("+"))
    depth, scans = _loops(plain)
    return float(words) * float(widest) ** depth * (1 + weight / 100 if scans else 1)


def _bounds(expression: str) -> Fault | None:
    if len(expression) > LENGTH_LIMIT:
        return Fault(f"an expression may have {LENGTH_LIMIT} characters, and this has {len(expression)}")
    plain = _plain(expression)
    if not plain.strip():
        return Fault("the expression is empty")
    depth = 0
    for offset, character in enumerate(plain):
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth > NESTING_LIMIT:
            return Fault(f"brackets are nested more than {NESTING_LIMIT} deep", *_at(plain, offset))
    return None


def _loops(plain: str) -> tuple[int, bool]:
    """Return how deep loops are nested, and whether one of them looks through whole values."""
    starts = {found.end() - 1 for found in _LOOP.finditer(plain)}
    scans = {found.start() for found in _SCAN.finditer(plain)}
    open_brackets: list[bool] = []
    deepest, scanned = 0, False
    for offset, character in enumerate(plain):
        if character in _OPENING:
            open_brackets.append(offset in starts)
            deepest = max(deepest, sum(open_brackets))
        elif character in _CLOSING and open_brackets:
            open_brackets.pop()
        elif offset in scans and any(open_brackets):
            scanned = True
    return deepest, scanned


def _size(data: Any) -> tuple[int, int]:
    """Return the number of entries of all lists and maps, and about how many bytes the data has."""
    entries = weight = 0
    waiting = [data]
    while waiting:
        value = waiting.pop()
        if isinstance(value, Mapping):
            entries += len(value)
            weight += sum(len(key) for key in value)
            waiting.extend(value.values())
        elif isinstance(value, list | tuple):
            entries += len(value)
            waiting.extend(value)
        else:
            weight += len(value) if isinstance(value, str) else 8
    return entries, weight


def _plain(expression: str) -> str:
    """Return the expression with texts and comments blanked out, of the same length."""
    return _TEXT.sub(lambda found: "".join(c if c == "\n" else "\u00a0" for c in found[0]), expression)


def _place(plain: str, name: str) -> tuple[int, int]:
    found = re.search(rf"(?<![\w.]){re.escape(name)}\b", plain) or re.search(rf"\b{re.escape(name)}\b", plain)
    return _at(plain, found.start() if found else 0)


def _at(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


@lru_cache(256)
def _compiled(expression: str) -> Any:
    """Return the program of an expression, or what is wrong with its syntax."""
    try:
        return _library().compile(expression)
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        return next(_syntax(str(error), expression), Fault("it is not an expression in CEL"))


def _syntax(message: str, expression: str) -> Iterator[Fault]:
    for line, column, text in _SYNTAX.findall(message):
        what = text.removeprefix("Syntax error: ").partition(" expecting ")[0].replace("'<EOF>'", "the end")
        last = expression.count("\n") + 1
        yield Fault(f"it is not an expression in CEL: {what}", min(int(line), last), max(int(column), 1))


def _why(error: BaseException) -> str:
    """Return why there is no answer, in one short line."""
    text = " ".join(str(error).split()).partition(" Check ")[0]
    if isinstance(error, KeyError):
        return f"there is no `{error.args[0] if error.args else ''}` in the data"
    if isinstance(error, TypeError):
        return "it compares or combines values of kinds that do not go together"
    if text.startswith("Undefined variable or function"):
        return f"a function is called with what it cannot take: {text.rpartition(': ')[2].rstrip('.')}"
    return text.rstrip(".")[:200] or "it cannot be evaluated"


def _kind(answer: Any) -> str:
    names = {type(None): "null", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a map"}
    return names.get(type(answer), "something else")


@cache
def _library() -> Any:
    """Return the extension module of the CEL library, without the command line that its package brings along.

    That would cost a third of a second, for every promotion that meets an expression.
    """
    from importlib.machinery import PathFinder
    from importlib.util import find_spec, module_from_spec

    package = find_spec("cel")
    spec = PathFinder.find_spec("cel.cel", package.submodule_search_locations) if package else None
    if spec is None or spec.loader is None:
        raise ExpressionError("the CEL library is not installed")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
