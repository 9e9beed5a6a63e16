"""The local key service."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from fleet.adapters.pulumi.secrets_endpoint import URL, KeyRing, SecretsEndpoint

RING = KeyRing(b"k" * 32)
PATH = f"/v1/transit/decrypt/{URL.removeprefix('hashivault://')}"


@pytest.fixture
def endpoint() -> Iterator[SecretsEndpoint]:
    made = SecretsEndpoint(RING)
    yield made
    made.close()


def ask(endpoint: SecretsEndpoint, path: str, body: object, token: str | None = None) -> tuple[int, dict[str, object]]:
    address = urlsplit(endpoint.environment["VAULT_SERVER_URL"])
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=5)
    headers = {"X-Vault-Token": endpoint.token if token is None else token}
    connection.request("PUT", path, json.dumps(body), headers)
    response = connection.getresponse()
    status, document = response.status, json.loads(response.read())
    connection.close()
    return status, document


def test_wrapped_key_is_opened_for_the_holder_of_the_token(endpoint: SecretsEndpoint) -> None:
    status, document = ask(endpoint, PATH, {"ciphertext": RING.wrapped("web.dev.one")})
    assert status == 200
    key = base64.b64decode(document["data"]["plaintext"])  # type: ignore[index]
    assert key == RING.unwrap(RING.wrapped("web.dev.one"))
    assert len(key) == 32


def test_states_of_earlier_versions_name_the_key_otherwise(endpoint: SecretsEndpoint) -> None:
    assert ask(endpoint, "/v1/transit/decrypt/fleet", {"ciphertext": RING.wrapped("s")})[0] == 200


def test_another_token_is_refused(endpoint: SecretsEndpoint) -> None:
    for token in ("", "guess"):
        assert ask(endpoint, PATH, {"ciphertext": RING.wrapped("s")}, token)[0] == 403


def test_key_of_another_fleet_is_refused(endpoint: SecretsEndpoint) -> None:
    foreign = KeyRing(b"x" * 32).wrapped("web.dev.one")
    assert ask(endpoint, PATH, {"ciphertext": foreign})[0] == 400


@pytest.mark.parametrize(
    "body", [[], {}, {"ciphertext": 1}, {"ciphertext": "vault:v1:!!"}, {"ciphertext": "vault:v1:"}]
)
def test_nonsense_is_refused(endpoint: SecretsEndpoint, body: object) -> None:
    assert ask(endpoint, PATH, body)[0] == 400


def test_nothing_else_is_served(endpoint: SecretsEndpoint) -> None:
    assert ask(endpoint, "/v1/transit/encrypt/fleet", {"plaintext": ""})[0] == 404
    assert ask(endpoint, "/v1/sys/health", {})[0] == 404


def test_each_stack_has_a_key_of_its_own() -> None:
    assert RING.unwrap(RING.wrapped("a.dev.one")) != RING.unwrap(RING.wrapped("b.dev.one"))


def test_name_in_a_wrapped_key_cannot_be_exchanged() -> None:
    blob = base64.b64decode(RING.wrapped("a.dev.one").removeprefix("vault:v1:"))
    forged = blob[:32] + b"b.dev.one"
    assert RING.unwrap("vault:v1:" + base64.b64encode(forged).decode()) is None


def test_encoded_key_tells_whose_it_is() -> None:
    assert RING.opens(RING.encoded("s"))
    assert not KeyRing(b"x" * 32).opens(RING.encoded("s"))
    assert not RING.opens("not base64")
