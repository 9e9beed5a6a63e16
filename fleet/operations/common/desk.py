"""Everything that a promotion works with, as one thing to hand on."""

from __future__ import annotations

from dataclasses import dataclass

from fleet.operations.common.observing import Senses
from fleet.ports.config import FleetLoader, PinEditor
from fleet.ports.forge import Forge
from fleet.ports.ledger import LedgerWriter
from fleet.ports.renderer import Renderer
from fleet.ports.reporter import Reporter
from fleet.ports.repository import RepositoryWriter


@dataclass(frozen=True)
class Desk:
    """The ports of promotions. Commands that only look never call what writes."""

    repository: RepositoryWriter
    loader: FleetLoader
    renderer: Renderer
    senses: Senses
    forge: Forge
    ledger: LedgerWriter
    pin_editor: PinEditor
    branch: str
    reporter: Reporter
