"""Renders the texts of a promotion: commit messages and bodies of pull requests, from Jinja2 templates.

The fleet may bring templates of its own, `templates/commit-message.j2` and `templates/pull-request.md.j2`. They are
read from the protected branch only, and rendered in Jinja2's immutable sandbox, without functions and within limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fleet.engine import message, pull_request_body
from fleet.engine.lines import one_line
from fleet.engine.pull_request_body import BODY_LIMIT, LEVELS
from fleet.errors import ConfigError, InternalError, Location
from fleet.model.promotion import PromotionPlan
from fleet.ports.tree import EntryKind, Tree

COMMIT_TEMPLATE = "templates/commit-message.j2"
"""Where a fleet may put its own template of commit messages."""
BODY_TEMPLATE = "templates/pull-request.md.j2"
"""Where a fleet may put its own template of the texts of pull requests."""
_PURPOSES = {COMMIT_TEMPLATE: "commit messages", BODY_TEMPLATE: "pull requests"}
BAD_TEMPLATE = "FLT-PRM-010"
TEMPLATE_LIMIT = 64 * 1024


class _Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox without arithmetic that makes something large out of something small."""

    intercepted_binops = frozenset({"*", "**"})

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Multiply numbers only."""
        if operator == "**" or not all(isinstance(side, (int, float)) for side in (left, right)):
            raise SecurityError(f"`{operator}` is not allowed here")
        return super().call_binop(context, operator, left, right)


def commit_message(plan: PromotionPlan, tree: Tree) -> str:
    """Return the commit message of a promotion, with its trailers.

    Args:
        plan: what is promoted.
        tree: the protected branch, which may have a template of its own.

    Raises:
        ConfigError: the fleet's template is not one, or gives nothing.
    """
    own = _own_template(tree, COMMIT_TEMPLATE)
    if own is None:
        return message.assemble(_render(_packaged("commit-message.j2"), message.context(plan)), plan)
    with _blaming(COMMIT_TEMPLATE):
        return message.assemble(_render(own, message.context(plan)), plan)


def pull_request_text(plan: PromotionPlan, tree: Tree) -> str:
    """Return the body of the pull request; never more than :data:`BODY_LIMIT` bytes.

    A fleet's own template sees what the standard one sees, and the standard text itself as `standard`.

    Args:
        plan: what is promoted.
        tree: the protected branch, which may have a template of its own.

    Raises:
        ConfigError: the fleet's template is not one, gives nothing, or too much even where all details are left out.
    """
    own = _own_template(tree, BODY_TEMPLATE)
    for level in LEVELS:
        context = pull_request_body.context(plan, level)
        body = _bounded(_packaged("pull-request.md.j2"), context)
        if own is not None and body is not None:
            with _blaming(BODY_TEMPLATE):
                body = _bounded(own, context | {"title": plan.title, "kind": plan.kind.value, "standard": body})
                if body == "":
                    raise ValueError("the text is empty")
        if body is not None:
            return body + "\n"
    if own is not None:
        raise _bad_template(BODY_TEMPLATE, f"it gives more than {BODY_LIMIT} bytes, in its shortest form too", None)
    raise InternalError("the body of the pull request is too long in its shortest form")


def train_text(plans: Sequence[PromotionPlan]) -> str:
    """Return the body of the pull request of a train; never more than :data:`BODY_LIMIT` bytes."""
    for level in LEVELS:
        body = _bounded(_packaged("train.md.j2"), pull_request_body.train_context(plans, level))
        if body is not None:
            return body + "\n"
    body = _bounded(_packaged("train.md.j2"), pull_request_body.train_context(plans, LEVELS[-1], details=False))
    if body is None:
        raise InternalError("the body of the train is too long in its shortest form")
    return body + "\n"


def _bounded(source: str, context: dict[str, Any]) -> str | None:
    """Return a rendered text without its outer white space; None as soon as it is longer than a body may be."""
    parts: list[str] = []
    size = 0
    for part in _environment().from_string(source).generate(context):
        parts.append(part)
        size += len(part.encode("utf-8", "replace"))
        if size >= BODY_LIMIT:
            return None
    return "".join(parts).strip()


def _own_template(tree: Tree, path: str) -> str | None:
    found = [entry for entry in tree.entries(path) if entry.path == path]
    if not found:
        return None
    if found[0].kind is not EntryKind.FILE or found[0].size > TEMPLATE_LIMIT:
        raise _bad_template(path, f"it is not a plain file of at most {TEMPLATE_LIMIT} bytes", None)
    try:
        return tree.read(path).decode()
    except UnicodeDecodeError as error:
        raise _bad_template(path, "it is not UTF-8", None) from error


@contextmanager
def _blaming(path: str) -> Iterator[None]:
    """Turn whatever a fleet's own template brings about into an error that names it."""
    try:
        yield
    except TemplateSyntaxError as error:
        raise _bad_template(path, str(error.message), error.lineno) from error
    except (TemplateError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
        raise _bad_template(path, str(error) or type(error).__name__, _line_of(error)) from error


def _bad_template(path: str, reason: str, line: int | None) -> ConfigError:
    return ConfigError(
        f"the template of {_PURPOSES[path]} cannot be used: {one_line(reason)}",
        code=BAD_TEMPLATE,
        location=Location(path, line),
        hints=("mend it on the protected branch, or remove it: there is a template for everybody",),
    )


def _line_of(error: BaseException) -> int | None:
    """Return the line of the template in which an error came up."""
    at, line = error.__traceback__, None
    while at is not None:
        if at.tb_frame.f_code.co_filename == "<template>":
            line = at.tb_lineno
        at = at.tb_next
    return line


@cache
def _environment() -> _Sandbox:
    environment = _Sandbox(
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    environment.globals.clear()
    return environment


@cache
def _packaged(name: str) -> str:
    return (files("fleet.operations") / "templates" / name).read_text(encoding="utf-8")


def _render(source: str, context: dict[str, Any]) -> str:
    return _environment().from_string(source).render(context)
