from __future__ import annotations

import io
from pathlib import Path

from fleet.console.terminal import Terminal
from fleet.console.views.sandbox import next_step, show_leftovers, show_removed, show_sandbox
from fleet.console.views.toolchain import show_installed, show_tools
from fleet.model.sandbox import ClusterState, Leftovers, Sandbox, SandboxCluster
from fleet.model.toolchain import InstalledTool, Source, ToolStatus


def terminal() -> tuple[Terminal, io.StringIO]:
    out = io.StringIO()
    return Terminal(color="never", stdout=out, stderr=io.StringIO()), out


ROOT = Path("/state/sandbox")
READY = SandboxCluster(
    name="dev",
    state=ClusterState.READY,
    server="https://127.0.0.1:20001",
    version="v1.36.1",
    nodes=3,
    memory=512_300_000,
    processes=5,
)


def test_a_ready_sandbox_shows_clusters_and_places() -> None:
    screen, out = terminal()
    sandbox = Sandbox(
        root=ROOT,
        kubeconfig=ROOT / "kubeconfig",
        origin=ROOT / "origin.git",
        fleet=ROOT / "my fleet",
        clusters=(READY,),
    )
    show_sandbox(screen, sandbox)
    assert out.getvalue().splitlines() == [
        "CLUSTER  STATE  VERSION  NODES  MEMORY  SERVER",
        "dev      ready  v1.36.1  3      512 MB  https://127.0.0.1:20001",
        "kubeconfig  /state/sandbox/kubeconfig",
        "git origin  /state/sandbox/origin.git",
        "demo fleet  /state/sandbox/my fleet",
    ]
    assert next_step(sandbox) == "cd '/state/sandbox/my fleet' && fleet reconcile"


def test_a_broken_cluster_shows_why() -> None:
    screen, out = terminal()
    broken = READY.model_copy(update={"state": ClusterState.DOWN, "reason": "nothing runs", "memory": 0})
    sandbox = Sandbox(root=ROOT, kubeconfig=ROOT / "kubeconfig", clusters=(broken,))
    show_sandbox(screen, sandbox)
    assert out.getvalue().splitlines()[:2] == [
        "CLUSTER  STATE  VERSION  NODES  MEMORY  SERVER                   REASON",
        "dev      down   v1.36.1  3      -       https://127.0.0.1:20001  nothing runs",
    ]
    assert next_step(sandbox) == "export KUBECONFIG=/state/sandbox/kubeconfig"


def test_what_goes_is_named() -> None:
    screen, out = terminal()
    left = Leftovers(root=ROOT, clusters=("dev", "staging"), processes=1, paths=(ROOT,), unsaved=("apps/x.yaml",))
    show_leftovers(screen, left)
    show_removed(screen, left)
    show_removed(screen, Leftovers(root=ROOT))
    assert out.getvalue().splitlines() == [
        "in /state/sandbox: 2 clusters (dev, staging), 1 process",
        "  not committed: apps/x.yaml",
        "removed /state/sandbox: 2 clusters (dev, staging), 1 process",
        "there is no sandbox; nothing to remove",
    ]


def test_programs_are_listed_with_wanted_and_found_version() -> None:
    screen, out = terminal()
    show_tools(
        screen,
        [
            ToolStatus(name="etcd", wanted="3.6.8", found="3.6.9", source=Source.PATH, path=Path("/bin/etcd")),
            ToolStatus(name="kwok", wanted="0.8.0"),
            ToolStatus(name="plugin", wanted="4.0.0", optional=True),
        ],
    )
    assert out.getvalue().splitlines() == [
        "NAME    WANTED  FOUND    SOURCE  PATH       NOTE",
        "etcd    3.6.8   3.6.9    path    /bin/etcd  -",
        "kwok    0.8.0   missing  -       -          -",
        "plugin  4.0.0   missing  -       -          optional",
    ]


def test_what_was_installed_says_what_it_took() -> None:
    screen, out = terminal()
    show_installed(
        screen,
        [
            InstalledTool(name="etcd", version="3.6.8", source=Source.BUILD, path=Path("/c/etcd"), seconds=75.2),
            InstalledTool(name="kwok", version="0.8.0", source=Source.CACHE, path=Path("/c/kwok")),
        ],
    )
    assert out.getvalue().splitlines() == [
        "NAME  VERSION  SOURCE  TOOK   PATH",
        "etcd  3.6.8    build   1m15s  /c/etcd",
        "kwok  0.8.0    cache   -      /c/kwok",
    ]
