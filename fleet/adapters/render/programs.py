"""Runs a Pulumi program in the jail and records what it registers, instead of giving it to an engine.

The SDK is the real one; behind it stands a monitor that answers each registration at once with what was asked for.
So a program is another way to write templates: its Kubernetes resources are the rendered objects, and plans, diffs,
digests and labels work the same as for templates.
"""

from __future__ import annotations

import asyncio
import importlib.abc
import importlib.machinery
import importlib.util
import json
import random
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import CodeType, ModuleType
from typing import Any, NoReturn
from urllib.parse import unquote

import pulumi
from pulumi.runtime import mocks, resource, rpc
from pulumi.runtime.proto import resource_pb2
from pulumi.runtime.stack import run_pulumi_func

from fleet.adapters.render import codes
from fleet.adapters.render.manifests import Candidate
from fleet.adapters.render.templates import Breach, Trouble

_ROOT = "/fleet-app/"
"""Absolute prefix of the file names that the program's code carries; the SDK reports no relative ones."""
_SECRET = ("4dabf18193072939515e22adb298388d", "1b47061264138c4ac30d75fd1eb44270")
"""Key and value by which the SDK marks a secret in what it sends.
Source: https://github.com/pulumi/pulumi/blob/master/sdk/python/lib/pulumi/runtime/rpc.py"""
_PLAIN_CONFIG = ("app", "namespace")
_COMPONENTS_OF_OTHERS = ("kubernetes:helm.sh/", "kubernetes:yaml", "kubernetes:kustomize")
_MODULE = re.compile(r"\b([a-z]{3,40})\.(v[0-9][a-z0-9]{0,10})\b")
_SERVER_SET = {"metadata": ("uid", "resourceVersion", "creationTimestamp"), "spec": ("clusterIP",)}
"""What the server sets; the second only of a Service."""
_IGNORED_PROPERTIES = frozenset({"status"})


@dataclass
class Recording:
    """What a program registered."""

    registered: dict[str, Candidate] = field(default_factory=dict)
    """By URN. The SDK registers from several threads, so their order means nothing."""
    problems: list[Trouble] = field(default_factory=list)

    @property
    def candidates(self) -> list[Candidate]:
        """What was registered, in the order of URNs."""
        return [self.registered[urn] for urn in sorted(self.registered)]


def mentioned(files: Mapping[str, str]) -> list[str]:
    """Return the modules of the Kubernetes SDK that Python files seem to use, like `apps.v1`."""
    return sorted({f"{group}.{version}" for text in files.values() for group, version in _MODULE.findall(text)})


def preload(modules: Iterable[str]) -> None:
    """Load modules of the Kubernetes SDK, which takes a second for the largest; forked processes then share them."""
    for name in modules:
        if importlib.util.find_spec(f"pulumi_kubernetes.{name.partition('.')[0]}") is not None:
            with suppress(ImportError):
                module = importlib.import_module(f"pulumi_kubernetes.{name}")
                getattr(module, "__all__", None)  # they load when they are first looked into


def run(app: str, files: Mapping[str, str], context: Mapping[str, Any]) -> Recording:
    """Run `program.py` of an app and return what it registered, or what is wrong.

    Args:
        app: name of the app.
        files: Python files by path in the repository.
        context: what the program finds in ``pulumi.Config("fleet")``.
    """
    recording = Recording()
    root = f"apps/{app}/"
    main = f"{root}program.py"
    if main not in files:
        recording.problems.append(Trouble(codes.NO_FILES, "the app has no `program.py`", main))
        return recording
    random.seed(0)
    resource._get_callbacks = _no_callbacks  # type: ignore[attr-defined]
    sys.meta_path.insert(0, _AppModules({path.removeprefix(root): text for path, text in files.items()}, root))
    try:
        code = _compile(files[main], main)
        asyncio.run(_run(code, app, context, recording))
    except Breach as breach:
        recording.problems.append(Trouble(breach.code, breach.message, *_place(breach, main)))
    except (MemoryError, RecursionError) as error:
        kind = codes.MEMORY if isinstance(error, MemoryError) else codes.RECURSION
        message = "the program needs more memory than allowed" if kind == codes.MEMORY else "endless recursion"
        recording.problems.append(Trouble(kind, message, *_place(error, main)))
    except (Exception, SystemExit) as error:  # whatever a program raises is its author's to see
        if not recording.problems:
            recording.problems.append(_failure(error, main))
    recording.problems.sort(key=lambda trouble: (trouble.path or "", trouble.line or 0, trouble.message))
    return recording


async def _run(code: CodeType, app: str, context: Mapping[str, Any], recording: Recording) -> None:
    environment = context.get("environment")
    stack = environment.get("name", "environment") if isinstance(environment, Mapping) else "environment"
    mocks.set_mocks(_NoMocks(), project=app, stack=str(stack), monitor=_Monitor(recording))
    pulumi.runtime.set_all_config(
        {f"fleet:{k}": v if k in _PLAIN_CONFIG else json.dumps(v) for k, v in context.items() if v is not None}
    )
    namespace = {"__name__": "__main__", "__file__": code.co_filename, "__builtins__": __builtins__}

    def body() -> None:
        exec(code, namespace)  # noqa: S102  # this is what the jail is for

    await run_pulumi_func(body)


async def _no_callbacks() -> NoReturn:
    """Stand in for the server that the SDK starts for callbacks of the engine: there is neither here."""
    raise RuntimeError("`transforms`, hooks and migrations are run by an engine; change the arguments instead")


class _NoMocks(mocks.Mocks):
    """Refuses calls of provider functions."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        """Refuse: there is no provider to ask."""
        raise RuntimeError(f"function `{args.token}` asks a cluster or a provider; a program only says what there is")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        """Never reached: the monitor answers registrations itself."""
        raise NotImplementedError(args.typ)


class _Monitor(mocks.MockMonitor):
    """Answers registrations and keeps the Kubernetes objects."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(_NoMocks())
        self._recording = recording

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # name of the remote call
        """Take a registration and answer with what was asked for; everything else is unknown."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if not request.custom and not request.remote:  # the stack, and components
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        place = _registered_at(request)
        message = _refusal(request)
        if message is not None:
            return self._refuse(codes.FOREIGN_RESOURCE, message, place, urn)
        option = _unsupported(request)
        if option is not None:
            text = f"resource `{request.name}` uses the option `{option}`, which has no effect here"
            return self._refuse(codes.UNSUPPORTED_OPTION, text, place, urn)
        unknown: list[str] = []
        manifest = {
            k: v for k, v in _plain_map(request.object.fields, "", unknown).items() if k not in _IGNORED_PROPERTIES
        }
        if unknown:
            text = f"`{unknown[0]}` of resource `{request.name}` is known only after an apply"
            return self._refuse(codes.UNKNOWN_OUTPUT, text, place, urn)
        self._recording.registered[urn] = Candidate(manifest, lambda _: place)
        metadata = manifest.get("metadata")
        name = metadata.get("name", "") if isinstance(metadata, dict) else ""
        return resource_pb2.RegisterResourceResponse(urn=urn, id=str(name), object=_answer(request), unknown=True)

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        """Refuse: nothing is live while a program runs."""
        raise RuntimeError(f"resource `{request.name}` is read and not declared; a program only says what there is")

    def _refuse(self, code: str, message: str, place: tuple[str, int | None], urn: str) -> Any:
        self._recording.problems.append(Trouble(code, message, *place))
        return resource_pb2.RegisterResourceResponse(urn=urn, id="refused", unknown=True)


def _answer(request: Any) -> Any:
    """Return what a registration is answered with: what it asked for, and marks for what only the server can know."""
    answer = type(request.object)()
    answer.CopyFrom(request.object)
    for field_name, keys in _SERVER_SET.items():
        if field_name == "spec" and not request.type.endswith(":Service"):
            continue
        inner = answer.fields[field_name].struct_value.fields
        for key in keys:
            if key not in inner:
                inner[key].string_value = rpc.UNKNOWN
    return answer


def _refusal(request: Any) -> str | None:
    """Return why a resource cannot be taken."""
    kind = request.type
    if kind == "pulumi:providers:kubernetes":
        return "a program may not make providers: fleet decides which cluster it runs on"
    if kind == "pulumi:pulumi:StackReference":
        return "a program may not read other stacks"
    if kind.startswith(_COMPONENTS_OF_OTHERS):
        return f"`{kind}` needs the provider to render it; use plain Kubernetes resources"
    if not kind.startswith("kubernetes:") or request.remote:
        return f"`{kind}` is not a Kubernetes resource"
    if kind.endswith("Patch"):
        return f"`{kind}` changes an object of somebody else; declare the whole object"
    if kind.endswith("List"):
        return f"`{kind}` is a list; declare each object"
    return None


def _unsupported(request: Any) -> str | None:
    """Return an option of a resource that would silently be ignored."""
    options = {"import": request.importId, "transforms": request.transforms, "ignore_changes": request.ignoreChanges}
    options |= {"protect": request.protect, "retain_on_delete": request.retainOnDelete}
    return next((name for name, value in options.items() if value), None)


def _registered_at(request: Any) -> tuple[str, int | None]:
    """Return the file and line of the app that registered a resource."""
    for frame in request.stackTrace.frames:
        path = unquote(frame.pc.uri).removeprefix("file://")
        if path.startswith(_ROOT):
            return path.removeprefix(_ROOT), int(frame.pc.line) or None
    return "program.py", None


def _plain(value: Any, path: str, unknown: list[str]) -> Any:
    """Return a value of a registration as JSON data; the paths of unknown ones are collected."""
    match value.WhichOneof("kind"):
        case "struct_value":
            return _plain_map(value.struct_value.fields, path, unknown)
        case "list_value":
            return [_plain(item, f"{path}[{n}]", unknown) for n, item in enumerate(value.list_value.values)]
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() and abs(number) < 2**53 else number
        case "string_value":
            if value.string_value == rpc.UNKNOWN:
                unknown.append(path)
            return value.string_value
        case "bool_value":
            return value.bool_value
    return None


def _plain_map(fields: Mapping[str, Any], path: str, unknown: list[str]) -> Any:
    signature = fields.get(_SECRET[0])
    if signature is not None and signature.string_value == _SECRET[1]:
        return _plain(fields["value"], path, unknown)
    return {
        _key(name): _plain(fields[name], f"{path}.{name}" if path else name, unknown) for name in sorted(fields.keys())
    }


def _key(name: str) -> str:
    """Return the name of a field; the SDK cannot have hyphens in `x-kubernetes-…` of custom resource definitions."""
    return name.replace("_", "-") if name.startswith("x_kubernetes_") else name


class _AppModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports the other Python files of the app, from memory."""

    def __init__(self, files: Mapping[str, str], root: str) -> None:
        self._files = files
        self._root = root

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find a module among the files of the app."""
        del path, target
        stem = fullname.replace(".", "/")
        for name, package in ((f"{stem}.py", False), (f"{stem}/__init__.py", True)):
            if name in self._files:
                return importlib.util.spec_from_loader(fullname, self, origin=name, is_package=package)
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Run a module."""
        spec = module.__spec__
        name = spec.origin if spec is not None else None
        if name is None:
            raise ImportError(module.__name__)
        exec(_compile(self._files[name], self._root + name), module.__dict__)  # noqa: S102


def _compile(text: str, path: str) -> CodeType:
    return compile(text, _ROOT + path, "exec", dont_inherit=True)


def _place(error: BaseException, path: str) -> tuple[str, int | None]:
    """Return the innermost line of the app's own code in a traceback."""
    place: tuple[str, int | None] = (path, None)
    traceback = error.__traceback__
    while traceback is not None:
        name = traceback.tb_frame.f_code.co_filename
        if name.startswith(_ROOT):
            place = (name.removeprefix(_ROOT), traceback.tb_lineno)
        traceback = traceback.tb_next
    return place


def _failure(error: BaseException, main: str) -> Trouble:
    """Return the exception of a program as a problem."""
    if isinstance(error, SyntaxError) and (error.filename or "").startswith(_ROOT):
        return Trouble(
            codes.PROGRAM,
            f"the program cannot be parsed: {error.msg}",
            (error.filename or main).removeprefix(_ROOT),
            error.lineno,
        )
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__
    hint = None
    if isinstance(error, pulumi.config.ConfigMissingError):
        text = f"there is no configuration `{error.key}`"
        hint = (
            'a program has `pulumi.Config("fleet")` with: app, namespace, release, environment, cluster, values, images'
        )
    return Trouble(codes.PROGRAM, f"the program failed: {text}", *_place(error, main), hint)
