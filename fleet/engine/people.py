"""People, as git and forges name them."""

from __future__ import annotations

import re
from collections.abc import Iterable

_ADDRESS = re.compile(r"<([^<>]*)>\s*\Z")


def address(person: str) -> str:
    """Return the e-mail address of `name <email>`, in lower case; of a forge's login, the login itself."""
    found = _ADDRESS.search(person)
    return (found[1] if found else person).strip().casefold()


def same_person(one: str, other: str) -> bool:
    """Say whether two names mean the same person: the address decides, names may be written differently."""
    return bool(address(one)) and address(one) == address(other)


def is_member(person: str, members: Iterable[str]) -> bool:
    """Say whether somebody is one of the members of a role."""
    return any(same_person(person, member) for member in members)
