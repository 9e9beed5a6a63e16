from __future__ import annotations

import re
from collections.abc import Callable
from io import StringIO

from fleet.console.reporter import TerminalReporter
from fleet.console.terminal import Terminal
from fleet.console.views.reconcile import show_dry_run, show_plan, show_run
from fleet.model.events import Level, Message, Started, TargetFinished
from fleet.model.reconcile import Outcome, Run
from fleet.operations.common.previewing import Previewer
from fleet.operations.reconcile import preview
from tests.helpers.reconciling import World, config_map

Worlds = Callable[..., World]


class Screen:
    def __init__(self) -> None:
        self.stdout, self.stderr = StringIO(), StringIO()
        self.terminal = Terminal(color="never", stdout=self.stdout, stderr=self.stderr)

    @property
    def out(self) -> str:
        text = re.sub(r"\d{8}T\d{6}-[0-9a-f]{4}", "RUN", self.stdout.getvalue())
        return re.sub(r"\b\d+\.\d+s\b", "TIME", text)

    @property
    def err(self) -> str:
        return self.stderr.getvalue()


def dry_run(world: World) -> Run:
    prepared = world.plan()
    previewer = Previewer(world.deployer, world.fleet, 10)
    return preview(prepared, by="Ada", previewer=previewer, clock=world.clock, reporter=world.reporter)


def test_the_plan_says_what_happens_to_each_target_and_why(worlds: Worlds) -> None:
    world = worlds({"dev": [["dev"]], "prod": [["eu"], ["us"]]})
    world.reconcile()
    world.clusters["dev"].edit("Deployment", "web", replicas=3)
    world.clusters["us"].unreachable = True
    screen = Screen()
    show_plan(screen.terminal, world.plan().plan, "origin/main at 4f1c2e0")
    assert screen.out == (
        "Reconcile origin/main at 4f1c2e0: 1 to apply, 1 up to date, 1 refused\n"
        "\n"
        "TARGET       WAVE  ACTION  RELEASE  REASON\n"
        "web/dev/dev  w0    apply   1.0.0    1 object drifted\n"
        "web/prod/us  w1    refuse  1.0.0    cluster `us` cannot be reached: connection refused\n"
    )


def test_a_run_ends_with_a_table_the_sum_and_advice(worlds: Worlds) -> None:
    world = worlds({"prod": [["eu"], ["us"]]})
    world.deployer.refuse.add("web")
    screen = Screen()
    show_run(screen.terminal, world.reconcile())
    lines = screen.out.splitlines()
    assert lines[1] == "TARGET       WAVE  RESULT   CHANGES  HEALTH  TIME  REASON"
    assert lines[2].startswith("web/prod/eu  w0    failed   -        -       TIME  the API server refused")
    assert lines[3].startswith("web/prod/us  w1    blocked  -        -       -     wave `w0` is not healthy")
    assert lines[-1] == "run RUN: 1 failed, 1 blocked in TIME"
    assert "see what it would change: `fleet diff -e prod -c eu -a web`" in screen.err


def test_what_an_apply_warns_of_is_told_once_for_all_its_targets(worlds: Worlds) -> None:
    world = worlds({"prod": [["eu"], ["us"]]})
    text = "took over fields of `Deployment/app/web`: conflict with `kubectl-edit`: .spec.replicas"
    world.deployer.warnings = (text,)
    for run, show in ((dry_run(world), show_dry_run), (world.reconcile(), show_run)):
        screen = Screen()
        show(screen.terminal, run)
        assert screen.err.count(text) == 1
        assert f"! web/prod/eu (and 1 more): {text}\n" in screen.err
        found = run.model_dump(mode="json", by_alias=True)["results"]
        assert [r["warnings"] for r in found] == [[text], [text]]


def test_a_warning_is_told_even_if_nothing_changed(worlds: Worlds) -> None:
    world = worlds({"prod": [["eu"]]})
    world.deployer.warnings = ("left `ConfigMap/app/x` alone",)
    run = world.reconcile()
    unchanged = run.model_copy(
        update={"results": tuple(r.model_copy(update={"outcome": Outcome.UNCHANGED}) for r in run.results)}
    )
    screen = Screen()
    show_run(screen.terminal, unchanged)
    assert screen.out == "nothing to do: 1 target up to date\n"
    assert "web/prod/eu: left `ConfigMap/app/x` alone" in screen.err


def test_a_run_without_a_change_is_one_line(worlds: Worlds) -> None:
    world = worlds({"prod": [["eu"], ["us"]]})
    world.reconcile()
    screen = Screen()
    show_run(screen.terminal, world.reconcile())
    assert screen.out == "nothing to do: 2 targets up to date\n"


def test_a_dry_run_groups_targets_that_change_in_the_same_way_and_writes_nothing(worlds: Worlds) -> None:
    world = worlds({"prod": [["eu", "us"]]})
    world.reconcile()
    world.version["web"] = "2.0.0"
    world.extra["web"] = [config_map("web", "settings", a="1")]
    writes = [list(cluster.log) for cluster in world.clusters.clusters.values()]
    runs = len(world.store.runs())
    screen = Screen()
    show_dry_run(screen.terminal, dry_run(world))
    assert screen.out == (
        "\n"
        "2 targets: web/prod/eu, web/prod/us  (1 added, 1 changed)\n"
        "  changed  Deployment/web/web\n"
        "      spec.image: web:1.0.0 → web:2.0.0\n"
        "  added    ConfigMap/web/settings\n"
        "\n"
        "dry run: nothing was changed\n"
    )
    assert [list(cluster.log) for cluster in world.clusters.clusters.values()] == writes
    assert len(world.store.runs()) == runs


def test_without_a_live_terminal_each_finished_target_is_one_plain_line(worlds: Worlds) -> None:
    world = worlds({"prod": [["eu"]]})
    screen = Screen()
    reporter = TerminalReporter(screen.terminal, quiet=False)
    reporter.emit(Started("reconcile", 1))
    for result in world.reconcile().results:
        reporter.emit(TargetFinished(result))
    assert re.fullmatch(r". web/prod/eu  applied  1 object  \d+\.\ds\n", screen.err)


def test_machine_output_tells_only_warnings(worlds: Worlds) -> None:
    world = worlds({"prod": [["eu"]]})
    screen = Screen()
    reporter = TerminalReporter(screen.terminal, quiet=True)
    reporter.emit(Started("reconcile", 1))
    for result in world.reconcile().results:
        reporter.emit(TargetFinished(result))
    reporter.emit(Message(Level.STEP, "work"))
    reporter.emit(Message(Level.WARN, "look out"))
    assert screen.err.endswith("look out\n")
    assert screen.err.count("\n") == 1
