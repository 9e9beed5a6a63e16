"""Renders the Jinja2 templates of one app. Runs in the jail; see :mod:`fleet.adapters.render.jail` for what holds it.

The sandbox of Jinja2 keeps honest templates honest and gives good messages; the process limits are what protects.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from jinja2 import BaseLoader, Environment, StrictUndefined, TemplateError, TemplateNotFound, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError, UndefinedError
from jinja2.runtime import Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace

from fleet.adapters.render import codes
from fleet.adapters.render.filters import FILTERS, REMOVED, to_json
from fleet.adapters.render.lines import LineMarks

MAX_OUTPUT = 16 * 1024 * 1024
"""Most characters that the templates of one app may render to."""
MAX_REPEAT = 4 * 1024 * 1024
"""Most characters or items that one multiplication may make."""
MAX_EXPONENT = 1024

_GLOBALS = ("range", "dict", "namespace")
_MAP_METHODS = frozenset({"items", "keys", "values", "get"})


class Breach(BaseException):
    """A limit was broken. Not an ``Exception``: nothing that renders may catch it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Trouble:
    """A problem with its place, as it goes back to the parent process."""

    code: str
    message: str
    path: str | None
    line: int | None = None
    hint: str | None = None


class Missing(StrictUndefined):
    """An undefined value that knows what it is called, and what is there instead."""

    known: Mapping[int, str] = {}  # replaced for each request
    """Dotted path of each map of the context, by identity."""

    @property
    def _undefined_message(self) -> str:
        name, owner = self._undefined_name, self._undefined_obj
        if not isinstance(owner, Mapping):
            return str(super()._undefined_message) if self._undefined_hint else f"`{name}` is not defined"
        parent = self.known.get(id(owner))
        path = f"{parent}.{name}" if parent else str(name)
        close = difflib.get_close_matches(str(name), [str(key) for key in owner], n=1)
        near = f"; did you mean `{parent}.{close[0]}`" if close and parent else ""
        return f"`{path}` is not defined{near}"


class AppLoader(BaseLoader):
    """Finds templates among the files of the app, and nowhere else."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files

    def get_source(self, environment: Environment, template: str) -> tuple[str, str | None, Callable[[], bool] | None]:  # noqa: ARG002
        """Return a template by its name; the name is its file name too, for tracebacks."""
        if template not in self.files:
            raise TemplateNotFound(template)
        return self.files[template], template, None

    def list_templates(self) -> list[str]:
        """Return all names."""
        return sorted(self.files)


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's immutable sandbox with keys of maps before their methods, and bounded multiplication."""

    intercepted_binops = frozenset({"*", "**"})

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return an item of a map first: `values.items` is a value if there is one of that name."""
        if isinstance(obj, dict):
            if attribute in obj:
                return obj[attribute]
            if attribute not in _MAP_METHODS:
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Multiply, unless the result would be huge."""
        if operator == "**" and isinstance(right, (int, float)) and abs(right) > MAX_EXPONENT:
            raise Breach(codes.OUTPUT, f"an exponent above {MAX_EXPONENT} is not allowed")
        if operator == "*":
            for text, times in ((left, right), (right, left)):
                if isinstance(times, int) and isinstance(text, (str, list, tuple)) and len(text) * times > MAX_REPEAT:
                    raise Breach(codes.OUTPUT, f"a repetition of more than {MAX_REPEAT} items is not allowed")
        return super().call_binop(context, operator, left, right)


def finalize(value: Any) -> Any:
    """Return what an expression prints: text as it is, and everything else as JSON, which is YAML.

    Raises:
        SecurityError: the value is no data, so that what it prints would differ from run to run.
    """
    if isinstance(value, (str, Undefined)):
        return value
    if value is None or isinstance(value, (bool, int, float, dict, list, tuple)):
        return to_json(value)
    raise SecurityError(f"an expression gives a {type(value).__name__}, which is not data; was it meant to be called?")


class NamespaceName(str):
    """The app's Kubernetes namespace. Called, it is Jinja2's `namespace(…)`, which has the same name."""

    __slots__ = ()

    def __call__(self, *args: Any, **kwargs: Any) -> Namespace:
        """Return what `{% set ns.x = … %}` can set."""
        return Namespace(*args, **kwargs)


class AppTemplates:
    """The templates of one app, compiled when first used."""

    def __init__(self, app: str, files: Mapping[str, str]) -> None:
        self._root = f"apps/{app}/templates/"
        self._files = {path.removeprefix(self._root): text for path, text in files.items()}
        self._environment = self._make()
        self._marking: Sandbox | None = None

    def _make(self, *extensions: type) -> Sandbox:
        environment = Sandbox(
            loader=AppLoader(self._files),
            undefined=Missing,
            autoescape=False,
            keep_trailing_newline=True,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=finalize,
            auto_reload=False,
            cache_size=-1,
            extensions=extensions,
        )
        for name in [name for name in environment.globals if name not in _GLOBALS]:
            del environment.globals[name]
        for name in REMOVED:
            environment.filters.pop(name, None)
        environment.filters.update(FILTERS)
        return environment

    @property
    def names(self) -> list[str]:
        """Templates that are rendered, sorted. Others, and those named `_…`, are only included or imported."""
        return [
            name
            for name in sorted(self._files)
            if name.endswith((".yaml.j2", ".yml.j2", ".yaml", ".yml")) and not name.rpartition("/")[2].startswith("_")
        ]

    def path(self, name: str) -> str:
        """Return the path of a template in the repository."""
        return name if name.startswith("apps/") else self._root + name

    def render(self, name: str, context: Mapping[str, Any], room: int = MAX_OUTPUT) -> str:
        """Return the text of one template, at most ``room`` characters. A plain YAML file is taken as it is.

        Raises:
            Exception: whatever a template can raise; see :meth:`trouble`.
            Breach: a limit was broken.
        """
        if not name.endswith(".j2"):
            return self._files[name]
        return self._text(self._environment, name, context, room)

    def marked(self, name: str, context: Mapping[str, Any]) -> str:
        """Return the text of one template with line marks."""
        if not name.endswith(".j2"):
            return ""
        if self._marking is None:
            self._marking = self._make(LineMarks)
        return self._text(self._marking, name, context, 2 * MAX_OUTPUT)

    def _text(self, environment: Sandbox, name: str, context: Mapping[str, Any], room: int) -> str:
        Missing.known = dict(_paths(context))
        context = {**context}
        if isinstance(context.get("namespace"), str):
            context["namespace"] = NamespaceName(context["namespace"])
        else:
            context.pop("namespace", None)
        parts: list[str] = []
        size = 0
        for part in environment.get_template(name).generate(context):
            size += len(part)
            if size > room:
                raise Breach(codes.OUTPUT, f"more than {MAX_OUTPUT} characters are rendered")
            parts.append(part)
        return "".join(parts)

    def names_used(self, wanted: frozenset[str]) -> list[str]:
        """Return which names of the context the templates refer to. May name too many, never too few."""
        used: set[str] = set()
        for name, text in self._files.items():
            if not name.endswith(".j2"):
                continue
            try:
                tree = self._environment.parse(text, name)
            except TemplateSyntaxError:
                return sorted(wanted)
            used |= {node.name for node in tree.find_all(nodes.Name)} & wanted
        return sorted(used)

    def trouble(self, error: BaseException, name: str) -> Trouble:
        """Return an exception of rendering as a problem that points into the innermost template."""
        path, line = self._place(error.__traceback__, name)
        code, message, hint = _told(error)
        if isinstance(error, TemplateSyntaxError):
            path, line = error.name or name, error.lineno
        return Trouble(code, message, self.path(path), line, hint)

    def _place(self, traceback: TracebackType | None, name: str) -> tuple[str, int | None]:
        """Return the innermost template of a traceback. Jinja2 rewrites frames of ordinary exceptions only."""
        place: tuple[str, int | None] = (name, None)
        while traceback is not None:
            frame = traceback.tb_frame
            template = frame.f_code.co_filename
            if template in self._files:
                compiled = frame.f_globals.get("debug_info")
                line = traceback.tb_lineno
                place = (template, line if compiled is None else _template_line(compiled, line))
            traceback = traceback.tb_next
        return place


def _template_line(debug_info: str, line: int) -> int:
    """Return the template line of a line of compiled code, from Jinja2's table `template=code&template=code`."""
    pairs = [pair.split("=") for pair in debug_info.split("&") if pair]
    return max((int(template) for template, code in pairs if int(code) <= line), default=1)


def _paths(context: Mapping[str, Any], prefix: str = "", depth: int = 0) -> Iterator[tuple[int, str]]:
    for key, value in context.items():
        if isinstance(value, dict) and depth < 8:
            path = f"{prefix}.{key}" if prefix else str(key)
            yield id(value), path
            yield from _paths(value, path, depth + 1)


def _told(error: BaseException) -> tuple[str, str, str | None]:
    """Return code, message and hint of an exception that a template caused."""
    match error:
        case Breach():
            return error.code, error.message, None
        case MemoryError():
            return codes.MEMORY, "rendering needs more memory than allowed", None
        case RecursionError():
            return codes.RECURSION, "a macro or include calls itself without an end", None
        case UndefinedError():
            message, _, near = (error.message or "a value is not defined").partition("; did you mean ")
            hint = f"did you mean {near}?" if near else "set it in a values layer, or write `| default(…)`"
            return codes.UNDEFINED, message, hint
        case SecurityError():
            return codes.FORBIDDEN, f"not allowed in a template: {error.message}", None
        case TemplateSyntaxError():
            return codes.SYNTAX, f"the template cannot be parsed: {(error.message or '').rstrip('.')}", None
        case TemplateNotFound():
            hint = "templates are named by their path below the app's `templates/`"
            return codes.NOT_FOUND, f"there is no template `{error.name}`", hint
        case OverflowError() if "ange too big" in str(error):
            return codes.OUTPUT, "a range of more than 100000 numbers is not allowed", None
        case TemplateError():
            return codes.TEMPLATE, f"the template failed: {error.message}", None
    text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return codes.TEMPLATE, f"the template failed: {text}", None
