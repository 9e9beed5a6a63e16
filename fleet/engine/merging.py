"""Three-way merge of the values of a release that moves from one environment to the next. Pure.

The sides are called as in git. *Theirs* are the values where the release comes from. *Ours* are those where it goes;
somebody may have changed them there. *Base* are theirs as they were when a release last moved. Per value:

* unchanged in ours since then: it becomes theirs;
* changed in ours only: ours is kept;
* changed in both to the same: nothing is to be done; to different values: a conflict, which a person decides.

The base is what the *source* had, not what landed: a value that was kept once is still a change of ours at the next
promotion, so that it is kept again, and the same promotion twice changes nothing.

Only promotable values take part. What is merged is the smallest thing that is a value on every side: a leaf, or where
one side has a leaf and another a mapping, the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fleet.engine.objects import canonical
from fleet.engine.redact import mask_setting
from fleet.engine.values import Steps, covers, expand, join, leaves
from fleet.model.promotion import Setting, ValueDecision, ValueMove, ValueSide

_ABSENT = object()
Values = Mapping[str, Any]
"""Values by dotted path, as a release holds them."""


@dataclass(frozen=True, slots=True)
class Takes:
    """Which side a person chose: for every conflict, and for single paths."""

    conflicts: ValueSide | None = None
    paths: Mapping[str, ValueSide] = field(default_factory=dict)
    """By dotted path; a path stands for those inside of it too, and may turn a decision without conflict around."""

    def of(self, path: str) -> ValueSide | None:
        """Return the side that was chosen for one path by name."""
        return next((side for taken, side in self.paths.items() if covers((taken,), path)), None)


@dataclass(frozen=True, slots=True)
class Merge:
    """What a release carries after a merge, and what was decided about each value that differs."""

    values: dict[str, Any]
    """Values in plain, by dotted path; those in conflict as in ours."""
    moves: tuple[ValueMove, ...]
    """Sorted by path. What looks like a secret is masked."""

    @property
    def conflicts(self) -> tuple[ValueMove, ...]:
        """Values that a person has to decide about."""
        return tuple(move for move in self.moves if move.decision is ValueDecision.CONFLICT)


def merge_values(base: Values, ours: Values, theirs: Values, promotable: Iterable[str], takes: Takes) -> Merge:
    """Merge the values of a release that moves.

    Args:
        base: what the source had when a release last moved; empty if none ever did.
        ours: what the release in the target environment holds.
        theirs: what the release in the source environment holds.
        promotable: dotted paths that `app.yaml` declares, at the revision that moves.
        takes: what a person chose.

    Raises:
        ValueError: paths of one side are badly formed, or overlap.
    """
    declared = tuple(promotable)
    sides = [expand({p: v for p, v in side.items() if covers(declared, p)}) for side in (base, ours, theirs)]
    result: dict[str, Any] = {}
    moves = [*_outside(ours, theirs, declared)]
    for steps in _units(sides):
        was, here, there = (_at(side, steps) for side in sides)
        path = join(steps)
        chosen, decision, taken = _decide(was, here, there, path, takes)
        if chosen is not _ABSENT:
            result[path] = chosen
        if decision is not None:
            base_side, our_side, their_side = (_setting(path, value) for value in (was, here, there))
            move = ValueMove(path=path, decision=decision, base=base_side, ours=our_side, theirs=their_side)
            moves.append(move.model_copy(update={"taken": taken}))
    return Merge(_in_known_form(result, theirs, ours), tuple(sorted(moves, key=lambda move: move.path)))


def _decide(
    was: Any, here: Any, there: Any, path: str, takes: Takes
) -> tuple[Any, ValueDecision | None, ValueSide | None]:
    """Return the value, what was decided (none: nothing was to be), and whether a person did."""
    if _same(here, there):
        return here, None, None
    decision = ValueDecision.CONFLICT
    if _same(was, here):
        decision = ValueDecision.MOVED
    elif _same(was, there):
        decision = ValueDecision.KEPT
    side = takes.of(path) or (takes.conflicts if decision is ValueDecision.CONFLICT else None)
    if side is not None:
        decision = ValueDecision.MOVED if side is ValueSide.THEIRS else ValueDecision.KEPT
    return (there if decision is ValueDecision.MOVED else here), decision, side


def _outside(ours: Values, theirs: Values, declared: tuple[str, ...]) -> Iterable[ValueMove]:
    """Yield values that have no business in a release: they neither move nor stay in one."""
    for path in sorted({*ours, *theirs}):
        if covers(declared, path):
            continue
        here, there = (_setting(path, side.get(path, _ABSENT)) for side in (ours, theirs))
        decision = ValueDecision.LEFT if here is None else ValueDecision.DROPPED
        yield ValueMove(path=path, decision=decision, ours=here, theirs=there)


def _units(sides: list[dict[str, Any]]) -> list[Steps]:
    """Return the paths that are merged: leaves of any side, without those inside of another one."""
    found = sorted({steps for side in sides for steps, _ in leaves(side)})
    units: list[Steps] = []
    for steps in found:  # sorted: a prefix comes before what it contains
        if not units or steps[: len(units[-1])] != units[-1]:
            units.append(steps)
    return units


def _at(values: Mapping[str, Any], steps: Steps) -> Any:
    current: Any = values
    for step in steps:
        if not isinstance(current, Mapping) or step not in current:
            return _ABSENT
        current = current[step]
    return current


def _same(one: Any, other: Any) -> bool:
    """Say whether two values are equal, as JSON has it: `true` is not `1`."""
    if one is _ABSENT or other is _ABSENT:
        return one is other
    return canonical(one) == canonical(other)


def _setting(path: str, value: Any) -> Setting | None:
    return None if value is _ABSENT else Setting(value=mask_setting(path, value))


def _in_known_form(result: dict[str, Any], *sides: Values) -> dict[str, Any]:
    """Return a result as the side has it that means the same: a mapping may be written as one value or as several."""
    meaning = canonical(expand(result))
    for side in sides:
        if canonical(expand(side)) == meaning:
            return dict(side)
    return result
