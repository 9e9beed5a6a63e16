"""Requests to hosts that may be asked: bounded in time and size, repeated where that helps."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urljoin
from urllib.request import getproxies, proxy_bypass

import httpx

from fleet.adapters.registry.limits import Limits, pause
from fleet.engine.hosts import HostError, Place, place_of, require_allowed
from fleet.errors import FleetError, RegistryError, UnreachableError
from fleet.resolving import addresses_of, is_address

NOT_ALLOWED = "FLT-REG-002"
UNREACHABLE = "FLT-REG-003"
BUSY = "FLT-REG-004"
TOO_LARGE = "FLT-REG-005"
NOT_UNDERSTOOD = "FLT-REG-006"

_AGAIN = frozenset({429, 500, 502, 503, 504})
_ELSEWHERE = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer."""

    url: str
    status: int
    headers: httpx.Headers
    body: bytes


class Transport:
    """Sends requests, in one event loop."""

    def __init__(self, allowed: Sequence[str], limits: Limits) -> None:
        self._allowed = tuple(allowed)
        self._limits = limits
        self._clients: dict[bool, httpx.AsyncClient] = {}

    async def send(
        self, method: str, url: str, *, most: int, headers: Mapping[str, str] | None = None, repeat: bool = True
    ) -> Answer:
        """Return the answer to a request; follows redirects to hosts that may be asked.

        Args:
            method: `GET` or `HEAD`.
            url: where.
            most: bytes that the answer may have.
            headers: headers. `Authorization` stays behind where a redirect leads to another host.
            repeat: whether it is repeated where the host is busy or the connection breaks.

        Raises:
            RegistryError: the host may not be asked, or the answer is too large.
            UnreachableError: there is no answer, or the host is busy for longer than it is waited.
        """
        sent = dict(headers or {})
        for _ in range(self._limits.redirects + 1):
            answer = await self._persistent(method, url, sent, most, repeat=repeat)
            target = answer.headers.get("Location")
            if answer.status not in _ELSEWHERE or target is None:
                return answer
            before, url = url, _joined(url, target)
            if place_of(before) != place_of(self._checked(url)):
                sent.pop("Authorization", None)
        raise RegistryError(f"{_host(url)} redirects again and again", code=NOT_UNDERSTOOD)

    async def close(self) -> None:
        """Close connections."""
        for client in self._clients.values():
            await client.aclose()
        self._clients.clear()

    async def _persistent(
        self, method: str, url: str, headers: Mapping[str, str], most: int, *, repeat: bool
    ) -> Answer:
        self._checked(url)
        for attempt in range(self._limits.attempts):
            last = attempt + 1 == self._limits.attempts or not repeat
            said: str | None = None
            try:
                answer = await self._once(method, url, headers, most)
            except UnreachableError:
                if last:
                    raise
            else:
                if answer.status not in _AGAIN:
                    return answer
                said = answer.headers.get("Retry-After")
                if last:
                    raise _busy(url, answer.status)
            seconds = pause(attempt, said, datetime.now(UTC), self._limits)
            if seconds is None:
                raise _busy(url, answer.status, said or "")
            await asyncio.sleep(seconds)
        raise AssertionError("the last attempt returns or raises")

    async def _once(self, method: str, url: str, headers: Mapping[str, str], most: int) -> Answer:
        try:
            async with asyncio.timeout(self._limits.request):
                place = place_of(url)
                if _has_proxy(place):
                    return await self._exchange(self._http(proxy=True), method, url, headers, most)
                addresses = await addresses_of(place)
                for address in addresses[:-1]:
                    with suppress(httpx.ConnectError):
                        return await self._at(address, method, url, headers, most)
                return await self._at(addresses[-1], method, url, headers, most)
        except HostError as error:
            raise RegistryError(str(error), code=NOT_ALLOWED) from error
        except TimeoutError as error:
            raise _unreachable(url, f"no whole answer within {self._limits.request:g} s") from error
        except httpx.TimeoutException as error:
            raise _unreachable(url, "no answer in time") from error
        except httpx.InvalidURL as error:
            raise RegistryError(f"{_host(url)} leads to an address that is none", code=NOT_UNDERSTOOD) from error
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _unreachable(url, _reason(error)) from error

    async def _at(self, address: str, method: str, url: str, headers: Mapping[str, str], most: int) -> Answer:
        """Send a request to the address that was checked, in the name of the host."""
        place = place_of(url)
        named = place.scheme == "https" and not is_address(place.host)
        return await self._exchange(
            self._http(proxy=False),
            method,
            url,
            {**headers, "Host": place.netloc},
            most,
            target=httpx.URL(url).copy_with(host=address),
            extensions={"sni_hostname": place.host} if named else {},
        )

    async def _exchange(
        self,
        client: httpx.AsyncClient,
        method: str,
        url: str,
        headers: Mapping[str, str],
        most: int,
        *,
        target: httpx.URL | None = None,
        extensions: Mapping[str, Any] | None = None,
    ) -> Answer:
        whole = {"Accept-Encoding": "identity", **headers}
        async with client.stream(method, target or url, headers=whole, extensions=dict(extensions or {})) as response:
            return Answer(url, response.status_code, response.headers, await _read(response, most))

    def _http(self, *, proxy: bool) -> httpx.AsyncClient:
        if proxy not in self._clients:
            self._clients[proxy] = httpx.AsyncClient(
                verify=httpx.create_ssl_context(),
                timeout=httpx.Timeout(self._limits.request, connect=self._limits.connect),
                follow_redirects=False,
                trust_env=proxy,
                headers={"User-Agent": "fleet", "Accept": "application/json"},
            )
        return self._clients[proxy]

    def _checked(self, url: str) -> str:
        try:
            require_allowed(place_of(url), self._allowed)
        except HostError as error:
            raise not_allowed(error) from error
        return url


def not_allowed(error: HostError) -> RegistryError:
    """Return the error for a host that may not be asked."""
    return RegistryError(
        f"a host may not be asked: {error}", code=NOT_ALLOWED, hints=("list it under `allowedHosts` in fleet.yaml",)
    )


def within(error: FleetError, what: str) -> FleetError:
    """Return an error that says what was asked."""
    return type(error)(f"{what}: {error.message}", code=error.code, hints=error.hints)


def _has_proxy(place: Place) -> bool:
    """Say whether the environment puts a proxy in between: that resolves names itself."""
    proxies = getproxies()
    there = place.scheme in proxies or "all" in proxies
    return there and not place.loopback and not proxy_bypass(place.host)


async def _read(response: httpx.Response, most: int) -> bytes:
    """Return the content, as it is sent; never more than is allowed, whatever the headers say."""
    if response.headers.get("Content-Encoding", "identity").lower() not in ("", "identity"):
        raise RegistryError(f"{_host(str(response.url))} packs its answer unasked", code=NOT_UNDERSTOOD)
    parts: list[bytes] = []
    size = 0
    async for part in response.aiter_raw():
        size += len(part)
        if size > most:
            raise RegistryError(f"{_host(str(response.url))} answers with more than {most:,} bytes", code=TOO_LARGE)
        parts.append(part)
    return b"".join(parts)


def _joined(url: str, target: str) -> str:
    try:
        return urljoin(url, target)
    except ValueError as error:
        raise RegistryError(f"{_host(url)} leads to an address that is none", code=NOT_UNDERSTOOD) from error


def _busy(url: str, status: int, wanted: str = "") -> UnreachableError:
    later = f", and wants to be asked again after {wanted[:40]}" if wanted.isascii() and wanted.isprintable() else ""
    text = f"{_host(url)} answers with {status}{later if wanted else ''}"
    return UnreachableError(text, code=BUSY, hints=("run the command again later",))


def _unreachable(url: str, reason: str) -> UnreachableError:
    return UnreachableError(f"{_host(url)} cannot be asked: {reason}", code=UNREACHABLE)


def _reason(error: Exception) -> str:
    """Return what went wrong, in words of ours where the library's could hold an address."""
    cause: Any = error
    while cause.__cause__ is not None or cause.__context__ is not None:
        cause = cause.__cause__ or cause.__context__
    text = str(cause) if isinstance(cause, OSError) and cause.args else type(error).__name__
    return text.partition("\n")[0][:200] or type(error).__name__


def _host(url: str) -> str:
    try:
        return f"`{place_of(url).netloc}`"
    except HostError:
        return "the registry"
