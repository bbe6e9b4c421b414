"""The record as bytes at less than half the cost: `decision_record`, with the parts that repeat written once.

A property test holds every byte to `orjson.dumps(decision_record(...))`. Parts are found again by the
identity of immutable things (a caller, a persona, a tool, a grant); each entry keeps its things alive, so
that an identity is never that of another.
"""

from dataclasses import dataclass, field
from typing import TypeVar

import orjson

from authz.audit import record as spelled
from authz.audit.digest import Digester, safe
from authz.audit.fact import Fact
from authz.core.call import Action, Caller
from authz.core.decision import Allow, Decision, Objection, objections
from authz.core.persona import Grant, Persona
from authz.core.request import Request, Source

ENTRIES = 4096
"""Parts of one sort that are remembered; then all are forgotten, which costs a moment."""

_ALLOWED = (
    b',"decision":"allow","effect":"allowed","layers":{"user":"pass","agent":"pass","tool":"pass",'
    b'"data":"pass","behaviour":"pass"},"reasons":[]'
)
_UNCOUNTED = b',"counted":{},"took":{}'
_dumps = orjson.dumps


@dataclass(frozen=True, slots=True)
class Scribe:
    """Writes the records of one worker; not for two threads at once."""

    digester: Digester
    _callers: dict[tuple[int, int], tuple[Caller, Persona, bytes]] = field(default_factory=dict)
    _tools: dict[tuple[int, str, str], tuple[Action, bytes, bytes]] = field(default_factory=dict)
    _grants: dict[int, tuple[Grant, bytes]] = field(default_factory=dict)
    _classes: dict[frozenset[str], bytes] = field(default_factory=dict)
    _verdicts: dict[tuple[object, ...], bytes] = field(default_factory=dict)
    _sources: dict[tuple[str, str], bytes] = field(default_factory=dict)
    _requests: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def write(self, fact: Fact) -> bytes | dict[str, object]:
        """What `Trail.append` takes: bytes, or the record itself where it never came to a call."""
        caller, call, persona = fact.caller, fact.call, fact.persona
        if caller is None or call is None:
            return spelled.decision_record(fact, self.digester)  # the trail looks at whose it is
        if persona is None or not _plain(call.action):
            return _dumps(spelled.decision_record(fact, self.digester))
        request = fact.request
        return b"".join(
            (
                f'{{"kind":"decision","id":"{fact.id}","at":"{spelled.instant(fact.at)}",'.encode(),
                self._caller(caller, persona),
                b"null," if call.session is None else b"%b," % _dumps(safe(call.session)),
                self._action(call.action),
                self._data(call.classes),
                self._verdict(fact),
                _counted(fact, persona),
                self._trace(fact),
                self._source(request.source),
                f',"latency_us":{fact.latency_us},"place":'.encode(),
                self._place(fact),
                b"null" if not request.id else _dumps(safe(request.id)),
                self._request(request),
                _said(fact),
            )
        )

    def _caller(self, caller: Caller, persona: Persona) -> bytes:
        key = (id(caller), id(persona))
        known = self._callers.get(key)
        if known is not None:
            return known[2]
        who = {
            "agent": spelled.agent_of(caller),
            "user": caller.user,
            "persona": {"name": persona.name, "version": persona.version, "digest": persona.digest},
            "key": caller.key,
        }
        part = _dumps(who)[1:-1] + b',"session":'
        _room(self._callers)[key] = (caller, persona, part)
        return part

    def _action(self, action: Action) -> bytes:
        key = (id(action.tool), action.method, action.kind)
        known = self._tools.get(key)
        if known is None:
            whole = _dumps({"action": spelled.action_of(action, self.digester)})[1:]
            before, rest = whole.split(b'"target":', 1)
            after = rest[rest.index(b',"args":{}') : -1]
            known = (action, before + b'"target":', after)
            _room(self._tools)[key] = known
        digest = self.digester.of
        if action.target is None:
            return b'%bnull,"args_digest":"%b"%b' % (known[1], digest(action.args).encode(), known[2])
        keyed = f'"{digest(action.target)}","args_digest":"{digest(action.args)}"'.encode()
        return known[1] + keyed + known[2]

    def _data(self, classes: frozenset[str]) -> bytes:
        part = self._classes.get(classes)
        if part is None:
            part = b',"data":' + _dumps(sorted(classes))
            _room(self._classes)[classes] = part
        return part

    def _verdict(self, fact: Fact) -> bytes:
        decision = fact.decision
        if isinstance(decision, Allow) and not decision.flags:
            return _ALLOWED
        found = objections(decision)
        key = _same_verdict(decision, found)
        part = self._verdicts.get(key) if key is not None else None
        if part is None:
            part = b"," + _dumps(spelled.verdict_of(fact, found, self.digester))[1:-1]
            if key is not None:
                _room(self._verdicts)[key] = part
        return part

    def _trace(self, fact: Fact) -> bytes:
        trace = fact.request.trace
        if trace is None or not (trace.trace_id.isalnum() and trace.parent.isalnum()):
            return b',"trace":' + _dumps(spelled.trace_of(fact)) + b',"source":'
        span = fact.span_id or spelled.span_of(fact.id)
        ids = f'"trace_id":"{trace.trace_id}","span_id":"{span}","parent":"{trace.parent}"'
        return f',"trace":{{{ids}}},"source":'.encode()

    def _source(self, source: Source) -> bytes:
        key = (source.address, source.principal)
        part = self._sources.get(key)
        if part is None:
            part = _dumps({"address": source.address or None, "principal": source.principal or None})
            _room(self._sources)[key] = part
        return part

    def _place(self, fact: Fact) -> bytes:
        decision = fact.decision
        if not isinstance(decision, Allow):
            return _dumps(spelled.place_of(decision)) + b',"request":{"id":'
        grant = decision.grant
        known = self._grants.get(id(grant))
        if known is None:
            known = (grant, _dumps(spelled.place_of(decision)) + b',"request":{"id":')
            _room(self._grants)[id(grant)] = known
        return known[1]

    def _request(self, request: Request) -> bytes:
        key = (request.method, request.host)
        part = self._requests.get(key)
        if part is None:
            asked = {
                "method": safe(request.method) if request.method else None,
                "host": safe(request.host) if request.host else None,
            }
            part = b"," + _dumps(asked)[1:]
            _room(self._requests)[key] = part
        return part


def _same_verdict(decision: Decision, found: tuple[Objection, ...]) -> tuple[object, ...] | None:
    """What a verdict follows from, where none of its words depends on the arguments."""
    key: list[object] = [
        isinstance(decision, Allow) or decision.judged,
        isinstance(decision, Allow),
        decision.effect._value_,
    ]
    for one in found:
        code = one.reason._value_
        if code not in spelled.WITHOUT_ARGUMENTS:
            return None
        place = one.place
        key += code, one.detail, place.file, place.line
    return tuple(key)


def _plain(action: Action) -> bool:
    """Whether the action is one that a definition knows by its name, with nothing recorded in clear."""
    tool = action.tool
    return tool is not None and tool.name == action.name and not tool.recorded


def _counted(fact: Fact, persona: Persona) -> bytes:
    if not persona.rules:
        return _UNCOUNTED
    return b"," + _dumps({"counted": spelled.counted_of(fact), "took": spelled.took_of(fact)})[1:-1]


def _said(fact: Fact) -> bytes:
    if not fact.hints and not fact.notes:
        return b',"hints":{},"notes":[]}'
    return b"," + _dumps({"hints": spelled.hints_of(fact), "notes": spelled.notes_of(fact)})[1:]


K = TypeVar("K")
V = TypeVar("V")


def _room(parts: dict[K, V]) -> dict[K, V]:
    if len(parts) >= ENTRIES:
        parts.clear()
    return parts
