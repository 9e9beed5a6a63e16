"""The order of apps that depend on each other. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

Depends = Mapping[str, Sequence[str]]
"""Names of the apps that each app depends on."""


def in_order(apps: Iterable[str], depends: Depends) -> tuple[str, ...]:
    """Return apps so that each stands after those that it depends on, directly or by way of others.

    Apps that have nothing to do with each other stay in the order in which they were given. Apps of a circle stand
    together, in that order too: :func:`circles` tells them.

    Args:
        apps: names of apps, each once.
        depends: what they, and others, depend on.
    """
    wanted = tuple(dict.fromkeys(apps))
    chosen = set(wanted)
    placed: dict[str, None] = {}
    entered: set[str] = set()
    for first in wanted:
        waiting = [(first, False)]
        while waiting:
            name, ready = waiting.pop()
            if ready:
                placed.setdefault(name)
            elif name not in entered:
                entered.add(name)
                waiting.append((name, True))
                waiting.extend((other, False) for other in reversed(depends.get(name, ())))
    return tuple(name for name in placed if name in chosen)


def circles(depends: Depends) -> tuple[tuple[str, ...], ...]:
    """Return a circle for each app that depends on itself by way of others, from its smallest name, each once."""
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for start in sorted(depends):
        path = _way_back(start, depends)
        if path and min(path) == start:
            found.setdefault(frozenset(path), path)
    return tuple(found.values())


def _way_back(start: str, depends: Depends) -> tuple[str, ...]:
    """Return the shortest way from an app back to itself, without the end; empty if there is none."""
    came_from: dict[str, str] = {}
    waiting = [start]
    while waiting:
        following = []
        for name in waiting:
            for other in depends.get(name, ()):
                if other == start:
                    return _path(start, name, came_from)
                if other not in came_from:
                    came_from[other] = name
                    following.append(other)
        waiting = following
    return ()


def _path(start: str, end: str, came_from: Mapping[str, str]) -> tuple[str, ...]:
    path = [end]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return tuple(reversed(path))
