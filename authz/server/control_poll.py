"""Asks transmitters of Shared Signals that do not push (RFC 8936), and tells them what was taken."""

import asyncio
import json
import logging
from typing import Any

from authz.identity.signals import SignalError, signals_of
from authz.identity.strict import strict_json
from authz.server.control import Control
from authz.server.control_settings import SignalIssuer
from authz.stores.issuers import FetchError, ask
from authz.stores.keys import StoreError

log = logging.getLogger("personas")
MOST = 100
"""SETs of one answer."""


async def poll(control: Control, issuer: SignalIssuer) -> None:
    """Ask until cancelled; what was taken is acknowledged with the next question."""
    taken: list[str] = []
    refused: dict[str, dict[str, str]] = {}
    while True:
        more = False
        try:
            answer = await asyncio.to_thread(_asked, issuer, taken, refused)
            taken, refused = await asyncio.to_thread(_taken, control, issuer, answer)
            more = answer.get("moreAvailable") is True
        except (FetchError, StoreError, OSError, ValueError) as error:
            log.warning("signals of %s not asked for: %s", issuer.issuer, error)
        await asyncio.sleep(0 if more else issuer.poll_seconds)


def _asked(issuer: SignalIssuer, taken: list[str], refused: dict[str, dict[str, str]]) -> dict[str, Any]:
    """One question.

    Raises:
        FetchError: no answer.
        ValueError: no answer that can be read.
    """
    headers = {"content-type": "application/json", "accept": "application/json"}
    if issuer.poll_token is not None:
        headers["authorization"] = f"Bearer {issuer.poll_token.read_text().strip()}"
    said: dict[str, Any] = {"maxEvents": MOST, "returnImmediately": True, "ack": taken}
    if refused:
        said["setErrs"] = refused
    answer = strict_json(ask(issuer.poll or "", headers, json.dumps(said).encode()))
    if not isinstance(answer, dict) or not isinstance(answer.get("sets", {}), dict):
        raise FetchError("no `sets` in the answer")
    return answer


def _taken(
    control: Control, issuer: SignalIssuer, answer: dict[str, Any]
) -> tuple[list[str], dict[str, dict[str, str]]]:
    """What became of each SET. One that cannot be kept now is sent again, as it is not acknowledged.

    Raises:
        StoreError: nothing can be kept, or verified, now.
    """
    jwks = control.jwks(issuer.jwks)
    if jwks is None:
        raise StoreError("the transmitter's keys are not known yet")
    at = control.clock()
    taken: list[str] = []
    refused: dict[str, dict[str, str]] = {}
    for name, text in list(answer.get("sets", {}).items())[:MOST]:
        try:
            identity, signals = signals_of(str(text), issuer.transmitter(), jwks, at)
            control.people.take(issuer.issuer, identity, signals, at)
            taken.append(name)
        except SignalError as error:
            refused[name] = {"err": error.code, "description": str(error)}
    return taken, refused
