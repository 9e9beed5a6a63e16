"""The resident Kubernetes provider: Pulumi's provider protocol for all stacks and clusters in one process.

Each run of the engine attaches anew (``PULUMI_DEBUG_PROVIDERS``); every request names its resource, and so its stack,
whose :class:`~fleet.adapters.pulumi.provider.session.Session` holds the cluster. Nothing is kept per process, so what
ruins a shared stock provider (the last Configure wins, the first Cancel ends all) cannot happen here.

Protocol: https://github.com/pulumi/pulumi/blob/master/proto/pulumi/provider.proto
"""

# ruff: noqa: N802, ARG002 - names and arguments of these methods are the protocol's

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from fleet.adapters.pulumi import protocol
from fleet.adapters.pulumi.names import PACKAGE, Urn
from fleet.adapters.pulumi.peers import Peers
from fleet.adapters.pulumi.protocol import Context, Empty, Struct, grpc
from fleet.adapters.pulumi.provider import shapes
from fleet.adapters.pulumi.provider.definitions import is_definition, why_not_served
from fleet.adapters.pulumi.provider.differences import diff_response
from fleet.adapters.pulumi.provider.session import Session
from fleet.adapters.pulumi.provider.sessions import Sessions
from fleet.adapters.pulumi.structs import Properties, decode, encode
from fleet.errors import DeployError, FleetError, InternalError, UnreachableError
from fleet.model.objects import Manifest, ObjectRef

if TYPE_CHECKING:
    from pulumi.runtime.proto import provider_pb2 as pb

Result = TypeVar("Result")


def add_to(server: grpc.Server, sessions: Sessions, peers: Peers, version: str) -> None:
    """Serve the provider on a gRPC server."""
    made = protocol.servicer(Provider, protocol.provider_pb2_grpc.ResourceProviderServicer)
    protocol.provider_pb2_grpc.add_ResourceProviderServicer_to_server(made(sessions, peers, version), server)


class Provider:
    """The requests of the protocol that fleet's kinds of runs need; the methods have the names of the protocol."""

    def __init__(self, sessions: Sessions, peers: Peers, version: str) -> None:
        self._sessions = sessions
        self._peers = peers
        self._version = version
        self._stacks: dict[str, str] = {}

    # -- the life of an attachment ----------------------------------------------------------------------------------

    def Handshake(self, request: pb.ProviderHandshakeRequest, context: Context) -> pb.ProviderHandshakeResponse:
        """Say what we understand: secrets stay marked on the wire."""
        self._peers.check(context)
        return protocol.provider_pb2.ProviderHandshakeResponse(accept_secrets=True, accept_resources=False)

    def Attach(self, request: Any, context: Context) -> Empty:
        """The engine tells its address; we never call it."""
        return Empty()

    def GetPluginInfo(self, request: Empty, context: Context) -> Any:
        """The version that registrations ask for."""
        return protocol.plugin_pb2.PluginInfo(version=self._version)

    def GetSchema(self, request: Any, context: Context) -> pb.GetSchemaResponse:
        """A schema without types; only tools that generate code want more."""
        text = f'{{"name": "{PACKAGE}", "version": "{self._version}"}}'
        return protocol.provider_pb2.GetSchemaResponse(schema=text)

    def CheckConfig(self, request: pb.CheckRequest, context: Context) -> pb.CheckResponse:
        """Any configuration is fine: the run knows its cluster."""
        return protocol.provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: pb.DiffRequest, context: Context) -> pb.DiffResponse:
        """A new path to the same cluster changes nothing; another cluster is another provider.

        A stack belongs to one cluster of the fleet, so only a person who edits state by hand can see the second case.
        """
        old, new = decode(request.old_inputs).data, decode(request.news).data
        pb2 = protocol.provider_pb2
        if old == new:
            return pb2.DiffResponse(changes=pb2.DiffResponse.DIFF_NONE)
        moved = old.get("clusterIdentifier") != new.get("clusterIdentifier")
        return pb2.DiffResponse(
            changes=pb2.DiffResponse.DIFF_SOME, replaces=["clusterIdentifier"] if moved else [], diffs=sorted(new)
        )

    def Configure(self, request: pb.ConfigureRequest, context: Context) -> pb.ConfigureResponse:
        """Bind this attachment to the session of its stack."""

        def configure(session: Session) -> pb.ConfigureResponse:
            self._stacks[context.peer()] = session.target.stack
            return protocol.provider_pb2.ConfigureResponse(
                acceptSecrets=True, supportsPreview=True, acceptResources=False
            )

        return self._answer(request.urn, context, configure)

    def Cancel(self, request: Empty, context: Context) -> Empty:
        """End the waiting of this attachment's run, and of no other. Newer engines send it at a normal end, too."""
        stack = self._stacks.pop(context.peer(), None)
        if stack is not None:
            self._sessions.cancel(stack)
        return Empty()

    # -- resources --------------------------------------------------------------------------------------------------

    def Check(self, request: pb.CheckRequest, context: Context) -> pb.CheckResponse:
        """Check that the inputs are an object with a name, and mark the values of Secrets."""
        result = protocol.provider_pb2.CheckResponse
        problem = _problem(request.news, request.urn)
        if problem is not None:
            failure = protocol.provider_pb2.CheckFailure(property=problem[0], reason=problem[1])
            return result(inputs=request.news, failures=[failure])
        if request.news.fields["kind"].string_value != "Secret":
            return result(inputs=request.news)
        inputs = decode(request.news)
        return result(inputs=encode(inputs.data, shapes.secret_paths(inputs.data, inputs.secrets)))

    def Diff(self, request: pb.DiffRequest, context: Context) -> pb.DiffResponse:
        """Compare what is asked for with what was asked for, and what is live with what was recorded."""
        return self._answer(request.urn, context, lambda session: diff_response(request, session))

    def Create(self, request: pb.CreateRequest, context: Context) -> pb.CreateResponse:
        """Apply an object; one that is there already is taken over (unless it is another target's)."""

        def create(session: Session) -> pb.CreateResponse:
            inputs = decode(request.properties)
            ref = ObjectRef.of(inputs.data)
            live = None if inputs.unknown else session.create(request.urn, inputs.data, preview=request.preview)
            state = _state(session, inputs, live)
            if not request.preview:
                self._await_definition(session, ref, inputs, context)
            return protocol.provider_pb2.CreateResponse(id=shapes.object_id(ref), properties=state)

        return self._answer(request.urn, context, create)

    def Update(self, request: pb.UpdateRequest, context: Context) -> pb.UpdateResponse:
        """Apply an object that the stack has."""

        def update(session: Session) -> pb.UpdateResponse:
            inputs, olds = decode(request.news), decode(request.olds).data
            if inputs.unknown:
                return protocol.provider_pb2.UpdateResponse(properties=_state(session, inputs, None, olds))
            previous = str(olds.get(shapes.FIELD_MANAGER) or "")
            live = session.update(inputs.data, preview=request.preview, previous_manager=previous)
            if not request.preview:
                self._await_definition(session, ObjectRef.of(inputs.data), inputs, context)
            return protocol.provider_pb2.UpdateResponse(properties=_state(session, inputs, live, olds))

        return self._answer(request.urn, context, update)

    def Read(self, request: pb.ReadRequest, context: Context) -> pb.ReadResponse:
        """Return the live object; its inputs are the live values of what was asked for (refresh), or all (import)."""

        def read(session: Session) -> pb.ReadResponse:
            ref = Urn.parse(request.urn).ref
            if ref is None:
                raise DeployError(f"`{request.urn}` is not a Kubernetes object")
            namespace, _, name = request.id.rpartition("/")
            live = session.cluster.get(ObjectRef(ref.api_version, ref.kind, namespace, name))
            if live is None:
                return protocol.provider_pb2.ReadResponse()
            inputs, olds = decode(request.inputs), decode(request.properties).data
            data = shapes.inputs_from(live, inputs.data)
            state = shapes.outputs_of(
                live, data, str(olds.get(shapes.FIELD_MANAGER) or ""), str(olds.get(shapes.INITIAL_API_VERSION) or "")
            )
            return protocol.provider_pb2.ReadResponse(
                id=request.id,
                inputs=encode(data, shapes.secret_paths(data, inputs.secrets)),
                properties=encode(state, shapes.output_secrets(data, inputs.secrets)),
            )

        return self._answer(request.urn, context, read)

    def Delete(self, request: pb.DeleteRequest, context: Context) -> Empty:
        """Delete an object and wait until it is gone."""

        def delete(session: Session) -> Empty:
            ref = Urn.parse(request.urn).ref
            if ref is None:
                raise DeployError(f"`{request.urn}` is not a Kubernetes object")
            namespace, _, name = request.id.rpartition("/")
            live = ObjectRef(ref.api_version, ref.kind, namespace, name)
            olds = decode(request.properties).data
            session.delete(request.urn, live, shapes.timeout_of(olds, request.timeout))
            return Empty()

        return self._answer(request.urn, context, delete)

    # -- helpers ----------------------------------------------------------------------------------------------------

    def _await_definition(self, session: Session, ref: ObjectRef, inputs: Properties, context: Context) -> None:
        """Wait until a definition is served, so that objects of its kind can follow.

        One that the server applies but does not establish is recorded as there, but not initialised: the engine then
        tries an update at the next run. https://www.pulumi.com/docs/iac/concepts/resources/ (init errors)
        """
        reason = why_not_served(session, ref) if is_definition(ref) else None
        if reason is None:
            return
        pb2 = protocol.provider_pb2
        session.failed(ref, DeployError(f"`{ref}` is not served: {reason}"))
        detail = pb2.ErrorResourceInitFailed(
            id=shapes.object_id(ref),
            properties=_state(session, inputs, session.live.get(ref.identity)),
            reasons=[reason],
            inputs=encode(inputs.data, inputs.secrets),
        )
        status = protocol.status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=f"`{ref}` is not served")
        status.details.add().Pack(detail)
        context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
        context.abort(grpc.StatusCode.UNKNOWN, status.message)

    def _answer(self, urn: str, context: Context, work: Callable[[Session], Result]) -> Result:
        """Do the work of a request on its session; errors are kept for the result and told to the engine."""
        self._peers.check(context)
        session: Session | None = None
        try:
            session = self._sessions.of_urn(urn)
            return work(session)
        except FleetError as error:
            _refuse(session, urn, error, context)
        except ValueError as error:
            _refuse(session, urn, InternalError(f"the engine sent something unexpected: {error}"), context)


def _refuse(session: Session | None, urn: str, error: FleetError, context: Context) -> NoReturn:
    if session is not None:
        session.failed(Urn.parse(urn).ref, error)
    unreachable = isinstance(error, UnreachableError)
    code = grpc.StatusCode.UNAVAILABLE if unreachable else grpc.StatusCode.FAILED_PRECONDITION
    context.abort(code, error.message)


def _state(session: Session, inputs: Properties, live: Manifest | None, olds: Manifest | None = None) -> Any:
    """Return the state to keep of an object; what a preview cannot know yet is as it was asked for."""
    data = inputs.data
    initial = str((olds or {}).get(shapes.INITIAL_API_VERSION) or "")
    state = shapes.outputs_of(live if live is not None else data, data, session.manager(data), initial)
    return encode(state, shapes.output_secrets(data, inputs.secrets))


def _problem(inputs: Struct, urn: str) -> tuple[str, str] | None:
    """Return the property and reason that make inputs unusable. Looks at few fields, as every object passes here."""
    ref = Urn.parse(urn).ref
    if ref is None:
        return "", f"`{urn}` is not a plain object: it needs the official provider (`engine.provider: stock`)"
    fields: Any = inputs.fields
    for name, expected in (("apiVersion", ref.api_version), ("kind", ref.kind)):
        found = fields[name].string_value if name in fields else ""
        if found != expected:
            return name, f"is `{found}`, but the resource type says `{expected}`"
    metadata: Any = fields["metadata"].struct_value.fields if "metadata" in fields else {}
    if "name" not in metadata or not metadata["name"].string_value:
        return "metadata.name", "every object needs a name of its own, so that a run can be repeated"
    return None
