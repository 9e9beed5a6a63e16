"""A large fleet is loaded, checked and merged; how long that takes is printed, and measured by the benchmark."""

from __future__ import annotations

import sys
import time

import pytest

from fleet.adapters.config.loader import YamlFleetLoader
from fleet.engine.values import merged
from tests.helpers.fleets import large_fleet
from tests.helpers.trees import MemoryTree


def test_a_large_fleet(capsys: pytest.CaptureFixture[str]) -> None:
    tree, loader = MemoryTree(large_fleet(200, 50)), YamlFleetLoader()
    started = time.perf_counter()
    loaded = loader.load(tree)
    between = time.perf_counter()
    assert loaded.problems == ()
    assert loaded.fleet is not None
    values = [merged(loader.layers(tree, tree, t.app, t.environment, t.cluster)) for t in loaded.fleet.targets()]
    ended = time.perf_counter()
    assert len(values) == 10_000
    with capsys.disabled():
        sys.stdout.write(f" load {between - started:.2f}s, values of {len(values)} targets {ended - between:.2f}s ")


def test_many_problems_are_all_told() -> None:
    files = {path: text.replace("context:", "contxt:") for path, text in large_fleet(5, 50).items()}
    loaded = YamlFleetLoader().load(MemoryTree(files))
    assert len([p for p in loaded.problems if p.code == "FLT-CFG-030"]) == 50
