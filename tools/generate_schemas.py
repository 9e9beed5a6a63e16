"""Writes the JSON Schemas of the fleet files to `docs/reference/schemas/`.

`python tools/generate_schemas.py` writes them, `--check` fails if one is missing or out of date.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fleet.model.schemas import KINDS, json_schema

DIRECTORY = Path(__file__).resolve().parent.parent / "docs" / "reference" / "schemas"


def expected() -> dict[Path, str]:
    """Return the content of every schema file."""
    return {
        DIRECTORY / f"{kind}.schema.json": json.dumps(json_schema(kind), indent=2, ensure_ascii=False) + "\n"
        for kind in KINDS
    }


def main(arguments: list[str]) -> int:
    """Write the schemas, or check them."""
    stale = [path for path, text in expected().items() if not path.exists() or path.read_text("utf-8") != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.relative_to(DIRECTORY.parents[2])} is out of date: run `python tools/generate_schemas.py`")
        return 1 if stale else 0
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for path, text in expected().items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
