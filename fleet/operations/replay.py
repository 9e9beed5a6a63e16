"""Make a past decision again, from git alone: the fleet at its commit, and what the ledger says was observed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from fleet.errors import FleetError, UnreachableError, UsageError
from fleet.model.events import Level, Message
from fleet.model.gate import GateResult
from fleet.model.ledger import Decision, GateReplay, Replay
from fleet.operations.common.deciding import Wishes, judged
from fleet.operations.common.decisions import Decided, decision_for, decision_of_request
from fleet.operations.common.history import pin_history
from fleet.operations.common.loading import load_fleet
from fleet.operations.common.planning import Draft, Planned, World, make_plan
from fleet.ports.config import FleetLoader, PinEditor
from fleet.ports.ledger import LedgerReader
from fleet.ports.renderer import Renderer
from fleet.ports.reporter import Reporter
from fleet.ports.repository import RepositoryReader

NO_DECISION = "FLT-LED-010"
NOT_NAMED = "FLT-LED-011"
_NUMBER = re.compile(r"#?(?P<number>[1-9]\d{0,5})", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{4,64}")


def replay(
    wanted: str,
    *,
    ledger: LedgerReader,
    repository: RepositoryReader,
    loader: FleetLoader,
    renderer: Renderer,
    pin_editor: PinEditor,
    branch: str,
    reporter: Reporter,
    fetch: bool = True,
) -> tuple[Replay, ...]:
    """Return past decisions as they are made again; several for a commit that changed several pins.

    Neither a cluster nor any other outside system is asked.

    Args:
        wanted: digits of a commit that landed (as in `fleet history`), or the number of a pull request.
        ledger: where decisions are recorded.
        repository: the fleet and its history.
        loader: reads the fleet as it was.
        renderer: renders what was decided about.
        pin_editor: reads pins.
        branch: the protected branch.
        reporter: is told if the remote cannot be reached.
        fetch: bring the remote's refs up to date first.

    Raises:
        UsageError: there is no such promotion.
        LedgerError: the ledger cannot be read.
    """
    if fetch:
        try:
            repository.fetch()
        except UnreachableError as error:
            reporter.emit(Message(Level.WARN, f"this is the ledger as last fetched: {error.message}"))
    found = _find(wanted, ledger, repository, pin_editor, branch)
    world_of = _Worlds(repository, loader, renderer, pin_editor, branch)
    return tuple(_again(one, world_of) for one in found)


class _Worlds:
    """The fleet at each commit that a decision was made for."""

    def __init__(
        self,
        repository: RepositoryReader,
        loader: FleetLoader,
        renderer: Renderer,
        pin_editor: PinEditor,
        branch: str,
    ) -> None:
        self._services = (repository, loader, renderer, pin_editor, branch)
        self._known: dict[str, World] = {}

    def __call__(self, commit: str) -> World:
        if commit not in self._known:
            repository, loader, renderer, pin_editor, branch = self._services
            fleet, tree = load_fleet(repository, loader, branch, revision=commit, fetch=False)
            self._known[commit] = World(fleet, tree, repository, loader, renderer, pin_editor, branch)
        return self._known[commit]


def _find(
    wanted: str, ledger: LedgerReader, repository: RepositoryReader, pin_editor: PinEditor, branch: str
) -> Sequence[Decided]:
    entries = tuple(ledger.entries())
    number = _NUMBER.fullmatch(wanted)
    if number:
        decided = decision_of_request(int(number["number"]), entries)
        if decided is not None:
            return [decided]
    head = repository.head_of(branch)
    if _COMMIT.fullmatch(wanted) and head is not None:
        landings = tuple(
            pin_history(
                head,
                repository=repository,
                pin_editor=pin_editor,
                wanted=lambda commit, _environment, _app: commit.id.startswith(wanted),
            )
        )
        if len({landing.commit for landing in landings}) > 1:
            raise UsageError(f"`{wanted}` could be several commits", code=NOT_NAMED, hints=("give more digits",))
        found = [one for one in (decision_for(landing, entries) for landing in landings) if one is not None]
        if found:
            return found
        if landings:
            raise UsageError(
                f"the ledger holds no decision about {landings[0].id}: it landed outside fleet, or before the ledger",
                code=NO_DECISION,
                hints=(f"fleet history show {landings[0].id}", "fleet audit verify"),
            )
    raise UsageError(
        f"`{wanted}` is no promotion that is known here",
        code=NOT_NAMED,
        hints=("name a commit of `fleet history`, or a pull request like `7`",),
    )


def _again(decided: Decided, world_of: _Worlds) -> Replay:
    entry, decision = decided.entry, decided.decision
    report = Replay(sequence=entry.sequence, time=entry.time, actor=entry.actor, decision=decision)
    then = {gate.name: gate for gate in decision.gates}
    try:
        planned = _judged(decision, world_of(decision.base))
    except FleetError as error:
        gates = tuple(GateReplay(name=name, then=gate) for name, gate in then.items())
        why = f"it cannot be decided again: {error.message}"
        return report.model_copy(update={"gates": gates, "differences": (why,)})
    plan = planned.plan
    if plan is None:
        why = planned.error.message if planned.error else "there is no plan"
        return report.model_copy(update={"differences": (f"it cannot be decided again: {why}",)})
    now = {gate.name: gate for gate in plan.gates}
    gates = tuple(GateReplay(name=name, then=then.get(name), now=now.get(name)) for name in {**then, **now})
    differences = [text for gate in gates for text in _differences(gate)]
    if plan.digest != decision.plan:
        differences.append(f"plan hash: was {decision.plan[:12]}, is {plan.digest[:12]}: something else is rendered")
    return report.model_copy(update={"gates": gates, "plan": plan.digest, "differences": tuple(differences)})


def _judged(decision: Decision, world: World) -> Planned:
    draft = Draft(
        kind=decision.promotion,
        app=decision.app,
        environment=decision.environment,
        before=decision.before,
        after=decision.after,
        content=b"",  # how the pin file looks decides nothing
        source=decision.source,
        direct=decision.direct,
        values=decision.values,
        source_release=decision.source_release,
    )
    if decision.observations is None:
        raise UsageError("what was observed then is not recorded", code=NO_DECISION)
    return judged(make_plan(draft, world), world, decision.observations, Wishes(overrides=decision.overrides))


def _differences(gate: GateReplay) -> Iterator[str]:
    then, now = gate.then, gate.now
    if then is None or now is None:
        yield f"{gate.name}: {'was not judged then' if then is None else 'is not judged any more'}"
        return
    if then != now:
        yield f"{gate.name}: {'; '.join(_fields(then, now))}"


def _fields(then: GateResult, now: GateResult) -> Iterator[str]:
    for name in type(then).model_fields:
        old, new = getattr(then, name), getattr(now, name)
        if old != new:
            yield f"{name} was {_word(old)}, is {_word(new)}"


def _word(value: object) -> str:
    return "none" if value is None else f"`{value}`"
