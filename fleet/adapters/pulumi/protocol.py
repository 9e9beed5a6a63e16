"""Pulumi's generated gRPC messages and stubs, without the rest of the Pulumi SDK.

``import pulumi`` costs about a quarter of a CPU second and 44 MB, most of it for classes that a process which only
speaks the wire protocol never uses. The generated modules (``pulumi/runtime/proto/*_pb2*.py``) need nothing but
protobuf and gRPC, so they are imported here from their directory as a package of another name: nothing called
``pulumi`` enters ``sys.modules``, and a later ``import pulumi`` in the same process works as ever (both register the
same descriptors, which protobuf allows). Where the directory is not found, or the SDK was imported already, its own
modules are used.

Everything is loaded at the first use of an attribute.
"""

from __future__ import annotations

import importlib
import sys
import types
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import grpc  # type: ignore[import-untyped]
from google.protobuf.empty_pb2 import Empty  # type: ignore[import-untyped]
from google.protobuf.struct_pb2 import Struct, Value  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from pulumi.runtime.proto import (
        language_pb2,
        language_pb2_grpc,
        plugin_pb2,
        provider_pb2,
        provider_pb2_grpc,
        resource_pb2,
        resource_pb2_grpc,
        status_pb2,
    )

__all__ = [
    "Context",
    "Empty",
    "Struct",
    "Value",
    "grpc",
    "language_pb2",
    "language_pb2_grpc",
    "plugin_pb2",
    "provider_pb2",
    "provider_pb2_grpc",
    "resource_pb2",
    "resource_pb2_grpc",
    "servicer",
    "status_pb2",
]

_ALIAS = "fleet_pulumi_protocol"
_SDK = "pulumi.runtime.proto"


class Context(Protocol):
    """What our servicers use of a gRPC server context."""

    def peer(self) -> str:
        """Return the address of the other side."""
        ...

    def abort(self, code: Any, details: str) -> NoReturn:
        """End the request with an error."""
        ...

    def set_trailing_metadata(self, trailing_metadata: tuple[tuple[str, bytes], ...]) -> None:
        """Send details along with the error."""
        ...


def servicer(implementation: type, generated: type) -> type:
    """Return a class that answers what ``implementation`` has, and `unimplemented` to the rest of a generated service.

    The generated base would raise, and gRPC would print a traceback for each call.
    """

    def unimplemented(_self: object, _request: object, context: Context) -> NoReturn:
        context.abort(grpc.StatusCode.UNIMPLEMENTED, "not implemented")

    missing = {
        name: unimplemented
        for name in vars(generated)
        if not name.startswith("_") and not hasattr(implementation, name)
    }
    return type(implementation.__name__, (implementation,), missing)


def __getattr__(name: str) -> types.ModuleType:
    if not name.endswith(("_pb2", "_pb2_grpc")):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{_package()}.{name}")
    globals()[name] = module
    return module


def _package() -> str:
    """Return the name of the package that holds the generated modules, after making it if need be."""
    if _ALIAS in sys.modules:
        return _ALIAS
    if _SDK in sys.modules:
        return _SDK
    spec = find_spec("pulumi")  # finds the package without running it
    directory = Path(spec.origin).parent / "runtime" / "proto" if spec is not None and spec.origin else None
    if directory is None or not (directory / "provider_pb2.py").is_file():
        return _SDK
    package = types.ModuleType(_ALIAS)
    package.__path__ = [str(directory)]
    package.__spec__ = ModuleSpec(_ALIAS, None, is_package=True)
    sys.modules[_ALIAS] = package
    return _ALIAS
