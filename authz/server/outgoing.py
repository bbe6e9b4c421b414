"""What Envoy is told to do: forward with our headers, or answer in the caller's protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from authz.core.app import App, Tool
from authz.core.call import Call, Kind
from authz.core.decision import Decision, Deny, Effect, Objection
from authz.core.persona import Persona
from authz.core.request import Request
from authz.core.user import User
from authz.core.visible import visible
from authz.decode import Exchange, Rewrite
from authz.decode.answers import AnswerOptions, refusal_answer, tool_list_answer, virtual_answer
from authz.decode.mcp.lists import listed
from authz.server.wire import Forward, Headers, Reply

DECISION = "x-persona-decision"
OURS = "x-persona-"
KEY_HEADER = "x-agent-access-key"


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


@dataclass(frozen=True, slots=True)
class Speech:
    """How decisions are spoken."""

    options: AnswerOptions

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
        return Forward(
            _stated(what),
            _taken_out(what.request, "strip" if app is None else app.authorization),
            ((DECISION, what.id),),
            what.rewrite,
        )

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


def _stated(what: Passing) -> Headers:
    """Who is calling, for the app."""
    caller = what.call.caller
    stated = [
        ("x-persona-agent", caller.agent.id),
        ("x-persona-user", caller.user),
        ("x-persona-name", what.persona.name),
        (DECISION, what.id),
    ]
    if what.decision.effect is Effect.FLAGGED:
        stated.append(("x-persona-flags", ",".join(one.reason.value for one in _flags(what.decision))))
    return stated


def _flags(decision: Decision) -> tuple[Objection, ...]:
    return () if isinstance(decision, Deny) else decision.flags


def _taken_out(request: Request, authorization: str) -> list[str]:
    """Names that the app must not get: our credential, and whatever a client sent under our names."""
    stated = {"x-persona-agent", "x-persona-user", "x-persona-name", DECISION}
    removed = [name for name in request.headers if name.startswith(OURS) and name not in stated]
    if KEY_HEADER in request.headers:
        removed.append(KEY_HEADER)
    theirs = authorization == "passthrough" and KEY_HEADER in request.headers
    if "authorization" in request.headers and not theirs:
        removed.append("authorization")
    return removed
