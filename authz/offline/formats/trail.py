"""Our own trail: decisions as calls, outcomes as their ends. Arguments are digests, some in clear."""

from collections.abc import Iterable, Mapping

from authz.core.call import Json, Kind
from authz.core.reason import Reason
from authz.offline.formats.fields import agent_of, instant, number, text
from authz.offline.told import NO_ARGS, BadLineError, Ended, Told

_BEFORE = frozenset({"credential", "internal"})
"""Families of reasons that no definition can change."""
_DIGEST = "keyed:"
_NONE = frozenset({"unseen", "not_forwarded"})


class TrailReader:
    """Reads records."""

    def read(self, value: object) -> Iterable[Told | Ended]:
        """A call, an end, or nothing for records of other kinds.

        Raises:
            BadLineError: it is no record.
        """
        if not isinstance(value, dict) or not isinstance(value.get("kind"), str):
            raise BadLineError("is no record of a trail: it has no `kind`")
        if value["kind"] == "outcome":
            return _ended(value)
        return _call(value) if value["kind"] == "decision" else ()


def _ended(record: Mapping[str, object]) -> Iterable[Ended]:
    identity, at, outcome = text(record, "decision"), instant(record.get("at")), text(record, "outcome")
    if identity is None or at is None or outcome is None or outcome == "unseen":
        return ()
    sent = number(_of(record, "bytes"), "sent") or 0
    return (Ended(identity=identity, at=at, outcome=outcome, sent=sent),)


def _call(record: Mapping[str, object]) -> Iterable[Told]:
    who, action = _of(record, "agent"), _of(record, "action")
    name = text(who, "id")
    if name is None:
        return ()  # nobody was proven: a matter of credentials, which no definition judges
    codes = _codes(record)
    if any(code.partition(".")[0] in _BEFORE for code in codes):
        return ()
    agent = agent_of(name, text(who, "model"), text(who, "version"), text(who, "deployment"))
    clear = _of(action, "args")
    target, digest = text(action, "target"), text(action, "args_digest")
    kind = text(action, "kind")
    told = Told(
        at=instant(record.get("at")),
        agent=agent,
        user=text(record, "user"),
        persona=text(_of(record, "persona"), "name"),
        session=text(record, "session"),
        app=text(action, "app"),
        tool=text(action, "tool") or text(action, "method") or "",
        kind=Kind(kind) if kind in set(Kind) else None,
        args={str(one): _json(value) for one, value in clear.items()} if clear else NO_ARGS,
        whole=False,
        digest=digest,
        target=target if target is not None and target.startswith(_DIGEST) else None,
        refused=next((Reason(code) for code in codes if code.startswith("request.")), None),
        identity=text(record, "id") or "",
    )
    return (told,)


def _json(value: object) -> Json:
    return value if isinstance(value, bool | int | float | str | list | dict) else None


def _codes(record: Mapping[str, object]) -> list[str]:
    found = record.get("reasons")
    return [str(one.get("code")) for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _of(record: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}
