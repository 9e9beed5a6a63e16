"""Options that several commands share, as annotated types. Every option also reads ``FLEET_*``."""

from __future__ import annotations

from typing import Annotated

import typer

_SELECTION = "Selection"
_OUTPUT = "Output"
_SAFETY = "Safety"

OutputForm = Annotated[
    str,
    typer.Option(
        "-o",
        "--output",
        envvar="FLEET_OUTPUT",
        metavar="FORM",
        help="`table`, `wide`, `json` or `yaml`; `json=FILE` also writes a file.",
        rich_help_panel=_OUTPUT,
    ),
]
Environments = Annotated[
    list[str] | None,
    typer.Option("-e", "--environment", metavar="ENV", help="Only this environment.", rich_help_panel=_SELECTION),
]
ClusterNames = Annotated[
    list[str] | None,
    typer.Option("-c", "--cluster", metavar="CLUSTER", help="Only this cluster.", rich_help_panel=_SELECTION),
]
Apps = Annotated[
    list[str] | None,
    typer.Option("-a", "--app", metavar="APP", help="Only this app.", rich_help_panel=_SELECTION),
]
Labels = Annotated[
    list[str] | None,
    typer.Option(
        "-l", "--selector", metavar="KEY=VALUE", help="Only clusters with this label.", rich_help_panel=_SELECTION
    ),
]
Yes = Annotated[bool, typer.Option("-y", "--yes", help="Do not ask before changing anything.", rich_help_panel=_SAFETY)]
DryRun = Annotated[
    bool, typer.Option("-n", "--dry-run", help="Show what would happen; change nothing.", rich_help_panel=_SAFETY)
]
ExitCodeOnDifference = Annotated[
    bool, typer.Option("--exit-code", help="Exit with 3 if there are differences.", rich_help_panel=_OUTPUT)
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--override",
        metavar="GATE",
        help="Promote past this gate, if the policy lets you; needs `--reason`. Repeat it for several.",
        rich_help_panel=_SAFETY,
    ),
]
Reason = Annotated[
    str | None,
    typer.Option("--reason", metavar="TEXT", help="Why, for the record.", rich_help_panel=_SAFETY),
]
