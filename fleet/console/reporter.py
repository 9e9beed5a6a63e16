"""Shows events on stderr: moving bars on a terminal, otherwise one plain line per finished target or message."""

from __future__ import annotations

import atexit
from threading import RLock
from typing import TYPE_CHECKING

from fleet.console.terminal import Terminal, clean
from fleet.model.durations import human
from fleet.model.events import Advanced, Event, Level, Message, Started, TargetFinished, TargetStarted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from fleet.model.reconcile import TargetResult


class TerminalReporter:
    """Implements :class:`fleet.ports.reporter.Reporter`; several threads may report.

    Args:
        terminal: where it goes; bars are drawn only if it is live.
        quiet: machine output: only warnings and failures are told.
    """

    def __init__(self, terminal: Terminal, quiet: bool) -> None:
        self._terminal = terminal
        self._quiet = quiet
        self._lock = RLock()
        self._progress: Progress | None = None
        self._task: TaskID | None = None
        self._title = ""
        self._total = 0
        self._done = 0
        self._running: dict[str, None] = {}

    def emit(self, event: Event) -> None:
        """Show one event."""
        with self._lock:
            match event:
                case Message(level, text):
                    if not self._quiet or level in (Level.WARN, Level.FAIL):
                        self._terminal.say(level, text)
                case Started(title, total):
                    self._start(title, total)
                case Advanced(text):
                    self._advance(text)
                case TargetStarted(target, _):
                    self._running[str(target)] = None
                    self._describe()
                case TargetFinished(result):
                    self._finish(result)

    def close(self) -> None:
        """Take the bar away, if one is drawn. Doing it twice is fine."""
        with self._lock:
            if self._progress is not None:
                self._progress.stop()
                self._progress = None
                atexit.unregister(self.close)

    def _start(self, title: str, total: int) -> None:
        self.close()
        self._title, self._total, self._done = title, total, 0
        self._running.clear()
        if self._quiet or not self._terminal.live or total <= 0:
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[now]}", style="dim"),
            console=self._terminal.err,
            transient=True,
        )
        self._task = self._progress.add_task(clean(title), total=total, now="")
        self._progress.start()
        atexit.register(self.close)

    def _advance(self, text: str) -> None:
        if text and not self._quiet:
            self._terminal.say(Level.OK, text)
        self._done += 1
        self._move()

    def _finish(self, result: TargetResult) -> None:
        self._running.pop(str(result.target), None)
        if not self._quiet:
            level = Level.OK if result.ok else Level.FAIL
            self._terminal.say(level, self._line(result))
        self._done += 1
        self._move()

    def _line(self, result: TargetResult) -> str:
        parts = [str(result.target), result.outcome.value]
        changed = len(result.changes.objects)
        if changed:
            parts.append(f"{changed} object{'s' if changed > 1 else ''}")
        if result.duration:
            parts.append(human(result.duration))
        line = "  ".join(parts)
        return line if result.ok or not result.reason else f"{line}: {result.reason}"

    def _move(self) -> None:
        if self._progress is None or self._task is None:
            return
        self._describe()
        self._progress.update(self._task, completed=self._done)
        if self._done >= self._total:
            self.close()

    def _describe(self) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, now=clean(" ".join(list(self._running)[:2])))
