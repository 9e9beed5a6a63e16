"""Finds and reads the kubeconfig entry of a cluster.

The rules are those of kubectl: ``$KUBECONFIG`` may list several files, the first file that names an entry wins, and
relative paths inside a file start at its directory
(https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/). What may run a program
(``exec``) has to be allowed by name in the cluster file; ``auth-provider`` is gone from Kubernetes since 1.26.

lightkube's loader is not used: importing any module of it costs about 0.3 s of CPU time (it pulls its whole HTTP
stack), and it knows neither file lists, nor ``proxy-url``, nor ``tls-server-name``, nor the present version of the exec
protocol.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from fleet.errors import UnreachableError
from fleet.model.declared import AccessSpec

KUBECONFIG_CODE = "FLT-OUT-107"
EXEC_CODE = "FLT-OUT-108"

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")
_SIZE_LIMIT = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A credential plugin that the cluster file allows."""

    command: str
    args: tuple[str, ...] = field(default=(), repr=False)
    env: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    api_version: str = "client.authentication.k8s.io/v1"
    directory: Path | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are. Nothing of it ever shows in a ``repr``."""

    token: str | None = field(default=None, repr=False)
    token_file: Path | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    certificate: bytes | Path | None = field(default=None, repr=False)
    key: bytes | Path | None = field(default=None, repr=False)
    exec: ExecPlugin | None = None
    impersonate: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Headers of ``as``, ``as-groups`` and ``as-uid``."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the API server is, and who we are there."""

    context: str
    file: Path
    """The kubeconfig file that has the context."""
    whole: bool
    """Whether that file alone has all that is needed."""
    host: str
    port: int
    prefix: str
    tls: bool
    login: Login
    authority: bytes | Path | None = field(default=None, repr=False)
    insecure: bool = False
    server_name: str | None = None
    proxy: str | None = field(default=None, repr=False)

    @property
    def loopback(self) -> bool:
        """Whether the server is on this machine."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def broken(cluster: str, message: str, *hints: str, code: str = KUBECONFIG_CODE) -> UnreachableError:
    """Return the error for a kubeconfig that cannot be used."""
    return UnreachableError(f"cluster `{cluster}` cannot be reached: {message}", code=code, hints=hints)


def load_endpoint(
    cluster: str, access: AccessSpec, sandbox_kubeconfig: Path, root: Path, environ: Mapping[str, str]
) -> Endpoint:
    """Read the kubeconfig entry that a cluster file refers to.

    Raises:
        UnreachableError: there is no such file or context, or it asks for what is not allowed.
    """
    files, context = _locate(cluster, access, sandbox_kubeconfig, root, environ)
    merged = _Merged()
    for path in files:
        merged.add(path, _document(cluster, path))
    context = context or merged.current or ""
    return _endpoint(cluster, merged, context, access, environ)


def _locate(
    cluster: str, access: AccessSpec, sandbox_kubeconfig: Path, root: Path, environ: Mapping[str, str]
) -> tuple[list[Path], str]:
    """Return the kubeconfig files and the context that a cluster file refers to; an empty context is the current one.

    Raises:
        UnreachableError: there is no such file, or the access names nothing.
    """
    if access.sandbox is not None:
        if not sandbox_kubeconfig.is_file():
            raise broken(cluster, "the sandbox is not up", "fleet sandbox up")
        return [sandbox_kubeconfig], access.sandbox
    files = _files(cluster, access, root, environ)
    if access.context is None and access.kubeconfig is None:
        raise broken(cluster, "its `access` names neither a context nor a sandbox cluster")
    return files, access.context or ""


def _files(cluster: str, access: AccessSpec, root: Path, environ: Mapping[str, str]) -> list[Path]:
    if access.kubeconfig is not None:
        path = _expand(cluster, access.kubeconfig, environ)
        if not path.is_absolute():
            path = (root / path).resolve()
            if not path.is_relative_to(root.resolve()):
                raise broken(cluster, f"kubeconfig path `{access.kubeconfig}` leads out of the repository")
        if not path.is_file():
            raise broken(cluster, f"there is no kubeconfig file `{access.kubeconfig}`")
        return [path]
    listed = [Path(part) for part in environ.get("KUBECONFIG", "").split(":") if part]
    paths = [path for path in listed or [_home(environ) / ".kube" / "config"] if path.is_file()]
    if not paths:
        raise broken(
            cluster,
            "there is no kubeconfig file (looked at `$KUBECONFIG` and `~/.kube/config`)",
            f"kubectl config get-contexts {access.context or ''}".rstrip(),
        )
    return paths


def _home(environ: Mapping[str, str]) -> Path:
    return Path(environ["HOME"]) if environ.get("HOME") else Path.home()


def _expand(cluster: str, text: str, environ: Mapping[str, str]) -> Path:
    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        if name not in environ:
            raise broken(cluster, f"kubeconfig path `{text}` uses `${name}`, which is not set")
        return environ[name]

    expanded = _VARIABLE.sub(value, text)
    if expanded == "~" or expanded.startswith("~/"):
        return _home(environ) / expanded[2:]
    return Path(expanded)


def _document(cluster: str, path: Path) -> Mapping[str, Any]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if path.stat().st_size > _SIZE_LIMIT:
            raise broken(cluster, f"kubeconfig file `{path}` is too large")
        document = yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - a safe loader
    except OSError as error:
        raise broken(cluster, f"kubeconfig file `{path}` cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError):
        # The cause is dropped on purpose: a YAML error quotes the line, which may hold a credential.
        raise broken(cluster, f"kubeconfig file `{path}` is not valid YAML") from None
    if not isinstance(document, dict):
        raise broken(cluster, f"kubeconfig file `{path}` is empty or not a kubeconfig")
    return document


class _Merged:
    """Entries of several kubeconfig files; the first that names an entry wins."""

    def __init__(self) -> None:
        self.current: str | None = None
        self.entries: dict[tuple[str, str], tuple[dict[str, Any], Path]] = {}

    def add(self, path: Path, document: Mapping[str, Any]) -> None:
        if self.current is None and isinstance(document.get("current-context"), str):
            self.current = document["current-context"] or None
        for section, key in (("clusters", "cluster"), ("contexts", "context"), ("users", "user")):
            entries = document.get(section)
            for entry in entries if isinstance(entries, list) else ():
                if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                    body = entry.get(key)
                    place = (section, entry["name"])
                    self.entries.setdefault(place, (body if isinstance(body, dict) else {}, path))


def _endpoint(cluster: str, merged: _Merged, context: str, access: AccessSpec, environ: Mapping[str, str]) -> Endpoint:
    if not context:
        raise broken(cluster, "no context is named and the kubeconfig has no `current-context`")
    if ("contexts", context) not in merged.entries:
        known = ", ".join(f"`{name}`" for section, name in merged.entries if section == "contexts")
        raise broken(cluster, f"the kubeconfig has no context `{context}` (it has {known or 'none'})")
    ctx, file = merged.entries["contexts", context]
    entry = merged.entries.get(("clusters", str(ctx.get("cluster"))))
    if entry is None:
        raise broken(cluster, f"context `{context}` names a cluster that the kubeconfig does not have")
    server, server_file = entry
    user_name = ctx.get("user")
    user, user_file = merged.entries.get(("users", str(user_name)), (None, file))
    if user is None:
        if user_name:
            raise broken(cluster, f"context `{context}` names a user that the kubeconfig does not have")
        user = {}
    host, port, prefix, tls = _address(cluster, context, server)
    endpoint = Endpoint(
        context=context,
        file=file,
        whole=server_file == user_file == file,
        host=host,
        port=port,
        prefix=prefix,
        tls=tls,
        login=_login(cluster, context, user, user_file.parent, access),
        authority=_blob(cluster, server, "certificate-authority", server_file.parent),
        insecure=server.get("insecure-skip-tls-verify") is True,
        server_name=_text(server, "tls-server-name"),
        proxy=_text(server, "proxy-url"),
    )
    if not tls and not endpoint.loopback:
        raise broken(cluster, f"context `{context}` is plain http, which fleet only speaks to this machine")
    return endpoint if endpoint.proxy else _with_environment_proxy(endpoint, environ)


def _address(cluster: str, context: str, server: Mapping[str, Any]) -> tuple[str, int, str, bool]:
    try:
        url = urlsplit(_text(server, "server") or "")
        tls = url.scheme == "https"
        port = url.port or (443 if tls else 80)
    except ValueError:
        url, tls, port = urlsplit(""), False, 0
    if url.scheme not in ("https", "http") or not url.hostname or url.username is not None:
        raise broken(cluster, f"context `{context}` has no valid `server` address")
    return url.hostname, port, url.path.rstrip("/"), tls


def _with_environment_proxy(endpoint: Endpoint, environ: Mapping[str, str]) -> Endpoint:
    """Honour ``HTTPS_PROXY`` and ``NO_PROXY`` as kubectl does; a server on this machine is never proxied."""
    from dataclasses import replace
    from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

    proxy = environ.get("HTTPS_PROXY") or environ.get("https_proxy")
    if not proxy or not endpoint.tls or endpoint.loopback:
        return endpoint
    skip = environ.get("NO_PROXY") or environ.get("no_proxy") or ""
    if proxy_bypass_environment(f"{endpoint.host}:{endpoint.port}", {"no": skip}):
        return endpoint
    return replace(endpoint, proxy=proxy)


def _login(cluster: str, context: str, user: Mapping[str, Any], directory: Path, access: AccessSpec) -> Login:
    if user.get("auth-provider"):
        raise broken(cluster, f"the user of context `{context}` needs an `auth-provider`, which is not supported")
    token_file = _text(user, "tokenFile")
    plugin = user.get("exec")
    return Login(
        token=_text(user, "token"),
        token_file=directory / token_file if token_file else None,
        username=_text(user, "username"),
        password=_text(user, "password"),
        certificate=_blob(cluster, user, "client-certificate", directory),
        key=_blob(cluster, user, "client-key", directory),
        exec=_plugin(cluster, context, plugin, directory, access) if plugin else None,
        impersonate=_impersonation(user),
    )


def _plugin(cluster: str, context: str, plugin: Any, directory: Path, access: AccessSpec) -> ExecPlugin:
    command = plugin.get("command") if isinstance(plugin, dict) else None
    if not isinstance(command, str) or not command:
        raise broken(cluster, f"the credential plugin of context `{context}` names no command", code=EXEC_CODE)
    if command not in access.exec_allowed:
        raise broken(
            cluster,
            f"context `{context}` wants to run the credential plugin `{command}`, which is not allowed",
            f"if you trust it, write `execAllowed: [{command}]` below `access:` in `clusters/{cluster}.yaml`",
            code=EXEC_CODE,
        )
    env = plugin.get("env") or []
    return ExecPlugin(
        command=command,
        args=tuple(str(arg) for arg in plugin.get("args") or ()),
        env=tuple(
            (str(e["name"]), str(e["value"])) for e in env if isinstance(e, dict) and "name" in e and "value" in e
        ),
        api_version=str(plugin.get("apiVersion") or ""),
        directory=directory,
    )


def _impersonation(user: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    headers: list[tuple[str, str]] = []
    if user.get("as"):
        headers.append(("Impersonate-User", str(user["as"])))
    headers += [("Impersonate-Group", str(group)) for group in user.get("as-groups") or ()]
    if user.get("as-uid"):
        headers.append(("Impersonate-Uid", str(user["as-uid"])))
    return tuple(headers)


def _text(mapping: Mapping[str, Any], key: str) -> str | None:
    value = mapping.get(key)
    return value if isinstance(value, str) and value else None


def _blob(cluster: str, mapping: Mapping[str, Any], key: str, directory: Path) -> bytes | Path | None:
    """Return inline data (it takes precedence, as in kubectl) or the path of a file."""
    data = _text(mapping, f"{key}-data")
    if data is not None:
        try:
            return base64.b64decode(data, validate=True)
        except (binascii.Error, ValueError):
            raise broken(cluster, f"`{key}-data` of the kubeconfig is not base64") from None
    path = _text(mapping, key)
    return directory / path if path else None
