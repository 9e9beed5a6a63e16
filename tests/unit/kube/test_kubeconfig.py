"""Which server, and who we are there: reading kubeconfig files."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from fleet.adapters.kube.clusters import KubeClusters
from fleet.adapters.kube.kubeconfig import Endpoint, load_endpoint
from fleet.errors import UnreachableError
from fleet.model.declared import AccessSpec, ClusterSpec
from tests.helpers.fake_api import Request, fake_api, reply, status
from tests.unit.kube.conftest import Connect, kubeconfig
from tests.unit.kube.test_faults import NAME, OBJECT

SERVER = "https://eu.example.com:6443"


def load(tmp_path: Path, access: dict[str, Any], environ: dict[str, str] | None = None) -> Endpoint:
    spec = AccessSpec.model_validate(access)
    return load_endpoint("eu", spec, tmp_path / "sandbox" / "kubeconfig", tmp_path / "repository", environ or {})


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def named(context: str, server: str) -> str:
    return json.dumps(
        {
            "contexts": [{"name": context, "context": {"cluster": context, "user": context}}],
            "clusters": [{"name": context, "cluster": {"server": server}}],
            "users": [{"name": context, "user": {"token": "t"}}],
        }
    )


def test_path_with_variables_and_home(tmp_path: Path) -> None:
    write(tmp_path / "home" / "kube" / "eu", kubeconfig(SERVER))
    environ = {"HOME": str(tmp_path / "home"), "REGION": "eu"}
    for path in ("~/kube/$REGION", "${HOME}/kube/eu", "$HOME/kube/${REGION}"):
        assert load(tmp_path, {"kubeconfig": path}, environ).host == "eu.example.com"


def test_variable_that_is_not_set(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=r"uses `\$REGION`, which is not set"):
        load(tmp_path, {"kubeconfig": "~/kube/$REGION"}, {"HOME": str(tmp_path)})


def test_relative_path_starts_at_the_repository_and_stays_there(tmp_path: Path) -> None:
    write(tmp_path / "repository" / "kube" / "eu", kubeconfig(SERVER))
    write(tmp_path / "outside", kubeconfig(SERVER))
    assert load(tmp_path, {"kubeconfig": "kube/eu"}).port == 6443
    with pytest.raises(UnreachableError, match="leads out of the repository"):
        load(tmp_path, {"kubeconfig": "../outside"})
    (tmp_path / "repository" / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(UnreachableError, match="leads out of the repository"):
        load(tmp_path, {"kubeconfig": "link"})


def test_list_of_files_first_entry_wins_and_missing_files_are_skipped(tmp_path: Path) -> None:
    first = write(tmp_path / "one", named("a", "https://first.example.com"))
    second = write(tmp_path / "two", named("a", "https://second.example.com"))
    third = write(tmp_path / "three", named("b", "https://third.example.com"))
    environ = {"KUBECONFIG": f"{first}:{tmp_path / 'missing'}:{second}:{third}"}
    assert load(tmp_path, {"context": "a"}, environ).host == "first.example.com"
    assert load(tmp_path, {"context": "b"}, environ).host == "third.example.com"


def test_default_file_needs_a_context(tmp_path: Path) -> None:
    write(tmp_path / ".kube" / "config", kubeconfig(SERVER))
    environ = {"HOME": str(tmp_path)}
    assert load(tmp_path, {"context": "here"}, environ).host == "eu.example.com"
    with pytest.raises(UnreachableError, match="neither a context nor a sandbox cluster"):
        load(tmp_path, {}, environ)


def test_unknown_context_lists_the_known_ones(tmp_path: Path) -> None:
    write(tmp_path / ".kube" / "config", kubeconfig(SERVER))
    with pytest.raises(UnreachableError, match=r"no context `there` \(it has `here`\)"):
        load(tmp_path, {"context": "there"}, {"HOME": str(tmp_path)})


def test_sandbox_cluster_is_a_context_of_the_sandbox_kubeconfig(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="the sandbox is not up") as caught:
        load(tmp_path, {"sandbox": "dev"})
    assert caught.value.hints == ("fleet sandbox up",)
    write(tmp_path / "sandbox" / "kubeconfig", named("dev", "https://127.0.0.1:1"))
    assert load(tmp_path, {"sandbox": "dev"}).loopback


def test_files_of_a_kubeconfig_are_relative_to_it(tmp_path: Path) -> None:
    user = {"client-certificate": "pki/me.crt", "client-key": "/keys/me.key", "tokenFile": "token"}
    text = kubeconfig(SERVER, user=user, cluster={"certificate-authority": "pki/ca.crt"})
    path = write(tmp_path / "deep" / "config", text)
    endpoint = load(tmp_path, {"kubeconfig": str(path)})
    assert endpoint.authority == tmp_path / "deep" / "pki" / "ca.crt"
    assert endpoint.login.certificate == tmp_path / "deep" / "pki" / "me.crt"
    assert endpoint.login.key == Path("/keys/me.key")
    assert endpoint.login.token_file == tmp_path / "deep" / "token"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty or not a kubeconfig"),
        ("- a\n- b", "is empty or not a kubeconfig"),
        ("users: [{name: u, user: {token: canary-4711}", "is not valid YAML"),
        ("!!python/object:os.system {}", "is not valid YAML"),
        ("[" * 5000, "is not valid YAML"),
        (kubeconfig("ftp://x"), "has no valid `server` address"),
        (kubeconfig("https://user:canary-4711@x"), "has no valid `server` address"),
        (kubeconfig("https://x:port"), "has no valid `server` address"),
        (kubeconfig("http://far.example.com"), "plain http"),
        (kubeconfig(SERVER, user={"auth-provider": {"name": "gcp"}}), "`auth-provider`, which is not supported"),
        (kubeconfig(SERVER, cluster={"certificate-authority-data": "canary-4711"}), "is not base64"),
        (kubeconfig(SERVER).replace('"cluster": "c"', '"cluster": "d"'), "names a cluster"),
        (kubeconfig(SERVER).replace('"user": "u"', '"user": "v"'), "names a user"),
    ],
)
def test_a_kubeconfig_that_cannot_be_used_says_why_without_its_content(tmp_path: Path, text: str, message: str) -> None:
    path = write(tmp_path / "config", text)
    with pytest.raises(UnreachableError, match=message) as caught:
        load(tmp_path, {"kubeconfig": str(path), "context": "here"})
    error: BaseException | None = caught.value
    while error is not None:
        assert "canary-4711" not in str(error)
        error = error.__cause__


def test_credential_plugin_is_refused_unless_allowed_by_name(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    user = {"exec": {"command": "touch", "args": [str(marker)], "apiVersion": "client.authentication.k8s.io/v1"}}
    path = write(tmp_path / "config", kubeconfig(SERVER, user=user))
    with pytest.raises(UnreachableError, match="credential plugin `touch`, which is not allowed") as caught:
        load(tmp_path, {"kubeconfig": str(path), "execAllowed": ["/usr/bin/touch", "tou"]})
    assert "execAllowed: [touch]" in caught.value.hints[0]
    assert not marker.exists()
    assert load(tmp_path, {"kubeconfig": str(path), "execAllowed": ["touch"]}).login.exec is not None


def _plugin(tmp_path: Path, text: str) -> dict[str, Any]:
    script = write(tmp_path / "plugin", text)
    script.chmod(0o755)
    return {"exec": {"command": str(script), "apiVersion": "client.authentication.k8s.io/v1", "env": []}}


def test_allowed_plugin_gives_the_token_and_runs_again_when_it_is_refused(connect: Connect, tmp_path: Path) -> None:
    user = _plugin(
        tmp_path,
        "#!/bin/sh\necho x >> " + str(tmp_path / "runs") + "\n"
        'echo "{\\"status\\": {\\"token\\": \\"token-$(wc -l < ' + str(tmp_path / "runs") + ' | tr -d " ")\\"}}"\n',
    )

    def behave(request: Request) -> bytes:
        return reply(200, OBJECT) if request.headers["authorization"] == "Bearer token-2" else status(401, "no")

    with fake_api(behave) as api:
        cluster = connect(
            api.url, user=user, exec_allowed=(str(tmp_path / "plugin"),), environ={"PATH": "/usr/bin:/bin"}
        )
        assert cluster.get(NAME) == OBJECT
        assert cluster.get(NAME) == OBJECT
    assert (tmp_path / "runs").read_text().count("x") == 2


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("#!/bin/sh\necho canary-4711 >&2; exit 3\n", "failed with status 3"),
        ("#!/bin/sh\necho canary-4711\n", "gave no credential"),
        ("#!/bin/sh\necho '{\"status\": {}}'\n", "gave no credential"),
    ],
)
def test_a_plugin_that_fails_shows_nothing_of_its_output(
    connect: Connect, tmp_path: Path, script: str, message: str
) -> None:
    user = _plugin(tmp_path, script)
    with fake_api(lambda _: reply(200, OBJECT)) as api:
        cluster = connect(
            api.url, user=user, exec_allowed=(str(tmp_path / "plugin"),), environ={"PATH": "/usr/bin:/bin"}
        )
        with pytest.raises(UnreachableError, match=message) as caught:
            cluster.get(NAME)
    assert "canary" not in str(caught.value)


def test_nothing_of_a_login_shows_in_a_repr(tmp_path: Path) -> None:
    data = base64.b64encode(b"canary-4711").decode()
    user = {"token": "canary-4711", "password": "canary-4711", "client-key-data": data, "client-certificate-data": data}
    text = kubeconfig(SERVER, user=user, cluster={"proxy-url": "http://canary-4711.example.com:1"})
    endpoint = load(tmp_path, {"kubeconfig": str(write(tmp_path / "config", text))})
    assert endpoint.login.token == "canary-4711"
    assert endpoint.login.key == b"canary-4711"
    assert "canary" not in repr(endpoint)


def test_proxy_of_the_environment_is_for_far_servers_only(tmp_path: Path) -> None:
    environ = {"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "internal.example.com,10.0.0.0"}
    proxies = {}
    for server in (SERVER, "https://127.0.0.1:1", "https://a.internal.example.com"):
        path = write(tmp_path / "config", kubeconfig(server))
        proxies[server] = load(tmp_path, {"kubeconfig": str(path)}, environ).proxy
    assert proxies == {SERVER: "http://proxy:3128", "https://127.0.0.1:1": None, "https://a.internal.example.com": None}


def test_path_of_the_server_address_is_kept(connect: Connect) -> None:
    with fake_api(lambda _: reply(200, OBJECT)) as api:
        api.own_discovery = False

        def behave(request: Request) -> bytes:
            from tests.helpers.fake_api import discovery

            root = request.path.removeprefix("/k8s/clusters/c-1")
            return discovery(root) if root in ("/api", "/apis") else reply(200, OBJECT)

        api.behaviour = behave
        assert connect(f"{api.url}/k8s/clusters/c-1/").get(NAME) == OBJECT
        assert api.paths()[-1] == "/k8s/clusters/c-1/api/v1/namespaces/app/configmaps/settings"


def test_file_and_context_for_tools_that_read_them_themselves(tmp_path: Path) -> None:
    first = write(tmp_path / "one", named("a", SERVER))
    second = write(tmp_path / "two", named("b", SERVER))
    other = json.loads(named("c", SERVER))
    users = other.pop("users")
    third = write(tmp_path / "three", json.dumps(other))
    fourth = write(tmp_path / "four", json.dumps({"users": users}))
    environ = {"KUBECONFIG": ":".join(map(str, (first, second, third, fourth)))}
    clusters = KubeClusters(tmp_path / "none", tmp_path, environ)
    assert clusters.kubeconfig("eu", ClusterSpec(access=AccessSpec(context="b"))) == (second, "b")
    with pytest.raises(UnreachableError, match="spread over several kubeconfig files"):
        clusters.kubeconfig("eu", ClusterSpec(access=AccessSpec(context="c")))
    clusters.close()
