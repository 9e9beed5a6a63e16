"""What is measured. Each function returns rows: ours, the rival's, and the limit where there is one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.measure import Cost, cost_of, fleet, median
from bench.table import Row
from bench.world import World, copies, release_everywhere
from fleet.model.objects import FLEET_LABEL

ROUNDS = 3
START_UPS = 15
RIVAL_STACKS = {"automation": 4, "apply": 16}
"""Targets in a run of a rival: its start-up is shared by as many. `Stack.up()` starts processes for each."""
IMAGES = [f"docker.io/istio/examples-bookinfo-reviews-v{v}:1.20.{n}" for n in range(3, 9) for v in (3, 2)]


def changed_targets(here: World) -> list[Row]:
    """(a) One field changed in each target of 15 objects."""
    directory = copies(here, "changed", 4)
    targets = 16
    first = _reconcile(here, directory)
    rounds = []
    for number in range(ROUNDS):
        release_everywhere(here, directory, IMAGES[number], number)
        rounds.append(_reconcile(here, directory).per(targets))
        _require(here, directory, applied=targets)
    rivals = {what: _rival(here, directory, what) for what in RIVAL_STACKS}
    return [
        Row(
            "changed target, 15 objects",
            "fleet reconcile",
            median(rounds),
            "≤ 0.3 CPU-s",
            f"{targets} targets in a run",
        ),
        Row(
            "changed target, 15 objects",
            "Automation API `Stack.up()`",
            rivals["automation"],
            note=f"{RIVAL_STACKS['automation']} stacks in a run; resident provider",
        ),
        Row(
            "changed target, 15 objects",
            "server-side apply alone",
            rivals["apply"],
            note=f"{RIVAL_STACKS['apply']} targets in a run; 15 requests each",
        ),
        Row("new target", "fleet reconcile", first.per(targets)),
    ]


def unchanged_targets(here: World) -> list[Row]:
    """(b) 100 targets that are as they should be."""
    directory = copies(here, "unchanged", 25)
    targets = 100
    _reconcile(here, directory)
    ours = median([_reconcile(here, directory) for _ in range(ROUNDS)])
    few = median([_reconcile(here, directory, "-a", "bookinfo-000") for _ in range(ROUNDS)])
    quick = median([_reconcile(here, directory, "--no-drift-check") for _ in range(ROUNDS)]).per(targets)
    rival = _rival(here, directory, "automation", change=False)
    return [
        Row(
            "unchanged target", "fleet reconcile", ours.per(targets), "≤ 5 ms wall", f"{targets} targets, drift checked"
        ),
        Row("unchanged target", "the same without start-up", ours.beyond(few).per(targets - 4), note="100 less 4"),
        Row("unchanged target", "fleet reconcile --no-drift-check", quick, note=f"{targets} targets"),
        Row("unchanged target", "Automation API `Stack.up()`", rival, note=f"{RIVAL_STACKS['automation']} stacks"),
    ]


def start_up(here: World) -> list[Row]:
    """(c) Commands that people wait for."""
    here.fleet("reconcile", "--yes")
    commands: dict[str, Callable[[], Cost]] = {
        "--help": lambda: _fleet(here, here.clone, "--help"),
        "status": lambda: _fleet(here, here.clone, "status"),
        "python": lambda: _python(here),
    }
    costs = {name: [run() for _ in range(START_UPS)] for name, run in commands.items()}
    fastest = {name: f"fastest of {START_UPS}: {min(c.wall for c in found):.3f} s" for name, found in costs.items()}
    return [
        Row("`fleet --help`", "fleet", median(costs["--help"]), "≤ 0.2 s", fastest["--help"]),
        Row("`fleet status`", "fleet", median(costs["status"]), "≤ 0.5 s", f"4 clusters; {fastest['status']}"),
        Row("`python -c pass`", "the interpreter alone", median(costs["python"]), note=f"limit; {fastest['python']}"),
    ]


def promotion(here: World) -> list[Row]:
    """(d) From the command to an open pull request."""
    here.fleet("reconcile", "--yes")
    costs = []
    for number in range(ROUNDS):
        here.fleet("release", "bookinfo", "--bump", "minor", "--image", f"reviews={IMAGES[number]}", "--yes")
        here.fleet("reconcile", "-e", "dev", "--yes")
        costs.append(_fleet(here, here.clone, "promote", "bookinfo", "--to", "staging", "--yes"))
    return [Row("`fleet promote` to an open pull request", "fleet, local forge", median(costs), "≤ 1 s")]


def sandbox_memory(here: World) -> list[Row]:
    """(e) Memory of each control plane."""
    clusters = here.status()["clusters"]
    mean = sum(cluster["memory"] for cluster in clusters) / len(clusters) / 2**20
    return [Row("sandbox memory per cluster", "kwok control plane", Cost(0, 0, mean), note=f"{len(clusters)} clusters")]


def plans(here: World) -> list[Row]:
    """(f) Planning for 100 apps on 1,000 clusters, in a process of its own."""
    command = [sys.executable, "-m", "bench.plans", "100", "1000"]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=root, env=here.environment, capture_output=True, text=True, check=True)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    return [Row(r["what"], "fleet", Cost(r["cpu"], r["wall"], r["rss"]), r["aim"], r["note"]) for r in found]


def _require(here: World, directory: Path, *, applied: int) -> None:
    """Check that the last run did what is being measured."""
    run = json.loads(here.fleet("reconcile", "--dry-run", "-o", "json", directory=directory))["data"]
    changed = [result for result in run["results"] if result["changes"]["objects"]]
    if changed or len(run["results"]) != applied:
        raise RuntimeError(f"{len(changed)} of {len(run['results'])} targets are not as they should be")


def _reconcile(here: World, directory: Path, *more: str) -> Cost:
    return _fleet(here, directory, "reconcile", "--yes", *more)


def _fleet(here: World, directory: Path, *words: str) -> Cost:
    return cost_of(fleet(*words), directory=directory, environment=here.environment)


def _python(here: World) -> Cost:
    return cost_of([sys.executable, "-c", "pass"], directory=here.root, environment=here.environment)


def _rival(here: World, directory: Path, what: str, *, change: bool = True) -> Cost:
    """Return what one target costs a rival: one object changed, or none."""
    work = _work(here, directory, RIVAL_STACKS[what])
    file = here.root / f"{what}.json"
    state = here.root / f"{what}-state"

    def once() -> Cost:
        file.write_text(json.dumps(work))
        command = [sys.executable, "-m", "bench.rivals", what, str(file), str(state)]
        root = Path(__file__).resolve().parent.parent
        return cost_of(command, directory=root, environment=here.environment).per(len(work["targets"]))

    once()
    rounds = []
    for number in range(ROUNDS):
        if change:
            _change_image(work, IMAGES[number])
        rounds.append(once())
    return median(rounds)


def _work(here: World, directory: Path, count: int) -> dict[str, Any]:
    """Return rendered targets of a fleet, moved to namespaces of the rival."""
    name = f"{directory.name}-rival"
    targets = json.loads(_render(here, directory))[:count]
    moved = json.loads(json.dumps(targets).replace(f'"{directory.name}-', f'"{name}-'))
    for target in moved:
        for manifest in target["objects"]:
            manifest["metadata"]["labels"][FLEET_LABEL] = name  # another fleet's, so that nobody prunes them
    return {
        "fleet": name,
        "kubeconfig": str(here.root / "sandbox" / "kubeconfig"),
        "pulumi": here.fleet("toolchain", "path", "pulumi", directory=here.root).strip(),
        "targets": moved,
    }


def _render(here: World, directory: Path) -> str:
    command = [sys.executable, "-m", "bench.rendered", str(directory)]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(command, cwd=root, env=here.environment, capture_output=True, text=True, check=True)
    return done.stdout


def _change_image(work: dict[str, Any], image: str) -> None:
    for target in work["targets"]:
        for manifest in target["objects"]:
            if manifest["kind"] == "Deployment" and "reviews" in manifest["metadata"]["name"]:
                manifest["spec"]["template"]["spec"]["containers"][0]["image"] = image
