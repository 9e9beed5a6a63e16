"""Codes of rendering problems: the table behind `FLT-RND-NNN`."""

from __future__ import annotations

from typing import NamedTuple


class Code(NamedTuple):
    """What a code stands for."""

    title: str
    explanation: str


SYNTAX = "FLT-RND-002"
UNDEFINED = "FLT-RND-003"
TEMPLATE = "FLT-RND-004"
FORBIDDEN = "FLT-RND-005"
NOT_FOUND = "FLT-RND-006"
NO_FILES = "FLT-RND-007"
CPU_TIME = "FLT-RND-010"
WALL_TIME = "FLT-RND-011"
MEMORY = "FLT-RND-012"
OUTPUT = "FLT-RND-013"
CRASHED = "FLT-RND-014"
RECURSION = "FLT-RND-015"
YAML = "FLT-RND-020"
DUPLICATE_KEY = "FLT-RND-021"
YAML_TAG = "FLT-RND-022"
YAML_LIMIT = "FLT-RND-023"
NOT_AN_OBJECT = "FLT-RND-030"
NO_NAME = "FLT-RND-031"
GENERATE_NAME = "FLT-RND-032"
NO_NAMESPACE = "FLT-RND-033"
NAMESPACED = "FLT-RND-034"
DUPLICATE_OBJECT = "FLT-RND-035"
SERVER_FIELD = "FLT-RND-036"
BAD_METADATA = "FLT-RND-037"
PROGRAM = "FLT-RND-040"
FOREIGN_RESOURCE = "FLT-RND-041"
UNKNOWN_OUTPUT = "FLT-RND-042"
UNSUPPORTED_OPTION = "FLT-RND-043"
REVISION = "FLT-RND-050"
APP_FILE = "FLT-RND-051"
APP_SIZE = "FLT-RND-052"
RELEASE_VALUES = "FLT-RND-053"

CODES: dict[str, Code] = {
    "FLT-RND-001": Code("rendering failed", "An app could not be rendered; the message says why."),
    SYNTAX: Code("template syntax", "Jinja2 cannot parse the template."),
    UNDEFINED: Code(
        "undefined value",
        "A template uses a name or value that is not set. Every value must be set in a layer (`fleet explain`), or the "
        "template must say `| default(…)`.",
    ),
    TEMPLATE: Code("template error", "An expression of the template failed, such as adding a number to a text."),
    FORBIDDEN: Code(
        "forbidden in a template",
        "Templates are data: they may not reach into Python, change what they are given, open files or connections.",
    ),
    NOT_FOUND: Code("template not found", "`include`, `import` and `extends` name files below the app's `templates/`."),
    NO_FILES: Code("nothing to render", "The app has no template (or no `program.py`) at the pinned revision."),
    CPU_TIME: Code("too much computing time", "One render may use a bounded amount of processor time."),
    WALL_TIME: Code("too slow", "One render may take a bounded time on the clock."),
    MEMORY: Code("too much memory", "One render may use a bounded amount of memory."),
    OUTPUT: Code("too much output", "The rendered text, or one operation in the template, is larger than allowed."),
    CRASHED: Code("the renderer crashed", "The jailed process ended while it rendered this app."),
    RECURSION: Code("endless recursion", "A macro or include calls itself without an end."),
    YAML: Code("not YAML", "The rendered text cannot be parsed as YAML."),
    DUPLICATE_KEY: Code("duplicate key", "A map has the same key twice; one of the two would silently win."),
    YAML_TAG: Code("not plain data", "Only plain YAML is allowed: no language tags, no infinite numbers."),
    YAML_LIMIT: Code("too large or too deep", "Documents, nesting, nodes and aliases of the rendered YAML are capped."),
    NOT_AN_OBJECT: Code(
        "not a Kubernetes object", "Each rendered document must be a map with the texts `apiVersion` and `kind`."
    ),
    NO_NAME: Code("no name", "Each object must have `metadata.name`, so that it is the same object on every render."),
    GENERATE_NAME: Code("generated name", "`generateName` makes a new object on every apply; give it a `name`."),
    NO_NAMESPACE: Code(
        "no namespace",
        "A namespaced object names no namespace, and `app.yaml` sets none. If the kind has no namespaces, list it in "
        "`clusterScoped` of `app.yaml`.",
    ),
    NAMESPACED: Code("namespace on a cluster-wide object", "Objects of this kind have no namespace."),
    DUPLICATE_OBJECT: Code("duplicate object", "Two documents describe the same object; one of them would win."),
    SERVER_FIELD: Code("field of the server", "Only the API server sets this field; remove it from the template."),
    BAD_METADATA: Code("bad metadata", "Labels and annotations are maps of text to text; quote numbers and booleans."),
    PROGRAM: Code("program failed", "`program.py` raised an exception."),
    FOREIGN_RESOURCE: Code(
        "not a plain Kubernetes resource",
        "A program may register Kubernetes objects and components. Providers, stack references, Helm releases and "
        "resources of other packages are not possible: the program only says which objects there are.",
    ),
    UNKNOWN_OUTPUT: Code(
        "value known only after apply",
        "A program may not use what only the API server knows, such as `status`: objects are computed before anything "
        "is applied.",
    ),
    UNSUPPORTED_OPTION: Code("unsupported resource option", "This option of a Pulumi resource has no effect here."),
    REVISION: Code("revision not available", "The pinned commit is not in this clone, or lacks the app."),
    APP_FILE: Code("app cannot be read", "`app.yaml` at the pinned revision is missing or wrong."),
    APP_SIZE: Code("files of an app", "Templates are plain files of bounded size and number; links are not followed."),
    RELEASE_VALUES: Code(
        "release values", "A path in `release.values` of the pin is badly formed, or overlaps with another."
    ),
}
"""Title and explanation of every code; the reference of errors is made from it."""
