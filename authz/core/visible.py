"""Which tools a list may show: those that a call would not be refused for reasons known beforehand."""

from collections.abc import Iterable
from dataclasses import replace

from authz.core.app import Tool
from authz.core.call import Call, Kind
from authz.core.decide import judge
from authz.core.persona import Mode, Persona
from authz.core.reason import WAIVED_BY_SHADOW, Reason
from authz.core.user import User

# Told only by the arguments of a call.
_LATER = frozenset({Reason.TOOL_CONDITION})


def visible(
    call: Call, persona: Persona, user: User | None, tools: Iterable[Tool], kind: Kind = Kind.TOOL
) -> list[Tool]:
    """Those of `tools` that the caller of `call` (a list) might call with some arguments."""
    return [tool for tool in tools if _callable(call, persona, user, tool, kind)]


def _callable(call: Call, persona: Persona, user: User | None, tool: Tool, kind: Kind) -> bool:
    action = replace(call.action, app=tool.app, kind=kind, tool=tool, name=tool.name, args={}, target=None)
    judgement = judge(replace(call, action=action, classes=tool.classes, unlabelled=""), persona, user)
    labelled_later = bool(tool.labels)
    known = [
        one
        for one in judgement.objections
        if one.reason not in _LATER and not (one.reason is Reason.DATA_UNLABELLED and labelled_later)
    ]
    return not known or (persona.mode is Mode.SHADOW and all(one.reason in WAIVED_BY_SHADOW for one in known))
