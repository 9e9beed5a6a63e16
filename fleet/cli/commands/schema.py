"""`fleet schema`: print the JSON Schema of a fleet file."""

from __future__ import annotations

from typing import Annotated

import typer

from fleet.cli.session import Session


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("schema", rich_help_panel="Operate")(schema)


def schema(
    context: typer.Context,
    kind: Annotated[
        str | None,
        typer.Argument(metavar="[KIND]", help="`fleet`, `environment`, `cluster`, `app`, `pin` or `policy-test`."),
    ] = None,
) -> None:
    """Print the JSON Schema of a kind of fleet file, for editors and other tools.

    Without KIND, the kinds and the files that they describe are listed.

    \b
    fleet schema environment > environment.schema.json
    # then, at the top of a file, for editors with the YAML language server:
    # yaml-language-server: $schema=environment.schema.json

    \b
    Exit status: 0 done, 2 there is no such kind.
    """
    import json

    from fleet.errors import UsageError
    from fleet.operations.schema import KINDS, json_schema

    session = Session.of(context)
    if kind is None:
        session.terminal.table(("KIND", "FILE"), [(name, known.pattern) for name, known in KINDS.items()])
        return
    if kind not in KINDS:
        kinds = ", ".join(f"`{name}`" for name in KINDS)
        raise UsageError(f"there is no kind of file `{kind}`", hints=(f"use one of {kinds}",))
    session.terminal.write(json.dumps(json_schema(kind), indent=2, ensure_ascii=False))
