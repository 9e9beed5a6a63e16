"""A client of the OCI distribution protocol, as far as discovery needs it: tags, and what they point at.

Source: https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md (sections "Listing Tags" and "Pulling
manifests"). Why not a library: docs/decisions/0030-a-client-for-registries.md.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode, urljoin

from fleet.adapters.registry.challenges import challenges
from fleet.adapters.registry.credentials import Keychain
from fleet.adapters.registry.limits import Limits
from fleet.adapters.registry.transport import (
    NOT_UNDERSTOOD,
    TOO_LARGE,
    UNREACHABLE,
    Answer,
    Transport,
    not_allowed,
    within,
)
from fleet.engine.hosts import HostError, place_of
from fleet.engine.references import is_digest, is_tag
from fleet.engine.registries import api_url
from fleet.errors import FleetError, RegistryError, UnreachableError
from fleet.model.registry import ArtifactKind, Manifest, Repository

DENIED = "FLT-REG-007"
NO_REPOSITORY = "FLT-REG-008"
OTHER_CONTENT = "FLT-REG-009"
IN_THE_CLEAR = "FLT-REG-011"

_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_MANIFESTS = ("application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json")
_IMAGE_CONFIGS = (
    "application/vnd.oci.image.config.v1+json",
    "application/vnd.docker.container.image.v1+json",
)
_CHART_CONFIG = "application/vnd.cncf.helm.config.v1+json"
_NEXT = re.compile(r'<([^<>]*)>\s*(?:;[^,<>]*?)?;\s*rel\s*=\s*"?next"?', re.IGNORECASE)
_LONGEST_TOKEN = 16 * 1024

Key = TypeVar("Key")
Result = TypeVar("Result")


class OciRegistries:
    """Implements :class:`fleet.ports.registry.Registries`. To be used by one thread."""

    def __init__(self, allowed: Sequence[str], environment: Mapping[str, str], limits: Limits | None = None) -> None:
        self._allowed = tuple(allowed)
        self._keychain = Keychain(environment)
        self._limits = limits or Limits()
        self._transport = Transport(self._allowed, self._limits)
        self._runner: asyncio.Runner | None = None
        self._authorizations: dict[Repository, str] = {}

    def tags(self, repositories: Collection[Repository]) -> Mapping[Repository, Sequence[str] | FleetError]:
        """Return all tags of each repository."""
        return self._ask(repositories, self._tags, str)

    def manifests(
        self, wanted: Collection[tuple[Repository, str]]
    ) -> Mapping[tuple[Repository, str], Manifest | FleetError | None]:
        """Return what each tag points at, with the digest that its content has; None: there is no such tag."""
        return self._ask(wanted, self._manifest, lambda key: f"{key[0]}:{key[1]}")

    def digests(
        self, wanted: Collection[tuple[Repository, str]]
    ) -> Mapping[tuple[Repository, str], str | FleetError | None]:
        """Return the digest that the registry says each tag has; None: there is no such tag."""
        return self._ask(wanted, self._digest, lambda key: f"{key[0]}:{key[1]}")

    def close(self) -> None:
        """Close connections."""
        if self._runner is not None:
            self._runner.run(self._transport.close())
            self._runner.close()
            self._runner = None

    # ── many at a time ──

    def _ask(
        self,
        keys: Collection[Key],
        question: Callable[[Key], Coroutine[Any, Any, Result]],
        name: Callable[[Key], str],
    ) -> dict[Key, Result | FleetError]:
        wanted = list(dict.fromkeys(keys))
        if not wanted:
            return {}
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(self._gathered(wanted, question, name))

    async def _gathered(
        self,
        keys: Sequence[Key],
        question: Callable[[Key], Coroutine[Any, Any, Result]],
        name: Callable[[Key], str],
    ) -> dict[Key, Result | FleetError]:
        free = asyncio.Semaphore(self._limits.parallel)

        async def answer(key: Key) -> Result | FleetError:
            try:
                async with free, asyncio.timeout(self._limits.deadline):
                    return await question(key)
            except TimeoutError:
                text = f"{name(key)}: no answer within {self._limits.deadline:g} s"
                return UnreachableError(text, code=UNREACHABLE)
            except FleetError as error:
                return within(error, name(key))

        return dict(zip(keys, await asyncio.gather(*map(answer, keys)), strict=True))

    # ── questions ──

    async def _tags(self, repository: Repository) -> Sequence[str]:
        base = self._base(repository)
        url = f"{base}/tags/list?{urlencode({'n': self._limits.page})}"
        found: dict[str, None] = {}
        seen: set[str] = set()
        while url not in seen:
            seen.add(url)
            if len(seen) > self._limits.pages:
                raise RegistryError(f"more than {self._limits.pages:,} pages of tags", code=TOO_LARGE)
            answer = await self._authorized(repository, "GET", url, self._limits.answer)
            if answer.status == 404:
                raise RegistryError("there is no such repository", code=NO_REPOSITORY)
            _require_ok(answer)
            found |= dict.fromkeys(_tags_in(answer))
            if len(found) > self._limits.tags:
                raise RegistryError(f"more than {self._limits.tags:,} tags", code=TOO_LARGE)
            following = _next(answer)
            if following is None:
                return list(found)
            if place_of(following) != place_of(base):
                raise RegistryError("the next page of tags is said to be elsewhere", code=NOT_UNDERSTOOD)
            url = following
        raise RegistryError("the pages of tags go round in a circle", code=NOT_UNDERSTOOD)

    async def _manifest(self, key: tuple[Repository, str]) -> Manifest | None:
        answer = await self._at(key, "GET")
        return _manifest(answer) if answer is not None else None

    async def _digest(self, key: tuple[Repository, str]) -> str | None:
        """Ask by `HEAD`, which registries that count pulls do not count."""
        answer = await self._at(key, "HEAD")
        if answer is None:
            return None
        said = answer.headers.get("Docker-Content-Digest", "")
        if is_digest(said):
            return str(said)
        whole = await self._manifest(key)
        return whole.digest if whole is not None else None

    async def _at(self, key: tuple[Repository, str], method: str) -> Answer | None:
        repository, tag = key
        url = f"{self._base(repository)}/manifests/{tag}"
        accept = {"Accept": ", ".join((*_INDEXES, *_MANIFESTS))}
        answer = await self._authorized(repository, method, url, self._limits.manifest, accept)
        if answer.status == 404:
            return None
        _require_ok(answer)
        return answer

    def _base(self, repository: Repository) -> str:
        try:
            return api_url(repository, self._allowed)
        except HostError as error:
            raise not_allowed(error) from error

    # ── authorization ──

    async def _authorized(
        self, repository: Repository, method: str, url: str, most: int, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer; where the registry wants to know who asks, tell it, once."""
        for fresh in (False, True):
            known = self._authorizations.get(repository)
            sent = {**(headers or {}), **({"Authorization": known} if known else {})}
            answer = await self._transport.send(method, url, most=most, headers=sent)
            if answer.status != 401 or fresh:
                break
            self._authorizations[repository] = await self._authorization(repository, answer)
        if answer.status in (401, 403):
            raise self._denied(repository, answer.status)
        return answer

    async def _authorization(self, repository: Repository, answer: Answer) -> str:
        """Return the header that a registry asks for: the credentials themselves, or a token for them."""
        known = self._keychain.find(repository.host)
        if known is not None and not _is_private(answer.url):
            raise _in_the_clear(repository.host)
        for challenge in challenges(answer.headers.get_list("WWW-Authenticate")):
            if challenge.scheme == "basic" and known is not None:
                return known.basic
            if challenge.scheme == "bearer" and challenge.realm:
                query = {"scope": f"repository:{repository.path}:pull"}
                query |= {"service": challenge.service} if challenge.service else {}
                url = f"{challenge.realm}{'&' if '?' in challenge.realm else '?'}{urlencode(query)}"
                if known is not None and not _is_private(url):
                    raise _in_the_clear("the token service")
                sent = {"Authorization": known.basic} if known is not None else {}
                given = await self._transport.send("GET", url, most=self._limits.token, headers=sent)
                if given.status in (400, 401, 403):
                    raise self._denied(repository, given.status)
                _require_ok(given)
                return f"Bearer {_token(given)}"
        raise self._denied(repository, answer.status)

    def _denied(self, repository: Repository, status: int) -> UnreachableError:
        known = self._keychain.find(repository.host)
        text = "refuses the credentials that it was given" if known is not None else "wants credentials"
        return UnreachableError(
            f"the registry {text} ({status}), or there is no such repository",
            code=DENIED,
            hints=(self._keychain.hint(repository.host),),
        )


def _is_private(url: str) -> bool:
    """Say whether nobody can listen in."""
    try:
        place = place_of(url)
    except HostError as error:
        raise not_allowed(error) from error
    return place.scheme == "https" or place.loopback


def _in_the_clear(what: str) -> RegistryError:
    return RegistryError(
        f"credentials are not sent to {what} over plain http",
        code=IN_THE_CLEAR,
        hints=("list the host under `allowedHosts` without `http://`, and give the registry a certificate",),
    )


def _require_ok(answer: Answer) -> None:
    if answer.status != 200:
        raise RegistryError(f"the registry answers with {answer.status}{_error_code(answer)}", code=NOT_UNDERSTOOD)


def _error_code(answer: Answer) -> str:
    """Return the code of an error, one of a list of the protocol; its message may hold anything."""
    try:
        code = json.loads(answer.body)["errors"][0]["code"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return f" ({code})" if isinstance(code, str) and re.fullmatch(r"[A-Z_]{1,40}", code) else ""


def _document(answer: Answer, what: str) -> Mapping[str, Any]:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise RegistryError(f"{what} is not JSON", code=NOT_UNDERSTOOD) from error
    if not isinstance(document, dict):
        raise RegistryError(f"{what} is not an object of JSON", code=NOT_UNDERSTOOD)
    return document


def _tags_in(answer: Answer) -> Sequence[str]:
    tags = _document(answer, "the list of tags").get("tags")
    if tags is None:
        return ()  # what a repository says that lost its last tag
    if not isinstance(tags, list) or not all(isinstance(tag, str) and is_tag(tag) for tag in tags):
        raise RegistryError("the list of tags holds what can be no tag", code=NOT_UNDERSTOOD)
    return tags


def _next(answer: Answer) -> str | None:
    """Return the address of the next page (RFC 8288)."""
    found = _NEXT.search(answer.headers.get("Link", "")[:8192])
    if found is None:
        return None
    try:
        url: str = urljoin(answer.url, found[1])
        place_of(url)
    except ValueError as error:
        raise RegistryError("the next page of tags has no usable address", code=NOT_UNDERSTOOD) from error
    return url


def _token(answer: Answer) -> str:
    document = _document(answer, "the answer of the token service")
    token = document.get("token") or document.get("access_token")
    if not isinstance(token, str) or not 0 < len(token) <= _LONGEST_TOKEN or not token.isascii() or " " in token:
        raise RegistryError("the token service gives no token", code=NOT_UNDERSTOOD)
    if not token.isprintable():
        raise RegistryError("the token service gives no token", code=NOT_UNDERSTOOD)
    return token


def _manifest(answer: Answer) -> Manifest:
    """Return what a manifest says, once its content is what its digest says."""
    said = answer.headers.get("Docker-Content-Digest")
    if said is not None and not is_digest(said):
        raise RegistryError("the manifest comes with a digest that is none", code=NOT_UNDERSTOOD)
    algorithm = said.partition(":")[0] if said is not None else "sha256"
    digest = f"{algorithm}:{hashlib.new(algorithm, answer.body).hexdigest()}"
    if said is not None and said != digest:
        raise RegistryError(
            f"the manifest is not what its digest `{said[:19]}` says: it is `{digest[:19]}`", code=OTHER_CONTENT
        )
    document = _document(answer, "the manifest")
    kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
    return Manifest(digest, _kind(document, document.get("mediaType") or kind))


def _kind(document: Mapping[str, Any], media_type: object) -> ArtifactKind:
    if document.get("schemaVersion") != 2:
        raise RegistryError("the manifest is of a form that is not supported", code=NOT_UNDERSTOOD)
    if media_type in _INDEXES or isinstance(document.get("manifests"), list):
        return "index"
    config = document.get("config")
    config_type = config.get("mediaType") if isinstance(config, dict) else None
    if config_type == _CHART_CONFIG:
        return "chart"
    return "image" if config_type in _IMAGE_CONFIGS else "artifact"
