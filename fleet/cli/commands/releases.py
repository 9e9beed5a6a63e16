"""`fleet releases`: what registries hold, and proposing what is newer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fleet.cli.options import Apps, DryRun, OutputForm, Yes
from fleet.cli.session import Session

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleet.errors import ExitCode
    from fleet.model.discoveries import Discoveries
    from fleet.operations.common.planning import World
    from fleet.operations.discover import Found


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help=_HELP)
    group.command("discover")(discover)
    group.command("list")(list_)
    app.add_typer(group, name="releases", rich_help_panel="Change")


_HELP = """Find newer images in registries, and propose them to the first environment.

Only hosts under `allowedHosts` in fleet.yaml are asked.

\b
Examples:
  fleet releases discover --dry-run
  fleet releases list registry.example.com/team/reviews
"""


def discover(
    context: typer.Context,
    app: Apps = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    output: OutputForm = "table",
) -> None:
    """Find newer images of apps in their registries, and propose each to the first environment as a release.

    Which tags are looked at says `discover` in app.yaml. The newest version in the range is proposed, with its digest;
    never an older one, none that was rejected, and none that the environment went back from. `-o wide` says of every
    tag why it is proposed or not. As with `fleet release`, the policy of the environment decides whether this is a
    commit or a pull request; there is one per app, brought up to date by the next run. A pull request that holds more
    than discovery would put there is left to its people. Safe to run from cron, and from two machines at once.

    \b
    Examples:
      fleet releases discover --dry-run -o wide
      fleet releases discover -a bookinfo
      */15 * * * *  fleet -C /srv/fleet releases discover --yes -o json=/var/log/fleet/discover.json

    Exit codes: 0 done, or nothing newer, also if a gate or somebody's pull request holds it; 1 an app failed, the
    others went on; 2 wrong usage; 5 the remote, or the registry of every app, cannot be reached.
    """
    from fleet.errors import ExitCode
    from fleet.operations.discover import look, propose
    from fleet.operations.discover import report as report_of

    session = Session.of(context, output)
    services = session.services
    desk = services.desk
    world, found = look(desk, services.registries, app or ())
    report = report_of(world, found)
    _show_findings(session, world, found, report)
    ready = [one.planned.plan for one in found if one.planned is not None and one.planned.ready and one.planned.plan]
    if ready and not dry_run:
        session.confirm(f"Propose {', '.join(f'{plan.app} {plan.after.version}' for plan in ready)}?", yes=yes)
        report = report_of(world, propose(found, desk))
    _conclude(session, report, services.branch, dry_run=dry_run)
    status = _status(report)
    if status is not ExitCode.OK:
        session.exit(status)


def list_(
    context: typer.Context,
    reference: Annotated[str, typer.Argument(metavar="REPOSITORY", help="Like `registry.example.com/team/web`.")],
    range_: Annotated[
        str, typer.Option("--range", metavar="RANGE", help="Only versions in this range, like `>=1.2 <2`.")
    ] = "*",
    form: Annotated[
        str | None, typer.Option("--tag", metavar="FORM", help="Form of the tags, like `v{version}`.")
    ] = None,
    prereleases: Annotated[bool, typer.Option("--prereleases", help="Pre-releases too.")] = False,
    chart: Annotated[bool, typer.Option("--chart", help="Check that each version is a Helm chart.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, max=200, help="How many versions.")] = 20,
    output: OutputForm = "table",
) -> None:
    """List the newest versions that a repository holds, of an image or of a Helm chart, with their digests.

    The digest of each version is computed from its manifest. Of charts, `_` in a tag stands for `+`, as with Helm.

    \b
    Examples:
      fleet releases list registry.example.com/team/reviews --range '>=1.20 <2'
      fleet releases list oci://registry.example.com/charts/web --chart

    Exit codes: 0 done; 1 the registry may not be asked, has no such repository, or a version is no chart; 2 wrong
    usage; 5 the registry cannot be reached, or refuses the credentials.
    """
    from fleet.console.views.discovery import show_versions
    from fleet.operations.registry_versions import Query, list_versions

    session = Session.of(context, output)
    services = session.services
    query = Query(reference, range_, form, prereleases, limit, chart)
    found = list_versions(
        query,
        services.registries,
        repository=services.repository,
        loader=services.loader,
        branch=services.branch,
    )
    session.show("fleet.releases.list/v1", found, lambda terminal: show_versions(terminal, found))


def _show_findings(session: Session, world: World, found: Sequence[Found], report: Discoveries) -> None:
    """Print what was found and what it would change; nothing for a machine."""
    if session.output.machine:
        return
    from fleet.cli.promotions import show_plan
    from fleet.console.views.discovery import show_findings
    from fleet.model.promotion import PromotionKind

    show_findings(session.terminal, report, wide=session.output.form == "wide")
    session.terminal.print()
    planned = [one.planned for one in found if one.planned is not None and one.planned.plan is not None]
    for environment in dict.fromkeys(one.environment for one in planned):
        here = [one for one in planned if one.environment == environment]
        show_plan(session, PromotionKind.RELEASE, here, world, None)


def _conclude(session: Session, report: Discoveries, branch: str, *, dry_run: bool) -> None:
    from fleet.cli.promotions import next_steps
    from fleet.console.output import error_data
    from fleet.console.views.discovery import show_results
    from fleet.errors import FleetError

    errors: list[dict[str, Any]] = []
    for app in report.apps:
        error = app.error or (app.result.error if app.result is not None else None)
        if error is not None:
            errors += error_data(FleetError(f"{app.app}: {error.message}", code=error.code, hints=error.hints))
    session.show(
        "fleet.releases.discover/v1",
        report,
        lambda terminal: show_results(terminal, report, branch),
        ok=report.ok,
        errors=errors,
    )
    advice = next_steps([app.result for app in report.apps if app.result is not None], dry_run=dry_run)
    if advice:
        session.next(advice)


def _status(report: Discoveries) -> ExitCode:
    """Return the exit status. A gate, or a pull request of somebody, is what cron meets every day: no failure."""
    from fleet.errors import ExitCode

    bad = [app for app in report.apps if not app.ok]
    codes = {(app.error or (app.result.error if app.result is not None else None)) for app in bad}
    statuses = {error.exit_code if error is not None else 1 for error in codes}
    if not bad:
        return ExitCode.OK
    return ExitCode.OUTSIDE if statuses == {5} and len(bad) == len(report.apps) else ExitCode.NO
