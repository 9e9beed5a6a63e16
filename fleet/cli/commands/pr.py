"""`fleet pr`: review and merge pull requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from fleet.cli.options import OutputForm, Yes
from fleet.cli.session import Session
from fleet.errors import UsageError
from fleet.model.events import Level

if TYPE_CHECKING:
    from fleet.model.pull_request import PullRequest, PullRequestReview

Number = Annotated[int, typer.Argument(metavar="N", min=1, help="Number of the pull request.")]
Head = Annotated[
    str | None,
    typer.Option("--head", metavar="COMMIT", help="Only if the pull request still has this head."),
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help=_HELP)
    group.command("list")(list_)
    group.command("show")(show)
    group.command("diff")(diff)
    group.command("approve")(approve)
    group.command("check")(check)
    group.command("merge")(merge)
    group.command("close")(close)
    app.add_typer(group, name="pr", rich_help_panel="Change")


_HELP = """Review and merge pull requests of the local forge.

The local forge keeps pull requests as refs in the remote repository itself. Who you are comes from git's configuration.

\b
Examples:
  fleet pr list           # what is open
  fleet pr show 7         # text, approvals, and what holds the merge
  fleet pr approve 7
  fleet pr merge 7
"""


def list_(
    context: typer.Context,
    everything: Annotated[bool, typer.Option("--all", help="Merged and closed ones too.")] = False,
    output: OutputForm = "table",
) -> None:
    """List open pull requests, newest first.

    \b
    Examples:
      fleet pr list
      fleet pr list --all -o json

    Exit codes: 0 done, 5 the remote cannot be reached.
    """
    from fleet.console.views.pull_requests import show_list
    from fleet.operations.pull_requests import list_pull_requests

    session = Session.of(context, output)
    found = list_pull_requests(forge=session.services.forge, everything=everything)
    if session.output.form == "name":
        for one in found:
            session.terminal.print(str(one.number))
        return
    session.show("fleet.pr.list/v1", found, lambda terminal: show_list(terminal, found, everything=everything))
    first = next((one for one in found if one.state.value == "open"), None)
    if first:
        session.next(f"fleet pr show {first.number}")


def show(context: typer.Context, number: Number, output: OutputForm = "table") -> None:
    """Show one pull request: its text, approvals, comments, and what holds the merge.

    An approval counts for the head commit that it was given to; a newer head needs new ones.

    \b
    Examples:
      fleet pr show 7
      fleet pr show 7 -o json

    Exit codes: 0 done, 1 there is no such pull request, 5 the remote cannot be reached.
    """
    from fleet.console.views.pull_requests import show_review
    from fleet.operations.pull_requests import review_pull_request

    session = Session.of(context, output)
    review = review_pull_request(number, **_reading(session))
    session.show("fleet.pr.show/v1", review, lambda terminal: show_review(terminal, review))
    _next_of_review(session, review)


def diff(context: typer.Context, number: Number, output: OutputForm = "table") -> None:
    """Show the files that a pull request changes, as a unified diff.

    \b
    Examples:
      fleet pr diff 7
      fleet pr diff 7 | less

    Exit codes: 0 done, 1 there is no such pull request, 5 the remote cannot be reached.
    """
    from fleet.console.views.pull_requests import show_diff
    from fleet.operations.pull_requests import diff_pull_request

    session = Session.of(context, output)
    services = session.services
    report = diff_pull_request(number, forge=services.forge, repository=services.repository)
    session.show("fleet.pr.diff/v1", report, lambda terminal: show_diff(terminal, report))


def approve(context: typer.Context, number: Number, head: Head = None, output: OutputForm = "table") -> None:
    """Approve the present head of a pull request.

    Nobody approves a pull request of their own. A later push to the branch needs a new approval; with `--head` you
    approve exactly what you looked at.

    \b
    Examples:
      fleet pr approve 7
      fleet pr approve 7 --head 4f1c2e0

    Exit codes: 0 done, 1 refused, 4 the pull request has another head by now, 5 the remote cannot be reached.
    """
    from fleet.console.views.pull_requests import show_gates
    from fleet.operations.pull_requests import approve_pull_request

    session = Session.of(context, output)
    review = approve_pull_request(number, head, **_reading(session))
    found = review.pull_request
    session.show("fleet.pr.approve/v1", review, lambda terminal: show_gates(terminal, review.gates))
    _say(session, f"approved #{found.number} at {found.head[:7]}")
    _next_of_review(session, review)


def check(
    context: typer.Context,
    number: Number,
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the check, as policies name it: `ci/test`.")],
    state: Annotated[str, typer.Option("--state", metavar="STATE", help="`success`, `pending` or `failure`.")],
    url: Annotated[str, typer.Option("--url", metavar="URL", help="Where the details are.")] = "",
    head: Head = None,
    output: OutputForm = "table",
) -> None:
    """Report what a check found of the present head of a pull request, as CI does.

    Policies (`checks:`) name the checks that have to be green before a merge. The newest report of a name counts; a
    later push to the branch needs a new one.

    \b
    Examples:
      fleet pr check 7 ci/test --state success
      fleet pr check 7 ci/test --state failure --url https://ci.example.com/runs/12 --head 4f1c2e0

    Exit codes: 0 done, 1 refused, 2 wrong usage, 4 the pull request has another head by now, 5 the remote cannot be
    reached.
    """
    from fleet.model.pull_request import CheckState
    from fleet.operations.pull_requests import report_check

    session = Session.of(context, output)
    if state not in [known.value for known in CheckState]:
        raise UsageError(
            f"`--state {state}` is not a state of a check", hints=("use `success`, `pending` or `failure`",)
        )
    if url and not url.startswith(("https://", "http://")):
        raise UsageError(f"`--url {url}` is not an address", hints=("give one that starts with `https://`",))
    found = report_check(number, name, CheckState(state), head, url, forge=session.services.forge)
    text = f"{name} is {state} for #{found.number} at {found.head[:7]}"
    session.show("fleet.pr.check/v1", found, lambda terminal: terminal.print(text))


def merge(
    context: typer.Context, number: Number, yes: Yes = False, head: Head = None, output: OutputForm = "table"
) -> None:
    """Merge a pull request into its base branch, and delete its branch.

    The policies of the environments that it changes say how many approvals it needs; they are read from the base
    branch, never from the pull request. Merging one that is merged already changes nothing.

    \b
    Examples:
      fleet pr merge 7
      fleet pr merge 7 --yes          # do not ask

    Exit codes: 0 merged, 1 refused, 4 approvals are missing or the branches conflict, 5 the remote cannot be reached.
    """
    from fleet.console.views.pull_requests import show_review
    from fleet.operations.pull_requests import merge_pull_request, review_pull_request

    session = Session.of(context, output)
    if not yes:
        review = review_pull_request(number, **_reading(session))
        head = head or review.pull_request.head
        if review.pull_request.state.value == "open" and not review.held_by:
            if not session.output.machine:
                show_review(session.terminal, review)
            session.confirm(f"Merge #{number} into `{review.pull_request.base_branch}`?", yes=yes)
    merged = merge_pull_request(number, head, ledger=session.services.ledger, **_reading(session))
    session.show("fleet.pr.merge/v1", merged, lambda terminal: terminal.print(_merged_text(merged)))
    session.next("fleet reconcile")


def close(
    context: typer.Context,
    number: Number,
    comment: Annotated[str, typer.Option("--comment", metavar="TEXT", help="Why, for the record.")] = "",
    output: OutputForm = "table",
) -> None:
    """Close a pull request without merging it, and delete its branch.

    \b
    Examples:
      fleet pr close 7 --comment "superseded by #9"

    Exit codes: 0 closed, 1 it is merged or does not exist, 5 the remote cannot be reached.
    """
    from fleet.operations.pull_requests import close_pull_request

    session = Session.of(context, output)
    services = session.services
    closed = close_pull_request(
        number, comment, forge=services.forge, repository=services.repository, ledger=services.ledger
    )
    session.show("fleet.pr.close/v1", closed, lambda terminal: terminal.print(f"closed #{closed.number}"))
    session.next("fleet pr list")


def _reading(session: Session) -> dict[str, Any]:
    """Return the services that a review needs, as keyword arguments."""
    services = session.services
    return {
        "forge": services.forge,
        "repository": services.repository,
        "loader": services.loader,
        "renderer": services.renderer,
        "pin_editor": services.pin_editor,
        "senses": services.senses,
        "branch": services.branch,
    }


def _next_of_review(session: Session, review: PullRequestReview) -> None:
    found = review.pull_request
    if found.state.value == "merged":
        session.next("fleet reconcile")
    elif found.state.value == "open":
        hint = next((gate.hint for gate in review.held_by if gate.hint), None)
        session.next(hint or f"fleet pr merge {found.number}")


def _say(session: Session, text: str) -> None:
    if not session.output.machine:
        session.terminal.say(Level.OK, text)


def _merged_text(merged: PullRequest) -> str:
    return f"merged #{merged.number} into {merged.base_branch} as {(merged.merge_commit or merged.head)[:7]}"
