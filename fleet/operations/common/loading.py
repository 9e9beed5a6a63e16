"""Loads the fleet that an operation is about: one commit of the protected branch, or the files on disk."""

from __future__ import annotations

from dataclasses import replace

from fleet.errors import ConfigError, ExitCode, GitError, Problem
from fleet.model.fleet import Fleet
from fleet.ports.config import FleetLoader
from fleet.ports.repository import RepositoryReader
from fleet.ports.tree import Tree

NO_FLEET = "FLT-CFG-002"
"""Code of the problem that there is no `fleet.yaml`."""


def load_fleet(
    repository: RepositoryReader,
    loader: FleetLoader,
    branch: str,
    *,
    revision: str | None = None,
    work_tree: bool = False,
    fetch: bool = True,
) -> tuple[Fleet, Tree]:
    """Return a fleet without errors, and the tree that it was loaded from. Warnings are not told here.

    Args:
        repository: where the files are.
        loader: reads them.
        branch: the protected branch; its head on the remote is loaded unless another revision is asked for.
        revision: revision expression to load instead.
        work_tree: load the files on disk instead, whether committed or not.
        fetch: bring the remote's branches up to date first.

    Raises:
        ConfigError: there is no fleet, or it has errors: all of them.
        UnreachableError: the remote cannot be reached.
        GitError: there is no such revision.
    """
    tree = fleet_tree(repository, branch, revision=revision, work_tree=work_tree, fetch=fetch)
    loaded = loader.load(tree)
    if loaded.errors or loaded.fleet is None:
        raise load_error(tree, loaded.problems)
    return replace(loaded.fleet, revision=tree.revision, origin=tree.origin), tree


def fleet_tree(
    repository: RepositoryReader,
    branch: str,
    *,
    revision: str | None = None,
    work_tree: bool = False,
    fetch: bool = True,
) -> Tree:
    """Return the tree that a command should load; see :func:`load_fleet`."""
    if work_tree:
        return repository.work_tree()
    if fetch:
        repository.fetch()
    if revision is not None:
        return repository.tree(repository.resolve(revision))
    head = repository.head_of(branch)
    if head is not None:
        return repository.tree(head)
    try:
        return repository.tree(repository.resolve("HEAD"))
    except GitError as error:
        raise ConfigError(
            f"the repository has no commit yet, on `{branch}` or elsewhere",
            code=NO_FLEET,
            hints=("commit your fleet, or write a new one with `fleet init`",),
        ) from error


def load_error(tree: Tree, problems: tuple[Problem, ...]) -> ConfigError:
    """Return the error for a fleet that cannot be used."""
    errors = tuple(problem for problem in problems if problem.severity == "error")
    if len(errors) == 1 and errors[0].code == NO_FLEET:
        only = errors[0]
        error = ConfigError(only.message, code=only.code, hints=(only.hint,) if only.hint else ())
        error.exit_code = ExitCode.USAGE
        return error
    count = f"{len(errors)} error" + ("" if len(errors) == 1 else "s")
    return ConfigError(f"the fleet in {tree.origin} has {count}", problems=errors)
