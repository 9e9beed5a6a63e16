from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from fleet.adapters.config.codes import CODES
from fleet.adapters.config.loader import YamlFleetLoader
from fleet.adapters.git.repository import GitRepository
from fleet.operations.common.loading import load_fleet
from fleet.ports.config import LoadedFleet
from fleet.ports.tree import EntryKind
from tests.helpers.fleets import small_fleet
from tests.helpers.git import commit_all, git, make_repository, write_files
from tests.helpers.trees import MemoryTree

DEV = "environments/dev/environment.yaml"
HEAD = "clusters: {names: [dev]}\npolicy:\n  windows:\n"
ICS = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:x\nDTSTART;VALUE=DATE:20261225\nEND:VEVENT\nEND:VCALENDAR\n"
GOOD = "    - {name: a, kind: freeze, starts: 2026-12-20T00:00, duration: 14d, repeats: FREQ=YEARLY, timeZone: UTC}\n"


def load(*windows: str, **files: str | bytes | EntryKind) -> LoadedFleet:
    text = HEAD + "".join(f"    - {window}\n" if not window.startswith(" ") else window for window in windows)
    return YamlFleetLoader().load(MemoryTree({**small_fleet(**{DEV: text}), **files}))


def told(loaded: LoadedFleet) -> list[str]:
    assert all(problem.code in CODES and problem.hint for problem in loaded.problems)
    return [f"{p.code} {p.location}: {p.message}" for p in loaded.problems]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ("{name: a, kind: allow}", "FLT-CFG-100 {}:4:8: the window `a` needs `starts` and `duration`, or a `calendar`"),
        ("{name: a, kind: allow, duration: 8h}", "FLT-CFG-100 {}:4:8: the window `a` needs `starts` and `duration`"),
        (
            "{name: a, kind: allow, calendar: h.ics, starts: 2026-01-01T00:00}",
            "FLT-CFG-100 {}:4:47: the window `a` has a calendar, which says when; it cannot have `starts` too",
        ),
        (
            "{name: a, kind: allow, starts: 2026-01-01T00:00+01:00, duration: 8h}",
            "FLT-CFG-100 {}:4:30: `starts` is a local time: leave out the offset, and name a `timeZone`",
        ),
        (
            "{name: a, kind: allow, starts: noon, duration: 8h}",
            "FLT-CFG-100 {}:4:30: `noon` is not a local date and time",
        ),
        (
            "{name: a, kind: allow, starts: 2026-01-01T00:00, duration: 0s}",
            "FLT-CFG-100 {}:4:56: a window lasts longer",
        ),
        ("{name: a, kind: allow, starts: 2026-01-01T00:00, duration: 900d}", "at most 366 days"),
        (
            "{name: a, kind: allow, starts: 2026-01-01T00:00, duration: 8h, repeats: FREQ=SECONDLY}",
            "FLT-CFG-101 {}:4:70: `FREQ=SECONDLY` is not a usable recurrence rule: `FREQ=SECONDLY` is finer than a day",
        ),
        (
            "{name: a, kind: allow, starts: 2026-01-05T00:00, duration: 8h, repeats: FREQ=DAILY;INTERVAL=7;BYDAY=TU}",
            "FLT-CFG-101 {}:4:70: `FREQ=DAILY;INTERVAL=7;BYDAY=TU` never happens",
        ),
        (
            "{name: a, kind: allow, starts: 2026-01-05T00:00, duration: 8h, timeZone: Europe/Berlino}",
            "FLT-CFG-102 {}:4:70: `Europe/Berlino` is not a time zone",
        ),
        ("{name: a, kind: freeze, calendar: no.ics}", "FLT-CFG-103 {}:4:31: there is no file `no.ics`"),
        ("{name: a, kind: freeze, calendar: ../h.ics}", "FLT-CFG-103 {}:4:31: `../h.ics` is not a path inside of"),
        ("{name: a, kind: freeze, calendar: /etc/h.ics}", "FLT-CFG-103 {}:4:31: `/etc/h.ics` is not a path inside of"),
        ("{name: a, kind: freeze, calendar: link.ics}", "FLT-CFG-103 {}:4:31: `link.ics` is a symbolic link"),
        ("{name: a, kind: freeze, calendar: large.ics}", "FLT-CFG-103 {}:4:31: `large.ics` has more than 256 KiB"),
        ("{name: a, kind: freeze, calendar: latin.ics}", "FLT-CFG-104 {}:4:31: `latin.ics` is not UTF-8 text"),
        ("{name: a, kind: freeze, calendar: bad.ics}", "FLT-CFG-104 bad.ics:2: an event cannot be read: `DTSTART` is"),
    ],
)
def test_each_fault_is_told_at_its_place(window: str, expected: str) -> None:
    files: dict[str, str | bytes | EntryKind] = {
        "h.ics": ICS,
        "link.ics": EntryKind.SYMLINK,
        "large.ics": ICS * 10_000,
        "latin.ics": "Größe".encode("latin-1"),
        "bad.ics": ICS.replace("DTSTART", "DTSTAMP"),
    }
    (found,) = told(load(window, **files))
    assert expected.format(DEV) in found


def test_all_faults_are_told_at_once() -> None:
    loaded = load(GOOD, "{name: a, kind: freeze, calendar: no.ics}", "{name: b, kind: allow}")
    assert [problem.code for problem in loaded.problems] == ["FLT-CFG-105", "FLT-CFG-103", "FLT-CFG-100"]


def test_a_hint_names_the_time_zone_that_was_meant() -> None:
    loaded = load("{name: a, kind: allow, starts: 2026-01-05T00:00, duration: 8h, timeZone: Europe/Berlino}")
    assert [problem.hint for problem in loaded.problems] == ["did you mean `Europe/Berlin`?"]


def test_calendars_come_with_the_fleet_as_they_are_at_its_commit(tmp_path: Path) -> None:
    window = HEAD + "    - {name: a, kind: freeze, calendar: calendars/h.ics}\n"
    root = make_repository(tmp_path / "fleet", {**small_fleet(**{DEV: window}), "calendars/h.ics": ICS})
    first = git(root, "rev-parse", "HEAD")
    write_files(root, {"calendars/h.ics": "changed since"})
    commit_all(root, "Break it")
    with closing(GitRepository(root)) as repository:
        fleet, _ = load_fleet(repository, YamlFleetLoader(), "main", revision=first, fetch=False)
    assert fleet.calendars == {"calendars/h.ics": ICS}


def test_a_linked_directory_is_not_followed_on_disk(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "h.ics").write_text(ICS)
    window = HEAD + "    - {name: a, kind: freeze, calendar: calendars/h.ics}\n"
    root = make_repository(tmp_path / "fleet", small_fleet(**{DEV: window}))
    (root / "calendars").symlink_to(outside)
    with closing(GitRepository(root)) as repository:
        loaded = YamlFleetLoader().load(repository.work_tree())
    assert [problem.code for problem in loaded.problems] == ["FLT-CFG-103"]
