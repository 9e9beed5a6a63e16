"""Asks everybody that the gates of a policy name, side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

from fleet.adapters.probes.asking import Asker, NoAnswerError
from fleet.adapters.probes.jobs import ask_job
from fleet.adapters.probes.questions import ask_http, ask_metric
from fleet.engine.samples import Judgement
from fleet.engine.verification import Subject
from fleet.model.observation import ProbeAnswer
from fleet.model.policy import GateSpec
from fleet.ports.cluster import Clusters
from fleet.ports.probes import Question

if TYPE_CHECKING:
    import ssl

Told = tuple[Judgement, str | None]
"""What was answered, and what a person can do about it."""


@dataclass(frozen=True)
class OutsideProber:
    """Implements :class:`fleet.ports.probes.Prober` with HTTP, Prometheus and Jobs."""

    clusters: Callable[[], Clusters]
    """Gives the connections to clusters, which are only made if a gate needs them."""
    environment: Mapping[str, str] = field(repr=False)
    """Environment variables, for tokens."""
    tls: ssl.SSLContext | None = None
    """Whom to trust; None: the usual authorities."""

    def ask(
        self, gates: Sequence[GateSpec], question: Question, now: datetime, *, start: bool
    ) -> Sequence[ProbeAnswer]:
        """Return an answer for each gate."""
        return asyncio.run(self._ask(gates, question, now, start))

    async def _ask(
        self, gates: Sequence[GateSpec], question: Question, now: datetime, start: bool
    ) -> Sequence[ProbeAnswer]:
        asker = Asker(question.fleet.file.allowed_hosts, self.environment, self.tls)
        return await asyncio.gather(*(self._answer(gate, question, asker, now, start) for gate in gates))

    async def _answer(
        self, gate: GateSpec, question: Question, asker: Asker, now: datetime, start: bool
    ) -> ProbeAnswer:
        try:
            judgement, hint = await self._judged(gate, question, asker, now, start)
        except NoAnswerError as error:
            judgement, hint = Judgement(None, str(error)), None
        except Exception as error:
            judgement, hint = Judgement(None, f"it could not be asked ({type(error).__name__})"), None
        return ProbeAnswer(
            gate=gate.name,
            app=question.app,
            environment=question.environment,
            passed=judgement.passed,
            reason=judgement.reason,
            pending=judgement.passed is None and gate.job is not None,
            hint=hint,
        )

    async def _judged(self, gate: GateSpec, question: Question, asker: Asker, now: datetime, start: bool) -> Told:
        subject = _subject(question)
        if gate.http is not None:
            return await ask_http(gate.http, subject.values, asker), None
        if gate.metric is not None:
            return await ask_metric(gate.metric, subject.values, asker, now), None
        if gate.job is not None:
            return await asyncio.to_thread(partial(self._job, gate, question, subject, now, start=start))
        return Judgement(None, "nobody is asked"), None

    def _job(self, gate: GateSpec, question: Question, subject: Subject, now: datetime, *, start: bool) -> Told:
        source = question.fleet.environments.get(question.source or "")
        if source is None or not source.clusters:
            return Judgement(None, "there is no source environment with clusters to run the Job in"), None
        app = question.fleet.apps.get(question.app)
        namespace = (gate.job.namespace if gate.job else None) or (app.namespace if app else None)
        if namespace is None:
            return Judgement(None, f"neither the gate nor `{question.app}` says in which namespace the Job runs"), None
        targets = {name: question.fleet.clusters[name] for name in source.clusters}
        return ask_job(gate, subject, namespace, targets, self.clusters(), now, start=start)


def _subject(question: Question) -> Subject:
    return Subject(question.fleet.name, question.app, question.source or "", question.environment, question.release)
