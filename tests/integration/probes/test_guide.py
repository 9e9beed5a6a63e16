"""The gates that the guide on policies shows, word for word, asked of real servers in place of those of the example."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from fleet.model.observation import ProbeAnswer
from tests.helpers.hostile import hostile, says
from tests.integration.probes.prometheus import metrics, running
from tests.unit.probes.asking import NOW, ask_one
from tests.unit.promotion.cases import fleet

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "policies-and-gates.md"


def shown(heading: str) -> dict[str, Any]:
    """Return the one gate that a section of the guide shows."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", GUIDE.read_text(), re.M | re.S)
    (text,) = re.findall(r"```yaml\n(.*?)```", section, re.S)
    (gate,) = yaml.safe_load(text)["policy"]["gates"]
    found: dict[str, Any] = gate
    return found


def elsewhere(gate: dict[str, Any], host: str, place: str) -> dict[str, Any]:
    """Return the gate with another server."""
    text = json.dumps(gate)
    assert host in text
    changed: dict[str, Any] = json.loads(text.replace(host, f"http://{place}"))
    return changed


def test_the_web_service() -> None:
    with hostile() as server:
        gate = elsewhere(shown("HTTP"), "https://ci.example.com", server.place)

        def asked(body: Any) -> ProbeAnswer:
            server.paths["/smoke/web"] = says(body)
            return ask_one(gate, hosts=[server.place], environment={"CI_TOKEN": "x"})

        assert asked({"passed": 12, "total": 12}).passed is True
        assert asked({"passed": 11, "total": 12}).passed is False
        assert asked({"passed": 0, "total": 0}).passed is False
        assert asked({"passed": 1}).passed is None
        assert "version=1.1.0%2Bbuild" in server.requests[0]


def test_the_metric(tmp_path: Path) -> None:
    times = range(int(NOW.timestamp()) - 3600, int(NOW.timestamp()) + 1, 15)
    labels = 'app="web",env="staging"'
    series = {
        f"http_requests_total{{{labels}}}": [(t, str(10 * n)) for n, t in enumerate(times)],
        f"http_errors_total{{{labels}}}": [(t, str(n / 20)) for n, t in enumerate(times)],
    }
    with running(tmp_path, metrics(series, "counter")) as place:
        gate = elsewhere(shown("Metric"), "http://prometheus.example.com:9090", place)
        good = ask_one(gate, hosts=[place])
        assert good.passed is True, good.reason
        strict = {**gate, "metric": {**gate["metric"], "threshold": 0.0001}}
        assert ask_one(strict, hosts=[place]).passed is False


def test_the_job() -> None:
    gate = shown("Job")
    answer = ask_one(gate)
    assert answer.reason == "staging: the Job is waiting to run"
    assert fleet({"prod": {"gates": [gate]}}).environments["prod"].spec.policy.gates[0].holds == "merge"
