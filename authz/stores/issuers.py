"""The published keys of token issuers: fetched off the path of a call, kept while an issuer is down.

Only URLs that a binding names are asked, by GET, without following redirects, and no more than 1 MiB is read.
A key that a token asked for and that is not there is fetched soon, but not more often than every few seconds:
strangers can make up key ids. What was fetched is kept in the state folder: a restart needs no issuer.
"""

import asyncio
import hashlib
import http.client
import logging
import ssl
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO
from urllib.error import HTTPError

from authz.core.definitions import Definitions
from authz.identity.dpop import Replayed
from authz.identity.jwks import LARGEST, Jwks, JwksError, parse_jwks
from authz.identity.ladder import Believed
from authz.identity.tokens import Tokens

log = logging.getLogger(__name__)

EVERY = 300.0
"""Seconds between two looks at an issuer's keys."""
AT_MOST_EVERY = 10.0
"""Seconds between two looks that unknown keys ask for."""
PATIENCE = 5.0
"""Seconds for one fetch."""

Fetch = Callable[[str], bytes]


class FetchError(Exception):
    """The keys could not be had: one line for the operator."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The address is the operator's word; the answer must not choose another."""

    def redirect_request(  # noqa: PLR0913, PLR0917 - the base class's
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,  # noqa: ARG002 - the base class's
    ) -> None:
        """Never."""
        raise HTTPError(req.full_url, code, msg, headers, fp)


def fetch(url: str) -> bytes:
    """The bytes at the URL.

    Raises:
        FetchError: no answer in time, not 200, or more than a JWKS may hold.
    """
    return ask(url, {"accept": "application/json"})


def ask(url: str, headers: Mapping[str, str], body: bytes | None = None) -> bytes:
    """The answer of the URL, by GET, or by POST of a body.

    Raises:
        FetchError: no answer in time, not 200, or more than a JWKS may hold.
    """
    if not url.startswith(("https://", "http://")):
        raise FetchError("not an address of the web")
    context = ssl.create_default_context()
    opener = urllib.request.build_opener(_NoRedirect(), urllib.request.HTTPSHandler(context=context))
    asked = urllib.request.Request(url, body, dict(headers))  # noqa: S310 - checked above
    try:
        with opener.open(asked, timeout=PATIENCE) as answer:
            data: bytes = answer.read(LARGEST + 1)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise FetchError(f"{type(error).__name__}: {error}") from None
    if len(data) > LARGEST:
        raise FetchError(f"more than {LARGEST} bytes")
    return data


class Issuers:
    """What tokens and workloads are believed at present."""

    def __init__(
        self, definitions: Definitions, folder: Path, replayed: Replayed, *, fetch: Fetch = fetch
    ) -> None:
        self._definitions = definitions
        self._folder = folder
        self._replayed = replayed
        self._fetch = fetch
        self._ended: Mapping[str, float] = {}
        self._jwks: Mapping[str, Jwks] = {url: kept for url in self._urls() if (kept := self._kept(url))}
        self._fetched: dict[str, float] = {}
        self.problems: dict[str, str] = {}
        """Why an issuer's keys could not be had, by URL; the old keys go on."""
        self._renew()

    def believed(self) -> Believed | None:
        """What is believed besides keys; None when no binding is in force."""
        return self._believed

    def accept(self, definitions: Definitions, ended: Mapping[str, float] | None = None) -> None:
        """Take a new set of definitions: bindings, people and their subjects, and sessions that ended."""
        self._ended = ended or {}
        self._definitions = definitions
        urls = self._urls()
        kept = {url: kept for url in urls if url not in self._jwks and (kept := self._kept(url))}
        self._jwks = {**{url: jwks for url, jwks in self._jwks.items() if url in urls}, **kept}
        self._renew()

    def _urls(self) -> frozenset[str]:
        return frozenset(binding.jwks for binding in self._definitions.bindings)

    def _renew(self) -> None:
        """A new snapshot: what was verified under other keys, people or bindings is forgotten."""
        definitions = self._definitions
        if definitions.bindings or definitions.workloads:
            self._believed: Believed | None = Believed(
                Tokens(definitions, self._jwks, self._ended), self._replayed
            )
        else:
            self._believed = None

    async def follow(
        self, *, tick: float = 0.5, every: float = EVERY, at_most: float = AT_MOST_EVERY
    ) -> None:
        """Fetch what is due until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            now = loop.time()
            wanted = self._believed.tokens.wanted if self._believed is not None else set()
            due = []
            for url in self._urls():
                age = now - self._fetched.get(url, float("-inf"))
                if age >= every or (url in wanted and age >= at_most):
                    self._fetched[url] = now
                    wanted.discard(url)
                    due.append(self._look(url))
            if due and any(await asyncio.gather(*due)):
                self._renew()
            await asyncio.sleep(tick)

    async def _look(self, url: str) -> bool:
        """Fetch one issuer's keys; whether they are others than before."""
        try:
            data = await asyncio.to_thread(self._fetch, url)
            jwks = parse_jwks(data)
        except (FetchError, JwksError) as error:
            if self.problems.get(url) != str(error):
                log.warning("keys of %s kept as they were: %s", url, error)
            self.problems[url] = str(error)
            return False
        self.problems.pop(url, None)
        before = self._jwks.get(url)
        if before is not None and _names(before) == _names(jwks):
            return False
        self._jwks = {**self._jwks, url: jwks}
        await asyncio.to_thread(self._keep, url, data)
        return True

    def _path(self, url: str) -> Path:
        return self._folder / f"{hashlib.sha256(url.encode()).hexdigest()}.json"

    def _kept(self, url: str) -> Jwks | None:
        try:
            return parse_jwks(self._path(url).read_bytes())
        except (OSError, JwksError):
            return None

    def _keep(self, url: str, data: bytes) -> None:
        path = self._path(url)
        draft = path.with_suffix(".new")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft.write_bytes(data)
            draft.replace(path)
        except OSError as error:
            log.warning("keys of %s not kept for a restart: %s", url, error.strerror)


def _names(jwks: Jwks) -> list[tuple[str | None, str]]:
    """What tells one set of keys from another."""
    return sorted(((one.kid, str(sorted(one.key.as_dict().items()))) for one in jwks.keys), key=str)
