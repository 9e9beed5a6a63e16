"""The raw language host: answers every `Run` of the engine by registering objects that are rendered already.

The engine asks its language host to run the program; ours has no program to run. It sends one RegisterResource for each
object, in the process that rendered them, at a tenth of what the SDK's classes cost (0.3-0.7 ms against 5.5 ms each).

Protocol: https://github.com/pulumi/pulumi/blob/master/proto/pulumi/language.proto and ``resource.proto``.
"""

# ruff: noqa: N802, ARG002 - names and arguments of these methods are the protocol's

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fleet.adapters.pulumi import protocol
from fleet.adapters.pulumi.names import PROVIDER_NAME, PROVIDER_TYPE, ROOT_TYPE, object_urn, resource_name, type_token
from fleet.adapters.pulumi.peers import Peers
from fleet.adapters.pulumi.protocol import Context, Empty, grpc
from fleet.adapters.pulumi.provider.shapes import is_secret
from fleet.adapters.pulumi.structs import encode, without_nulls
from fleet.engine.objects import in_apply_order
from fleet.errors import FleetError
from fleet.model.objects import Manifest, ObjectRef

if TYPE_CHECKING:
    from pulumi.runtime.proto import language_pb2, resource_pb2

MESSAGE_LIMIT = 400 * 1024 * 1024
"""Bytes of one gRPC message; the engine's own limit."""

FIRST = ("Namespace", "CustomResourceDefinition")


@dataclass(frozen=True)
class Program:
    """What one stack registers."""

    objects: Sequence[Manifest]
    provider: Mapping[str, Any]
    """Inputs of the provider resource: a stable handle of the cluster, never credentials."""
    version: str
    """Version of the provider that registrations ask for."""
    aliases: Mapping[ObjectRef, str] = field(default_factory=dict)
    """Former URN of objects whose API version changed: the same object, not a new one."""


class LanguageHost:
    """The requests of the protocol that the engine sends; the methods have the names of the protocol."""

    def __init__(self, program: Callable[[str], Program], peers: Peers) -> None:
        self._program = program
        self._peers = peers

    def Handshake(self, request: Any, context: Context) -> Any:
        """Be attached to (``PULUMI_DEBUG_LANGUAGES``)."""
        return protocol.language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Empty, context: Context) -> Any:
        """No version of its own."""
        return protocol.plugin_pb2.PluginInfo()

    def About(self, request: Any, context: Context) -> Any:
        """Nothing to tell: there is no interpreter."""
        return protocol.language_pb2.AboutResponse()

    def GetRequiredPackages(self, request: Any, context: Context) -> Any:
        """Nothing has to be installed: the provider is attached, or found by the project file."""
        return protocol.language_pb2.GetRequiredPackagesResponse()

    def Run(self, request: language_pb2.RunRequest, context: Context) -> language_pb2.RunResponse:
        """Register everything that the stack declares. `bail` says that the engine has told the errors already."""
        self._peers.check(context)
        try:
            program = self._program(request.stack)
        except FleetError as error:
            return protocol.language_pb2.RunResponse(error=error.message)
        options = [("grpc.max_receive_message_length", MESSAGE_LIMIT), ("grpc.max_send_message_length", MESSAGE_LIMIT)]
        with grpc.insecure_channel(request.monitor_address, options=options) as channel:
            try:
                Registrations(channel, request.project, request.stack).run(program)
            except grpc.RpcError:
                return protocol.language_pb2.RunResponse(bail=True)
        return protocol.language_pb2.RunResponse()


class Registrations:
    """Sends the registrations of one run to the engine's resource monitor."""

    def __init__(self, channel: grpc.Channel, project: str, stack: str) -> None:
        self._monitor = protocol.resource_pb2_grpc.ResourceMonitorStub(channel)
        self._project = project
        self._stack = stack

    def run(self, program: Program) -> None:
        """Register the stack, its provider, namespaces and definitions, then all other objects side by side.

        Raises:
            grpc.RpcError: the engine refused or failed a registration.
        """
        request = protocol.resource_pb2.RegisterResourceRequest
        root = self._monitor.RegisterResource(
            request(type=ROOT_TYPE, name=f"{self._project}-{self._stack}", custom=False, acceptSecrets=True)
        )
        provider = self._monitor.RegisterResource(
            request(
                type=PROVIDER_TYPE,
                name=PROVIDER_NAME,
                custom=True,
                parent=root.urn,
                object=encode(program.provider),
                version=program.version,
                acceptSecrets=True,
            )
        )
        reference = f"{provider.urn}::{provider.id or '04da6b54-80e4-46f7-96ec-b56ff0331ba9'}"
        ordered = in_apply_order(program.objects)
        first = [manifest for manifest in ordered if manifest["kind"] in FIRST]
        rest = [manifest for manifest in ordered if manifest["kind"] not in FIRST]
        urns: dict[tuple[str, str], str] = {}

        def registered(manifest: Manifest) -> resource_pb2.RegisterResourceRequest:
            needs = [urns[key] for key in needed_by(manifest) if key in urns]
            return self._object(manifest, root.urn, reference, program, needs)

        failure: grpc.RpcError | None = None
        broken: set[tuple[str, str]] = set()
        for group in (first, rest):
            possible = [manifest for manifest in group if not broken.intersection(needed_by(manifest))]
            futures = [(manifest, self._monitor.RegisterResource.future(registered(manifest))) for manifest in possible]
            for manifest, future in futures:  # all of them, even after a failure: each object stands for itself
                error = future.exception()
                if isinstance(error, grpc.RpcError):
                    failure = failure or error
                    broken.add(provided_by(manifest))
                else:
                    urns[provided_by(manifest)] = future.result().urn
        if failure is not None:
            raise failure
        self._monitor.RegisterResourceOutputs(
            protocol.resource_pb2.RegisterResourceOutputsRequest(urn=root.urn, outputs=encode({}))
        )

    def _object(
        self, manifest: Manifest, parent: str, provider: str, program: Program, needs: Sequence[str]
    ) -> resource_pb2.RegisterResourceRequest:
        ref = ObjectRef.of(manifest)
        secrets = [("data",), ("stringData",)] if is_secret(manifest) else []
        former = program.aliases.get(ref)
        return protocol.resource_pb2.RegisterResourceRequest(
            type=type_token(ref.api_version, ref.kind),
            name=resource_name(ref),
            custom=True,
            parent=parent,
            provider=provider,
            version=program.version,
            object=encode(without_nulls(manifest), secrets),
            dependencies=needs,
            acceptSecrets=True,
            supportsPartialValues=True,
            aliasURNs=[former] if former is not None else [],
        )


def provided_by(manifest: Manifest) -> tuple[str, str]:
    """Return what others may need: a namespace by name, a kind by group and name."""
    if manifest["kind"] == "Namespace":
        return "Namespace", manifest["metadata"]["name"]
    if manifest["kind"] == "CustomResourceDefinition":
        spec = manifest.get("spec") or {}
        return str(spec.get("group")), str((spec.get("names") or {}).get("kind"))
    return "", ""


def needed_by(manifest: Manifest) -> tuple[tuple[str, str], ...]:
    """Return what an object needs before it can be made: its namespace, and the definition of its kind."""
    ref = ObjectRef.of(manifest)
    return ("Namespace", ref.namespace), (ref.group, ref.kind)


def former_urns(
    objects: Sequence[Manifest], held: Sequence[ObjectRef], stack: str, project: str
) -> dict[ObjectRef, str]:
    """Return the URN that a stack has for each object that it holds under another API version."""
    by_identity = {ref.identity: ref for ref in held}
    result: dict[ObjectRef, str] = {}
    for manifest in objects:
        ref = ObjectRef.of(manifest)
        old = by_identity.get(ref.identity)
        if old is not None and old.api_version != ref.api_version:
            result[ref] = str(object_urn(stack, project, old))
    return result


def add_to(server: grpc.Server, program: Callable[[str], Program], peers: Peers) -> None:
    """Serve the language host on a gRPC server."""
    made = protocol.servicer(LanguageHost, protocol.language_pb2_grpc.LanguageRuntimeServicer)
    protocol.language_pb2_grpc.add_LanguageRuntimeServicer_to_server(made(program, peers), server)
