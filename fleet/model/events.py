"""Events: what an operation tells while it works. A closed set; the console decides how to show each."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # every command shows events, and most never need pydantic
    from fleet.model.names import Target
    from fleet.model.reconcile import TargetResult


class Level(StrEnum):
    """Kind of a message, shown with a symbol and a word."""

    STEP = "step"
    WAIT = "wait"
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    HINT = "hint"
    DEBUG = "debug"


class Message(NamedTuple):
    """A line for people."""

    level: Level
    text: str


class Started(NamedTuple):
    """A group of work begins: `total` units will end. One group at a time."""

    title: str
    total: int


class Advanced(NamedTuple):
    """One unit of the present group is over. `text` is empty where there is nothing to say."""

    text: str = ""


class TargetStarted(NamedTuple):
    """Work on a target begins."""

    target: Target
    wave: str


class TargetFinished(NamedTuple):
    """A target is done, well or badly."""

    result: TargetResult


Event = Message | Started | Advanced | TargetStarted | TargetFinished
