"""A real Prometheus whose samples are written before it starts: nothing has to be waited for."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.helpers.debian import program

Series = Mapping[str, Sequence[tuple[int, str]]]
"""Samples (Unix time in seconds, value) by the name of the series with its labels."""


def metrics(series: Series, kind: str = "gauge") -> str:
    """Return series in the OpenMetrics text format, https://github.com/OpenObservability/OpenMetrics."""
    lines: list[str] = []
    for name, values in series.items():
        family = name.partition("{")[0].removesuffix("_total")
        if f"# TYPE {family} {kind}" not in lines:
            lines.append(f"# TYPE {family} {kind}")
        lines += [f"{name} {value} {at}" for at, value in values]
    return "\n".join([*lines, "# EOF", ""])


@contextmanager
def running(root: Path, samples: str) -> Iterator[str]:
    """Give the address of a Prometheus that has the samples."""
    (root / "samples.txt").write_text(samples)
    (root / "prometheus.yml").write_text("global: {}\n")
    subprocess.run(
        [program("promtool"), "tsdb", "create-blocks-from", "openmetrics", root / "samples.txt", root / "data"],
        check=True,
        capture_output=True,
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [
        *(str(program("prometheus")), f"--config.file={root / 'prometheus.yml'}"),
        *(f"--storage.tsdb.path={root / 'data'}", "--storage.tsdb.retention.time=50y"),
        *(f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"),
    ]
    with (root / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            _wait(f"http://127.0.0.1:{port}/-/ready", process, root / "log")
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()
        try:
            httpx.get(url, timeout=5, trust_env=False).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text())
