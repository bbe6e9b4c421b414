"""What each persona is granted, per tool of the Apps, before and after.

Grants alone: which data they reach, and who is entitled to it, are compared by themselves.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from authz.compiler.source import Plain
from authz.core.app import NOWHERE, App, Place, Tool
from authz.core.persona import Grant, Persona
from authz.offline.diff.change import Change, Direction, Side, canonical, listed
from authz.offline.diff.conditions import compare


@dataclass(frozen=True, slots=True)
class Permission:
    """How one tool may be called; without conditions when one of them is empty."""

    conditions: Mapping[str, dict[str, Plain]]
    """By spelling; empty when the tool may not be called at all."""
    place: Place


NONE = Permission({}, NOWHERE)


def tool_changes(name: str, old: Side, new: Side) -> Iterator[Change]:
    """What the persona may newly call, may no longer call, or call on other conditions."""
    before, after = _permissions(name, old), _permissions(name, new)
    gathered: dict[tuple[str, Direction, str], tuple[list[str], Place]] = {}
    for app, tool in sorted({*before, *after}):
        one, other = before.get((app, tool), NONE), after.get((app, tool), NONE)
        direction, said = _compared(one, other)
        if direction is Direction.SAME:
            continue
        place = other.place if other.place.line else one.place
        gathered.setdefault((app, direction, said), ([], place))[0].append(tool)
    for (app, direction, said), (tools, place) in gathered.items():
        yield Change(
            direction=direction, about=f"persona {name}", what=f"{said} {listed(tools)} of {app}", place=place
        )


def _compared(  # noqa: PLR0911 - one line a way to differ
    old: Permission, new: Permission
) -> tuple[Direction, str]:
    before, after = old.conditions, new.conditions
    if before.keys() == after.keys():
        return Direction.SAME, ""
    if not before:
        return Direction.WIDER, "may call"
    if not after:
        return Direction.NARROWER, "may no longer call"
    if "" in before:
        return (Direction.SAME, "") if "" in after else (Direction.NARROWER, "may call only on conditions")
    if "" in after:
        return Direction.WIDER, "may call without conditions"
    gone = [before[one] for one in before.keys() - after.keys()]
    come = [after[one] for one in after.keys() - before.keys()]
    if not gone:
        return Direction.WIDER, "may call on more conditions"
    if not come:
        return Direction.NARROWER, "may call on fewer conditions"
    if len(gone) == len(come) == 1:
        direction = compare(gone[0], come[0])
        words = {Direction.WIDER: "wider", Direction.NARROWER: "narrower"}
        return direction, f"may call on {words.get(direction, 'other')} conditions"
    return Direction.EITHER, "may call on other conditions"


def _permissions(name: str, side: Side) -> dict[tuple[str, str], Permission]:
    persona = side.compiled.definitions.personas.get(name)
    if persona is None:
        return {}
    written = side.written.get(("Persona", name), {}).get("tools")
    grants = written if isinstance(written, list) else []
    found: dict[tuple[str, str], Permission] = {}
    for app in side.compiled.definitions.apps.values():
        for tool, permitting in _granted(persona, app):
            if not permitting or tool.review:
                continue
            conditions = [_condition(grants, one) for one in permitting]
            by_spelling = {canonical(one) if one else "": one for one in conditions}
            found[app.name, tool.name] = Permission(by_spelling, permitting[0].place)
    return found


def _granted(persona: Persona, app: App) -> Iterator[tuple[Tool, list[Grant]]]:
    in_app = persona.grants.get(app.name)
    if in_app is None:
        return
    for tool in app.tools.values():
        grants = (*in_app.by_tool.get(tool.name, ()), *in_app.by_access.get(tool.access, ()))
        yield tool, [one for one in grants if tool.name not in one.except_tools]
    others: Iterable[Tool] = (*app.resources, *app.prompts.values())
    for tool in others:
        grants = in_app.by_access.get(tool.access, ())
        yield tool, [one for one in grants if tool.name not in one.except_tools]


def _condition(written: list[Plain], grant: Grant) -> dict[str, Plain]:
    """`when` and `where` of the grant, as written."""
    index = int(grant.id.removeprefix("tools[").removesuffix("]"))
    one = written[index] if index < len(written) else None
    if not isinstance(one, dict):
        return {}
    return {key: one[key] for key in ("when", "where") if one.get(key)}
