"""What a decision needs and a log may not hold: arguments, targets, sizes, instants. Decides nothing.

A log without arguments is no reason to refuse: where what is missing could change the decision, nobody can
tell.
"""

from collections.abc import Iterator
from enum import Enum

from authz.compiler.cel import When
from authz.compiler.where import Where
from authz.core.app import Tool
from authz.core.arguments import as_text, find, steps_of
from authz.core.call import Call, Kind
from authz.core.persona import Condition, Grant, Persona
from authz.core.rule import (
    Concurrency,
    Distinct,
    Drift,
    Egress,
    FirstUse,
    Probes,
    Repeats,
    Rule,
    Sequence,
    Sum,
)
from authz.core.user import User
from authz.offline.told import Told


class Standing(Enum):
    """How a grant stands to a call of which not all is known."""

    MET = 1
    UNMET = 2
    UNKNOWN = 3


def knows(told: Told, path: str) -> bool:
    """Whether what is at the path of the arguments is known, be it that nothing is there."""
    return told.whole or (bool(steps := steps_of(path)) and steps[0] in told.args)


def knows_target(told: Told, tool: Tool | None) -> bool:
    """Whether the target, or a digest of it, is known; a tool without one has none."""
    return tool is None or not tool.target or told.target is not None or knows(told, tool.target)


def clear_target(told: Told, tool: Tool | None) -> bool:
    """Whether the target itself is known."""
    return tool is None or not tool.target or knows(told, tool.target)


def condition_known(condition: Condition, told: Told, tool: Tool | None) -> bool:
    """Whether the condition can be judged by what the log shows."""
    match condition:
        case Where():
            return condition.steps[0] in told.args
        case When():
            names = {name for name, _ in condition.reads}
            return "args" not in names and ("call.target" not in names or clear_target(told, tool))
        case _:
            return False


def standing(
    grants: tuple[Grant, ...], call: Call, user: User | None, told: Told
) -> tuple[Standing, Grant | None]:
    """Whether one of the grants certainly permits, none does, or nobody can tell."""
    maybe: Grant | None = None
    for grant in grants:
        found = _standing(grant, call, user, told)
        if found is Standing.MET:
            return found, grant
        if found is Standing.UNKNOWN:
            maybe = maybe or grant
    return (Standing.UNMET, None) if maybe is None else (Standing.UNKNOWN, maybe)


def _standing(grant: Grant, call: Call, user: User | None, told: Told) -> Standing:
    found = Standing.MET
    for condition in grant.conditions:
        if not condition_known(condition, told, call.action.tool):
            found = Standing.UNKNOWN
        elif condition.objection(call, user) is not None:
            return Standing.UNMET
    return found


def candidates(call: Call, persona: Persona) -> tuple[Grant, ...]:
    """The grants that name the action, whatever their conditions."""
    action, tool = call.action, call.action.tool
    in_app = persona.grants.get(action.app or "")
    if in_app is None or tool is None:
        return ()
    by_tool = in_app.by_tool.get(tool.name, ()) if action.kind is Kind.TOOL else ()
    found = (*by_tool, *in_app.by_access.get(tool.access, ()))
    return tuple(one for one in found if tool.name not in one.except_tools)


def classes_of(call: Call, told: Told) -> tuple[frozenset[str], tuple[str, ...]]:
    """The classes that are certain, and the tables that could add some and cannot be read."""
    tool = call.action.tool
    if tool is None:
        return frozenset(), ()
    classes = tool.classes
    unread: list[str] = []
    for table in tool.labels:
        if table.argument:
            value = (
                as_text(find(told.args, steps_of(table.argument))[1]) if knows(told, table.argument) else None
            )
        else:
            value = call.action.target if clear_target(told, tool) else None
        if value is None:
            unread.append(table.argument or tool.target or "target")
        else:
            classes |= table.classes_of(value)
    return classes, tuple(unread)


def blind(call: Call, persona: Persona, told: Told, *, sized: bool, ends: bool) -> Iterator[Rule]:
    """The rules that are about the call and need what the log does not hold.

    Args:
        call: What is judged.
        persona: Whose rules they are.
        told: What the log says of it.
        sized: Whether the sizes of all earlier answers are known.
        ends: Whether it is known when calls end.
    """
    for rule in persona.rules:
        if _concerns(rule, call) and not _sees(rule, call, told, sized=sized, ends=ends):
            yield rule


def _concerns(rule: Rule, call: Call) -> bool:
    watch = rule.watch
    return rule.selector.matches(call) and (not isinstance(watch, Sequence) or watch.then.matches(call))


def _sees(  # noqa: PLR0911 - one line a kind of rule
    rule: Rule, call: Call, told: Told, *, sized: bool, ends: bool
) -> bool:
    if told.at is None:
        return False
    tool = call.action.tool
    match rule.watch:
        case Distinct(argument=path) | FirstUse(argument=path):
            return path == "tool" or (knows_target(told, tool) if path == "target" else knows(told, path))
        case Sum(argument=path):
            return knows(told, path)
        case Repeats(ignore=ignore):
            return told.whole or (told.digest is not None and not ignore)
        case Probes(remember=remember):
            return remember is None or knows_target(told, tool)
        case Sequence(same_target=same):
            return not same or knows_target(told, tool)
        case Egress():
            return sized
        case Concurrency():
            return ends
        case _:
            return True


def needed(rule: Rule) -> bool:
    """Whether the decision depends on the rule: what is only flagged does not change it."""
    return rule.on_drift is not Drift.FLAG
