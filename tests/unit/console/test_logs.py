"""What adapters log as a warning reaches the terminal: one plain line, and nothing more than its message."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator

import pytest

from fleet.cli.session import Output, Session, Settings
from fleet.console.logs import show_warnings
from fleet.console.reporter import TerminalReporter
from fleet.console.terminal import Terminal


@pytest.fixture
def stderr() -> Iterator[io.StringIO]:
    """Return what a session with machine output says, while warnings are shown."""
    out, err = io.StringIO(), io.StringIO()
    reporter = TerminalReporter(Terminal(color="never", stdout=out, stderr=err), quiet=True)
    hide = show_warnings(lambda: reporter)
    yield err
    hide()
    logging.getLogger("fleet.kube").warning("too late")
    assert "too late" not in err.getvalue()
    assert out.getvalue() == ""


@pytest.mark.parametrize("name", ["fleet.kube", "fleet.store"])
def test_a_warning_is_one_plain_line(stderr: io.StringIO, name: str) -> None:
    logging.getLogger(name).warning("cluster `%s`: certificates\nare not \x1b[31mverified", "eu")
    assert stderr.getvalue() == "! cluster `eu`: certificates are not verified\n"


def test_the_same_warning_is_told_once_also_from_several_threads(stderr: io.StringIO) -> None:
    log = logging.getLogger("fleet.kube")
    threads = [threading.Thread(target=log.warning, args=("cluster `%s` is odd", "eu")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    log.warning("cluster `us` is odd")
    assert stderr.getvalue() == "! cluster `eu` is odd\n! cluster `us` is odd\n"


def test_nothing_of_an_exception_and_nothing_of_other_loggers_is_told(stderr: io.StringIO) -> None:
    canary = "canary-7f3a"
    try:
        raise ValueError(canary)
    except ValueError:
        logging.getLogger("fleet.store").warning("the lease was lost", exc_info=True, stack_info=True)
    logging.getLogger("fleet.store").info(canary)
    logging.getLogger("httpx").warning("GET https://user:%s@example.com", canary)
    assert stderr.getvalue() == "! the lease was lost\n"


def test_a_message_whose_arguments_do_not_fit_is_still_told(
    stderr: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("fleet"), "propagate", False)  # pytest's own handler would raise
    logging.getLogger("fleet.store").warning("%d of %d", "x")
    assert stderr.getvalue() == "! %d of %d\n"


def test_a_session_shows_warnings_while_it_has_services(capsys: pytest.CaptureFixture[str]) -> None:
    session = Session(Settings(), Output("json"))
    assert session.services
    logging.getLogger("fleet.kube").warning("cluster `eu` is odd")
    session.close()
    logging.getLogger("fleet.kube").warning("nobody listens")
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("cluster `eu` is odd") == 1
    assert "nobody listens" not in said.err
