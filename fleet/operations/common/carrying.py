"""What a release carries into the next environment: reads the three sides from git, and says who set what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from fleet.engine import trailers
from fleet.engine.lineage import Entries, merge_base, set_by
from fleet.engine.merging import Merge, Takes, merge_values
from fleet.engine.objects import canonical
from fleet.engine.plan_promotion import branch_name, pin_path
from fleet.engine.values import covers, split
from fleet.errors import FleetError, GitError, Location, UsageError
from fleet.model.promotion import PromotionKind, Setting, ValueMove, ValueSide
from fleet.model.release import Release
from fleet.operations.common.planning import World

BAD_TAKE = "FLT-PRM-007"
NOTHING_TO_TAKE = "FLT-PRM-008"


@dataclass(frozen=True)
class Passage:
    """A release on its way from one environment to the next."""

    app: str
    source: str
    environment: str
    ours: Release | None
    """What is there now."""
    theirs: Release
    """What the source has."""

    def pin(self, environment: str) -> str:
        """Return the path of the app's pin."""
        return pin_path(environment, self.app)


def parse_takes(texts: Sequence[str]) -> Takes:
    """Return what was chosen: `theirs` or `ours` for all conflicts, or `PATH=theirs` for one value.

    Raises:
        UsageError: a text is none of these.
    """
    conflicts: ValueSide | None = None
    paths: dict[str, ValueSide] = {}
    for text in texts:
        path, found, side = text.rpartition("=")
        try:
            chosen = ValueSide(side)
            if found:
                split(path)
        except ValueError:
            raise UsageError(
                f"`--take {text}` is not a choice",
                code=BAD_TAKE,
                hints=("`--take theirs`, `--take ours`, or for one value `--take ratings.enabled=theirs`",),
            ) from None
        if found:
            paths[path] = chosen
        else:
            conflicts = chosen
    return Takes(conflicts, paths)


def merged(world: World, passage: Passage, takes: Takes) -> tuple[Release, tuple[ValueMove, ...]]:
    """Return the release as it will be where it goes, and what became of each value that differs.

    Version, revision and images move as they are; only values are merged. History is read only where values differ.

    Raises:
        ConfigError: the `app.yaml` at the revision that moves cannot be read.
        GitError: that revision is not in this clone.
    """
    ours = passage.ours.values if passage.ours is not None else {}
    theirs = passage.theirs.values
    if canonical(ours) == canonical(theirs):
        return passage.theirs, ()
    app = world.loader.load_app(world.repository.tree(passage.theirs.revision), passage.app)
    entries = world.history(passage.app)
    base, base_commit = merge_base(
        entries, passage.environment, passage.source, partial(_release_at, world, passage.source, passage.app)
    )
    merge = partial(merge_values, base, ours, theirs, app.promotable)
    found = merge(takes)
    if found.conflicts:
        found = merge(_with_remembered(world, passage, takes))
    return passage.theirs.model_copy(update={"values": found.values}), _told(world, passage, found, base_commit)


def taken_in(said: trailers.Trailers) -> Takes:
    """Return the sides of single values that a commit of ours says were chosen; none if it cannot be understood."""
    try:
        return parse_takes([text for text in said.get(trailers.TAKEN, ()) if "=" in text])
    except UsageError:
        return Takes()


def check_takes(takes: Takes, moves: Sequence[ValueMove]) -> None:
    """See that every value that a person chose a side for is one that differs.

    Raises:
        UsageError: one is not.
    """
    for path in takes.paths:
        if not any(covers((path,), move.path) for move in moves):
            differing = ", ".join(f"`{move.path}`" for move in moves[:5])
            raise UsageError(
                f"`{path}` is no value that differs, so there is no side to take",
                code=NOTHING_TO_TAKE,
                hints=(f"these differ: {differing}" if differing else "no value differs",),
            )


def _release_at(world: World, environment: str, app: str, commit: str) -> Release | None:
    """Return the release that a pin held at a commit; None if there was none, or nobody can read it any more."""
    path = pin_path(environment, app)
    try:
        return world.pin_editor.read(world.repository.read_file(commit, path), path)
    except FleetError:
        return None


def _with_remembered(world: World, passage: Passage, takes: Takes) -> Takes:
    """Return the choice with what the open proposal has decided, if both sides are as they were then."""
    head = world.repository.head_of(branch_name(PromotionKind.PROMOTION, passage.environment, passage.app))
    if head is None:
        return takes
    try:
        commit = next(iter(world.repository.log(head, limit=1)))
    except GitError:
        return takes
    sides = (passage.environment, passage.ours), (passage.source, passage.theirs)
    if not commit.parents or any(_release_at(world, e, passage.app, commit.parents[0]) != r for e, r in sides):
        return takes
    return replace(takes, paths={**taken_in(trailers.parse(commit.message)).paths, **takes.paths})


def _told(world: World, passage: Passage, merge: Merge, base_commit: str) -> tuple[ValueMove, ...]:
    entries = world.history(passage.app)
    return tuple(
        one.model_copy(
            update={
                "base": _with_commit(one.base, passage.pin(passage.source), base_commit),
                "ours": _with_place(world, passage, entries, one.path, one.ours, passage.environment),
                "theirs": _with_place(world, passage, entries, one.path, one.theirs, passage.source),
            }
        )
        for one in merge.moves
    )


def _with_commit(setting: Setting | None, path: str, commit: str) -> Setting | None:
    if setting is None:
        return None
    return setting.model_copy(update={"location": Location(path), "commit": commit})


def _with_place(
    world: World, passage: Passage, entries: Entries, path: str, setting: Setting | None, environment: str
) -> Setting | None:
    if setting is None:
        return None
    release = passage.ours if environment == passage.environment else passage.theirs
    key = next((key for key in release.values if covers((key,), path) or covers((path,), key)), "") if release else ""
    update: dict[str, object] = {
        "location": world.loader.locate(world.tree, passage.pin(environment), "release", "values", key)
    }
    entry = set_by(entries, environment, path)
    if entry is not None:
        update |= {
            "commit": entry.commit,
            "author": entry.author,
            "version": entry.after.version if entry.after else "",
            "environment": entry.environment,
        }
    return setting.model_copy(update=update)
