"""Which session a request of the engine belongs to."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from fleet.adapters.pulumi.names import Urn
from fleet.adapters.pulumi.provider.session import Session
from fleet.errors import FleetError


class Sessions:
    """Finds sessions by stack.

    Args:
        find: returns the session of a stack; raises a FleetError where nothing runs on it.
    """

    def __init__(self, find: Callable[[str], Session]) -> None:
        self._find = find

    def of_urn(self, urn: str) -> Session:
        """Return the session of the stack that a resource belongs to."""
        return self._find(Urn.parse(urn).stack)

    def cancel(self, stack: str) -> None:
        """End the waiting of a stack's session, if it still runs."""
        with suppress(FleetError):
            self._find(stack).cancel()
