"""What Envoy is told to do: forward with our headers, or answer in the caller's protocol."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from authz.core.app import App, Tool
from authz.core.call import Call, Json, Kind
from authz.core.decision import Decision, Deny, objections
from authz.core.persona import Persona
from authz.core.request import Request
from authz.core.rule import Drift
from authz.core.user import User
from authz.core.visible import visible
from authz.decode import Exchange, Rewrite
from authz.decode.answers import AnswerOptions, refusal_answer, tool_list_answer, virtual_answer
from authz.decode.mcp.lists import listed
from authz.identity.assertion import Signer, Vouch
from authz.identity.upstream import upstream_headers
from authz.server.clock import decision_id
from authz.server.wire import Forward, Reply

DECISION = "x-persona-decision"


@dataclass(frozen=True, slots=True)
class Passing:
    """A call that was let through, and on what grounds."""

    request: Request
    exchange: Exchange
    call: Call
    persona: Persona
    user: User | None
    decision: Decision
    id: str
    rewrite: Rewrite | None = None
    """On the virtual endpoint: what goes to the app instead."""
    credentials: frozenset[str] = frozenset()
    """Headers beside those of keys that held a credential for us: they end here."""


@dataclass(frozen=True, slots=True)
class Speech:
    """How decisions are spoken."""

    options: AnswerOptions
    signer: Callable[[datetime], Signer] | None = None
    """Who signs assertions at this instant; None when nobody does."""
    digest: Callable[[Mapping[str, Json]], str | None] | None = None
    """The keyed digest of arguments, as the record has it."""

    def passing(self, what: Passing, apps: Mapping[str, App]) -> Forward | Reply:
        """Forward the request, or answer a list from the definitions that a person has read."""
        candidates = _candidates(what, apps)
        if what.exchange.virtual:
            own = virtual_answer(what.exchange, _shown(what, candidates or []), what.id)
            if own is not None:
                return Reply(own.status, own.headers, own.body)
        if candidates is not None and listed(what.exchange, candidates):
            answer = tool_list_answer(what.exchange, _shown(what, candidates), what.id)
            return Reply(answer.status, answer.headers, answer.body)
        app = apps.get(what.call.action.app or "")
        upstream = upstream_headers(
            what.request,
            what.call.caller,
            persona=what.persona.name,
            decision=what.id,
            authorization="strip" if app is None else app.authorization,
            assertion=self._assertion(what, app),
            credentials=what.credentials,
            flags=tuple(one.reason.value for one in objections(what.decision) if one.drift is Drift.FLAG),
        )
        return Forward(upstream.set, upstream.remove, ((DECISION, what.id),), what.rewrite)

    def _assertion(self, what: Passing, app: App | None) -> str | None:
        """The signed word about who is calling, for apps that are defined."""
        if app is None or self.signer is None:
            return None
        call = what.call
        signer = self.signer(call.at)
        vouch = Vouch(caller=call.caller, persona=what.persona.name, app=app.name, tool=call.action.name)
        if app.assertion == "per-call":
            digest = self.digest(call.action.args) if self.digest is not None else None
            return signer.per_call(vouch, call.at, what.id, decision=what.id, args_digest=digest)
        return signer.cached(vouch, call.at, decision_id)

    def refusing(self, exchange: Exchange, decision: Deny, identity: str) -> Reply:
        """Answer with the refusal, in the caller's protocol."""
        answer = refusal_answer(exchange, decision, identity, self.options)
        return Reply(answer.status, answer.headers, answer.body)


def _shown(what: Passing, candidates: Sequence[Tool]) -> list[Tool]:
    """Those of `candidates` that the caller might call."""
    kind = Kind.PROMPT if what.exchange.method == "prompts/list" else Kind.TOOL
    return visible(what.call, what.persona, what.user, candidates, kind)


def _candidates(what: Passing, apps: Mapping[str, App]) -> list[Tool] | None:
    """What a list method lists; None for every other method, and for apps that pin nothing."""
    if what.exchange.method not in {"tools/list", "prompts/list"}:
        return None
    if what.exchange.virtual:
        asked = [app for app in apps.values() if app.protocol == "mcp"]
    else:
        asked = [app for app in [apps.get(what.call.action.app or "")] if app is not None]
    named = (app.prompts if what.exchange.method == "prompts/list" else app.tools for app in asked)
    found = [tool for tools in named for tool in tools.values()]
    return [tool for tool in found if not tool.review] or None
