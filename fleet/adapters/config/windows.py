"""Windows of policies: reads the calendars that they name, and checks both."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping
from zoneinfo import available_timezones

from pydantic.alias_generators import to_camel

from fleet.adapters.config import codes
from fleet.adapters.config.declared import Declared, Parsed
from fleet.adapters.config.document import SIZE_LIMIT
from fleet.adapters.config.wording import did_you_mean
from fleet.engine.calendars import CalendarError, read_calendar
from fleet.engine.windows import check_window
from fleet.errors import FleetError, Location, Problem
from fleet.model.declared import EnvironmentSpec
from fleet.model.policy import WindowSpec
from fleet.ports.tree import EntryKind, Tree

_CODES = {"time_zone": codes.UNKNOWN_ZONE, "repeats": codes.BAD_RECURRENCE}
_EXAMPLES = {
    "starts": "starts: 2026-01-05T09:00",
    "duration": "duration: 8h",
    "repeats": "repeats: FREQ=WEEKLY;BYDAY=MO,TU,WE,TH",
}


def read_calendars(tree: Tree, declared: Declared) -> tuple[dict[str, str], list[Problem]]:
    """Return the content of every calendar that a window names, by path, and what is wrong with those not read."""
    texts: dict[str, str] = {}
    problems: list[Problem] = []
    for environment, index, window in _windows(declared):
        path = window.calendar
        if path is None or path in texts:
            continue
        text = _read(tree, path)
        if isinstance(text, str):
            texts[path] = text
            continue
        code, message, hint = text
        problems.append(Problem(code, message, environment.at("policy", "windows", index, "calendar"), hint))
    return texts, problems


def check(declared: Declared, calendars: Mapping[str, str]) -> Iterator[Problem]:
    """Yield what is wrong with windows, and with the calendars that were read."""
    for environment in declared.environments.values():
        yield from _names(environment)
    judged: set[tuple[str, str]] = set()
    for environment, index, window in _windows(declared):
        wrong = check_window(window)
        if wrong is not None:
            yield _problem(environment, index, window, *wrong)
            continue
        path = window.calendar
        if path is not None and path in calendars and (path, window.time_zone) not in judged:
            judged.add((path, window.time_zone))
            try:
                read_calendar(calendars[path], window.time_zone)
            except CalendarError as error:
                hint = f"the window `{window.name}` of {environment.path} needs it"
                yield Problem(codes.BAD_CALENDAR, str(error), Location(path, error.line), hint)


def _windows(declared: Declared) -> Iterator[tuple[Parsed[EnvironmentSpec], int, WindowSpec]]:
    for environment in declared.environments.values():
        if environment.known is not None:
            for index, window in enumerate(environment.known.policy.windows):
                yield environment, index, window


def _names(environment: Parsed[EnvironmentSpec]) -> Iterator[Problem]:
    windows = environment.known.policy.windows if environment.known is not None else ()
    numbers = Counter[str]()
    for index, window in enumerate(windows):
        numbers[window.name] += 1
        if numbers[window.name] == 2:
            at = environment.at("policy", "windows", index, "name")
            yield Problem(codes.WINDOW_NAME, f"there are two windows `{window.name}`", at, "give one another name")


def _problem(environment: Parsed[EnvironmentSpec], index: int, window: WindowSpec, key: str, message: str) -> Problem:
    hint: str | None = f"write it like `{_EXAMPLES[key]}`" if key in _EXAMPLES else None
    if window.calendar is not None and key != "time_zone":
        hint = f"remove `{key}`, or `calendar`"
    elif key == "time_zone":
        hint = did_you_mean(window.time_zone, available_timezones()) or "time zones are named like `Europe/Berlin`"
    elif key == "name":
        hint = "a window needs `starts: 2026-12-20T00:00` and `duration: 14d`, or `calendar: PATH`"
    at = environment.at("policy", "windows", index, to_camel(key))
    return Problem(_CODES.get(key, codes.BAD_WINDOW), message, at, hint)


def _read(tree: Tree, path: str) -> str | tuple[str, str, str]:
    """Return the text of a calendar; else code, message and hint."""
    hint = "name a file of the repository by its path from the top, like `calendars/holidays.ics`"
    if path != posixpath.normpath(path) or path.startswith(("/", "..")) or path == "." or not path.isprintable():
        return codes.NO_CALENDAR, f"`{path}` is not a path inside of the repository", hint
    try:
        entry = next((e for e in tree.entries(path) if e.path == path), None)
        if entry is None:
            return codes.NO_CALENDAR, f"there is no file `{path}`", hint
        if entry.kind is not EntryKind.FILE:
            what = "a symbolic link" if entry.kind is EntryKind.SYMLINK else "not a plain file"
            return codes.NO_CALENDAR, f"`{path}` is {what}, and is not read", "put the calendar itself there"
        if entry.size > SIZE_LIMIT:
            return codes.NO_CALENDAR, f"`{path}` has more than {SIZE_LIMIT // 1024} KiB", "leave out events of the past"
        return tree.read(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        return codes.BAD_CALENDAR, f"`{path}` is not UTF-8 text", "save the calendar in that encoding"
    except FleetError as error:
        return codes.NO_CALENDAR, error.message, hint
