"""One request to a web service, bounded in every direction.

* Only places on the list are asked, redirects are not followed, proxies of the environment are not used.
* The name is resolved once, every address of it is checked, and the connection goes to the very address that was
  checked: a name that changes its mind in between (DNS rebinding) gains nothing. TLS still checks the name.
* The whole of it, from resolving to the last byte, has one time limit; the answer has a limit of size, before it is
  decompressed, for it may not be compressed.
* A bearer token is only sent over TLS, or to this machine, and stands in no message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fleet.engine.hosts import HostError, Place, place_of, require_allowed
from fleet.resolving import addresses_of, is_address

if TYPE_CHECKING:
    import ssl

    import httpx

BODY_LIMIT = 1024 * 1024
"""Bytes of an answer."""
TOKEN_LIMIT = 8192


class NoAnswerError(Exception):
    """There is no answer that could be judged; the message says why, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a web service answered."""

    status: int
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Asker:
    """Asks web services."""

    allowed: Sequence[str]
    """`allowedHosts` of the fleet."""
    environment: Mapping[str, str] = field(repr=False)
    """Environment variables, for tokens."""
    tls: ssl.SSLContext | None = None
    """Whom to trust; None: the certificates that come with the HTTP library, or `SSL_CERT_FILE`."""

    async def get(
        self, url: str, *, timeout: float, token_from: str | None = None, query: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer to a GET request.

        Args:
            url: where.
            timeout: seconds that the whole of it may take.
            token_from: environment variable that holds a bearer token.
            query: parameters that are added to the URL.

        Raises:
            NoAnswerError: it may not be asked, does not answer in time, or not in a way that can be read.
        """
        try:
            place = place_of(url)
            require_allowed(place, self.allowed)
        except HostError as error:
            raise NoAnswerError(str(error)) from error
        headers = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "fleet"}
        if token_from is not None:
            headers["Authorization"] = f"Bearer {self._token(token_from, place)}"
        try:
            async with asyncio.timeout(timeout):
                addresses = await _resolve(place)
                return await self._exchange(url, place, addresses, headers, query, timeout)
        except TimeoutError as error:
            raise NoAnswerError(f"`{place.netloc}` did not answer within {timeout:g}s") from error

    def _token(self, name: str, place: Place) -> str:
        if place.scheme != "https" and not place.loopback:
            raise NoAnswerError(f"the token is not sent to `{place.netloc}` over plain HTTP")
        token = self.environment.get(name, "").strip()
        if not token:
            raise NoAnswerError(f"the environment variable `{name}`, which should hold the token, is not set")
        if len(token) > TOKEN_LIMIT or not all(0x21 <= ord(c) <= 0x7E for c in token):
            raise NoAnswerError(f"what the environment variable `{name}` holds is no bearer token")
        return token

    async def _exchange(
        self,
        url: str,
        place: Place,
        addresses: Sequence[str],
        headers: Mapping[str, str],
        query: Mapping[str, str] | None,
        timeout: float,
    ) -> Answer:
        import httpx

        context = self.tls or (httpx.create_ssl_context() if place.scheme == "https" else False)
        async with httpx.AsyncClient(
            verify=context, trust_env=False, follow_redirects=False, timeout=timeout, http2=False
        ) as client:
            for number, address in enumerate(addresses, 1):
                request = _request(client, url, place, address, headers, query)
                try:
                    return await _read(client, request, place)
                except httpx.ConnectError as error:
                    if number == len(addresses):
                        raise NoAnswerError(f"`{place.netloc}` cannot be reached: {_why(error)}") from error
                except (httpx.HTTPError, httpx.InvalidURL) as error:
                    raise NoAnswerError(f"`{place.netloc}` does not answer: {_why(error)}") from error
        raise NoAnswerError(f"`{place.host}` has no address")


def _request(
    client: httpx.AsyncClient,
    url: str,
    place: Place,
    address: str,
    headers: Mapping[str, str],
    query: Mapping[str, str] | None,
) -> httpx.Request:
    """Return a request to the address that was checked, in the name of the host."""
    import httpx

    target = httpx.URL(url).copy_with(host=address)
    if query:
        target = target.copy_merge_params(dict(query))
    named = not is_address(place.host)
    extensions: dict[str, Any] = {"sni_hostname": place.host} if named and place.scheme == "https" else {}
    return client.build_request("GET", target, headers={**headers, "Host": place.netloc}, extensions=extensions)


async def _read(client: httpx.AsyncClient, request: httpx.Request, place: Place) -> Answer:
    response = await client.send(request, stream=True)
    try:
        if response.headers.get("content-encoding", "identity").lower() not in ("", "identity"):
            raise NoAnswerError(f"the answer of `{place.netloc}` is compressed, although that was not asked for")
        body = bytearray()
        async for chunk in response.aiter_raw():
            body += chunk
            if len(body) > BODY_LIMIT:
                raise NoAnswerError(f"the answer of `{place.netloc}` has more than {BODY_LIMIT // 1024} KiB")
        return Answer(response.status_code, bytes(body))
    finally:
        await response.aclose()


async def _resolve(place: Place) -> list[str]:
    """Return the addresses of a host, each of which may be connected to.

    Raises:
        NoAnswerError: it has none, or one that must not be asked.
    """
    try:
        return await addresses_of(place)
    except HostError as error:
        raise NoAnswerError(str(error)) from error


def _why(error: Exception) -> str:
    """Return why a connection failed, in one short line."""
    return " ".join(str(error).split())[:160] or type(error).__name__
