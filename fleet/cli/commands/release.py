"""`fleet release`: put a new release of an app into the first environment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fleet.cli.options import DryRun, OutputForm, Overrides, Reason, Yes
from fleet.cli.promotions import carry_out, show_plan, wishes_of
from fleet.cli.session import Session
from fleet.errors import UsageError

if TYPE_CHECKING:
    from fleet.model.promotion import PromotionPlan


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("release", rich_help_panel="Change")(release)


def release(
    context: typer.Context,
    app: Annotated[str, typer.Argument(metavar="APP", help="Which app.")],
    version: Annotated[
        str | None, typer.Option("--version", metavar="VERSION", help="Semantic version, like `1.4.0`.")
    ] = None,
    bump: Annotated[
        str | None,
        typer.Option("--bump", metavar="PART", help="Next `patch`, `minor` or `major` version. Default: patch."),
    ] = None,
    image: Annotated[
        list[str] | None, typer.Option("--image", metavar="NAME=REF", help="Image of this release; repeat for more.")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="PATH=VALUE", help="Promotable value, as JSON or text; repeat for more."),
    ] = None,
    revision: Annotated[
        str | None,
        typer.Option("--revision", metavar="REV", help="Commit of the app. Default: its newest on the branch."),
    ] = None,
    environment: Annotated[
        str | None, typer.Option("-e", "--environment", metavar="ENV", help="Which first environment, if several.")
    ] = None,
    override: Overrides = None,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
    output: OutputForm = "table",
) -> None:
    """Put a new release of an app into the first environment.

    A release is the app as it is at one commit of the protected branch, with images and promotable values. What is not
    named stays as in the release that is there. The same content again changes nothing, so CI may repeat it; a version
    never gets other content. The policy of the environment decides whether this is a commit or a pull request.

    \b
    Examples:
      fleet release bookinfo --bump minor --image reviews=registry.example.com/reviews:1.4.0
      fleet release bookinfo --version 2.0.0-rc.1 --set ratings.enabled=false
      fleet release bookinfo --dry-run           # the newest commit of apps/bookinfo

    Exit codes: 0 done, or nothing to do; 1 it cannot be rendered; 2 wrong usage; 4 the version is taken, or somebody
    was faster; 5 the remote cannot be reached.
    """
    from fleet.model.promotion import PromotionKind
    from fleet.operations.release import Request, execute, prepare

    session = Session.of(context, output)
    if version is not None and bump is not None:
        raise UsageError("`--version` and `--bump` exclude each other")
    if bump not in (None, "patch", "minor", "major"):
        raise UsageError(f"`--bump {bump}` is not a part of a version", hints=("use `patch`, `minor` or `major`",))
    services = session.services
    request = Request(
        app=app,
        version=version,
        bump=bump,  # type: ignore[arg-type]  # checked above
        images=_pairs("--image", "NAME=REF", image),
        values={path: _value(text) for path, text in _pairs("--set", "PATH=VALUE", set_).items()},
        revision=revision,
        environment=environment,
    )
    prepared = prepare(
        request,
        wishes_of(session, override, reason),
        repository=services.repository,
        loader=services.loader,
        renderer=services.renderer,
        senses=services.senses,
        forge=services.forge,
        pin_editor=services.pin_editor,
        branch=services.branch,
    )
    show_plan(session, PromotionKind.RELEASE, [prepared.planned], prepared.world, None)
    carry_out(
        session,
        "fleet.release/v1",
        [prepared.planned],
        prepared.world,
        execute=lambda: [
            execute(
                prepared,
                repository=services.repository,
                forge=services.forge,
                ledger=services.ledger,
                reporter=session.reporter,
            )
        ],
        question=lambda: _question(prepared.planned.plan),
        dry_run=dry_run,
        yes=yes,
    )


def _pairs(option: str, form: str, texts: list[str] | None) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not name or not equals:
            raise UsageError(f"`{option} {text}` is not of the form {form}", hints=(f"write `{option} {form}`",))
        if name in found:
            raise UsageError(f"`{option}` sets `{name}` twice")
        found[name] = value
    return found


def _value(text: str) -> Any:
    """Return a value as JSON, or as the text that it is."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return text


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and Infinity are no JSON


def _question(plan: PromotionPlan | None) -> str:
    if plan is None:
        return "Go on?"
    what = f"Commit to `{plan.branch}`" if plan.direct else "Open a pull request"
    return f"{what}: {plan.title}?"
