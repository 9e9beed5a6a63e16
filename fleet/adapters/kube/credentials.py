"""Turns the login of a kubeconfig into request headers and a TLS context.

Private keys never touch the disk: inline data is handed to the TLS library through an anonymous in-memory file.
"""

from __future__ import annotations

import base64
import os
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson

from fleet.adapters.kube.kubeconfig import EXEC_CODE, Endpoint, ExecPlugin, broken

_EXEC_TIMEOUT = 30.0
_EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


@dataclass(frozen=True, slots=True)
class _Issued:
    """What a credential plugin answered."""

    token: str | None = field(default=None, repr=False)
    certificate: bytes | None = field(default=None, repr=False)
    key: bytes | None = field(default=None, repr=False)
    expires: float | None = None
    """Seconds since the epoch."""


class Credentials:
    """The present login of one cluster. Safe to share between threads."""

    def __init__(self, cluster: str, endpoint: Endpoint, environ: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._endpoint = endpoint
        self._environ = environ
        self._lock = threading.Lock()
        self._file_token: tuple[int, str] | None = None
        self._issued: _Issued | None = None
        self._context: ssl.SSLContext | None = None

    def __repr__(self) -> str:
        return f"Credentials({self._cluster})"

    def headers(self) -> list[tuple[str, str]]:
        """Return the headers that say who we are. A token file is read again when it changed."""
        login = self._endpoint.login
        token = login.token
        if login.token_file is not None:
            token = self._read_token(login.token_file)
        elif login.exec is not None and not token:
            token = self._plugin(login.exec).token
        headers = list(login.impersonate)
        if token:
            headers.append(("Authorization", f"Bearer {token}"))
        elif login.username is not None:
            pair = f"{login.username}:{login.password or ''}".encode()
            headers.append(("Authorization", f"Basic {base64.b64encode(pair).decode()}"))
        # Checked here, since the error of the HTTP library would quote the value.
        if not all(value.isascii() and value.isprintable() for _, value in headers):
            raise broken(self._cluster, "its credentials hold characters that no request can carry")
        return headers

    def tls(self) -> ssl.SSLContext:
        """Return the TLS context, with the client certificate if there is one."""
        issued = self._plugin(self._endpoint.login.exec) if self._endpoint.login.exec else None
        with self._lock:
            if self._context is None:
                self._context = self._make_context(issued)
            return self._context

    def renew(self) -> bool:
        """Forget what was cached, after the server refused it; say whether another try may help."""
        with self._lock:
            renewable = self._endpoint.login.token_file is not None or self._issued is not None
            self._file_token = None
            if self._issued is not None:
                self._issued = None
                self._context = None
            return renewable

    def _read_token(self, path: Path) -> str:
        try:
            changed = path.stat().st_mtime_ns
            with self._lock:
                if self._file_token is None or self._file_token[0] != changed:
                    self._file_token = (changed, path.read_text().strip())
                return self._file_token[1]
        except (OSError, UnicodeDecodeError):
            raise broken(self._cluster, "its token file cannot be read") from None

    def _make_context(self, issued: _Issued | None) -> ssl.SSLContext:
        endpoint = self._endpoint
        try:
            context = _trust(endpoint)
            certificate = (issued and issued.certificate) or endpoint.login.certificate
            key = (issued and issued.key) or endpoint.login.key
            if certificate is not None:
                with _as_path(certificate) as certificate_path, _as_path(key or certificate) as key_path:
                    # An empty password keeps OpenSSL from asking on the terminal for an encrypted key.
                    context.load_cert_chain(certificate_path, key_path, password="")
        except OSError as error:  # ssl.SSLError too
            missing = isinstance(error, FileNotFoundError)
            reason = "a certificate file of the kubeconfig is missing" if missing else "its certificates cannot be used"
            raise broken(self._cluster, reason) from None
        return context

    def _plugin(self, plugin: ExecPlugin) -> _Issued:
        with self._lock:
            issued = self._issued
            if issued is None or (issued.expires is not None and issued.expires < time.time() + 10):
                issued = self._issued = _run(self._cluster, plugin, self._environ)
                self._context = None
            return issued


def _trust(endpoint: Endpoint) -> ssl.SSLContext:
    if isinstance(endpoint.authority, bytes):
        context = ssl.create_default_context(cadata=endpoint.authority.decode("ascii", "replace"))
    elif endpoint.authority is not None:
        context = ssl.create_default_context(cafile=endpoint.authority)
    else:
        context = ssl.create_default_context()
    # Private authorities of Kubernetes distributions often lack extensions that RFC 5280 wants; Go does not ask for
    # them either. Python 3.13 began to (https://docs.python.org/3/library/ssl.html#ssl.VERIFY_X509_STRICT).
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if endpoint.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@contextmanager
def _as_path(blob: bytes | Path) -> Iterator[str]:
    """Give bytes a path for as long as the TLS library needs one."""
    if isinstance(blob, Path):
        yield str(blob)
    elif hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("fleet", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, blob)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
    else:  # no anonymous files here: one that only we can read, gone at once
        with tempfile.NamedTemporaryFile(prefix="fleet-") as file:
            file.write(blob)
            file.flush()
            yield file.name


def _run(cluster: str, plugin: ExecPlugin, environ: Mapping[str, str]) -> _Issued:
    """Run a credential plugin (https://kubernetes.io/docs/reference/config-api/client-authentication.v1/).

    What it prints is never shown: it may hold credentials.
    """
    if plugin.api_version not in _EXEC_VERSIONS:
        raise broken(cluster, f"credential plugin `{plugin.command}` speaks an unknown protocol", code=EXEC_CODE)
    command = plugin.command
    if "/" in command and plugin.directory is not None:
        command = str(plugin.directory / command)
    info = {"apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": {"interactive": False}}
    env = {**environ, **dict(plugin.env), "KUBERNETES_EXEC_INFO": orjson.dumps(info).decode()}
    try:
        done = subprocess.run(
            [command, *plugin.args],
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_EXEC_TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise broken(cluster, f"credential plugin `{plugin.command}` is not installed", code=EXEC_CODE) from None
    except subprocess.TimeoutExpired:
        raise broken(cluster, f"credential plugin `{plugin.command}` did not answer in time", code=EXEC_CODE) from None
    except OSError:
        raise broken(cluster, f"credential plugin `{plugin.command}` cannot be run", code=EXEC_CODE) from None
    if done.returncode != 0:
        message = f"credential plugin `{plugin.command}` failed with status {done.returncode}"
        raise broken(cluster, message, "run the plugin by hand to see why", code=EXEC_CODE)
    try:
        status = orjson.loads(done.stdout)["status"]
        issued = _issued(status)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        raise broken(cluster, f"credential plugin `{plugin.command}` gave no credential", code=EXEC_CODE) from None
    return issued


def _issued(status: Mapping[str, object]) -> _Issued:
    token, certificate, key = (status.get(k) for k in ("token", "clientCertificateData", "clientKeyData"))
    if not isinstance(token, str) and not isinstance(certificate, str):
        raise ValueError("neither a token nor a certificate")
    expires = status.get("expirationTimestamp")
    return _Issued(
        token=token if isinstance(token, str) else None,
        certificate=certificate.encode() if isinstance(certificate, str) else None,
        key=key.encode() if isinstance(key, str) else None,
        expires=datetime.fromisoformat(expires).astimezone(UTC).timestamp() if isinstance(expires, str) else None,
    )
