"""What planning costs for many apps and clusters: ``python -m bench.plans APPS CLUSTERS`` prints rows as JSON.

Git, pins, policies and gates are real. The renderer and the clusters are in memory, since a thousand real clusters do
not fit on one machine: what rendering Jinja2 and asking API servers take comes on top.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.engine import bookinfo
from bench.world import IDENTITY
from fleet.engine.gates.registry import GATES
from fleet.engine.grouping import compare_targets, group_targets
from fleet.model.names import Target
from fleet.operations import promote
from fleet.operations.common.deciding import Wishes, case_of
from fleet.operations.common.desk import Desk
from fleet.operations.common.promotion import _body
from fleet.operations.forecast import forecast
from tests.fakes.promotion import StoredClusters
from tests.helpers.git import clone, commit_all, git, make_repository, write_files
from tests.helpers.promoting import Person, only, pin_text

_CALLS = 200
_POLICY = """policy:
  approvals: 1
  windows:
    - {name: night, kind: freeze, starts: 2026-01-05T22:00, duration: 8h, repeats: FREQ=DAILY, timeZone: Europe/Paris}
  gates:
    - {name: final, cel: "!version.contains('-')"}
"""


def files(apps: int, clusters: int) -> dict[str, str]:
    """Return a fleet: one cluster in staging, all others in prod, in ten shapes."""
    found = {"fleet.yaml": "name: bench\n"}
    names = [f"prod-{number:04}" for number in range(clusters)]
    found["environments/staging/environment.yaml"] = "clusters: {names: [staging]}\npolicy: {soak: 1h}\n"
    found["environments/prod/environment.yaml"] = (
        f"promotesFrom: staging\nclusters: {{names: [{', '.join(names)}]}}\n{_POLICY}"
    )
    for number, name in enumerate(["staging", *names]):
        found[f"clusters/{name}.yaml"] = f"access: {{context: {name}}}\nvalues: {{replicas: {number % 10 + 1}}}\n"
    for number in range(apps):
        app = f"app-{number:03}"
        found[f"apps/{app}/app.yaml"] = f"namespace: {app}\nimages: {{web: registry.example/web:1.0.0}}\n"
        found[f"apps/{app}/templates/more.yaml.j2"] = "# nothing\n"
    return found


def place(root: Path, apps: int, clusters: int) -> Person:
    """Return a clone whose staging has a newer release of every app."""
    seed = make_repository(root / "seed", files(apps, clusters))
    first = git(seed, "rev-parse", "HEAD")
    for environment, version in (("prod", "1.0.0"), ("staging", "1.1.0")):
        more = "" if environment == "prod" else "  images: {web: registry.example/web:1.1.0}\n"
        pins = {
            f"environments/{environment}/apps/app-{number:03}.yaml": pin_text(first, version, more)
            for number in range(apps)
        }
        write_files(seed, pins)
        commit_all(seed, f"Pins of {environment}")
    git(root, "clone", "--quiet", "--bare", str(seed), str(root / "origin.git"))
    return Person(clone(root / "origin.git", root / "clone"), StoredClusters(root / "live"))


def timed(work: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    """Return what some work cost, and its result."""
    cpu, start = time.process_time(), time.perf_counter()
    result = work()
    wall = time.perf_counter() - start
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"cpu": time.process_time() - cpu, "wall": wall, "rss": rss}, result


def rows(root: Path, apps: int, clusters: int) -> Iterator[dict[str, Any]]:
    """Yield each figure."""
    person = place(root, apps, clusters)
    size = f"{apps} apps, {clusters} clusters; renderer and clusters in memory"
    with person.services() as services:
        desk = Desk(**only(services, Desk))
        cost, found = timed(lambda: forecast(desk))
        if len(found.outlooks) != apps or any(one.error for one in found.outlooks):
            raise RuntimeError(f"{len(found.outlooks)} of {apps} promotions were planned")
        yield {"what": "`fleet plan`, cold", "aim": "≤ 5 s wall", "note": size, **cost}
        values = "values: {replicas: 99}\n"
        write_files(root / "seed", {"clusters/staging.yaml": f"access: {{context: staging}}\n{values}"})
        commit_all(root / "seed", "One commit")
        git(root / "seed", "push", "--quiet", str(root / "origin.git"), "main")
        cost, _ = timed(lambda: forecast(desk))
        yield {"what": "`fleet plan`, after one commit", "aim": "≤ 0.5 s wall", "note": "same process", **cost}
        cost, prepared = timed(
            lambda: promote.prepare(("app-000",), "prod", **only(services, promote.prepare)),
        )
        (planned,) = prepared.planned
        size_of_body = len(_body(planned.plan, prepared.world).encode())
        note = f"groups: {len(planned.plan.groups)}; body of {size_of_body / 1000:.1f} kB"
        yield {"what": "plan and grouped diff of one app", "aim": "≤ 10 s wall, ≤ 60 kB", "note": note, **cost}
        case = case_of(planned.plan, planned, prepared.world, planned.observations, Wishes())
        for gate in GATES:
            times = []
            for _ in range(_CALLS):
                start = time.perf_counter()
                given = [*gate(case)]
                times.append(time.perf_counter() - start)
            name = f"gate `{gate.__module__.rpartition('.')[2]}.{gate.__name__}`"
            median = statistics.median(times)
            said = "says nothing here" if not given else f"{len(given)} verdict{'' if len(given) == 1 else 's'}"
            note = f"median of {_CALLS}; slowest {max(times) * 1000:.2f} ms; {said}"
            yield {"what": name, "aim": "≤ 1 ms", "note": note, "cpu": 0, "wall": median, "rss": 0}
    yield _all_different(clusters)


def _all_different(clusters: int) -> dict[str, Any]:
    """Return what comparing 15 objects costs where no two clusters change alike."""
    targets = [Target("web", "prod", f"prod-{number:04}") for number in range(clusters)]
    before = {target: bookinfo("web", f"1.{number}") for number, target in enumerate(targets)}
    after = {target: bookinfo("web", f"2.{number}") for number, target in enumerate(targets)}
    cost, groups = timed(lambda: group_targets(compare_targets(before, after)))
    note = f"15 objects; {len(groups)} groups: no two clusters alike"
    return {"what": f"grouped diff, {clusters} clusters", "aim": "≤ 10 s wall", "note": note, **cost}


def main() -> int:
    """Measure and print."""
    apps, clusters = (int(word) for word in sys.argv[1:3])
    os.environ |= IDENTITY
    with tempfile.TemporaryDirectory(prefix="fleet-plans-") as directory:
        for row in rows(Path(directory), apps, clusters):
            print(json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
