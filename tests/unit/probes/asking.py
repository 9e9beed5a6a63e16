"""Questions for tests of the prober."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from fleet.adapters.probes.prober import OutsideProber
from fleet.model.observation import ProbeAnswer
from fleet.model.policy import GateSpec
from fleet.ports.cluster import Clusters
from fleet.ports.probes import Question
from tests.fakes.cluster import FakeClusters
from tests.unit.promotion.cases import fleet
from tests.unit.promotion.plans import release

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def question(hosts: Sequence[str] = (), **changes: Any) -> Question:
    """Return the question about `web` on its way from staging to prod."""
    known = changes.pop("fleet", None) or fleet(file={"allowedHosts": list(hosts)}, apps={"web": {"namespace": "shop"}})
    given: dict[str, Any] = {
        "app": "web",
        "source": "staging",
        "environment": "prod",
        "release": release("1.1.0+build"),
    }
    return Question(known, **(given | changes))


def ask(
    *gates: Mapping[str, Any],
    hosts: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    clusters: Clusters | None = None,
    now: datetime | None = None,
    start: bool = True,
    tls: Any = None,
    about: Question | None = None,
) -> dict[str, ProbeAnswer]:
    """Return the answers by the name of the gate."""
    given = clusters or FakeClusters()
    prober = OutsideProber(lambda: given, environment or {}, tls)
    specs = [GateSpec.model_validate({"name": f"gate-{number}", **gate}) for number, gate in enumerate(gates)]
    answers = prober.ask(specs, about or question(hosts), now or NOW, start=start)
    assert [answer.gate for answer in answers] == [spec.name for spec in specs]
    return {answer.gate: answer for answer in answers}


def ask_one(gate: Mapping[str, Any], **more: Any) -> ProbeAnswer:
    """Return the answer to one gate."""
    (answer,) = ask(gate, **more).values()
    assert (answer.app, answer.environment) == ("web", "prod")
    return answer
