"""Renders the texts of a promotion: commit messages and bodies of pull requests, from Jinja2 templates.

The fleet may bring a template of its own for commit messages, `templates/commit-message.j2`. It is read from the
protected branch only, and rendered in Jinja2's immutable sandbox, without functions and within limits.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fleet.engine import message, pull_request_body
from fleet.engine.pull_request_body import BODY_LIMIT, LEVELS
from fleet.errors import ConfigError, InternalError, Location
from fleet.model.promotion import PromotionPlan
from fleet.ports.tree import EntryKind, Tree

COMMIT_TEMPLATE = "templates/commit-message.j2"
"""Where a fleet may put its own template."""
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
    own = _own_template(tree)
    if own is None:
        return message.assemble(_render(_packaged("commit-message.j2"), message.context(plan)), plan)
    try:
        return message.assemble(_render(own, message.context(plan)), plan)
    except TemplateSyntaxError as error:
        raise _bad_template(str(error.message), error.lineno) from error
    except (TemplateError, ValueError, TypeError, ArithmeticError, LookupError, AttributeError) as error:
        raise _bad_template(str(error) or type(error).__name__, _line_of(error)) from error


def pull_request_text(plan: PromotionPlan) -> str:
    """Return the body of the pull request; never more than :data:`BODY_LIMIT` bytes."""
    template = _packaged("pull-request.md.j2")
    for level in LEVELS:
        body = _render(template, pull_request_body.context(plan, level)).strip() + "\n"
        if len(body.encode()) <= BODY_LIMIT:
            return body
    raise InternalError("the body of the pull request is too long in its shortest form")


def _own_template(tree: Tree) -> str | None:
    found = [entry for entry in tree.entries(COMMIT_TEMPLATE) if entry.path == COMMIT_TEMPLATE]
    if not found:
        return None
    if found[0].kind is not EntryKind.FILE or found[0].size > TEMPLATE_LIMIT:
        raise _bad_template(f"it is not a plain file of at most {TEMPLATE_LIMIT} bytes", None)
    try:
        return tree.read(COMMIT_TEMPLATE).decode()
    except UnicodeDecodeError as error:
        raise _bad_template("it is not UTF-8", None) from error


def _bad_template(reason: str, line: int | None) -> ConfigError:
    return ConfigError(
        f"the template of commit messages cannot be used: {message.one_line(reason)}",
        code=BAD_TEMPLATE,
        location=Location(COMMIT_TEMPLATE, line),
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
