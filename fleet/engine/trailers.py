r"""Git trailers: what a commit says about itself in a form that a machine can read back.

Trailers are the last paragraph of a commit message, one `Key: value` per line
(https://git-scm.com/docs/git-interpret-trailers). A value is always one line: what could end it is escaped with a
backslash, so that no text, whoever wrote it, can add a trailer of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from fleet.model.gate import GateResult, Override, Verdict
from fleet.model.promotion import PromotionPlan, ValueDecision

KIND = "Fleet-Kind"
APP = "Fleet-App"
FROM = "Fleet-From"
TO = "Fleet-To"
VERSION = "Fleet-Version"
RELEASE = "Fleet-Release"
PREVIOUS = "Fleet-Previous"
PLAN = "Fleet-Plan"
VALUES_FROM = "Fleet-Values-From"
"""Commit at which the source held the values that were merged; only where something else came of them."""
KEPT = "Fleet-Kept"
"""A value that stays as it was changed where the release goes."""
TAKEN = "Fleet-Taken"
"""The side of a value that a person chose: `ratings.enabled=theirs`."""
GATE = "Fleet-Gate"
OVERRIDE = "Fleet-Override"
PULL_REQUEST = "Fleet-Pull-Request"
APPROVED_BY = "Fleet-Approved-By"

Trailers = dict[str, tuple[str, ...]]
"""Values by key, in the order of the message."""

_KEY = re.compile(r"Fleet(?:-[A-Z][a-z]+)+", re.ASCII)
_LINE = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9-]*): (?P<value>.*\S)", re.ASCII)
_OVERRIDE = re.compile(r"(?P<gate>[^\s:]+) by (?P<by>[^<>]* <[^<>]*>): (?P<reason>.+)", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:\\|n|u[0-9a-f]{4}|U[0-9a-f]{8})")


def build(trailers: Iterable[tuple[str, str]]) -> str:
    """Return trailers as the last paragraph of a message.

    Raises:
        ValueError: a key is not of fleet's form, or a value is empty.
    """
    lines = []
    for key, value in trailers:
        if not _KEY.fullmatch(key):
            raise ValueError(f"`{key}` is not a key of a trailer, like `Fleet-App`")
        if not value:
            raise ValueError(f"the trailer `{key}` needs a value")
        lines.append(f"{key}: {_escaped(value)}")
    return "\n".join(lines)


def parse(message: str) -> Trailers:
    """Return fleet's trailers of a commit message; none if its last paragraph is something else.

    A paragraph of others' trailers below (`Signed-off-by`, `Co-authored-by`, which forges add) is passed over.
    """
    for paragraph in reversed(re.split(r"\n[ \t]*\n", message.replace("\r\n", "\n").strip("\n"))):
        lines = [_LINE.fullmatch(line) for line in paragraph.split("\n")]
        found: dict[str, list[str]] = {}
        for line in lines:
            if line is None:
                return {}
            if _KEY.fullmatch(line["key"]):
                found.setdefault(line["key"], []).append(_plain(line["value"]))
        if found:
            return {key: tuple(values) for key, values in found.items()}
    return {}


def first(trailers: Mapping[str, tuple[str, ...]], key: str) -> str:
    """Return the first value of a key; empty if there is none."""
    return next(iter(trailers.get(key, ())), "")


def plan_of(trailers: Mapping[str, tuple[str, ...]], app: str) -> str:
    """Return the plan hash that a commit records for an app; empty if it records none."""
    return first(trailers, PLAN) if first(trailers, APP) == app else ""


def of_plan(plan: PromotionPlan) -> tuple[tuple[str, str], ...]:
    """Return the trailers of a promotion's commit."""
    found = [(KIND, plan.kind.value), (APP, plan.app)]
    if plan.source is not None:
        found.append((FROM, plan.source))
    found += [(TO, plan.environment), (VERSION, plan.after.version), (RELEASE, plan.after.revision)]
    if plan.before is not None:
        found.append((PREVIOUS, f"{plan.before.version} {plan.before.revision}"))
    found.append((PLAN, plan.digest))
    if plan.source_release is not None:
        found.append((VALUES_FROM, plan.base))
    found += [(KEPT, move.path) for move in plan.values if move.decision is ValueDecision.KEPT]
    found += [(TAKEN, f"{move.path}={move.taken.value}") for move in plan.values if move.taken is not None]
    found += [(GATE, gate_text(gate)) for gate in plan.gates if gate.holds == "open"]
    return (*found, *((OVERRIDE, override_text(override)) for override in plan.overrides))


def gate_text(gate: GateResult) -> str:
    """Return a gate's verdict like `health(dev)=passed`."""
    return f"{gate.name}={Verdict(gate.verdict).value}"


def override_text(override: Override) -> str:
    """Return an override like `soak by Ada <ada@example.com>: a fix for the outage`."""
    return f"{override.gate} by {override.by}: {override.reason}"


def overrides_of(trailers: Mapping[str, tuple[str, ...]]) -> tuple[Override, ...]:
    """Return the overrides that a commit records; a line of another form is none."""
    found = (_OVERRIDE.fullmatch(text) for text in trailers.get(OVERRIDE, ()))
    return tuple(Override(gate=f["gate"], by=f["by"], reason=f["reason"]) for f in found if f)


def _escaped(value: str) -> str:
    r"""Return a value as one line. Escaped are `\`, all that is not printable, and spaces at either end."""
    last = len(value) - 1
    return "".join(
        _escape(c) if c == "\\" or not c.isprintable() or (c.isspace() and (c != " " or at in (0, last))) else c
        for at, c in enumerate(value)
    )


def _escape(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character == "\n":
        return "\\n"
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _plain(value: str) -> str:
    return _ESCAPE.sub(lambda found: _unescape(found[0][1:]), value)


def _unescape(code: str) -> str:
    if code == "\\":
        return "\\"
    if code == "n":
        return "\n"
    number = int(code[1:], 16)
    return chr(number) if number < 0x110000 else f"\\{code}"
