"""Owners of files, as `CODEOWNERS` says.

The form is GitHub's ("About code owners" at https://docs.github.com): a pattern and its owners on a line,
the last match decides. An owner is an e-mail address, or `@name` for a role of `fleet.yaml` or a login of the forge;
of `@organisation/team`, the team is the role.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fleet.engine.people import is_member, same_person

PLACES = (".github/CODEOWNERS", ".gitlab/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where forges look for the file; the first one that is there counts."""


def owners_of(text: str, paths: Iterable[str]) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Return the owners that paths have, with the paths of each; paths that nobody owns are left out."""
    from codeowners import CodeOwners

    rules = CodeOwners(text)
    found: dict[tuple[str, ...], list[str]] = {}
    for path in paths:
        owners = tuple(name for _, name in rules.of(path))
        if owners:
            found.setdefault(owners, []).append(path)
    return {owners: tuple(owned) for owners, owned in found.items()}


def is_owner(person: str, owners: Sequence[str], roles: Mapping[str, Sequence[str]]) -> bool:
    """Say whether somebody is one of some owners, or a member of a role among them."""
    for owner in owners:
        name = owner.removeprefix("@")
        role = name.rpartition("/")[2]
        if same_person(person, name) or (owner.startswith("@") and is_member(person, roles.get(role, ()))):
            return True
    return False
