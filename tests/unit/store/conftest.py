from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fleet.adapters.store.sqlite import SqlStore
from fleet.model.names import Target
from fleet.model.objects import ObjectRef
from fleet.model.release import Release
from fleet.model.state import RecordedObject, RecordedState

TARGET = Target("bookinfo", "prod", "prod-eu")
START = datetime(2026, 3, 1, 12, tzinfo=UTC)


class SteppedClock:
    """Time that only passes when a test says so; wall clock and monotonic clock apart."""

    def __init__(self) -> None:
        self.wall = START
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return self.seconds

    def step(self, seconds: float) -> None:
        self.seconds += seconds
        self.wall += timedelta(seconds=seconds)


def state(target: Target = TARGET, *, fence: int = 1, digest: str = "d1", run: str = "r1") -> RecordedState:
    inputs = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "b"}, "data": {"k": "ü"}}
    return RecordedState(
        target=target,
        release=Release(version="1.0.0", revision="a" * 40, images={"app": "x:1"}, values={"n": 1}),
        digest=digest,
        applied_at=START,
        run_id=run,
        fence=fence,
        objects=(
            RecordedObject(ObjectRef("v1", "ConfigMap", "b", "a"), inputs, {**inputs, "data": None}, "u", "7", 3),
        ),
    )


@pytest.fixture
def clock() -> SteppedClock:
    return SteppedClock()


@pytest.fixture
def open_store(tmp_path: Path, clock: SteppedClock) -> Iterator[Callable[[], SqlStore]]:
    """Opens the same file as often as it is called, as several processes would."""
    opened: list[SqlStore] = []

    def _open() -> SqlStore:
        opened.append(SqlStore(tmp_path / ".fleet" / "fleet.db", clock))
        return opened[-1]

    yield _open
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[[], SqlStore]) -> SqlStore:
    return open_store()
