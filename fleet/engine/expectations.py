"""What a policy test expects against what the gates say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from fleet.engine.scenario_review import Judged
from fleet.engine.scenarios import Keys
from fleet.model.gate import GateResult, Verdict
from fleet.model.moments import resolve
from fleet.model.policy_test import ExpectSpec, GateExpected

KINDS = (
    *("api-removals", "approvals", "check", "compatibility", "dependencies", "health", "hold", "lock"),
    *("order", "owners", "queue", "rejected", "role", "secrets", "soak", "train", "values", "window"),
)
"""Kinds of the gates that fleet itself has, as far as a scenario can tell what they look at."""
_VERDICTS = (Verdict.PASSED, Verdict.PENDING, Verdict.FAILED)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One expectation that does not hold."""

    keys: Keys
    """Where it stands in `expect`."""
    what: str
    """Name of the gate, or what else it is about."""
    expected: str
    found: str
    reasons: tuple[str, ...] = ()
    """What the gates say that it is about."""


def mismatches(expect: ExpectSpec, judged: Judged, start: datetime) -> Iterator[Mismatch]:
    """Yield every expectation that does not hold.

    Args:
        expect: what is expected.
        judged: what the gates say.
        start: time that the scenario starts at; times may be counted from it.
    """
    yield from _outcomes(expect, judged)
    for verdict in _VERDICTS:
        for number, name in enumerate(getattr(expect, verdict.value)):
            yield from _verdict((verdict.value, number), name, verdict, judged.gates)
    for number, name in enumerate(expect.overridden):
        yield from _overridden(number, name, judged.gates)
    for number, name in enumerate(expect.absent):
        found = named(name, judged.gates)
        if found:
            yield Mismatch(("absent", number), _names(found), "no such gate", _said(found), _reasons(found))
    if expect.only is not None:
        yield from _only(expect.only, judged.gates)
    for name, wanted in expect.gates.items():
        yield from _details(name, wanted, judged.gates, start)


def named(name: str, gates: Sequence[GateResult]) -> tuple[GateResult, ...]:
    """Return the gates that a name means: the whole one, or what stands before the brackets."""
    return tuple(gate for gate in gates if name in (gate.name, gate.kind))


def _outcomes(expect: ExpectSpec, judged: Judged) -> Iterator[Mismatch]:
    held = [gate for gate in judged.gates if not gate.passes]
    for key, holding in (("open", [g for g in held if g.holds == "open"]), ("merge", held)):
        wanted, found = getattr(expect, key), getattr(judged, key)
        if wanted is not None and wanted is not found:
            by = f", held by {_names(holding)}" if holding else ""
            reasons = (*judged.refused, *_reasons(holding))
            yield Mismatch((key,), key, _may(wanted), f"{_may(found)}{by}", reasons)
    if expect.refused is not None and expect.refused is not bool(judged.refused):
        words = ("no override refused", "an override refused")
        found_words = words[bool(judged.refused)]
        yield Mismatch(("refused",), "overrides", words[expect.refused], found_words, judged.refused)


def _may(yes: bool) -> str:
    return "allowed" if yes else "held"


def _verdict(keys: Keys, name: str, wanted: Verdict, gates: Sequence[GateResult]) -> Iterator[Mismatch]:
    found = named(name, gates)
    if not found:
        yield _missing(keys, name, wanted.value, gates)
        return
    wrong = [gate for gate in found if gate.verdict is not wanted]
    if wrong:
        yield Mismatch(keys, _names(wrong), wanted.value, _said(wrong), _reasons(wrong))


def _overridden(number: int, name: str, gates: Sequence[GateResult]) -> Iterator[Mismatch]:
    found = named(name, gates)
    if not found:
        yield _missing(("overridden", number), name, "overridden", gates)
        return
    wrong = [gate for gate in found if gate.override is None]
    if wrong:
        yield Mismatch(
            ("overridden", number), _names(wrong), "overridden", f"{_said(wrong)}, not overridden", _reasons(wrong)
        )


def _only(wanted: Sequence[str], gates: Sequence[GateResult]) -> Iterator[Mismatch]:
    for number, name in enumerate(wanted):
        if not named(name, gates):
            yield _missing(("only", number), name, "there", gates)
    more = [gate for gate in gates if not {gate.name, gate.kind} & set(wanted)]
    if more:
        yield Mismatch(("only",), _names(more), "no such gate", _said(more), _reasons(more))


def _details(name: str, wanted: GateExpected, gates: Sequence[GateResult], start: datetime) -> Iterator[Mismatch]:
    found = named(name, gates)
    if not found:
        yield _missing(("gates", name), name, wanted.verdict.value if wanted.verdict else "there", gates)
    for gate in found:
        for key, expected, said, holds in _compared(wanted, gate, start):
            if not holds:
                what = gate.name if key == "verdict" else f"{key} of {gate.name}"
                reasons = () if key == "reason" else _reasons([gate])
                yield Mismatch(("gates", name, key), what, expected, said, reasons)


def _compared(wanted: GateExpected, gate: GateResult, start: datetime) -> Iterator[tuple[str, str, str, bool]]:
    """Yield key, what is expected, what was found, and whether that holds."""
    if wanted.verdict is not None:
        yield "verdict", wanted.verdict.value, _said([gate]), gate.verdict is wanted.verdict
    if wanted.holds is not None:
        yield "holds", wanted.holds, gate.holds, gate.holds == wanted.holds
    if wanted.reason is not None:
        yield "reason", f"a text with `{wanted.reason}`", f"`{gate.reason}`", wanted.reason in gate.reason
    if wanted.clears is not None:
        clears = gate.clears or ""
        yield "clears", f"a text with `{wanted.clears}`", f"`{clears}`" if clears else "none", wanted.clears in clears
    if wanted.earliest is not None:
        time = resolve(wanted.earliest, start)
        yield "earliest", _time(time), _time(gate.earliest), gate.earliest == time


def _missing(keys: Keys, name: str, expected: str, gates: Sequence[GateResult]) -> Mismatch:
    there = f"the gates are {_names(gates)}" if gates else "there is no gate at all"
    return Mismatch(keys, name, expected, "no such gate", (there,))


def _said(gates: Sequence[GateResult]) -> str:
    return ", ".join(dict.fromkeys(gate.verdict.value for gate in gates))


def _names(gates: Sequence[GateResult]) -> str:
    return ", ".join(gate.name for gate in gates)


def _reasons(gates: Sequence[GateResult]) -> tuple[str, ...]:
    return tuple(f"{gate.name}: {gate.reason}" for gate in gates)


def _time(time: datetime | None) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC" if time is not None else "not known"
