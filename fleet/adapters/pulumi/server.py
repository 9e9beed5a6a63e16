"""The one gRPC server of this process: resident provider and language host for all runs, on loopback."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version

from fleet.adapters.pulumi import language
from fleet.adapters.pulumi.language import MESSAGE_LIMIT, Program
from fleet.adapters.pulumi.names import PACKAGE
from fleet.adapters.pulumi.peers import Peers
from fleet.adapters.pulumi.protocol import grpc
from fleet.adapters.pulumi.provider import service
from fleet.adapters.pulumi.provider.sessions import Sessions

_THREADS = 512
"""At most: each run waits in one (`Run`), and each request works in one. Threads are made when they are needed."""


def sdk_version() -> str:
    """Return the version of pulumi-kubernetes that the stacks name, so that programs of a person ask for the same."""
    return version("pulumi-kubernetes")


class EngineServer:
    """Started once, with the first run."""

    def __init__(self, sessions: Sessions, program: Callable[[str], Program]) -> None:
        peers = Peers()
        self._server = grpc.server(
            ThreadPoolExecutor(_THREADS, thread_name_prefix="fleet-engine"),
            options=[
                ("grpc.max_receive_message_length", MESSAGE_LIMIT),
                ("grpc.max_send_message_length", MESSAGE_LIMIT),
                ("grpc.so_reuseport", 0),
            ],
        )
        service.add_to(self._server, sessions, peers, sdk_version())
        language.add_to(self._server, program, peers)
        self.port = peers.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    @property
    def address(self) -> str:
        """Where the language host answers."""
        return f"127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the variables that attach a run to the resident provider."""
        return {"PULUMI_DEBUG_PROVIDERS": f"{PACKAGE}:{self.port}"}

    def close(self) -> None:
        """Stop serving at once."""
        self._server.stop(0).wait()
