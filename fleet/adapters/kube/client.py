"""Requests to one API server, with repetition, circuit breaker and renewed logins, answered by JSON or a FleetError."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

from fleet.adapters.kube.answers import decode, garbage, refusal, unauthorized
from fleet.adapters.kube.credentials import Credentials
from fleet.adapters.kube.kubeconfig import Endpoint, load_endpoint
from fleet.adapters.kube.retries import Breaker, RetryPolicy
from fleet.adapters.kube.transport import Answer, Deadlines, FaultError, Transport
from fleet.errors import UnreachableError
from fleet.model.declared import AccessSpec

log = logging.getLogger("fleet.kube")

_REPEATED = frozenset({429, 502, 503, 504})


class Client:
    """One API server. Connects lazily; safe to share between threads."""

    def __init__(
        self,
        cluster: str,
        access: AccessSpec,
        sandbox_kubeconfig: Path,
        root: Path,
        environ: Mapping[str, str],
        deadlines: Deadlines,
        retries: RetryPolicy,
        breaker: Breaker,
    ) -> None:
        self.cluster = cluster
        self._access = access
        self._sandbox_kubeconfig = sandbox_kubeconfig
        self._root = root
        self._environ = environ
        self._deadlines = deadlines
        self._retries = retries
        self._breaker = breaker
        self._lock = threading.Lock()
        self._session: tuple[Endpoint, Credentials, Transport] | None = None
        self._warned = False
        self._closed = False

    def __repr__(self) -> str:
        return f"Client({self.cluster})"

    def call(
        self,
        method: str,
        path: str,
        *,
        what: str,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        content_type: str = "application/json",
        missing: bool = False,
        secrets: Sequence[str] = (),
        large: bool = False,
    ) -> dict[str, Any] | None:
        """Send a request and return the JSON object of the answer.

        Args:
            method: HTTP method; every request that is sent here may be repeated.
            path: path below the server's address, quoted.
            what: the object or kind, for errors.
            query: query parameters.
            body: JSON data.
            content_type: type of the body.
            missing: return None for 404 instead of raising.
            secrets: values that no error may show.
            large: the answer may be large; have it compressed, unless the server is on this machine.

        Raises:
            UnreachableError: no answer, or refused credentials.
            ClusterError: the server refused the request.
        """
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = content_type
        if large and not self._connect()[0].loopback:
            headers["Accept-Encoding"] = "gzip"
        data = None if body is None else orjson.dumps(body)
        answer = self.exchange(method, f"{path}?{urlencode(query)}" if query else path, headers, data)
        if answer.status == 404 and missing:
            return None
        if answer.status >= 300:
            raise refusal(self.cluster, answer.status, answer.body, what, secrets)
        return decode(self.cluster, answer.body)

    def fetch(self, path: str, headers: dict[str, str]) -> tuple[int, str, Mapping[str, Any]]:
        """Fetch a document for discovery: status, ETag, JSON object."""
        answer = self.exchange("GET", path, {**headers, "Accept-Encoding": "gzip"}, None)
        if answer.status in (304, 404):
            return answer.status, "", {}
        if answer.status >= 300:
            raise refusal(self.cluster, answer.status, answer.body, "the list of its kinds")
        return answer.status, answer.headers.get("ETag") or "", decode(self.cluster, answer.body)

    def exchange(self, method: str, path: str, headers: dict[str, str], body: bytes | None) -> Answer:
        """Send a request, repeat it where that may help, and return the last answer.

        Raises:
            UnreachableError: no answer, refused credentials, or too many requests after all repetitions.
        """
        self._breaker.check()
        until = time.monotonic() + self._deadlines.total
        attempt, renewed = 0, False
        while True:
            endpoint, credentials, transport = self._connect()
            limit = min(until, time.monotonic() + self._deadlines.connect + self._deadlines.read)
            try:
                answer = transport.send(method, endpoint.prefix + path, body, headers, limit)
            except FaultError as fault:
                if fault.stale:  # the server closed a connection that we kept; a new one will tell
                    transport.drop_idle()
                    continue
                attempt += 1
                pause = self._retries.pause(attempt)
                if fault.again and attempt < self._retries.attempts and time.monotonic() + pause < until:
                    time.sleep(pause)
                    continue
                raise self.unreachable(fault) from fault
            if answer.status == 401:
                if not renewed and credentials.renew():
                    renewed = True
                    transport.drop_idle()
                    continue
                self._forget()
                error = unauthorized(self.cluster)
                self._breaker.failed(error, at_once=True)
                raise error
            if answer.status in _REPEATED:
                pause = self._retries.pause(attempt, answer.headers)
                attempt += 1
                if attempt < self._retries.attempts and time.monotonic() + pause < until:
                    time.sleep(pause)
                    continue
                raise self._overloaded(answer.status)
            self._breaker.succeeded()
            return answer

    @contextlib.contextmanager
    def stream(self, path: str, query: Mapping[str, str], deadline: float, what: str) -> Iterator[Iterator[bytes]]:
        """Give the lines of an answer that goes on until the deadline (monotonic). Nothing is repeated here.

        A time-out ends the lines; any other fault is raised to the caller as :class:`FaultError`.
        """
        self._breaker.check()
        endpoint, _, transport = self._connect()
        headers = {"Accept": "application/json"}
        with transport.stream(f"{endpoint.prefix}{path}?{urlencode(query)}", headers, deadline) as response:
            if response.status == 401:
                raise unauthorized(self.cluster)
            if response.status in _REPEATED:
                raise self._overloaded(response.status)
            if response.status >= 300:
                raise refusal(self.cluster, response.status, response.read(65536), what)
            self._breaker.succeeded()
            yield transport.lines(response)

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            self._closed = True
            session, self._session = self._session, None
        if session is not None:
            session[2].close()

    def _connect(self) -> tuple[Endpoint, Credentials, Transport]:
        session = self._session
        if session is not None:
            return session
        with self._lock:
            if self._session is None:
                if self._closed:
                    raise UnreachableError(f"cluster `{self.cluster}` cannot be reached: the client is closed")
                endpoint = load_endpoint(
                    self.cluster, self._access, self._sandbox_kubeconfig, self._root, self._environ
                )
                if endpoint.insecure and not self._warned:
                    self._warned = True
                    log.warning(
                        "cluster `%s`: TLS certificates are not verified, since its kubeconfig says so", self.cluster
                    )
                credentials = Credentials(self.cluster, endpoint, self._environ)
                transport = Transport(self.cluster, endpoint, credentials, self._deadlines)
                self._session = (endpoint, credentials, transport)
            return self._session

    def _forget(self) -> None:
        """Read the kubeconfig again at the next call: a person may have logged in meanwhile."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session[2].drop_idle()

    def unreachable(self, fault: FaultError) -> UnreachableError:
        """Return the error for a fault that no repetition helps against, and remember the cluster as dead."""
        if fault.code == "FLT-OUT-104":
            self._forget()
            error = unauthorized(self.cluster)
        elif fault.code == "FLT-OUT-106":
            error = garbage(self.cluster, fault.reason)
        else:
            error = UnreachableError(
                f"cluster `{self.cluster}` cannot be reached: {fault.reason}", code=fault.code, hints=self._hints()
            )
            if not fault.connected:
                self._forget()
        self._breaker.failed(error, at_once=not fault.connected)
        return error

    def _overloaded(self, status: int) -> UnreachableError:
        reason = "it gets too many requests" if status == 429 else f"it is not available (status {status})"
        error = UnreachableError(f"cluster `{self.cluster}` cannot be used: {reason}", code="FLT-OUT-105")
        if status != 429:
            self._breaker.failed(error, at_once=False)
        return error

    def _hints(self) -> tuple[str, ...]:
        if self._access.sandbox is not None:
            return ("fleet sandbox status",)
        session = self._session
        return (f"kubectl --context {session[0].context} get --raw /readyz",) if session else ()
